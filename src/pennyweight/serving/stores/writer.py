"""The one thread that writes: jobs that come while the disk is busy share one fsync."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from pennyweight.errors import BusyError, StoreError
from pennyweight.serving.backlog import Backlog
from pennyweight.serving.http.deadline import Deadline
from pennyweight.serving.stores.protocol import Store
from pennyweight.serving.stores.room import REFUSED

__all__ = ["Writer"]

T = TypeVar("T")
TOGETHER = 256  # jobs in one transaction
# A disk that is slow now and then is not overload, and to send events again is work for both.
PATIENCE = 2.0  # seconds that a write may be expected to wait
GRACE = 2.0  # seconds after its deadline for which a write may still begin
CHECK = 0.25  # seconds between checks for overdue jobs
TRY = 2.0  # seconds between tries of a disk that refused


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[Store], Any]
    future: "Future[Any]"
    alone: bool
    deadline: Deadline | None

    def is_overdue(self, now: float) -> bool:
        return self.deadline is not None and now > self.deadline.at + GRACE

    def begins(self) -> bool:
        """Whether it is to be run; from then on it cannot be cancelled."""
        if self.future.done():
            return False
        if self.is_overdue(time.monotonic()):
            self.future.cancel()
        return self.future.set_running_or_notify_cancel()


class Writer:
    """Runs jobs on a store one after another, several in a transaction (group commit).

    A result is handed out when it is on disk. A job that fails is rolled back and
    leaves the others alone; where the disk refuses, all of the transaction fail. A job whose
    deadline has long passed before it begins is cancelled, and nothing of it is written; one whose
    client has gone is written, for many clients do not wait for the response to an event.

    Parameters
    ----------
    store
        Used by no other thread from here on.
    depth
        Jobs that may wait; then `BusyError`.

    Attributes
    ----------
    refusal
        Why the disk takes no more, since a write failed; None where it does, or does again.
    """

    def __init__(self, store: Store, *, depth: int = 4_096) -> None:
        self._store = store
        self.backlog: Backlog[_Job] = Backlog("writes", depth=depth, patience=PATIENCE)
        self.refusal: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pennyweight-writer", daemon=True)
        self._watch = threading.Thread(
            target=self._look_on, name="pennyweight-writer-watch", daemon=True
        )
        self._thread.start()
        self._watch.start()

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return len(self.backlog)

    def submit(
        self,
        job: Callable[[Store], T],
        *,
        alone: bool = False,
        deadline: Deadline | None = None,
    ) -> "Future[T]":
        """Return a future with the result of the job, once it is on disk.

        Parameters
        ----------
        alone
            Not in a transaction with others, as `Store.erase` requires.
        deadline
            Some seconds after that, if it has not begun, the future is cancelled.

        Raises
        ------
        BusyError
            Too many wait, or it would not begin in time.
        """
        future: Future[T] = Future()
        self.backlog.put(_Job(job, future, alone, deadline), urgent=deadline is not None)
        return future

    async def written(
        self, job: Callable[[Store], T], *, alone: bool = False, deadline: Deadline | None = None
    ) -> T:
        """Return the result of a job, once it is on disk; `BusyError` if that was too late."""
        future = self.submit(job, alone=alone, deadline=deadline)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # not the job was cancelled
                raise
            raise BusyError(
                "the disk did not respond in time; nothing was stored; try again"
            ) from None

    def close(self) -> None:
        """Finish the waiting writes, then stop."""
        self.backlog.stop()
        self._thread.join()
        self._stopping.set()
        self._watch.join()

    def _run(self) -> None:
        is_running = True
        while is_running:
            batch: list[_Job] = []
            alone: _Job | None = None
            job = self.backlog.get()
            while job is not None and not job.alone:
                batch.append(job)
                if len(batch) == TOGETHER or not len(self.backlog):
                    break
                job = self.backlog.get()
            else:
                alone, is_running = job, job is not None
            batch = [job for job in batch if job.begins()]
            if batch:
                self.backlog.begin(0)
                self._together(batch)
                self.backlog.end(0, len(batch))
            if alone is not None and alone.begins():
                self.backlog.begin(0)
                self._alone(alone)
                self.backlog.end(0, 0)  # its time is no measure for other jobs

    def _together(self, batch: list[_Job]) -> None:
        results: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._store.transaction():
                for job in batch:
                    results.append((job.future, *self._run_job(job.run)))
        except Exception as error:  # not one of them is on disk
            self.refusal = self.refusal or REFUSED
            results = [(job.future, None, _refused(error)) for job in batch]
        for future, result, failed in results:
            _settle(future, result, failed)

    def _run_job(self, job: Callable[[Store], Any]) -> tuple[Any, BaseException | None]:
        try:
            with self._store.transaction():
                return job(self._store), None
        except StoreError:
            raise
        except Exception as error:
            return None, error

    def _alone(self, job: _Job) -> None:
        try:
            _settle(job.future, job.run(self._store), None)
        except Exception as error:
            if isinstance(error, StoreError):
                self.refusal = self.refusal or REFUSED
            _settle(job.future, None, error)

    def _look_on(self) -> None:
        """Cancel overdue jobs while the disk is slow; try again after a refusal."""
        tried = -TRY
        while not self._stopping.wait(CHECK):
            if self.refusal is not None and time.monotonic() - tried > TRY:
                self.refusal = self._store.unwritable()
                tried = time.monotonic()
            if self.backlog.stuck_for >= CHECK:
                self._expire()

    def _expire(self) -> None:
        now = time.monotonic()
        for job in self.backlog.waiting():
            if job.is_overdue(now):
                job.future.cancel()


def _refused(error: Exception) -> Exception:
    return error if isinstance(error, StoreError) else StoreError(f"nothing was stored: {error}")


def _settle(future: "Future[Any]", result: Any, error: BaseException | None) -> None:  # noqa: ANN401
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
