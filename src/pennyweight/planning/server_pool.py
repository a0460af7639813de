"""Servers with one line of waiting requests, request by request.

Waiting requests are served in the order of their arrival by the first free server, alone or
several together. The line is bounded: a request that finds it full is refused.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from math import inf, nan, nextafter

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import PlanError

__all__ = ["BatchPolicy", "ServerPool"]

Floats = NDArray[np.float64]


def _each_alone(size: int) -> float:
    return float(size)


@dataclass(frozen=True)
class BatchPolicy:
    """How a server takes several waiting requests at once.

    Parameters
    ----------
    max_size
        Requests in a batch.
    max_wait_s
        Seconds for which a free server waits for a batch to fill; the service does not wait.
    cost
        Size of a batch -> its service time as a multiple of that of one request; by default
        proportional, so that batches gain nothing.
    """

    max_size: int = 1
    max_wait_s: float = 0.0
    cost: Callable[[int], float] = _each_alone

    def __post_init__(self) -> None:
        if self.max_size < 1 or not 0 <= self.max_wait_s < inf:
            raise PlanError(
                f"a batch of {self.max_size} within {self.max_wait_s} s: a batch has at least one "
                "request and waits for at least 0 s"
            )

    @classmethod
    def with_fixed_share(cls, max_size: int, share: float) -> "BatchPolicy":
        """Return batches that save a share of the service time of each request but the first."""
        if not 0 <= share <= 1:
            raise PlanError(f"the fixed share of a batch is {share}; it must lie between 0 and 1")
        return cls(max_size, cost=lambda size: share + (1 - share) * size)


class ServerPool:
    """Servers with one line of waiting requests; their number may change meanwhile.

    Parameters
    ----------
    arrivals
        Seconds at which requests arrive, ascending, float64 (n,).
    seconds
        Service time of each alone, float64 (n,).
    servers
        Requests, or batches, that are served at once.
    queue_limit
        Requests that may wait; None for no limit.
    batches
        How requests are served together; None for each alone.

    Attributes
    ----------
    queue_limit
        As above; it may change meanwhile.
    busy_s
        Seconds of work begun so far, of all servers together.
    """

    def __init__(
        self,
        arrivals: Floats,
        seconds: Floats,
        servers: int,
        *,
        queue_limit: int | None = None,
        batches: BatchPolicy | None = None,
    ) -> None:
        self._times: list[float] = arrivals.tolist()
        self._seconds: list[float] = seconds.tolist()
        self.queue_limit = queue_limit
        self._batches = batches or BatchPolicy()
        self._costs = [0.0, *map(self._batches.cost, range(1, self._batches.max_size + 1))]
        self._free = [-inf] * servers  # a heap of the times from which servers are free
        self._waiting: deque[int] = deque()
        self._next = self._oldest = 0
        self._ends = [inf] * len(self._times)  # NaN for a refused request
        self.busy_s = 0.0

    @property
    def servers(self) -> int:
        """The present number of servers."""
        return len(self._free)

    def resize(self, servers: int, now: float) -> None:
        """Change the number of servers; those that leave finish their work first."""
        while len(self._free) > servers:
            heappop(self._free)
        for _ in range(servers - len(self._free)):
            heappush(self._free, now)

    def in_flight(self, now: float) -> int:
        """Return the number of requests that wait or are served; call it with rising times."""
        ends, place = self._ends, self._oldest
        while place < self._next and not ends[place] > now:
            place += 1
        self._oldest = place
        return sum(end > now for end in ends[place : self._next])

    def advance(self, until: float = inf) -> None:
        """Serve until a time; what would begin later waits."""
        while (head := self._head(until)) is not None:
            start = self._free[0] if self._free else inf
            if start < head:
                start = head
            if self._batches.max_wait_s:
                start = self._filled(start, head)
            self._admit(start if start < until else until)
            if start >= until:
                break
            self._begin(start)

    def _head(self, until: float) -> float | None:
        """Return the arrival of the next request to serve, if it comes before a time."""
        times, waiting = self._times, self._waiting
        if waiting:
            return times[waiting[0]]
        while self._next < len(times) and times[self._next] < until:
            place = self._next
            self._next += 1
            if self.queue_limit != 0 or (self._free and self._free[0] <= times[place]):
                waiting.append(place)
                return times[place]
            self._ends[place] = nan
        return None

    def _filled(self, start: float, head: float) -> float:
        """Return when a batch begins: just after it is full, or its first has waited enough."""
        missing = self._batches.max_size - len(self._waiting)
        if missing <= 0:
            return start
        last = self._next + missing - 1
        full = nextafter(self._times[last], inf) if last < len(self._times) else inf
        return max(start, min(head + self._batches.max_wait_s, full))

    def _admit(self, before: float) -> None:
        """Let the requests that arrive before a time wait, as far as the line has room."""
        times, waiting = self._times, self._waiting
        limit = inf if self.queue_limit is None else self.queue_limit
        place, n = self._next, len(times)
        while place < n and times[place] < before:
            if len(waiting) < limit:
                waiting.append(place)
            else:
                self._ends[place] = nan
            place += 1
        self._next = place

    def _begin(self, start: float) -> None:
        """Let the first free server take what waits."""
        waiting, ends = self._waiting, self._ends
        first = waiting.popleft()
        took = self._seconds[first]
        if self._batches.max_size > 1:
            more = [waiting.popleft() for _ in range(min(self._batches.max_size - 1, len(waiting)))]
            took *= self._costs[1 + len(more)]
            for place in more:
                ends[place] = start + took
        ends[first] = start + took
        self.busy_s += took
        heapreplace(self._free, start + took)

    def latencies(self) -> Floats:
        """Return the seconds of each request from its arrival to its end, NaN if refused.

        Infinite where it still waits.
        """
        return np.subtract(self._ends, self._times, dtype=np.float64)
