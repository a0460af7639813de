"""What the indexes share: rows by item code, and the scan for the best of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennyweight.index.protocol import Found

__all__ = [
    "Rows",
    "allowed",
    "check_queries",
    "check_vectors",
    "found",
    "item_codes",
    "scan",
    "top",
]

QUERIES = 256  # at a time
Block = slice | NDArray[np.int64]  # positions in a run, or any
ITEMS = 8_192  # at a time: with 384 dimensions 12 MiB as float32


@dataclass(frozen=True)
class Rows:
    """Data of items in ascending order of code; a change makes a new one.

    Attributes
    ----------
    codes
        Item codes, int32 (n,).
    data
        One row an item, (n, width).
    """

    codes: NDArray[np.int32]
    data: NDArray[Any]

    def __post_init__(self) -> None:
        if self.codes.shape != (len(self.data),) or (np.diff(self.codes) <= 0).any():
            raise ValueError(
                f"an index needs a row for each code, codes ascending: {self.codes.shape} codes, "
                f"{self.data.shape} rows"
            )

    @property
    def nbytes(self) -> int:
        """Bytes of codes and data."""
        return self.codes.nbytes + self.data.nbytes

    def joined(self, codes: NDArray[np.int32], data: NDArray[Any]) -> "Rows":
        """Return these rows with others added; where a code is in both, the other counts."""
        kept = self.without(codes)
        all_codes = np.concatenate([kept.codes, codes])
        order = np.argsort(all_codes)
        return Rows(all_codes[order], np.concatenate([kept.data, data])[order])

    def without(self, codes: NDArray[np.int32]) -> "Rows":
        """Return these rows without those of the given codes."""
        keep = ~np.isin(self.codes, codes)
        return Rows(self.codes[keep], self.data[keep])


def item_codes(codes: ArrayLike) -> NDArray[np.int32]:
    """Return codes as int32 (n,); `ValueError` when one is negative or occurs twice."""
    array = np.asarray(codes).astype(np.int32).reshape(-1)
    if array.size and array.min() < 0:
        raise ValueError(f"item code {array.min()} is negative")
    if len(np.unique(array)) < len(array):
        raise ValueError("an item code occurs twice in one call")
    return array


def check_vectors(vectors: NDArray[np.float32], n: int, dim: int) -> NDArray[np.float32]:
    """Return finite vectors, float32 (n, dim), or raise `ValueError`."""
    vectors = np.asarray(vectors, np.float32)
    if vectors.shape != (n, dim):
        raise ValueError(f"{n} items need vectors of shape {(n, dim)}, not {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector is NaN or infinite")
    return vectors


def check_queries(queries: NDArray[np.float32], dim: int, k: int) -> NDArray[np.float32]:
    """Return queries as float32 (n, dim), or raise `ValueError`."""
    queries = np.asarray(queries, np.float32)
    if queries.ndim != 2 or queries.shape[1] != dim:
        raise ValueError(f"queries have shape {queries.shape}; this index needs (n, {dim})")
    if k < 1:
        raise ValueError(f"k={k} must be 1 or more")
    return queries


def allowed(codes: NDArray[np.int32], allow: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Return the positions of the items that may be found, ascending, int64."""
    if allow is None:
        return np.arange(len(codes))
    if codes.size and codes[-1] >= len(allow):
        raise ValueError(f"allow covers {len(allow)} items, the index has item code {codes[-1]}")
    return np.flatnonzero(allow[codes])


def scan(
    n: int,
    positions: NDArray[np.int64],
    k: int,
    score: Callable[[slice, Block], NDArray[np.float32]],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the best k of `positions`, ascending, for each of n queries, block by block.

    ``score(rows, block)`` gives the scores of some queries for some positions, float32.
    Returns positions, int64 (n, k), -1 where there are too few, and scores.
    """
    best = np.full((n, k), -1, np.int64)
    best_score = np.full((n, k), -np.inf, np.float32)
    for first in range(0, n, QUERIES):
        rows = slice(first, min(first + QUERIES, n))
        for start in range(0, len(positions), ITEMS):
            block = positions[start : start + ITEMS]
            run = slice(int(block[0]), int(block[-1]) + 1)
            # A slice is a view; picking rows by number would copy all the vectors.
            scores = score(rows, run if run.stop - run.start == len(block) else block)
            columns, scores = _shortlist(scores, k, best_score[rows, -1:])
            near = np.where(columns < 0, -1, block[columns])
            best[rows], best_score[rows] = top(
                np.concatenate([best[rows], near], axis=1),
                np.concatenate([best_score[rows], scores], axis=1),
                k,
            )
    return best, best_score


def _shortlist(
    scores: NDArray[np.float32], k: int, least: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return columns and scores that reach `least` and, if many do, the k-th best of the row.

    Rows are padded with -1 and -inf. All that tie with the k-th stay: which of them
    counts is decided by position, and blocks must not matter.
    """
    reach = scores >= least
    if scores.shape[1] > 4 * k and np.count_nonzero(reach) > 4 * k * len(scores):
        reach = scores >= np.partition(scores, -k, axis=1)[:, -k, None]
    row, column = np.nonzero(reach)
    counts = np.bincount(row, minlength=len(scores))
    slot = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = np.full((len(scores), counts.max()), -1, np.int64)
    kept = np.full(columns.shape, -np.inf, np.float32)
    columns[row, slot], kept[row, slot] = column, scores[row, column]
    return columns, kept


def top(
    positions: NDArray[np.int64], scores: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k best of each row in order; of equal scores the lower position first."""
    order = np.lexsort((positions, -scores), axis=1)[:, :k]
    return np.take_along_axis(positions, order, axis=1), np.take_along_axis(scores, order, axis=1)


def found(codes: NDArray[np.int32], best: NDArray[np.int64], scores: NDArray[np.float32]) -> Found:
    """Return item codes for positions, -1 where there is none."""
    if not codes.size:
        return best.astype(np.int32), scores
    return np.where(best < 0, np.int32(-1), codes[best]), scores
