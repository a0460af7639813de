"""Worker threads that micro-batch scoring requests."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pennyweight.errors import BusyError
from pennyweight.serving.backlog import STUCK_SECONDS, Backlog
from pennyweight.serving.http.deadline import DEADLINE, Deadline
from pennyweight.serving.live.histories import HistoryCache
from pennyweight.serving.live.lists import ListRequest, RankedList, rank_lists
from pennyweight.serving.live.new_item_feedback import NewItemFeedback
from pennyweight.serving.live.precedence import Precedence
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store

__all__ = ["MicroBatching"]

TOGETHER = 32  # lists in one batch; more would make the first of them wait
BATCH_SECONDS = 0.25  # so would slow ones
CHECK = 0.25  # seconds between checks for overdue jobs
STOPPING = 5.0  # seconds for which a thread may take to end

Call = Callable[[ServedBundle, Store], Any]


@dataclass(frozen=True, slots=True)
class _Job:
    bundle: ServedBundle
    task: ListRequest | Call
    future: "asyncio.Future[Any]"
    deadline: Deadline | None

    def is_overdue(self, now: float) -> bool:
        return self.deadline is not None and now > self.deadline.at

    def is_abandoned(self, now: float) -> bool:
        """Whether its deadline has passed or its client has hung up."""
        deadline = self.deadline
        return deadline is not None and (now > deadline.at or deadline.is_disconnected())


class MicroBatching:
    """Answers lists, and runs whatever else takes a bundle, off the event loop.

    A job whose deadline has passed, or whose client has hung up, is skipped. If the threads are
    stuck, waiting jobs fail at their deadline.

    Parameters
    ----------
    store
        Each thread reads through its own reader of it.
    cache
        Histories of users.
    threads
        How many.
    depth
        Jobs that may wait; then `BusyError`.
    clock
        Epoch seconds.
    precedence
        Held while lists are made, so that other work gives way.
    feedback
        On new items, for lists that explore.
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
        feedback: NewItemFeedback | None = None,
    ) -> None:
        self._cache, self._clock, self._feedback = cache, clock, feedback
        self._precedence = precedence or Precedence()
        self.backlog: Backlog[_Job] = Backlog("requests", depth=depth, workers=threads)
        self._under_way: list[Sequence[_Job]] = [()] * threads
        self._stores = [store.reader() for _ in range(threads)]
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(i, reader), name=f"pennyweight-answer-{i}")
            for i, reader in enumerate(self._stores)
        ]
        self._watch = threading.Thread(target=self._expire, name="pennyweight-answer-watch")
        for thread in (*self._threads, self._watch):
            thread.daemon = True
            thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return len(self.backlog)

    def submit(self, bundle: ServedBundle, task: ListRequest | Call) -> "asyncio.Future[Any]":
        """Return a future of the running event loop: a `RankedList`, or the result of the call.

        Raises
        ------
        BusyError
            Too many wait, or it would not be done in time.
        """
        future = asyncio.get_running_loop().create_future()
        self.backlog.put(_Job(bundle, task, future, DEADLINE.get()), urgent=True)
        return future

    def close(self) -> None:
        """Finish the waiting lists, then stop; a thread that is stuck is left alone."""
        for _ in self._threads:
            self.backlog.stop()
        for thread, store in zip(self._threads, self._stores, strict=True):
            thread.join(STOPPING)
            if not thread.is_alive():
                store.close()
        self._stopping.set()
        self._watch.join()

    def _run(self, worker: int, store: Store) -> None:
        while (batch := self.backlog.get_batch(TOGETHER, BATCH_SECONDS)) is not None:
            self._under_way[worker] = batch
            self.backlog.begin(worker)
            with self._precedence.urgent():
                n = self._answer(batch, store)
            self.backlog.end(worker, n)
            self._under_way[worker] = ()

    def _answer(self, batch: Sequence[_Job], store: Store) -> int:
        """Answer a batch; return the number of jobs that were not skipped."""
        results: list[tuple[_Job, Any]] = []
        by_bundle: dict[int, list[_Job]] = {}
        skipped, now = 0, time.monotonic()
        for job in batch:
            if job.future.done():
                skipped += 1
            elif job.is_abandoned(now):
                skipped += 1
                results.append((job, _timeout_error()))
            elif isinstance(job.task, ListRequest):
                by_bundle.setdefault(id(job.bundle), []).append(job)
            else:
                results.append((job, _call(job.task, job.bundle, store)))
        for jobs in by_bundle.values():
            requests = [job.task for job in jobs if isinstance(job.task, ListRequest)]
            lists = rank_lists(
                jobs[0].bundle, requests, self._cache, store, self._clock(), self._feedback
            )
            results += zip(jobs, lists, strict=True)
        if results:
            _deliver(results)
        return len(batch) - skipped

    def _expire(self) -> None:
        """Fail overdue jobs while the threads are stuck."""
        while not self._stopping.wait(CHECK):
            stuck_for, now = self.backlog.stuck_for, time.monotonic()
            if stuck_for < CHECK:
                continue
            overdue = [job for job in self.backlog.waiting() if job.is_overdue(now)]
            if stuck_for > STUCK_SECONDS:
                overdue += [
                    job for batch in self._under_way for job in batch if job.is_overdue(now)
                ]
            if overdue:
                _deliver([(job, _timeout_error()) for job in overdue])


def _timeout_error() -> BusyError:
    return BusyError("the request timed out; try again")


def _call(call: Call, bundle: ServedBundle, store: Store) -> Any:  # noqa: ANN401
    try:
        return call(bundle, store)
    except Exception as error:
        return error


def _deliver(results: list[tuple[_Job, RankedList | Exception | Any]]) -> None:
    """Hand over all results at once: waking the event loop costs more than an answer."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[_Job, Any]]] = {}
    for job, result in results:
        loops.setdefault(job.future.get_loop(), []).append((job, result))
    for loop, batch in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, batch)
        except RuntimeError:
            pass  # the loop is closed: no client waits any more


def _settle(results: list[tuple[_Job, Any]]) -> None:
    for job, result in results:
        if job.future.done():
            continue  # the caller has given up
        if isinstance(result, Exception):
            job.future.set_exception(result)
        else:
            job.future.set_result(result)
