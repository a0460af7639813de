"""The best items for many histories, a block of them at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.recommender.query import Query
from pennyweight.recommender.ranking import choose
from pennyweight.recommender.reasons import Reason
from pennyweight.recommender.scoring import Source
from pennyweight.score.protocol import Scorer

__all__ = ["Batch", "Block"]

BLOCK_BYTES = 16 * 2**20  # of dense scores held at once; more is slower, for want of cache

Explain = Callable[[NDArray[np.int32], Query, Source], Sequence[Reason]]


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
    reasons
        Why, where it was asked for.
    """

    rows: slice
    length: NDArray[np.int64]
    codes: NDArray[np.int32]
    scores: NDArray[np.float32]
    reasons: list[str] | None = None


_NOBODY = Block(slice(0, 0), np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True)
class Batch:
    """How lists are made for many histories: each as `Recommender.recommend` makes it.

    Attributes
    ----------
    catalog, scorer
        The items and what scores them.
    fallback
        Scores for a history that says nothing, float32 (n_items,).
    allowed
        Items that may be recommended at all, bool (n_items,).
    k, exclude_seen, diversity
        As of `Recommender.recommend`.
    explain
        Gives the reasons of one list, where they are wanted.
    """

    catalog: Catalog
    scorer: Scorer
    fallback: NDArray[np.float32]
    allowed: NDArray[np.bool_]
    k: int
    exclude_seen: bool
    diversity: float = 0.0
    explain: Explain | None = None

    def blocks(self, histories: Histories, start: int = 0) -> Iterator[Block]:
        """Yield the lists of the histories from `start` on, in order."""
        size = max(1, BLOCK_BYTES // (4 * max(len(self.allowed), 1)))
        for first in range(start, len(histories), size):
            stop = min(first + size, len(histories))
            yield self._block(histories.block(first, stop), slice(first, stop))

    def _block(self, histories: Histories, rows: slice) -> Block:
        scores = self.scorer.score(histories)
        telling = histories.length > 0
        if scores.size:
            telling &= np.ptp(scores, axis=1) > 0
        codes, values, reasons = [], [], []
        for row, tells in enumerate(telling):
            history = histories.block(row, row + 1)
            line = scores[row] if tells else self.fallback
            eligible = self.allowed.copy()
            if self.exclude_seen:
                eligible[history.item] = False
            found = choose(
                line, eligible, self.k, self.diversity, scorer=self.scorer, catalog=self.catalog
            )
            codes.append(found)
            values.append(line[found])
            if self.explain is not None:
                source: Source = "history" if tells else "popularity"
                reasons += [r.text for r in self.explain(found, Query(history), source)]
        return Block(
            rows,
            np.array([len(found) for found in codes], np.int64),
            np.concatenate([*codes, np.empty(0, np.int32)]),
            np.concatenate([*values, np.empty(0, np.float32)]),
            None if self.explain is None else reasons,
        )

    def frame(self, users: Sequence[str], blocks: Sequence[Block]) -> pl.DataFrame:
        """Return user_id, rank, item_id, score and perhaps reason, one list after the other."""
        tables = [self._table(users, block) for block in blocks]
        return pl.concat(tables) if tables else self._table(users, _NOBODY).clear()

    def _table(self, users: Sequence[str], block: Block) -> pl.DataFrame:
        start = np.cumsum(block.length) - block.length
        rank = np.arange(len(block.codes)) - np.repeat(start, block.length) + 1
        row = np.repeat(np.arange(len(block.length)), block.length)
        columns = [
            pl.Series("user_id", users[block.rows], pl.String).gather(row),
            pl.Series("rank", rank, pl.Int64),
            self._ids.gather(block.codes),
            pl.Series("score", block.scores, pl.Float64),
        ]
        if self.explain is not None:
            columns.append(pl.Series("reason", block.reasons or [], pl.String))
        return pl.DataFrame(columns)

    @cached_property
    def _ids(self) -> pl.Series:
        return pl.Series("item_id", list(self.catalog.ids), pl.String)
