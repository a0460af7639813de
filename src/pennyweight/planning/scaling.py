"""Elastic scaling: a policy beside a fixed fleet and a perfect oracle, under the same requests.

All replicas share one line of waiting requests, as behind a balancer that sends each request to
the least busy one. A replica that stops finishes its work first.
"""

from dataclasses import asdict, dataclass
from math import ceil, inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.simulation import FleetName, FleetResult, LoadInterval, ScalingResult
from pennyweight.planning.arrivals import Arrivals
from pennyweight.planning.autoscaler import TICK, Autoscaler, ScalingPolicy
from pennyweight.planning.replica import Replica, ReplicaPrice
from pennyweight.planning.server_pool import ServerPool
from pennyweight.planning.simulation import QueueResult

__all__ = ["ScalingPolicy", "mean_loads", "simulate_scaling"]

Floats = NDArray[np.float64]

STEP = 10.0  # seconds for which the oracle keeps its replicas
INTERVALS = 96  # of the result


def simulate_scaling(
    arrivals: Arrivals,
    policy: ScalingPolicy,
    replica: Replica,
    *,
    fixed: int | None = None,
    price: ReplicaPrice | None = None,
    load: str = "load",
    seed: int = 0,
) -> ScalingResult:
    """Simulate a policy beside a fixed fleet and a perfect oracle, with the same requests.

    The oracle has, in each ten seconds, the replicas that these and the next ten need.

    Parameters
    ----------
    arrivals
        When requests come.
    policy
        When the elastic fleet starts and stops replicas.
    replica
        How each serves, and the objective.
    fixed
        Replicas of the fixed fleet; by default those that the busiest ten seconds need.
    price
        Of a replica.
    load
        Name of the arrivals in the result.
    seed
        Of arrivals and service times.

    Raises
    ------
    BudgetError
        No number of replicas keeps the objective: a request alone takes longer.
    """
    loads = mean_loads(arrivals)
    rates = replica.rates_up_to(float(loads.max()), arrivals.scv)
    times = arrivals.times(seed)
    seconds = replica.service.draw(len(times), np.random.default_rng([seed, 1]))
    requests = _Requests(times, seconds, arrivals.duration, replica)
    needed = np.maximum(np.searchsorted(rates, loads) + 1, policy.min_replicas)
    needed[loads == 0] = policy.min_replicas
    first = ceil(loads[0] * replica.service.mean / policy.target_in_flight)
    first = min(max(first, policy.min_replicas), policy.max_replicas)
    constant = np.array([fixed]) if fixed else needed.max(keepdims=True)
    fleets: tuple[tuple[FleetName, _Fleet], ...] = (
        ("elastic", Autoscaler(policy, first)),
        ("fixed", _Schedule(constant)),
        ("oracle", _Schedule(np.maximum(needed, np.append(needed[1:], 0)))),
    )
    runs = [requests.answered_by(fleet) for _, fleet in fleets]
    elastic, unchanged, oracle = (
        run.result(name, replica.objective, price)
        for (name, _), run in zip(fleets, runs, strict=True)
    )
    return ScalingResult(
        load=load,
        duration_s=arrivals.duration,
        requests_per_second=arrivals.mean_rate,
        peak_requests_per_second=float(loads.max()),
        arrival_scv=arrivals.scv,
        service_s=replica.service.mean,
        service_scv=replica.service.scv,
        servers=replica.servers,
        queue_limit=replica.queue_limit,
        objective_s=replica.objective,
        quantile=replica.quantile,
        policy=asdict(policy),
        replica_rate=float(rates[0]),
        fleets=(elastic, unchanged, oracle),
        intervals=_intervals(requests, runs[0], runs[2]),
        price_per_month=price.per_month if price else None,
        currency=price.currency if price else None,
        price_date=price.date if price else None,
        seed=seed,
    )


def mean_loads(arrivals: Arrivals) -> Floats:
    """Return the requests per second in each ten seconds, float64."""
    steps = np.arange(0.0, arrivals.duration, STEP)
    edges = np.append(steps, arrivals.duration)
    sums = np.append(0.0, np.cumsum(arrivals.rates * np.diff(arrivals.edges)))
    return np.asarray(np.diff(np.interp(edges, arrivals.edges, sums)) / np.diff(edges))


class _Fleet(Protocol):
    """Replicas whose number may change each second."""

    serving: int

    @property
    def paid(self) -> int: ...

    def step(self, now: float, in_flight: float) -> int: ...


class _Schedule:
    """A fleet whose number of replicas is known before, in steps of ten seconds."""

    def __init__(self, replicas: NDArray[np.int64]) -> None:
        self._replicas: list[int] = replicas.tolist()
        self.serving: int = self._replicas[0]

    @property
    def paid(self) -> int:
        return self.serving

    def step(self, now: float, in_flight: float) -> int:
        self.serving = self._replicas[min(int(now / STEP), len(self._replicas) - 1)]
        return self.serving


@dataclass(frozen=True, eq=False)
class _Requests:
    """The requests that each fleet gets."""

    times: Floats
    seconds: Floats
    duration: float
    replica: Replica

    def answered_by(self, fleet: _Fleet) -> "_Run":
        replicas = fleet.serving
        pool = ServerPool(
            self.times,
            self.seconds,
            replicas * self.replica.servers,
            queue_limit=self.replica.limit_of(replicas),
            batches=self.replica.batches,
        )
        paid = [fleet.paid]
        now = TICK
        while now < self.duration or (not pool.servers and pool.in_flight(now)):
            pool.advance(now)
            serving = fleet.step(now, pool.in_flight(now))
            if serving != replicas:
                replicas = serving
                pool.resize(replicas * self.replica.servers, now)
                pool.queue_limit = self.replica.limit_of(replicas)
            paid.append(fleet.paid)
            now += TICK
        pool.advance()
        spent = np.array(paid[: ceil(self.duration / TICK)], dtype=np.float64)
        return _Run(QueueResult(pool.latencies(), 0.0), spent, self.duration)


@dataclass(frozen=True, eq=False)
class _Run:
    """How a fleet answered, and the replicas paid in each second."""

    queue: QueueResult
    paid: Floats
    duration: float

    def result(self, name: FleetName, objective: float, price: ReplicaPrice | None) -> FleetResult:
        hours = float(self.paid.mean()) * self.duration / 3_600
        p50, p95, p99 = (None if q == inf else q for q in self.queue.quantiles())
        return FleetResult(
            name=name,
            requests=self.queue.requests,
            refused=self.queue.refused,
            violations=self.queue.violations(objective),
            p50_s=p50,
            p95_s=p95,
            p99_s=p99,
            replica_hours=hours,
            min_replicas=int(self.paid.min()),
            max_replicas=int(self.paid.max()),
            cost=price.of_hours(hours) if price else None,
        )


def _intervals(requests: _Requests, elastic: _Run, oracle: _Run) -> tuple[LoadInterval, ...]:
    seconds = len(elastic.paid)
    edges = np.unique(np.linspace(0, seconds, min(INTERVALS, seconds) + 1).round().astype(int))
    places = np.searchsorted(requests.times, edges * TICK)
    places[-1] = len(requests.times)
    late = ~(elastic.queue.latencies <= requests.replica.objective)
    intervals = []
    for i, (start, end) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        part = slice(int(places[i]), int(places[i + 1]))
        length = part.stop - part.start
        intervals.append(
            LoadInterval(
                start_s=start * TICK,
                end_s=end * TICK,
                requests_per_second=length / ((end - start) * TICK),
                elastic_replicas=float(elastic.paid[start:end].mean()),
                oracle_replicas=float(oracle.paid[start:end].mean()),
                violations=float(late[part].mean()) if length else 0.0,
            )
        )
    return tuple(intervals)
