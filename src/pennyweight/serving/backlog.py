"""Jobs that wait for worker threads, and how long a new one would wait."""

import queue
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from pennyweight.errors import BusyError

__all__ = ["STUCK_SECONDS", "Backlog"]

J = TypeVar("J")

PATIENCE = 0.5  # seconds of expected wait; it may well turn out to be twice as long
FIRST_GUESS = 0.001  # seconds a job, until some are measured
SMOOTHING = 1 / 16  # weight of the newest measurement
STUCK_SECONDS = 5.0  # work under way for longer will hardly end


class Backlog(Generic[J]):
    """A queue that estimates how long a new job would wait, and refuses it if that is too long.

    The expected wait is the length of the queue times the seconds that a job takes
    (exponentially smoothed, by the worker threads' own clock, so that their wait for the
    interpreter counts), plus the age of the work under way: long work is expected to take as long
    again, so behind a stuck worker new jobs are refused instead of waiting.

    Parameters
    ----------
    name
        Of the jobs, for messages.
    depth
        Jobs that may wait, whatever they take; a bound of memory.
    workers
        Threads that take jobs.
    patience
        The longest acceptable wait, in seconds.
    clock
        Seconds that only go forward.
    """

    def __init__(
        self,
        name: str,
        *,
        depth: int,
        workers: int = 1,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._depth, self._clock = name, depth, clock
        self._patience = patience
        self._jobs: queue.Queue[J | None] = queue.Queue()
        self._began: list[float | None] = [None] * workers
        self._seconds = FIRST_GUESS

    def __len__(self) -> int:
        return self._jobs.qsize()

    @property
    def expected_wait(self) -> float:
        """Seconds until a new job would be begun."""
        return self._jobs.qsize() * self._seconds / len(self._began) + min(self._ages())

    @property
    def stuck_for(self) -> float:
        """Seconds for which the oldest work has been under way."""
        return max(self._ages())

    def _ages(self) -> list[float]:
        now = self._clock()
        return [0.0 if began is None else max(0.0, now - began) for began in self._began]

    def refusal(self, *, urgent: bool = False) -> BusyError | None:
        """Return why a new job would be refused now, if it would.

        Parameters
        ----------
        urgent
            A client waits for it, so that it is refused if that would take too long.
        """
        waiting = self._jobs.qsize()
        if waiting >= self._depth:
            return BusyError(f"{waiting:,} {self._name} wait; try again")
        if urgent and (wait := self.expected_wait) > self._patience:
            return BusyError(f"{self._name} would wait for {wait:.1f} s; try again")
        return None

    def put(self, job: J, *, urgent: bool = False) -> None:
        """Let a job wait; `BusyError` where `refusal` has a reason."""
        refused = self.refusal(urgent=urgent)
        if refused is not None:
            raise refused
        self._jobs.put(job)

    def get(self) -> J | None:
        """Wait for a job; None when it is time to stop."""
        return self._jobs.get()

    def get_batch(self, limit: int, seconds: float) -> list[J] | None:
        """Wait for a job; return it with those that wait too, or None when it is time to stop.

        Parameters
        ----------
        limit
            Maximum number of jobs.
        seconds
            Time in which the batch should be done.
        """
        job = self._jobs.get()
        if job is None:
            return None
        batch, size = [job], min(limit, int(seconds / self._seconds))
        while len(batch) < size and not self._jobs.empty():
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:  # another worker took it
                break
            if job is None:
                self._jobs.put(None)  # the next `get_batch` stops
                break
            batch.append(job)
        return batch

    def waiting(self) -> list[J]:
        """Return the jobs that wait, the oldest first."""
        return [job for job in list(self._jobs.queue) if job is not None]

    def begin(self, worker: int) -> None:
        """Note that a worker begins."""
        self._began[worker] = self._clock()

    def end(self, worker: int, n: int) -> None:
        """Note that a worker has done n jobs."""
        began, self._began[worker] = self._began[worker], None
        if n and began is not None:
            self._seconds += SMOOTHING * ((self._clock() - began) / n - self._seconds)

    def stop(self) -> None:
        """Let one worker stop after the jobs that wait."""
        self._jobs.put(None)
