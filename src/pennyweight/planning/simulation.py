"""Simulated latencies: batches, bounded lines and measured times, which closed forms leave out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import PlanError
from pennyweight.planning.arrivals import Arrivals, steady
from pennyweight.planning.server_pool import BatchPolicy, ServerPool

__all__ = ["QueueResult", "ServiceTime", "highest_rate", "simulate"]

Floats = NDArray[np.float64]

PRECISION = 1 / 512  # of the highest rate, as a share of the capacity


@dataclass(frozen=True)
class ServiceTime:
    """The seconds for which a request occupies a server.

    Parameters
    ----------
    mean
        Seconds, above 0.
    scv
        Squared coefficient of variation: 0 for constant times, 1 as variable as exponential ones.
    shape
        ``gamma`` (exponential where `scv` is 1) or ``lognormal``, which has a longer tail.
    """

    mean: float
    scv: float = 1.0
    shape: Literal["gamma", "lognormal"] = "gamma"
    measured: tuple[float, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.mean < inf:
            raise PlanError(f"service time is {self.mean} s; it must be above 0")
        if not 0 <= self.scv < inf:
            raise PlanError(f"service_scv is {self.scv}; it must be at least 0")

    @classmethod
    def of_measured(cls, seconds: Sequence[float] | Floats) -> "ServiceTime":
        """Return the distribution of measured times, which are drawn with replacement."""
        times = np.asarray(seconds, dtype=np.float64)
        if times.ndim != 1 or not len(times) or not (np.isfinite(times) & (times > 0)).all():
            raise PlanError("measured service times must be seconds above 0, at least one of them")
        mean = float(times.mean())
        return cls(mean, float(times.var()) / mean**2, measured=tuple(times.tolist()))

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """Return n random service times in seconds, float64 (n,)."""
        if self.measured is not None:
            return rng.choice(np.array(self.measured), n)
        if self.scv == 0:
            return np.full(n, self.mean)
        if self.shape == "lognormal":
            variance = log(1 + self.scv)
            return rng.lognormal(log(self.mean) - variance / 2, variance**0.5, n)
        return rng.gamma(1 / self.scv, self.mean * self.scv, n)


@dataclass(frozen=True, eq=False)
class QueueResult:
    """What the requests of a simulation met.

    Attributes
    ----------
    latencies
        Seconds from arrival to end in order of arrival, NaN for refused requests, float64 (n,).
    utilization
        The share of the time for which servers work.
    """

    latencies: Floats
    utilization: float

    @property
    def requests(self) -> int:
        """Requests that arrived."""
        return len(self.latencies)

    @property
    def refused(self) -> int:
        """Requests that found the line full."""
        return int(np.isnan(self.latencies).sum())

    def quantiles(self, shares: Sequence[float] = (0.5, 0.95, 0.99)) -> tuple[float, ...]:
        """Return quantiles of the latency in seconds of the requests that were served."""
        served = self.latencies[~np.isnan(self.latencies)]
        return tuple(np.quantile(served, shares).tolist()) if len(served) else (inf,) * len(shares)

    def violations(self, objective: float) -> float:
        """Return the share of all requests that took longer than some seconds or were refused."""
        return 1 - float((self.latencies <= objective).mean())


def simulate(
    arrivals: Arrivals,
    service: ServiceTime,
    servers: int,
    *,
    replicas: int = 1,
    queue_limit: int | None = None,
    batches: BatchPolicy | None = None,
    seed: int = 0,
) -> QueueResult:
    """Simulate the latency of each request.

    Parameters
    ----------
    arrivals
        When requests come.
    service
        How long each occupies a server.
    servers
        Requests, or batches, that one replica serves at once.
    replicas
        Each has its own line and gets one request after the other in turn.
    queue_limit
        Requests that may wait in a replica; None for no limit.
    batches
        How requests are served together; None for each alone.
    seed
        Of arrivals and service times.
    """
    if servers < 1 or replicas < 1:
        raise PlanError(f"{replicas} replicas with {servers} servers; at least one is needed")
    if queue_limit is not None and queue_limit < 0:
        raise PlanError(f"queue_limit is {queue_limit}; it must be at least 0")
    times = arrivals.times(seed)
    seconds = service.draw(len(times), np.random.default_rng([seed, 1]))
    latencies = np.empty(len(times))
    busy = 0.0
    for i in range(replicas):
        pool = ServerPool(
            times[i::replicas],
            seconds[i::replicas],
            servers,
            queue_limit=queue_limit,
            batches=batches,
        )
        pool.advance()
        latencies[i::replicas] = pool.latencies()
        busy += pool.busy_s
    ends = times + np.nan_to_num(latencies)
    duration = max(arrivals.duration, float(ends.max(initial=0.0)))
    return QueueResult(latencies, busy / (duration * servers * replicas))


def highest_rate(
    service: ServiceTime,
    servers: int,
    *,
    objective: float,
    quantile: float = 0.95,
    arrival_scv: float = 1.0,
    queue_limit: int | None = None,
    batches: BatchPolicy | None = None,
    requests: int = 60_000,
    seed: int = 0,
) -> float:
    """Return the highest even rate, in requests per second, that keeps an objective.

    A binary search over simulations of the same random numbers, to a five-hundredth of the
    capacity.

    Parameters
    ----------
    objective
        Seconds within which the share `quantile` of all requests must be answered; a refused
        request is not.
    service, servers, queue_limit, batches, seed
        See `simulate`.
    arrival_scv
        See `Arrivals`.
    requests
        By which each rate is judged.

    Returns
    -------
    float
        0 where even a request alone takes too long.
    """
    policy = batches or BatchPolicy()
    gain = max(size / policy.cost(size) for size in range(1, policy.max_size + 1))
    capacity = servers / service.mean * gain

    def keeps(rate: float) -> bool:
        result = simulate(
            steady(rate, seconds=requests / rate, scv=arrival_scv),
            service,
            servers,
            queue_limit=queue_limit,
            batches=batches,
            seed=seed,
        )
        return result.violations(objective) <= 1 - quantile

    low, high = 0.0, capacity
    while high - low > PRECISION * capacity:
        middle = (low + high) / 2
        low, high = (middle, high) if keeps(middle) else (low, middle)
    return low
