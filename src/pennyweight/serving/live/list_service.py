"""Lists as routes ask for them: submitted, logged, and found again by their id."""

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from pennyweight.errors import UnknownIdError
from pennyweight.serving.live.lists import ListRequest, RankedList
from pennyweight.serving.live.micro_batching import Call, MicroBatching
from pennyweight.serving.live.recommendation_log import RecommendationLog
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.stores.protocol import Recommendation, Store

__all__ = ["ListService"]


class ListService:
    """Ranks lists in worker threads and logs those that are served.

    Attributes
    ----------
    log
        Lists that were served.
    under_way
        Answers that a caller awaits.
    """

    def __init__(
        self,
        store: StoreAccess,
        batching: MicroBatching,
        log: RecommendationLog,
        *,
        clock: Callable[[], float],
        make_id: Callable[[], str],
    ) -> None:
        self._store, self._clock, self._make_id = store, clock, make_id
        self.batching, self.log = batching, log
        self.under_way: WeakSet[asyncio.Future[Any]] = WeakSet()

    def submit(self, bundle: ServedBundle, job: ListRequest | Call) -> "asyncio.Future[Any]":
        """Return a future of a `RankedList`, or of a call's result; see `MicroBatching.submit`."""
        answer = self.batching.submit(bundle, job)
        self.under_way.add(answer)
        return answer

    def record(self, request: ListRequest, ranked: RankedList, version: str) -> str:
        """Log a list that goes out; return its id, by which events can name it."""
        recommendation_id = self._make_id()
        if not self._store.is_read_only:
            self.log.add(
                Recommendation(
                    recommendation_id,
                    request.user,
                    self._clock(),
                    version,
                    request.scenario,
                    ranked.source,
                    ranked.items,
                    ranked.drafted_by,
                    ranked.explored,
                )
            )
        return recommendation_id

    def recommendation(self, recommendation_id: str, store: Store) -> Recommendation:
        """Return a list that went out; `UnknownIdError` where none is kept."""
        queued = self.log.get_waiting(recommendation_id)
        recommendation = queued or store.recommendation(recommendation_id)
        if recommendation is None:
            raise UnknownIdError(f"no recommendation {recommendation_id!r} is kept")
        return recommendation
