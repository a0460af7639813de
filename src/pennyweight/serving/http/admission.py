"""Which requests are taken on while there are too many: those that can be answered in time."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from pennyweight.serving.security.scopes import is_health

__all__ = ["Admission"]

WAIT = 0.25  # seconds of expected wait; a standing queue gains nothing but delay
TICK = 0.05  # seconds between measurements
LASTING = 4  # measurements for which lag must last to count
SMOOTHING = 0.2  # weight of the newest measurement
FIRST_GUESS = 0.001  # seconds a request, until overload is measured
BACKLOG = 32  # requests under way from which throughput is capacity, not demand
MIN_BOUND = 2 * BACKLOG  # always admitted, or a wrong estimate would never be corrected
STEADY = 2 * MIN_BOUND  # operators get twice as many, even if the bound has just fallen
RECENTLY = 1.0  # seconds for which a refusal means: full

# Changes of items wait to be recommendable, those of bundles and users for a separate thread:
# how many of them are under way says nothing of the load.
WAITING = (
    b"/v1/items",
    b"/v1/bundles",
    b"/v1/users",
    b"/api/item",
    b"/api/user",
    b"/dashboard/bundles",
    b"/dashboard/users",
)
LOOKING = ("GET", "HEAD")
# Of people who look after the service: let in for longer.
OPERATORS = (
    b"/dashboard",
    b"/static/",
    b"/login",
    b"/logout",
    b"/metrics",
    b"/docs",
    b"/openapi.json",
    b"/v1/bundles",
    b"/v1/users",
    b"/v1/audit",
    b"/v1/feedback",
)


class Admission:
    """Bounds the requests under way to as many as are answered within a wait.

    By Little's law a newcomer waits for the requests under way times the time the service takes
    for each. That time is one over the throughput, measured while at least `BACKLOG` are under
    way, for then the throughput is the capacity and not the demand; it is exponentially
    smoothed. So the bound follows the machine, the catalog and the mix of lists and events.

    The lag of the event loop, by which a timer is late, is the time that requests wait before
    they are even read; it is taken off the wait. As in CoDel its minimum over some measurements
    counts: a hiccup is no overload.

    All is of one event loop; the server asks `refuses` before it makes anything of a request,
    since at three times the capacity two in three requests are refused and must cost nothing.

    Parameters
    ----------
    limit
        The most requests under way, however quick they are.
    connections
        Open connections; further ones are refused.
    clock
        Seconds that only go forward.

    Attributes
    ----------
    under_way
        Requests whose bodies have come and whose answers have not left, but for those that wait
        on purpose.
    bound
        How many may be under way now.
    lag
        Seconds by which the event loop is late, lastingly.
    refused
        Requests refused so far.
    on_refused
        Called now and then with how many more were refused.
    """

    def __init__(
        self,
        limit: int = 1_024,
        *,
        connections: int = 4_096,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit, self.connections = limit, connections
        self.under_way = self.refused = 0
        self.lag = 0.0
        self.on_refused: Callable[[int], None] = lambda n: None
        self._seconds = FIRST_GUESS
        self._lags: deque[float] = deque([0.0], LASTING)
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._since = self._due = self._refused_at = self._closed_at = float("-inf")
        self._answered = self._reported = 0
        self._queueing = False
        self.bound = self._bound()

    def refuses(self, path: bytes) -> bool:
        """Return whether a request for a path is refused now; health checks never are."""
        if self.under_way < self.bound:
            return False
        if path.startswith(OPERATORS) or path.partition(b"?")[0] == b"/":
            return self.under_way >= 2 * max(self.bound, min(self.limit, STEADY))
        return not is_health(path.partition(b"?")[0].decode("latin-1"))

    @staticmethod
    def counts(method: str, path: bytes) -> bool:
        """Return whether a request is one of those that are counted."""
        return method in LOOKING or not path.startswith(WAITING)

    def begin(self) -> None:
        """Count a request that was received completely."""
        self.under_way += 1

    def end(self, *, answered: bool) -> None:
        """Count a request that was answered, or whose client has hung up."""
        self.under_way -= 1
        if answered:
            self._answered += 1
        if self.under_way < BACKLOG:
            self._queueing = False

    def may_close_idle(self) -> bool:
        """Return whether it is time to close idle connections: at most once a second."""
        now = self._clock()
        if now - self._closed_at < RECENTLY:
            return False
        self._closed_at = now
        return True

    @property
    def is_full(self) -> bool:
        """Whether requests are refused, or were a moment ago."""
        if self.under_way >= self.bound or self.refused > self._reported:
            return True
        return self._clock() - self._refused_at < RECENTLY

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure from now on, for as long as the loop runs."""
        if self._loop is not loop:
            self._loop = loop
            self._wait()

    def _wait(self) -> None:
        assert self._loop is not None
        self._due = self._clock() + TICK
        self._loop.call_later(TICK, self._tick)

    def _tick(self) -> None:
        self.measure()
        self._wait()

    def measure(self) -> None:
        """Take the lag and the throughput since the last time into account."""
        now = self._clock()
        self._lags.append(max(0.0, now - self._due))
        self.lag = min(self._lags)
        if not self._queueing:
            self._since, self._answered = now, 0
            self._queueing = self.under_way >= BACKLOG
        elif self._answered:
            seconds = min(WAIT, (now - self._since) / self._answered)
            self._seconds += SMOOTHING * (seconds - self._seconds)
            self._since, self._answered = now, 0
        self.bound = self._bound()
        if self.refused > self._reported:
            self.on_refused(self.refused - self._reported)
            self._reported, self._refused_at = self.refused, now

    def _bound(self) -> int:
        in_time = max(0.0, WAIT - self.lag) / self._seconds
        return min(self.limit, max(MIN_BOUND, int(in_time)))
