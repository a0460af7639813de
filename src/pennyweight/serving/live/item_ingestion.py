"""The thread that adds new and changed items to the served bundles."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import islice

from pennyweight.progress.update import ProgressUpdate
from pennyweight.serving.stores.protocol import StoredItem

__all__ = ["ItemIngestion"]

_log = logging.getLogger(__name__)

FIRST = 64  # items to encode in the first step
MAX_STEP = 1_024  # items in any step
AFTER_ERROR = 60.0  # seconds from an unexpected error of `again` to its next call
QUICK, SLOW = 0.1, 0.4  # seconds of a step below and above which the next one has more or fewer


class ItemIngestion:
    """Takes items that are on disk, and has them added to the served bundles, the newest of each.

    Parameters
    ----------
    put
        Adds some items to all served bundles.
    on_step
        Called with the items of each step, and the error if they could not be added.
    again
        Called between steps after `call_again`; returns the seconds until its next call, None for
        no further one.
    clock
        Seconds, to see how long steps take.

    Attributes
    ----------
    together
        The most items of the next step: more if steps are quick, since each step has a fixed cost
        for the items already there, and fewer if they are slow, so that no item waits long.
    """

    def __init__(
        self,
        put: Callable[[Sequence[StoredItem]], None],
        on_step: Callable[[Sequence[StoredItem], Exception | None], None],
        again: Callable[[], float | None] = lambda: None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._put, self._on_step, self._again, self._clock = put, on_step, again, clock
        self._due: float | None = None  # when `again` is called next
        self.together = FIRST
        self._waiting: dict[str, StoredItem] = {}
        self._under_way: frozenset[str] = frozenset()
        self._began, self._done = 0.0, 0  # since when items have waited, and how many are done
        self._change = threading.Condition()
        self._stopping = False
        self._awaited: list[tuple[Sequence[StoredItem], Future[None]]] = []
        self._thread = threading.Thread(target=self._run, name="pennyweight-items", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items that wait."""
        return len(self._waiting)

    @property
    def progress(self) -> ProgressUpdate | None:
        """The share that is done since items have waited, and the time left; None when idle."""
        with self._change:
            left = len(self._waiting) + len(self._under_way)
            if not left:
                return None
            spent = self._clock() - self._began
            return ProgressUpdate(
                "encode",
                share=self._done / (self._done + left),
                seconds_left=spent * left / self._done if self._done else None,
            )

    def add(self, items: Sequence[StoredItem]) -> None:
        """Note items to put; of one id the later counts."""
        with self._change:
            if not self._waiting and not self._under_way:
                self._began, self._done = self._clock(), 0
            for item in items:
                before = self._waiting.pop(item.item_id, None)
                if before is None or before.seq <= item.seq:
                    self._waiting[item.item_id] = item
                else:
                    self._waiting[item.item_id] = before
            self._change.notify_all()

    def call_again(self, seconds: float) -> None:
        """Have `again` called in some seconds, unless a call is due already."""
        with self._change:
            if self._due is None:
                self._due = self._clock() + seconds
                self._change.notify_all()

    async def indexed(self, items: Sequence[StoredItem], seconds: float) -> None:
        """Wait until none of the items waits or is being added, for `seconds` at most."""
        with self._change:
            if not self._has(items):
                return
            future: Future[None] = Future()
            self._awaited.append((items, future))
        try:
            await asyncio.wait([asyncio.wrap_future(future)], timeout=seconds)
        finally:
            future.cancel()

    def _has(self, items: Sequence[StoredItem]) -> bool:
        return any(
            item.item_id in self._waiting or item.item_id in self._under_way for item in items
        )

    def _tell_awaited(self) -> None:
        """Wake callers whose items are indexed, and forget callers that gave up."""
        awaited = [(items, future) for items, future in self._awaited if not future.cancelled()]
        self._awaited = [(items, future) for items, future in awaited if self._has(items)]
        for items, future in awaited:
            if not self._has(items) and future.set_running_or_notify_cancel():
                future.set_result(None)

    def wait(self, seconds: float) -> bool:
        """Wait until nothing waits; return whether it came to that."""
        with self._change:
            return self._change.wait_for(lambda: not self._waiting and not self._under_way, seconds)

    def close(self) -> None:
        """Stop after the step under way; the next start reads waiting items from the store."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while (items := self._next()) is not None:
            if not items:
                self._run_again()
                continue
            start = self._clock()
            self._put_or_split(items)
            self._pace(self._clock() - start, len(items))
            with self._change:
                self._done += len(items)
                self._under_way = frozenset()
                self._tell_awaited()
                self._change.notify_all()

    def _pace(self, seconds: float, n: int) -> None:
        if seconds > SLOW:
            self.together = max(1, self.together // 2)
        elif seconds < QUICK and n == self.together:
            self.together = min(MAX_STEP, 2 * self.together)

    def _put_or_split(self, items: Sequence[StoredItem]) -> None:
        failed: Exception | None = None
        try:
            self._put(items)
        except Exception as error:
            if len(items) > 1:  # an unreadable item must not block the others
                half = len(items) // 2
                self._put_or_split(items[:half])
                self._put_or_split(items[half:])
                return
            failed = error
        self._on_step(items, failed)

    def _run_again(self) -> None:
        try:
            pause = self._again()
        except Exception:
            _log.exception("items could not be encoded again")
            pause = AFTER_ERROR
        if pause is not None:
            self.call_again(pause)

    def _next(self) -> list[StoredItem] | None:
        """Return the items of the next step, none where `again` is due; None at the end."""
        with self._change:
            while not self._waiting and not self._stopping:
                pause = None if self._due is None else self._due - self._clock()
                if pause is not None and pause <= 0:
                    self._due = None
                    return []
                self._change.wait(pause)
            if self._stopping:
                return None
            items = list(islice(self._waiting.values(), self.together))
            for item in items:
                del self._waiting[item.item_id]
            self._under_way = frozenset(item.item_id for item in items)
            return items
