"""From scores over all items to the few to show."""

import operator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.errors import PlanError

__all__ = ["check_k", "ranked", "ranked_by_user", "top_k"]


def check_k(k: int) -> int:
    """Return k as an int; `PlanError` for what is no number of items."""
    try:
        count = operator.index(k)
    except TypeError:
        raise PlanError(f"k is {k!r}; it must be a whole number, 1 or more") from None
    if count < 1:
        raise PlanError(f"k is {count}; it must be 1 or more")
    return count


def top_k(scores: NDArray[np.float32], eligible: NDArray[np.bool_], k: int) -> NDArray[np.int32]:
    """Return the codes of the k best eligible items, best first, equal scores by code.

    Parameters
    ----------
    scores
        float32 (n_items,).
    eligible
        bool (n_items,); where fewer than k are, fewer are returned.
    """
    codes = np.flatnonzero(eligible).astype(np.int32)
    if k < len(codes):
        found = scores[codes]
        least = np.partition(found, len(found) - k)[len(found) - k]
        above = codes[found > least]
        # Of items equal to the last one shown, the first by code: the same on every machine.
        codes = np.concatenate([above, codes[found == least][: k - len(above)]])
    return codes[np.lexsort((codes, -scores[codes]))]


def ranked(catalog: Catalog, codes: NDArray[np.int32], scores: NDArray[np.float32]) -> pl.DataFrame:
    """Return rank, item_id, title and score of items, best first."""
    places = codes.tolist()
    return pl.DataFrame(
        [
            pl.Series("rank", range(1, len(places) + 1), pl.Int64),
            pl.Series("item_id", [catalog.ids[code] for code in places], pl.String),
            pl.Series("title", [catalog.title(code) for code in places], pl.String),
            pl.Series("score", scores[codes], pl.Float64),
        ]
    )


def ranked_by_user(
    catalog: Catalog,
    users: list[str],
    codes: list[NDArray[np.int32]],
    scores: list[NDArray[np.float32]],
) -> pl.DataFrame:
    """Return user_id, rank, item_id and score: one list of items after the other."""
    ids, length = catalog.ids, [len(found) for found in codes]
    names = [user for user, size in zip(users, length, strict=True) for _ in range(size)]
    return pl.DataFrame(
        [
            pl.Series("user_id", names, pl.String),
            pl.Series("rank", [r for size in length for r in range(1, size + 1)], pl.Int64),
            pl.Series("item_id", [ids[c] for found in codes for c in found.tolist()], pl.String),
            pl.Series("score", [v for row in scores for v in row.tolist()], pl.Float64),
        ]
    )
