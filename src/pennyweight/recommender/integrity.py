"""Bundles whose files are whole by their checksums, and yet do not fit together."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning.event_types import EventTypes
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.errors import BundleError, DataError, PlanError, StoreError
from pennyweight.scorers.protocol import Scorer

__all__ = ["check_catalog", "check_interactions", "check_scorer", "refusing_damage"]

# Exceptions of reading a file with unexpected content.
_SIGNS = (
    DataError,
    PlanError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    OSError,
    RecursionError,
    MemoryError,
    NotImplementedError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Turn errors of reading a bundle into a `BundleError` that names it."""
    try:
        yield
    except (BundleError, StoreError):
        raise
    except _SIGNS as error:
        raise BundleError(
            f"{path}: damaged: {type(error).__name__}: {str(error)[:300]}; restore the bundle from "
            "a copy, or save it again"
        ) from error


def check_catalog(catalog: Catalog) -> None:
    """Raise `BundleError` where an id or a text is missing."""
    for name, values in (("id", catalog.ids), ("text", catalog.texts)):
        if not all(isinstance(value, str) for value in values):
            raise BundleError(f"the items: {name} is missing; save the bundle again")


def check_interactions(log: Interactions, users: Ids) -> None:
    """Raise `BundleError` where an event is of a user, item or type that there is not."""
    if not all(isinstance(name, str) for name in (*users, *log.kinds)):
        raise BundleError("the events: a name of a user or an event type is no text")
    EventTypes.of(log.meanings)
    if log.liking is not None:
        float(log.liking)
    n = len(log.item)
    for name, column, kind in (
        ("user", log.user, np.int32),
        ("item", log.item, np.int32),
        ("time", log.time, np.float64),
        ("weight", log.weight, np.float32),
        ("kind", log.kind, np.uint8),
    ):
        _check_column(name, column, kind, n)
    if len(log.split) not in (0, n):
        raise BundleError(f"the events: {len(log.split):,} values of split for {n:,} events")
    _check_codes("user", log.user, len(users))
    _check_codes("item", log.item, log.n_items)
    _check_codes("kind", log.kind, max(1, len(log.kinds)))
    negative = log.negative
    for name, column, kind in (
        ("negative_user", negative.user, np.int32),
        ("negative_item", negative.item, np.int32),
        ("negative_time", negative.time, np.float64),
    ):
        _check_column(name, column, kind, len(negative))
    _check_codes("negative_user", negative.user, len(users))
    _check_codes("negative_item", negative.item, log.n_items)
    for name, users_of in (("user", log.user), ("negative_user", negative.user)):
        if (np.diff(users_of) < 0).any():
            raise BundleError(f"the events: {name} is not sorted")


def _check_column(name: str, column: NDArray[np.generic], kind: type[np.generic], n: int) -> None:
    if column.dtype != kind or column.shape != (n,):
        raise BundleError(
            f"the events: {name} is {column.dtype} {column.shape}, not {np.dtype(kind)} ({n},)"
        )
    if np.dtype(kind).kind == "f" and not np.isfinite(column).all():
        raise BundleError(f"the events: {name} is not finite")


def _check_codes(name: str, codes: NDArray[np.integer], below: int) -> None:
    if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < below:
        raise BundleError(
            f"the events: {name} goes from {int(codes.min())} to {int(codes.max())}, but there are "
            f"{below:,}; codes are from 0 to {below - 1}"
        )


def check_scorer(scorer: Scorer, n_items: int) -> None:
    """Raise `BundleError` where a scorer is of another catalog.

    It scores three histories: an empty one, the first item, and the last; a scorer of another
    size fails on one of them.
    """
    scorer.check()
    ends = [[], [0], [n_items - 1]] if n_items else [[]]
    scores = scorer.score(Histories.of(ends))
    if scores.shape != (len(ends), n_items):
        raise BundleError(
            f"the scorer {scorer.kind!r} scores {scores.shape[-1]:,} items, the catalog has "
            f"{n_items:,}"
        )
