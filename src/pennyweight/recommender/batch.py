"""Lists for many users, a block of them at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.ranking.query import Query
from pennyweight.ranking.ranker import Ranker
from pennyweight.ranking.request import RankingRequest
from pennyweight.recommender.frames import users_frame

__all__ = ["Batch"]

BLOCK_BYTES = 16 * 2**20  # of dense scores held at once; more is slower, for want of cache


@dataclass(frozen=True, eq=False)
class Batch:
    """Ranks for many histories, each as `Recommender.recommend` ranks for one.

    Attributes
    ----------
    ranker, catalog
        The ranker and its items.
    request
        The request of each user, apart from the query.
    """

    ranker: Ranker
    catalog: Catalog
    request: RankingRequest

    def frames(
        self, users: Sequence[str], histories: Histories, turned_down: Histories, start: int = 0
    ) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield the lists of the users from `start` on, at least once, and where each block ends.

        A frame has user_id, rank, item_id, score, source and perhaps reason, list after list.
        """
        size = max(1, BLOCK_BYTES // (4 * max(len(self.catalog), 1)))
        for first in range(start, max(len(histories), 1), size):
            stop = min(first + size, len(histories))
            requests = [
                replace(
                    self.request,
                    query=Query(
                        histories.block(row, row + 1),
                        turned_down=turned_down.block(row, row + 1).item,
                    ),
                )
                for row in range(first, stop)
            ]
            lists = self.ranker.rank(requests)
            yield (
                stop,
                users_frame(users[first:stop], lists, self._item_ids, explain=self.request.explain),
            )

    @cached_property
    def _item_ids(self) -> pl.Series:
        return pl.Series("item_id", list(self.catalog.ids), pl.String)
