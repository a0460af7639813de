"""One thread for work that would block the event loop or other threads."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pennyweight.errors import BusyError

__all__ = ["Worker"]

T = TypeVar("T")


class Worker:
    """Runs jobs one after the other, off the event loop; those that wait keep no thread busy.

    Parameters
    ----------
    name
        Of the thread.
    depth
        Jobs that may wait or run; then `BusyError`.
    busy
        Its message.
    """

    def __init__(self, name: str, *, depth: int, busy: str) -> None:
        self._depth, self._busy = depth, busy
        self._jobs = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, f"pennyweight-{name}")

    async def run(self, job: Callable[[], T]) -> T:
        """Return the result of a job; once begun it is finished, even without a caller."""
        with self._lock:
            if self._jobs >= self._depth:
                raise BusyError(self._busy)
            self._jobs += 1
        future = self._pool.submit(job)
        future.add_done_callback(lambda _: self._finished())
        return await asyncio.wrap_future(future)

    def _finished(self) -> None:
        with self._lock:
            self._jobs -= 1

    def close(self) -> None:
        """Finish the running job; jobs that wait are cancelled."""
        self._pool.shutdown(cancel_futures=True)
