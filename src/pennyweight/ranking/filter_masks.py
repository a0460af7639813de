"""Masks of filters, kept and brought up to date where items are added or changed."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.append_only import AppendOnlySequence
from pennyweight.errors import DataError
from pennyweight.ranking.filter_tokens import tokenize
from pennyweight.ranking.filters import Filter, count_steps

__all__ = ["FilterMasks", "Mask", "check_cost"]

MAX_FILTERS = 64  # kept, the least recently used are dropped
# One thread scores, and all lists wait for it: some tenths of a second for a request.
MAX_STEPS = 30_000_000  # over all items
MIN_LIMIT, MAX_LIMIT = 300, 3_000  # steps an item, whatever the number of items

Mask = NDArray[np.bool_]
_Entry = tuple[Filter, Mask, int]  # up to which change the mask is right


def check_cost(filters: Iterable[str], n_items: int) -> None:
    """Raise `DataError` where the filters of one request cost too much over that many items."""
    steps = sum(map(_steps, filters))
    limit = min(MAX_LIMIT, max(MIN_LIMIT, MAX_STEPS // max(1, n_items)))
    if steps > limit:
        raise DataError(
            f"the filter and boosts cost {steps:,} steps an item; over {n_items:,} items it may be "
            f"{limit:,}. Each column and value counts 1, contains, has and ignore case more: name "
            "fewer, or make a column of it in ITEMS"
        )


@lru_cache(maxsize=1_024)
def _steps(filter: str) -> int:
    return count_steps(tokenize(filter))


class FilterMasks:
    """The masks of the filters used last.

    Parameters
    ----------
    attributes
        One row an item.
    """

    def __init__(self, attributes: pl.DataFrame) -> None:
        self._attributes = attributes
        self._changes: AppendOnlySequence[NDArray[np.int32]] = (
            AppendOnlySequence()
        )  # codes of changed rows
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, filter: str) -> Mask:
        """Return the items that meet a filter, bool (n_items,); read-only.

        Raises
        ------
        DataError
            It cannot be read.
        """
        with self._lock:
            entry = self._entries.get(filter)
        parsed = Filter.parse(filter, self._attributes) if entry is None else entry[0]
        if entry is None:
            mask = parsed.mask(self._attributes)
        else:
            mask = self._refreshed(*entry)
        mask.flags.writeable = False
        with self._lock:
            self._entries[filter] = (parsed, mask, len(self._changes))
            self._entries.move_to_end(filter)
            while len(self._entries) > MAX_FILTERS:
                self._entries.popitem(last=False)
        return mask

    def _refreshed(self, parsed: Filter, mask: Mask, upto: int) -> Mask:
        """Return a mask with the rows evaluated again that were added or changed since."""
        n = self._attributes.height
        changes = self._changes[upto:]
        if len(mask) == n and not changes:
            return mask
        rows = np.concatenate([np.arange(len(mask), n), *changes])
        if len(rows) > n // 2:
            return parsed.mask(self._attributes)
        fresh = np.zeros(n, bool)
        fresh[: len(mask)] = mask
        rows = np.unique(rows)
        if len(rows):
            fresh[rows] = parsed.mask(self._attributes[rows])
        return fresh

    def with_rows(self, attributes: pl.DataFrame, changed: NDArray[np.int32]) -> "FilterMasks":
        """Return the masks of a table with rows added, and some changed."""
        other = FilterMasks(attributes)
        if attributes.schema != self._attributes.schema:
            return other  # a filter may mean another thing then
        other._changes = self._changes.extended([changed]) if len(changed) else self._changes
        with self._lock:
            other._entries = OrderedDict(self._entries)
        return other
