"""The best items for many histories, a block of them at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.ranking.explanations import Reason
from pennyweight.ranking.query import Query
from pennyweight.ranking.scoring import Source, fallback_source
from pennyweight.ranking.top_k import choose
from pennyweight.ranking.unknown_items import Silence
from pennyweight.scorers.protocol import Scorer

__all__ = ["Batch"]

BLOCK_BYTES = 16 * 2**20  # of dense scores held at once; more is slower, for want of cache


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
    k, exclude_seen, exclude_turned_down, diversity
        As of `Ask`.
    explain
        Gives the reasons of one list, where they are wanted.
    silence
        Tells of which items nothing is known.
    """

    catalog: Catalog
    scorer: Scorer
    fallback: NDArray[np.float32]
    allowed: NDArray[np.bool_]
    k: int
    exclude_seen: bool
    exclude_turned_down: bool
    diversity: float
    explain: Callable[[NDArray[np.int32], Query, Source], Sequence[Reason]] | None
    silence: Silence

    def frames(
        self, users: Sequence[str], histories: Histories, turned_down: Histories, start: int = 0
    ) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield the lists of the users from `start` on, at least once, and where each block ends.

        A frame has user_id, rank, item_id, score, source and perhaps reason, list after list.
        """
        size = max(1, BLOCK_BYTES // (4 * max(len(self.allowed), 1)))
        for first in range(start, max(len(histories), 1), size):
            stop = min(first + size, len(histories))
            some = histories.block(first, stop), turned_down.block(first, stop)
            yield stop, self._frame(users[first:stop], *some)

    def _frame(
        self, users: Sequence[str], histories: Histories, turned_down: Histories
    ) -> pl.DataFrame:
        scores = self.scorer.score(histories)
        telling = np.array(
            [length > 0 and not self.silence.covers(histories.block(row, row + 1).item)
             for row, length in enumerate(histories.length.tolist())], bool
        )  # fmt: skip
        if scores.size:
            telling &= np.ptp(scores, axis=1) > 0
        codes, values = [np.empty(0, np.int32)], [np.empty(0, np.float32)]
        reasons: list[str] = []
        sources: list[Source] = []
        for row, tells in enumerate(telling):
            history, against = histories.block(row, row + 1), turned_down.block(row, row + 1)
            line = scores[row] if tells else self.fallback
            open_ = self.allowed.copy()
            if self.exclude_seen:
                open_[history.item] = False
            if self.exclude_turned_down:
                open_[against.item] = False
            found = choose(
                line, open_, self.k, self.diversity, scorer=self.scorer, catalog=self.catalog
            )
            codes.append(found)
            values.append(line[found])
            query = Query(history, turned_down=against.item)
            source = "history" if tells else fallback_source(query)
            sources.append(source)
            if self.explain is not None:
                reasons += [r.text for r in self.explain(found, query, source)]
        length = [len(found) for found in codes[1:]]
        rank = [r for n in length for r in range(1, n + 1)]
        lists = np.repeat(np.arange(len(users)), length)
        columns = [
            pl.Series("user_id", users, pl.String).gather(lists),
            pl.Series("rank", rank, pl.Int64),
            self._ids.gather(np.concatenate(codes)),
            pl.Series("score", np.concatenate(values), pl.Float64),
            pl.Series("source", sources, pl.String).gather(lists),
        ]
        if self.explain is not None:
            columns.append(pl.Series("reason", reasons, pl.String))
        return pl.DataFrame(columns)

    @cached_property
    def _ids(self) -> pl.Series:
        return pl.Series("item_id", list(self.catalog.ids), pl.String)
