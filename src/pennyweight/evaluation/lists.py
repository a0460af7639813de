"""The first items of each ranking, as a user would see them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_true", "first_items"]

_GROUPS = 512  # of items whose best scores bound the k-th best from below
_CROWD = 64  # items at or above the bound, above which ties are settled before sorting


def first_items(
    scores: NDArray[np.float32],
    keys: NDArray[np.uint32],
    factors: NDArray[np.uint32],
    k: int,
) -> NDArray[np.int32]:
    """Return the k best items of each row, best first; ties as in `ranks_and_lists`.

    Parameters
    ----------
    scores
        float32 (n, n_items), higher is better; minus infinity is not ranked.
    keys, factors
        Items with equal scores come in the order of ``keys * factor`` modulo 2**32, lowest
        first, uint32 (n_items,) and (n,).
    k
        Length of the lists.

    Returns
    -------
    NDArray[np.int32]
        Item codes, (n, k); -1 where fewer than k items are ranked.
    """
    out = np.full((len(scores), k), -1, np.int32)
    depth = min(k, scores.shape[1])
    if not depth or not len(scores):
        return out
    bound, hit = _reaching(scores, depth)
    rows = np.flatnonzero(count_true(hit) > max(_CROWD, 2 * depth))
    if len(rows):
        ties = keys * factors[rows, None]
        hit[rows] = _break_ties(scores[rows], bound[rows], ties, hit[rows], depth)
    row, item = np.divmod(np.flatnonzero(hit), scores.shape[1])  # quicker than np.nonzero
    order = np.lexsort((keys[item] * factors[row], -scores[row, item], row))
    row, item = row[order], item[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    listed = place < k
    out[row[listed], place[listed]] = item[listed]
    return out


def _reaching(values: NDArray[Any], depth: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a lower bound of the best `depth` of each row, and the mask of values reaching it."""
    n, n_items = values.shape
    width = n_items // _GROUPS
    best = values
    if width > 1:
        # The best of ten groups are ten items: the tenth best item is no worse than the last.
        best = values[:, : width * _GROUPS].reshape(n, width, _GROUPS).max(axis=1)
    bound = np.partition(best, best.shape[1] - depth, axis=1)[:, best.shape[1] - depth]
    hit = values >= bound[:, None]
    if values.dtype == np.float32 and np.isneginf(bound).any():
        hit &= values > -np.inf
    return bound, hit


def _break_ties(
    scores: NDArray[np.float32],
    bound: NDArray[np.float32],
    ties: NDArray[np.uint32],
    hit: NDArray[np.bool_],
    depth: int,
) -> NDArray[np.bool_]:
    """Leave, of a crowd that equals the bound, only those that may come first."""
    above = scores > bound[:, None]
    equal = hit & ~above
    order = np.where(equal, ~ties, np.uint32(0))
    return above | (equal & _reaching(order, depth)[1])


def count_true(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many are true in each row, int64 (n,)."""
    # Three times as fast as np.count_nonzero with an axis, which widens to int64 first.
    count: NDArray[np.int64] = np.bitwise_count(np.packbits(mask, axis=1)).sum(
        axis=1, dtype=np.int64
    )
    return count
