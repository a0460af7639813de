"""One thread for work on requests that would keep the event loop from all others."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pennyweight.errors import BusyError

__all__ = ["Worker"]

T = TypeVar("T")


class Worker:
    """Runs jobs one after the other, off the event loop.

    One thread, since the interpreter runs one at a time: more of them would only make the
    event loop wait for each of them in turn.

    Parameters
    ----------
    depth
        Jobs that may wait or run; then `BusyError`.
    """

    def __init__(self, *, depth: int = 256) -> None:
        self._depth = depth
        self._jobs = 0
        self._pool = ThreadPoolExecutor(1, "pennyweight-worker")

    async def run(self, job: Callable[[], T]) -> T:
        """Return what a job returns, or raise what it raises."""
        if self._jobs >= self._depth:
            raise BusyError(f"{self._depth:,} requests wait to be read; retry later")
        self._jobs += 1
        done = asyncio.get_running_loop().run_in_executor(self._pool, job)
        done.add_done_callback(self._finished)
        return await done

    def _finished(self, done: "asyncio.Future[T]") -> None:
        self._jobs -= 1
