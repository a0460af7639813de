"""The best items for many histories, a block of them at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.recommender.ranking import top_k
from pennyweight.score.protocol import Scorer

__all__ = ["Block", "best_of_blocks", "ranked_by_user"]

BLOCK_BYTES = 64 * 2**20  # of dense scores held at once


@dataclass(frozen=True)
class Block:
    """The best items of some histories, one list after the other.

    Attributes
    ----------
    rows
        Which histories.
    length
        Items in the list of each, int64 (len(rows),).
    codes, scores
        The items and their scores, int32 and float32 (sum(length),).
    """

    rows: slice
    length: NDArray[np.int64]
    codes: NDArray[np.int32]
    scores: NDArray[np.float32]

    @classmethod
    def none(cls) -> "Block":
        """Return the lists of nobody."""
        nothing = np.empty(0, np.int32)
        return cls(slice(0, 0), nothing.astype(np.int64), nothing, nothing.astype(np.float32))


def best_of_blocks(
    scorer: Scorer,
    histories: Histories,
    fallback: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    *,
    k: int,
    exclude_seen: bool,
) -> Iterator[Block]:
    """Yield the k best items of each history, in order.

    Parameters
    ----------
    fallback
        Scores for an empty history, float32 (n_items,).
    allowed
        Items that may be recommended at all, bool (n_items,).
    exclude_seen
        Leave out the items of the history.
    """
    size = max(1, BLOCK_BYTES // (4 * max(len(allowed), 1)))
    for rows, block in histories.blocks(size):
        scores = scorer.score(block)
        found, values = [], []
        for row in range(len(block)):
            seen = block.item[block.offsets[row] : block.offsets[row + 1]]
            line = scores[row] if len(seen) else fallback
            eligible = allowed.copy()
            if exclude_seen:
                eligible[seen] = False
            found.append(top_k(line, eligible, k))
            values.append(line[found[-1]])
        length = np.array([len(codes) for codes in found], np.int64)
        yield Block(rows, length, np.concatenate(found), np.concatenate(values))


def ranked_by_user(catalog: Catalog, users: list[str], block: Block) -> pl.DataFrame:
    """Return user_id, rank, item_id and score: one list of items after the other."""
    start = np.cumsum(block.length) - block.length
    rank = np.arange(len(block.codes)) - np.repeat(start, block.length) + 1
    names = [
        user for user, n in zip(users[block.rows], block.length, strict=True) for _ in range(n)
    ]
    return pl.DataFrame(
        [
            pl.Series("user_id", names, pl.String),
            pl.Series("rank", rank, pl.Int64),
            pl.Series("item_id", [catalog.ids[c] for c in block.codes.tolist()], pl.String),
            pl.Series("score", block.scores, pl.Float64),
        ]
    )
