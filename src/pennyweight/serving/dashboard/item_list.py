"""The items of a bundle that meet conditions, in pages."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pennyweight.errors import DataError
from pennyweight.ranking.filter_masks import Mask, check_cost
from pennyweight.serving.dashboard.listings import CatalogRow, catalog_items
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["ItemConditions", "ItemPage", "find_items"]


@dataclass(frozen=True)
class ItemConditions:
    """Conditions on items; an empty one is met by all.

    Attributes
    ----------
    words
        Each of them is part of the title, whatever its capitals.
    prefix
        Of the id.
    available
        ``yes`` or ``no``.
    filter
        On the attributes, as for lists.
    """

    words: str = ""
    prefix: str = ""
    available: str = ""
    filter: str = ""


@dataclass(frozen=True)
class ItemPage:
    """Items in the order of the catalog.

    Attributes
    ----------
    items
        Of this page.
    total
        The number of items that meet the conditions.
    next
        Id after which the next page goes on; empty on the last page.
    """

    items: tuple[CatalogRow, ...]
    total: int
    next: str = ""


def find_items(
    bundle: ServedBundle, conditions: ItemConditions, n: int, after: str = ""
) -> ItemPage:
    """Return up to n items that meet the conditions, those after one.

    Raises
    ------
    DataError
        A condition cannot be read, or names an unknown column.
    """
    codes = np.flatnonzero(_mask(bundle, conditions))
    first = 0
    if after in bundle.catalog.ids:  # else another bundle is served since: from the beginning
        first = int(np.searchsorted(codes, bundle.catalog.ids.code(after), side="right"))
    here = codes[first : first + n]
    more = first + n < len(codes)
    return ItemPage(
        catalog_items(bundle, here), len(codes), bundle.catalog.ids[int(here[-1])] if more else ""
    )


def _mask(bundle: ServedBundle, conditions: ItemConditions) -> Mask:
    mask = np.ones(len(bundle.catalog), bool)
    if conditions.available not in ("", "yes", "no"):
        raise DataError(f"available is {conditions.available!r:.40}; choose yes or no")
    if conditions.available:
        mask &= bundle.open == (conditions.available == "yes")
    if conditions.filter:
        check_cost([conditions.filter], len(mask))
        mask &= bundle.ranker.retriever.filters.of(conditions.filter)
    if conditions.prefix:
        ids = pl.Series(bundle.catalog.ids[:], dtype=pl.String)
        mask &= ids.str.starts_with(conditions.prefix).to_numpy()
    if conditions.words.strip():
        mask &= bundle.catalog.title_has(conditions.words.split())
    return mask
