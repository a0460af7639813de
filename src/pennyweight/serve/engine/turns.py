"""What changes the bundles, one after another, in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pennyweight.errors import BusyError

__all__ = ["Turns"]

T = TypeVar("T")


class Turns:
    """Runs jobs one after another; those that wait keep no other thread busy.

    Parameters
    ----------
    most
        Jobs that may wait or run; then `BusyError`.
    """

    def __init__(self, most: int = 32) -> None:
        self._most, self._waiting = most, 0
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(1, "pennyweight-bundles")

    async def run(self, job: Callable[[], T]) -> T:
        """Return what a job returns; once begun it is finished, even where the caller goes away."""
        with self._lock:
            if self._waiting >= self._most:
                raise BusyError(f"{self._most} changes of bundles wait for each other; come again")
            self._waiting += 1
        future = self._executor.submit(job)
        future.add_done_callback(lambda _: self._done())
        return await asyncio.wrap_future(future)

    def _done(self) -> None:
        with self._lock:
            self._waiting -= 1

    def close(self) -> None:
        """Finish what was begun; what waits is not begun any more."""
        self._executor.shutdown(cancel_futures=True)
