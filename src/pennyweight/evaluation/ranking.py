"""Ranks of held-out items among all items, and the items that rank first."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories
from pennyweight.evaluation.lists import count_true, first_items

__all__ = ["MISS", "Repeats", "ranks_and_lists"]

Repeats = Literal["exclude", "include"]

MISS = 2**31 - 1  # beyond every cutoff, however small the catalog
_CHUNK_BYTES = 1 << 20  # of scores compared at a time: stays in a core's cache
_TIE_SEED = 20_020_417


def ranks_and_lists(
    scores: NDArray[np.float32],
    histories: Histories,
    targets: NDArray[np.int32],
    target_offsets: NDArray[np.int64],
    *,
    repeats: Repeats,
    k: int,
    first: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Rank each held-out item among all items for one block of users; list the first k.

    Items with equal scores come in an order drawn for each user from a fixed seed:
    neither the target nor the order of the catalog is favored, and metrics are
    unbiased estimates of their mean over all orders (McSherry & Najork, ECIR 2008).

    Parameters
    ----------
    scores
        float32 (n, n_items), higher is better.
    histories
        The earlier events of each user, n histories.
    targets
        Item codes held out, int32 (n_targets,), each once a user.
    target_offsets
        Targets of user i are ``targets[target_offsets[i]:target_offsets[i + 1]]``,
        int64 (n + 1,); the first offset may be above 0 when `targets` starts there.
    repeats
        ``"exclude"`` leaves items of the history out of the ranking; a target among
        them is a miss, with rank `MISS`. ``"include"`` ranks every item.
    first
        Position of the first user in the whole evaluation, so that how users are cut
        into blocks does not change how ties fall.
    k
        Length of the lists.

    Returns
    -------
    tuple of (NDArray[np.int64], NDArray[np.int32])
        0-based ranks, (n_targets,), in the order of `targets`; and the first k items of each
        ranking, (n, k), best first, -1 where fewer can be ranked. An item is in a list
        exactly where its rank is below k.

    Raises
    ------
    ValueError
        When shapes disagree, a target is outside the catalog or named twice for one
        user, `repeats` is unknown, or a score is NaN or infinite.
    """
    if repeats not in {"exclude", "include"}:
        raise ValueError(f'repeats is {repeats!r}; it must be "exclude" or "include"')
    row = np.repeat(np.arange(len(target_offsets) - 1), np.diff(target_offsets))
    _check(scores, histories, targets, row)
    if repeats == "exclude":
        scores = scores.copy()
        scores[histories.row, histories.item] = -np.inf
    n_items = scores.shape[1]
    keys = _item_keys(n_items)
    odd = _user_factors(first, len(scores))
    out = np.empty(len(targets), np.int64)
    lists = np.empty((len(scores), k), np.int32)
    step = max(1, _CHUNK_BYTES // (4 * max(1, n_items)))
    for start in range(0, len(targets), step):
        part = slice(start, start + step)
        out[part] = _ranks(scores[row[part]], targets[part], keys, odd[row[part]])
    for start in range(0, len(scores), step):
        part = slice(start, start + step)
        lists[part] = first_items(scores[part], keys, odd[part], k)
    return out, lists


def _ranks(
    scores: NDArray[np.float32],  # (m, n_items), one row a target, masked
    targets: NDArray[np.int32],
    keys: NDArray[np.uint32],
    odd: NDArray[np.uint32],
) -> NDArray[np.int64]:
    target_scores = scores[np.arange(len(targets)), targets]
    out = count_true(scores > target_scores[:, None])
    equal = scores == target_scores[:, None]
    tied = np.flatnonzero(count_true(equal) > 1)
    if tied.size:
        # An odd factor modulo 2**32 is a bijection: distinct items keep distinct keys.
        order = keys * odd[tied, None]
        before = order < order[np.arange(len(tied)), targets[tied]][:, None]
        out[tied] += count_true(before & equal[tied])
    out[np.isneginf(target_scores)] = MISS
    return out


def _item_keys(n_items: int) -> NDArray[np.uint32]:
    return _mix(np.arange(n_items, dtype=np.uint32) + np.uint32(_TIE_SEED))


def _user_factors(first: int, n: int) -> NDArray[np.uint32]:
    return _mix(np.arange(first, first + n).astype(np.uint32)) | np.uint32(1)


def _mix(word: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Scramble 32-bit words, a bijection (finalizer of MurmurHash3, A. Appleby)."""
    word = (word ^ (word >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    word = (word ^ (word >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return word ^ (word >> np.uint32(16))


def _check(
    scores: NDArray[np.float32],
    histories: Histories,
    targets: NDArray[np.int32],
    row: NDArray[np.int64],
) -> None:
    if scores.ndim != 2 or len(scores) != len(histories):
        raise ValueError(
            f"scores have shape {scores.shape} for {len(histories)} histories; "
            "it must be (histories, items)"
        )
    if len(row) != len(targets):
        raise ValueError(f"target offsets cover {len(row)} targets, {len(targets)} are given")
    n_items = scores.shape[1]
    if targets.size and not 0 <= targets.min() <= targets.max() < n_items:
        raise ValueError(f"a target is outside the catalog of {n_items} items")
    pair = row * n_items + targets
    if len(np.unique(pair)) < len(pair):
        raise ValueError("a user's held-out items name an item twice")
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{np.count_nonzero(~np.isfinite(scores)):,} of {scores.size:,} scores are NaN or "
            "infinite; a scorer must return finite scores"
        )
