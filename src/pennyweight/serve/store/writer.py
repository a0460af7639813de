"""The one thread that writes: what comes while the disk is busy is forced to it together."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from pennyweight.errors import BusyError, StoreError
from pennyweight.serve.store.protocol import Store

__all__ = ["Writer"]

T = TypeVar("T")
TOGETHER = 256  # jobs in one transaction
_Job = tuple[Callable[[Store], Any], "Future[Any]", bool]


class Writer:
    """Runs jobs on a store one after another, several in a transaction (group commit).

    A result is handed out when it is on disk. A job that fails takes back what it wrote and
    leaves the others alone; where the disk refuses, all of the transaction fail.

    Parameters
    ----------
    store
        Used by no other thread from here on.
    depth
        Jobs that may wait; then `BusyError`.
    """

    def __init__(self, store: Store, *, depth: int = 4_096) -> None:
        self._store = store
        self._jobs: queue.Queue[_Job | None] = queue.Queue(depth)
        self._thread = threading.Thread(target=self._run, name="pennyweight-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return self._jobs.qsize()

    def submit(self, job: Callable[[Store], T], *, alone: bool = False) -> "Future[T]":
        """Return what the job will return once it is on disk.

        Parameters
        ----------
        alone
            Not in a transaction with others, as `Store.erase` wants it.

        Raises
        ------
        BusyError
            Too many wait.
        """
        future: Future[T] = Future()
        try:
            self._jobs.put_nowait((job, future, alone))
        except queue.Full:
            raise BusyError(
                f"{self._jobs.maxsize:,} writes wait for the disk; come again"
            ) from None
        return future

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            batch: list[_Job] = []
            alone: _Job | None = None
            job = self._jobs.get()
            while job is not None and not job[2]:
                batch.append(job)
                if len(batch) == TOGETHER or self._jobs.empty():
                    break
                job = self._jobs.get()
            else:
                alone, going = job, job is not None
            if batch:
                self._together(batch)
            if alone is not None:
                self._alone(alone)

    def _together(self, batch: list[_Job]) -> None:
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._store.transaction():
                for job, future, _ in batch:
                    done.append((future, *self._one(job)))
        except Exception as error:  # not one of them is on disk
            done = [(future, None, _refused(error)) for _, future, _ in batch]
        for future, result, failed in done:
            _settle(future, result, failed)

    def _one(self, job: Callable[[Store], Any]) -> tuple[Any, BaseException | None]:
        try:
            with self._store.transaction():
                return job(self._store), None
        except StoreError:
            raise
        except Exception as error:
            return None, error

    def _alone(self, job: _Job) -> None:
        try:
            _settle(job[1], job[0](self._store), None)
        except Exception as error:
            _settle(job[1], None, error)


def _refused(error: Exception) -> Exception:
    return error if isinstance(error, StoreError) else StoreError(f"nothing was kept: {error}")


def _settle(future: "Future[Any]", result: Any, error: BaseException | None) -> None:  # noqa: ANN401
    if not future.set_running_or_notify_cancel():
        return  # the caller is gone; what was written stays written
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
