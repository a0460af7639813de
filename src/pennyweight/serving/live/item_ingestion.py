"""The thread that adds new and changed items to the served bundles."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import islice

from pennyweight.serving.stores.protocol import StoredItem

__all__ = ["ItemIngestion"]

FIRST = 64  # items to encode in the first step
MOST = 1_024  # and in any
QUICK, SLOW = 0.1, 0.4  # seconds of a step below and above which the next one has more or fewer


class ItemIngestion:
    """Takes items that are on disk, and has them added to the served bundles, the newest of each.

    Parameters
    ----------
    put
        Adds some items to all served bundles.
    on_done
        Called with the items of each step and whether it went well.
    clock
        Seconds, to see how long steps take.

    Attributes
    ----------
    together
        Items of the next step at the most: more where steps are quick, since each costs the same
        again for what is there already, and fewer where they are slow, so that none waits long.
    """

    def __init__(
        self,
        put: Callable[[Sequence[StoredItem]], None],
        on_done: Callable[[Sequence[StoredItem], Exception | None], None],
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._put, self._on_done, self._clock = put, on_done, clock
        self.together = FIRST
        self._waiting: dict[str, StoredItem] = {}
        self._under_way: frozenset[str] = frozenset()
        self._change = threading.Condition()
        self._stopping = False
        self._awaited: list[tuple[Sequence[StoredItem], Future[None]]] = []
        self._thread = threading.Thread(target=self._run, name="pennyweight-items", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items that wait."""
        return len(self._waiting)

    def add(self, items: Sequence[StoredItem]) -> None:
        """Note items to put; of one id the later counts."""
        with self._change:
            for item in items:
                before = self._waiting.pop(item.item_id, None)
                if before is None or before.seq <= item.seq:
                    self._waiting[item.item_id] = item
                else:
                    self._waiting[item.item_id] = before
            self._change.notify_all()

    async def indexed(self, items: Sequence[StoredItem], seconds: float) -> None:
        """Wait until none of some items waits or is being added, for some seconds at most."""
        with self._change:
            if not self._has(items):
                return
            done: Future[None] = Future()
            self._awaited.append((items, done))
        try:
            await asyncio.wait([asyncio.wrap_future(done)], timeout=seconds)
        finally:
            done.cancel()

    def _has(self, items: Sequence[StoredItem]) -> bool:
        return any(
            item.item_id in self._waiting or item.item_id in self._under_way for item in items
        )

    def _tell_awaited(self) -> None:
        """Tell callers whose items are done, and forget those that gave up."""
        awaited = [(items, done) for items, done in self._awaited if not done.cancelled()]
        self._awaited = [(items, done) for items, done in awaited if self._has(items)]
        for items, done in awaited:
            if not self._has(items) and done.set_running_or_notify_cancel():
                done.set_result(None)

    def wait(self, seconds: float) -> bool:
        """Wait until nothing waits; return whether it came to that."""
        with self._change:
            return self._change.wait_for(lambda: not self._waiting and not self._under_way, seconds)

    def close(self) -> None:
        """Stop after the step under way; what waits is read from the store at the next start."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while some := self._next():
            start = self._clock()
            self._put_some(some)
            self._pace(self._clock() - start, len(some))
            with self._change:
                self._under_way = frozenset()
                self._tell_awaited()
                self._change.notify_all()

    def _pace(self, seconds: float, n: int) -> None:
        if seconds > SLOW:
            self.together = max(1, self.together // 2)
        elif seconds < QUICK and n == self.together:
            self.together = min(MOST, 2 * self.together)

    def _put_some(self, items: Sequence[StoredItem]) -> None:
        failed: Exception | None = None
        try:
            self._put(items)
        except Exception as error:
            if len(items) > 1:  # one that cannot be read must not keep the others away
                half = len(items) // 2
                self._put_some(items[:half])
                self._put_some(items[half:])
                return
            failed = error
        self._on_done(items, failed)

    def _next(self) -> list[StoredItem]:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._stopping)
            if self._stopping:
                return []
            some = list(islice(self._waiting.values(), self.together))
            for item in some:
                del self._waiting[item.item_id]
            self._under_way = frozenset(item.item_id for item in some)
            return some
