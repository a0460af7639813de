"""Selection of the items with the best scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.ranking.diversity import pool_size
from pennyweight.ranking.request import RankingRequest
from pennyweight.ranking.stages import RankingBatch

__all__ = ["Selector", "best_rows", "selected"]

BLOCK = 64  # scores of which the best is taken at once
BLOCKS = 4  # blocks for each item to be found, at least; fewer let more scores reach the bound


@dataclass(frozen=True)
class Selector:
    """The stage that selects the items with the best scores.

    Attributes
    ----------
    depth
        How many of a list at least, for a re-ranker to choose from.
    """

    depth: int = 0

    def __call__(self, batch: RankingBatch) -> None:
        """Fill `codes` with the best items of each list."""
        batch.codes = best_rows(
            batch.scores, [max(selected(request), self.depth) for request in batch.requests]
        )


def selected(request: RankingRequest) -> int:
    """Return how many items are selected: k, or more to choose diverse ones from."""
    return pool_size(request.k) if request.diversity else request.k


def best_rows(scores: NDArray[np.float32], ks: Sequence[int]) -> list[NDArray[np.int32]]:
    """Return the codes of the best items of each row, best first, equal scores by code.

    Parameters
    ----------
    scores
        float32 (n, n_items); -inf for items that are excluded.
    ks
        How many of each row; fewer are returned where there are fewer.
    """
    reached = np.flatnonzero(scores >= _bound(scores, max(ks, default=0))[:, None])
    row, code = np.divmod(reached, max(1, scores.shape[1]))  # nine times as fast as np.nonzero
    ends = np.searchsorted(row, np.arange(len(scores) + 1))
    best = []
    for at, k in enumerate(ks):
        codes = code[ends[at] : ends[at + 1]]
        order = np.lexsort((codes, -scores[at, codes]))[:k]  # ties alike on every machine
        best.append(codes[order].astype(np.int32))
    return best


def _bound(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Return a finite bound that the k best of each row reach, float32 (n,), and few others.

    The k-th best of the blocks' best is reached by at least k items: one look at each score.
    """
    n, n_items = scores.shape
    lowest = np.full(n, np.finfo(np.float32).min)
    if k >= n_items:
        return lowest
    n_blocks = n_items // min(BLOCK, max(1, n_items // (BLOCKS * max(k, 1))))
    # A block is every n_blocks-th score; that of runs takes nine times as long.
    size = n_items // n_blocks
    best = scores[:, : n_blocks * size].reshape(n, size, n_blocks).max(axis=1)
    return np.maximum(lowest, np.partition(best, n_blocks - k, axis=1)[:, n_blocks - k])
