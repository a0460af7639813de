"""Lists for many users or items, a block of them at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.ranking.query import Query, item_query
from pennyweight.ranking.ranker import Ranker
from pennyweight.ranking.request import RankingRequest
from pennyweight.recommender.frames import lists_frame

__all__ = ["Batch"]

BLOCK_BYTES = 16 * 2**20  # of dense scores held at once; more is slower, for lack of cache


@dataclass(frozen=True, eq=False)
class Batch:
    """Ranks for many histories or items, each as `Recommender` ranks for one.

    Attributes
    ----------
    ranker, catalog
        The ranker and its items.
    request
        The request of each list, apart from the query.
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
        queries = (
            Query(
                histories.block(row, row + 1),
                turned_down=turned_down.block(row, row + 1).item,
            )
            for row in range(start, len(histories))
        )
        yield from self._frames("user_id", "item_id", users, queries, start)

    def item_frames(
        self, codes: NDArray[np.int32], start: int = 0
    ) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield the lists of items similar to each of some, as `frames` does those of users.

        A frame has item_id, rank, similar_item_id, score, source and perhaps reason.
        """
        ids = [self.catalog.ids[code] for code in codes.tolist()]
        queries = (item_query(codes[row : row + 1]) for row in range(start, len(codes)))
        yield from self._frames("item_id", "similar_item_id", ids, queries, start)

    def _frames(
        self, owner: str, item: str, names: Sequence[str], queries: Iterator[Query], start: int
    ) -> Iterator[tuple[int, pl.DataFrame]]:
        scores = max(len(self.catalog), 1)
        if self.request.explain or self.ranker.rerankers:  # those of the components are held too
            scores *= 1 + len(self.ranker.query_scorer.scorer.components)
        size = max(1, BLOCK_BYTES // (4 * scores))
        for first in range(start, max(len(names), 1), size):
            stop = min(first + size, len(names))
            block = islice(queries, stop - first)
            lists = self.ranker.rank(self._requests(names[first:stop], block))
            frame = lists_frame(
                pl.Series(owner, names[first:stop], pl.String),
                lists,
                self._item_ids.alias(item),
                explain=self.request.explain,
            )
            yield stop, frame

    def _requests(self, names: Sequence[str], queries: Iterable[Query]) -> list[RankingRequest]:
        """Return the requests of some lists; exploration has the draws of each name."""
        requests = [replace(self.request, query=query) for query in queries]
        exploration = self.request.exploration
        if exploration is None:
            return requests
        return [
            replace(request, exploration=replace(exploration, seed=f"{exploration.seed} {name}"))
            for name, request in zip(names, requests, strict=True)
        ]

    @cached_property
    def _item_ids(self) -> pl.Series:
        return pl.Series("item_id", list(self.catalog.ids), pl.String)
