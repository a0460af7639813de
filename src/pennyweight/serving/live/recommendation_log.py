"""The recommendation log: recent lists, to explain them and to count their outcomes."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from pennyweight.errors import BusyError, PennyweightError
from pennyweight.serving.stores.protocol import Recommendation
from pennyweight.serving.stores.writer import Writer

__all__ = ["RecommendationLog"]

_log = logging.getLogger(__name__)

EVERY = 0.25  # seconds between writes
MAX_WAITING = 20_000  # lists that wait to be written; more are dropped
SWEEP = 3_600.0  # seconds between deletions of old lists


class RecommendationLog:
    """Writes lists that were given, in batches and in the background.

    Parameters
    ----------
    writer
        Writes to the store.
    clock
        Epoch seconds.
    keep
        Seconds for which lists are kept.

    Attributes
    ----------
    dropped
        Lists that were not kept, since too many came or the disk refused.
    """

    def __init__(self, writer: Writer, clock: Callable[[], float], *, keep: float) -> None:
        self._writer, self._clock, self._keep = writer, clock, keep
        self._waiting: dict[str, Recommendation] = {}
        self._under_way: dict[str, Recommendation] = {}
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._filled = threading.Event()  # lists wait to be written
        self._swept = clock()
        self.dropped = 0
        self._thread = threading.Thread(
            target=self._run, name="pennyweight-recommendation-log", daemon=True
        )
        self._thread.start()

    def add(self, recommendation: Recommendation) -> None:
        """Keep a list, soon."""
        with self._lock:
            if len(self._waiting) < MAX_WAITING:
                self._waiting[recommendation.recommendation_id] = recommendation
                self._filled.set()
            else:
                self.dropped += 1

    def get_waiting(self, recommendation_id: str) -> Recommendation | None:
        """Return a list that is not written yet."""
        return self._waiting.get(recommendation_id) or self._under_way.get(recommendation_id)

    def forget(self, user: str) -> None:
        """Drop a user's lists from memory; the store drops those that are being written."""
        with self._lock:
            self._waiting = _without(self._waiting, user)
            self._under_way = _without(self._under_way, user)

    async def flush(self) -> None:
        """Write the waiting lists."""
        written = self._write()
        if written is not None:
            await asyncio.wrap_future(written)

    def close(self) -> None:
        """Write the waiting lists, then stop."""
        self._stop.set()
        self._filled.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._filled.wait(SWEEP)
            self._stop.wait(EVERY)  # more may come, to be written together
            self._filled.clear()
            self._write_all()
            if self._clock() - self._swept > SWEEP:
                self._sweep()
        self._write_all()

    def _sweep(self) -> None:
        self._swept = self._clock()
        before = self._swept - self._keep
        try:
            self._writer.submit(lambda store: store.forget_recommendations(before))
        except BusyError:
            pass  # there is a next time

    def _write_all(self) -> None:
        try:
            written = self._write()
            if written is not None:
                written.result()
        except PennyweightError as error:
            _log.warning("lists that went out were not kept: %s", error)

    def _write(self) -> "Future[None] | None":
        with self._lock:
            batch, self._waiting = self._waiting, {}
            self._under_way = batch
        if not batch:
            return None
        try:
            written = self._writer.submit(lambda store: store.add_recommendations(batch.values()))
        except PennyweightError:
            self.dropped += len(batch)
            raise
        written.add_done_callback(lambda f: self._count(f, len(batch)))
        return written

    def _count(self, written: "Future[None]", n: int) -> None:
        if written.exception() is not None:
            self.dropped += n


def _without(lists: dict[str, Recommendation], user: str) -> dict[str, Recommendation]:
    return {name: row for name, row in lists.items() if row.user != user}
