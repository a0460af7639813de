"""The policy of an elastic fleet, and its decisions second by second."""

from collections import deque
from dataclasses import asdict, dataclass
from math import ceil, inf

from pennyweight.errors import PlanError
from pennyweight.planning.replica import MAX_REPLICAS

__all__ = ["TICK", "Autoscaler", "ScalingPolicy"]

TICK = 1.0  # seconds between decisions
AVERAGED = 10  # ticks over which requests in flight are averaged


@dataclass(frozen=True)
class ScalingPolicy:
    """When replicas start and stop.

    Parameters
    ----------
    target_in_flight
        Requests per replica, waiting or served, that the number of replicas aims at; above 0.
    min_replicas, max_replicas
        Limits of the number that serves.
    up_delay_s, down_delay_s
        Seconds for which more, or fewer, replicas must be called for before they start, or stop.
    start_s
        Seconds from the start of a replica until it serves.
    warm_spares
        Replicas that are ready but get no requests; they serve at once, and others are started
        in their place.
    """

    target_in_flight: float
    min_replicas: int = 1
    max_replicas: int = 100
    up_delay_s: float = 10.0
    down_delay_s: float = 300.0
    start_s: float = 30.0
    warm_spares: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.target_in_flight < inf:
            raise PlanError(f"target_in_flight is {self.target_in_flight}; it must be above 0")
        if not 0 <= self.min_replicas <= self.max_replicas <= MAX_REPLICAS or not self.max_replicas:
            raise PlanError(
                f"{self.min_replicas} to {self.max_replicas} replicas; the limits must ascend, "
                f"with a largest from 1 to {MAX_REPLICAS:,}"
            )
        for name in ("up_delay_s", "down_delay_s", "start_s", "warm_spares"):
            value = asdict(self)[name]
            if not 0 <= value < inf:
                raise PlanError(f"{name} is {value}; it must be at least 0")


class Autoscaler:
    """Decides each second how many replicas serve.

    The number called for is that of the requests in flight, averaged over ten seconds, over the
    target. Replicas start when more were called for during the whole of the up delay, as many as
    were called for all the time; they stop likewise.

    Attributes
    ----------
    serving
        Replicas that get requests.
    """

    def __init__(self, policy: ScalingPolicy, replicas: int) -> None:
        self._policy, self.serving = policy, replicas
        self._in_flight: deque[float] = deque(maxlen=AVERAGED)
        self._calls_up: deque[int] = deque(maxlen=1 + round(policy.up_delay_s / TICK))
        self._calls_down: deque[int] = deque(maxlen=1 + round(policy.down_delay_s / TICK))
        self._starting: deque[float] = deque()  # when they serve
        self._spares, self._spares_starting = policy.warm_spares, deque[float]()

    @property
    def paid(self) -> int:
        """Replicas that serve, start or wait as spares."""
        return self.serving + len(self._starting) + self._spares + len(self._spares_starting)

    def step(self, now: float, in_flight: float) -> int:
        """Take the requests in flight at a second into account; return `serving`."""
        policy = self._policy
        while self._starting and self._starting[0] <= now:
            self._starting.popleft()
            self.serving += 1
        while self._spares_starting and self._spares_starting[0] <= now:
            self._spares_starting.popleft()
            self._spares += 1
        self._in_flight.append(in_flight)
        mean = sum(self._in_flight) / len(self._in_flight)
        called = ceil(mean / policy.target_in_flight - 1e-9)
        called = min(max(called, policy.min_replicas), policy.max_replicas)
        self._calls_up.append(called)
        self._calls_down.append(called)
        present = self.serving + len(self._starting)
        if called > present and len(self._calls_up) == self._calls_up.maxlen:
            self._start(min(self._calls_up) - present, now)
        elif called < present and len(self._calls_down) == self._calls_down.maxlen:
            self._stop(present - max(self._calls_down))
        return self.serving

    def _start(self, replicas: int, now: float) -> None:
        for _ in range(max(0, replicas)):
            if self._spares:
                self._spares -= 1
                self.serving += 1
                self._spares_starting.append(now + self._policy.start_s)
            else:
                self._starting.append(now + self._policy.start_s)

    def _stop(self, replicas: int) -> None:
        for _ in range(max(0, replicas)):
            if self._starting:
                self._starting.pop()
            else:
                self.serving -= 1
