"""Threads that score: what comes while they are busy is answered together."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pennyweight.errors import BusyError
from pennyweight.serve.engine.histories import HistoryCache
from pennyweight.serve.engine.lists import Found, Wanted, find
from pennyweight.serve.engine.precedence import Precedence
from pennyweight.serve.engine.shelf import Shelf
from pennyweight.serve.store.protocol import Store

__all__ = ["Answering"]

TOGETHER = 32  # lists in one batch; more would make the first of them wait

Call = Callable[[Shelf, Store], Any]


@dataclass(frozen=True, slots=True)
class _Job:
    shelf: Shelf
    what: Wanted | Call
    future: "asyncio.Future[Any]"


class Answering:
    """Answers lists, and runs whatever else takes a shelf, off the event loop.

    Parameters
    ----------
    store
        Each thread reads from a reader of it.
    cache
        Histories of users.
    threads
        How many.
    depth
        Jobs that may wait; then `BusyError`.
    clock
        Epoch seconds.
    precedence
        Told while lists are made, for those that give way.
    """

    def __init__(
        self,
        store: Store,
        cache: HistoryCache,
        *,
        threads: int,
        depth: int,
        clock: Callable[[], float],
        precedence: Precedence | None = None,
    ) -> None:
        self._cache, self._clock = cache, clock
        self._precedence = precedence or Precedence()
        self._jobs: queue.Queue[_Job | None] = queue.Queue(depth)
        self._stores = [store.reader() for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._run, args=(one,), name=f"pennyweight-answer-{i}")
            for i, one in enumerate(self._stores)
        ]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return self._jobs.qsize()

    def submit(self, shelf: Shelf, what: Wanted | Call) -> "asyncio.Future[Any]":
        """Return a future of the running event loop: a `Found`, or what the call returns.

        Raises
        ------
        BusyError
            Too many wait.
        """
        future = asyncio.get_running_loop().create_future()
        try:
            self._jobs.put_nowait(_Job(shelf, what, future))
        except queue.Full:
            raise BusyError(f"{self._jobs.maxsize:,} requests wait; come again") from None
        return future

    def close(self) -> None:
        """Finish what waits, then stop."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        for store in self._stores:
            store.close()

    def _run(self, store: Store) -> None:
        while (batch := self._next()) is not None:
            with self._precedence.urgent():
                self._answer(batch, store)

    def _next(self) -> list[_Job] | None:
        """Return what waits, at least one job; None when it is time to stop."""
        job = self._jobs.get()
        if job is None:
            return None
        batch = [job]
        while len(batch) < TOGETHER:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            batch.append(job)
        return batch

    def _answer(self, batch: Sequence[_Job], store: Store) -> None:
        done: list[tuple[_Job, Any]] = []
        lists: dict[int, list[_Job]] = {}
        for job in batch:
            if job.future.cancelled():
                continue
            if isinstance(job.what, Wanted):
                lists.setdefault(id(job.shelf), []).append(job)
            else:
                done.append((job, _called(job.what, job.shelf, store)))
        for jobs in lists.values():
            wanted = [job.what for job in jobs if isinstance(job.what, Wanted)]
            found = find(jobs[0].shelf, wanted, self._cache, store, self._clock())
            done += zip(jobs, found, strict=True)
        if done:
            _deliver(done)


def _called(call: Call, shelf: Shelf, store: Store) -> Any:  # noqa: ANN401
    try:
        return call(shelf, store)
    except Exception as error:
        return error


def _deliver(done: list[tuple[_Job, Found | Exception | Any]]) -> None:
    """Hand over all results at once: waking the event loop costs more than an answer."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[_Job, Any]]] = {}
    for job, result in done:
        loops.setdefault(job.future.get_loop(), []).append((job, result))
    for loop, some in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, some)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more


def _settle(done: list[tuple[_Job, Any]]) -> None:
    for job, result in done:
        if job.future.done():
            continue  # the caller is gone
        if isinstance(result, Exception):
            job.future.set_exception(result)
        else:
            job.future.set_result(result)
