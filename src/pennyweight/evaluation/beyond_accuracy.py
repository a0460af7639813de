"""Beyond-accuracy metrics: properties of the recommended lists, relevant or not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.gini import gini as gini_of_counts
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.groups import Groups

__all__ = [
    "ItemFacts",
    "coverage",
    "diversity",
    "gini",
    "group_shares",
    "history_shares",
    "item_facts",
    "list_mean",
    "miscalibration",
    "serendipity",
]

Lists = NDArray[np.int32]  # item codes (n_users, k), best first; -1 beyond the end of a list
_BLOCK_BYTES = 16 << 20
_SMOOTHING = 0.01  # Steck 2018, section 3.2


@dataclass(frozen=True)
class ItemFacts:
    """Statistics of each item before the held-out events.

    Attributes
    ----------
    popularity
        Events, float64 (n_items,).
    surprise
        Self-information, float64 (n_items,).
    expected
        The chance that anybody is recommended the item, by its popularity alone, float64
        (n_items,).
    """

    popularity: NDArray[np.float64]
    surprise: NDArray[np.float64]
    expected: NDArray[np.float64]


def item_facts(before: Interactions) -> ItemFacts:
    """Count events and users of each item.

    Self-information is -log2(users of the item / users) with an item without users counted as
    had by one (Zhou et al., "Solving the apparent diversity-accuracy dilemma", PNAS 2010).
    The chance is (n_items + 1 - r) / n_items for the r-th most popular item, items with
    equally many events sharing a rank, and 0 without events.
    """
    counts, n_items = before.counts, before.n_items
    pairs = np.unique(before.user.astype(np.int64) * max(1, n_items) + before.item)
    users = np.bincount(pairs % max(1, n_items), minlength=n_items)
    n_users = max(1, len(np.unique(before.user)))
    _, level = np.unique(-counts, return_inverse=True)
    expected = np.where(counts > 0, (n_items - level) / max(1, n_items), 0.0)
    return ItemFacts(counts.astype(np.float64), -np.log2(np.maximum(users, 1) / n_users), expected)


def list_mean(lists: Lists, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of a value an item, float64 (n_items,), over each list, (n_users,)."""
    padded = np.append(values, 0.0)  # -1 finds the zero
    total = np.zeros(len(lists))
    for column in lists.T:
        total += padded[column]
    return total / _length(lists)


def coverage(lists: Lists, n_items: int) -> float:
    """Return the share of the catalog that is in at least one list."""
    return len(np.unique(lists[lists >= 0])) / max(1, n_items)


def gini(lists: Lists, n_items: int) -> float:
    """Return how unequally items are shown (see `data.gini`); the unseen count too."""
    return gini_of_counts(np.bincount(lists[lists >= 0], minlength=n_items))


def diversity(lists: Lists, vectors: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return the mean of 1 - cosine over the pairs of each list, float64 (n_users,).

    Intra-list diversity (Smyth & McClave 2001; Ziegler et al. 2005). Lists of fewer than
    two items have none.

    Parameters
    ----------
    vectors
        Of the items, csr (n_items, dim), rows of unit length or zero; an item without a
        vector is unlike all others.
    """
    out = np.zeros(len(lists))
    squared_lengths = np.asarray(vectors.multiply(vectors).sum(axis=1), np.float64).ravel()
    vectors = vectors.astype(np.float64)
    row_bytes = 12 * lists.shape[1] * vectors.nnz // max(1, vectors.shape[0])
    for rows, chosen in _indicators(lists, vectors.shape[0], row_bytes):
        sums = chosen @ vectors
        squared = np.asarray(sums.multiply(sums).sum(axis=1)).ravel()
        size = np.diff(chosen.indptr)
        pairs = np.maximum(size * (size - 1), 1)
        # |sum of the vectors|^2 holds each pair twice, and each vector with itself.
        out[rows] = np.where(size > 1, 1 - (squared - chosen @ squared_lengths) / pairs, 0)
    return out


def serendipity(
    ranks: NDArray[np.int64], held_out: HeldOut, facts: ItemFacts, lists: Lists
) -> NDArray[np.float64]:
    """Return how far hits are from a list by popularity, float64 (n_users,).

    Mean over a list of max(0, (n_items + 1 - rank) / n_items - expected) for the items that
    were held out, ranks from 1, and of 0 for the others: RecTools' ``Serendipity``, after
    Ge, Delgado-Battenfeld & Jannach, "Beyond accuracy", RecSys 2010.
    """
    n_items = held_out.before.n_items
    gain = (n_items - ranks) / max(1, n_items) - facts.expected[held_out.targets]
    gain = np.where(ranks < lists.shape[1], np.maximum(gain, 0), 0)
    total = np.add.reduceat(gain, held_out.target_offsets[:-1]) if len(lists) else np.empty(0)
    return np.asarray(total / _length(lists), np.float64)


def miscalibration(lists: Lists, histories: Histories, groups: Groups) -> NDArray[np.float64]:
    """Return the divergence of each list's categories from the history's, float64 (n_users,).

    sum of p(g) ln(p(g) / q(g)) over the categories, p those of the history, q those of the
    list mixed with a hundredth of p (Steck, "Calibrated recommendations", RecSys 2018,
    equations 2 to 5, equal weights for events and places). 0 is calibrated; NaN without a history
    or a list.
    """
    out = np.full(len(lists), np.nan)
    items, n_groups = groups.share.shape
    for rows, chosen in _indicators(lists, items, 8 * n_groups):
        history = histories.block(rows.start, rows.stop)
        p, q = _shares(_history_rows(history, items), groups), _shares(chosen, groups)
        usable = (history.length > 0) & (np.diff(chosen.indptr) > 0)
        mixed = (1 - _SMOOTHING) * q + _SMOOTHING * p
        ratio = np.divide(p, mixed, out=np.ones_like(p), where=p > 0)
        out[rows] = np.where(usable, (p * np.log(ratio)).sum(axis=1), np.nan)
    return out


def group_shares(lists: Lists, groups: Groups) -> NDArray[np.float64]:
    """Return which part of each list each group of items has, float64 (n_users, n_groups)."""
    out = np.empty((len(lists), len(groups.labels)))
    for rows, chosen in _indicators(lists, groups.share.shape[0], 8 * out.shape[1]):
        out[rows] = _shares(chosen, groups)
    return out


def history_shares(histories: Histories, groups: Groups) -> NDArray[np.float64]:
    """Return which part of all events of the histories each group has, float64 (n_groups,)."""
    events = np.bincount(histories.item, minlength=groups.share.shape[0]).astype(np.float64)
    return np.asarray(events @ groups.share) / max(1, len(histories.item))


def _length(lists: Lists) -> NDArray[np.float64]:
    length: NDArray[np.float64] = np.maximum((lists >= 0).sum(axis=1), 1).astype(np.float64)
    return length


def _shares(chosen: sparse.csr_matrix, groups: Groups) -> NDArray[np.float64]:
    size = np.maximum(np.asarray(chosen.sum(axis=1)).ravel(), 1)
    return np.asarray((chosen @ groups.share).toarray() / size[:, None], np.float64)


def _history_rows(histories: Histories, n_items: int) -> sparse.csr_matrix:
    ones = np.ones(len(histories.item))
    return sparse.csr_matrix(
        (ones, histories.item, histories.offsets), shape=(len(histories), n_items)
    )


def _indicators(
    lists: Lists, n_items: int, row_bytes: int
) -> Iterator[tuple[slice, sparse.csr_matrix]]:
    """Yield (rows, csr (n, n_items) with ones at the listed items) a block at a time."""
    size = max(1, _BLOCK_BYTES // max(1, row_bytes))
    for start in range(0, len(lists), size):
        part = lists[start : start + size]
        ends = np.concatenate([[0], np.cumsum((part >= 0).sum(axis=1))])
        item = part[part >= 0]
        ones = np.ones(len(item))
        rows = slice(start, start + len(part))
        yield rows, sparse.csr_matrix((ones, item, ends), shape=(len(part), n_items))
