"""One replica of the service: how it serves, what it should keep, and what it costs."""

from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.prices import HOURS_PER_MONTH
from pennyweight.errors import BudgetError, PlanError
from pennyweight.planning.arrivals import steady
from pennyweight.planning.queueing import latency_quantiles, mean_wait, rate_within
from pennyweight.planning.server_pool import BatchPolicy
from pennyweight.planning.simulation import ServiceTime, highest_rate, simulate

__all__ = [
    "MAX_REPLICAS",
    "Replica",
    "ReplicaPrice",
    "service_batches",
    "service_queue_limit",
]

Floats = NDArray[np.float64]

MAX_REPLICAS = 10_000  # of any fleet
PROBE = 20_000  # requests by which a rate is judged where closed forms do not hold
RESERVE = 0.8  # of the requests in flight at the highest rate
# As the service admits requests (`pennyweight.serving.http.admission`) and makes lists together
# (`pennyweight.serving.live.micro_batching`).
ADMITTED_S, MIN_ADMITTED, MAX_ADMITTED = 0.25, 64, 1_024
MAX_BATCH, BATCH_S = 32, 0.25


@dataclass(frozen=True)
class ReplicaPrice:
    """What a replica costs.

    Parameters
    ----------
    per_month
        Of 730 hours.
    currency
        Such as ``USD``.
    date
        Of the price, where it is known.
    """

    per_month: float
    currency: str
    date: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.per_month < inf:
            raise PlanError(f"the price per month is {self.per_month}; it must be at least 0")

    def of_hours(self, hours: float) -> float:
        """Return the cost of replica hours."""
        return self.per_month / HOURS_PER_MONTH * hours


@dataclass(frozen=True)
class Replica:
    """A replica, and the latency that its requests should keep.

    Parameters
    ----------
    service
        How long a list takes.
    objective
        Seconds within which the share `quantile` of the requests should be answered.
    quantile
        A share of the requests, above 0 and below 1.
    servers
        Threads that make lists at once.
    queue_limit
        Requests that may wait; more are refused. None for no limit.
    batches
        How a thread makes several lists together; None for each alone.
    """

    service: ServiceTime
    objective: float
    quantile: float = 0.95
    servers: int = 1
    queue_limit: int | None = None
    batches: BatchPolicy | None = None

    def __post_init__(self) -> None:
        if not 0 < self.objective < inf:
            raise PlanError(f"the objective is {self.objective} s; it must be above 0")
        if not 0 < self.quantile < 1:
            raise PlanError(f"quantile is {self.quantile}; it must lie between 0 and 1")
        if self.servers < 1:
            raise PlanError(f"servers is {self.servers}; a replica has at least one")
        if self.queue_limit is not None and self.queue_limit < 0:
            raise PlanError(f"queue_limit is {self.queue_limit}; it must be at least 0")

    @property
    def makes_batches(self) -> bool:
        """Whether lists are made together, for which closed forms do not hold."""
        return self.batches is not None and self.batches.max_size > 1

    @property
    def _capacity(self) -> float:
        """Requests per second of a replica that never rests."""
        policy = self.batches or BatchPolicy()
        return self.servers / self.service.mean * policy.max_size / policy.cost(policy.max_size)

    def highest_rate(self, replicas: int, arrival_scv: float = 1.0) -> float:
        """Return the requests per second for which some replicas keep the objective.

        By closed forms, or by simulation where lists are made together.
        """
        return _highest_rate(self, replicas, arrival_scv)

    def limit_of(self, replicas: int) -> int | None:
        """Return how many requests may wait in some replicas together."""
        return None if self.queue_limit is None else self.queue_limit * max(1, replicas)

    def rates_up_to(self, peak: float, arrival_scv: float = 1.0) -> Floats:
        """Return the highest rates of 1, 2, … replicas, up to the first that carries a peak.

        Raises
        ------
        BudgetError
            No number does: a request alone takes longer than the objective.
        """
        counts, rates = [1], [self.highest_rate(1, arrival_scv)]
        if not rates[0]:
            scv = self.service.scv
            alone = latency_quantiles(
                0.0, self.service.mean, 1, service_scv=scv, quantiles=(self.quantile,)
            )[0]
            raise BudgetError(
                f"no number of replicas keeps p{100 * self.quantile:g} within "
                f"{1_000 * self.objective:g} ms: service alone takes {1_000 * alone:.3g} ms; take "
                "a smaller model or allow more time"
            )
        if peak / self._capacity > MAX_REPLICAS:
            raise _too_many(peak)
        while rates[-1] < peak:  # rates are smooth in the number: between these, interpolated
            counts.append(counts[-1] + max(1, counts[-1] // 2))
            if counts[-1] > MAX_REPLICAS:
                raise _too_many(peak)
            rates.append(max(rates[-1], self.highest_rate(counts[-1], arrival_scv)))
        every = np.interp(np.arange(1, counts[-1] + 1), counts, rates)
        return np.asarray(every[: int(np.searchsorted(every, peak)) + 1])

    def target_in_flight(self, peak: float, arrival_scv: float = 1.0) -> float:
        """Return the requests in flight per replica at which a fleet still has a reserve.

        Four fifths of those that a fleet for the peak has, on average, at the highest rate that
        keeps the objective (Little's law).
        """
        rates = self.rates_up_to(peak, arrival_scv)
        rate, replicas = float(rates[-1]), len(rates)
        if self.makes_batches:
            arrivals = steady(rate, seconds=PROBE / rate, scv=arrival_scv)
            servers, limit = replicas * self.servers, self.limit_of(replicas)
            result = simulate(
                arrivals, self.service, servers, queue_limit=limit, batches=self.batches
            )
            latency = float(np.nanmean(result.latencies))
        else:
            latency = self.service.mean + mean_wait(
                rate,
                self.service.mean,
                replicas * self.servers,
                arrival_scv=arrival_scv,
                service_scv=self.service.scv,
            )
        return RESERVE * rate * latency / replicas


@lru_cache(maxsize=1_024)
def _highest_rate(replica: Replica, replicas: int, arrival_scv: float) -> float:
    service, servers = replica.service, replicas * replica.servers
    if replica.makes_batches:
        return highest_rate(
            service,
            servers,
            objective=replica.objective,
            quantile=replica.quantile,
            arrival_scv=arrival_scv,
            queue_limit=replica.limit_of(replicas),
            batches=replica.batches,
            requests=PROBE,
        )
    return rate_within(
        replica.objective,
        service.mean,
        servers,
        quantile=replica.quantile,
        arrival_scv=arrival_scv,
        service_scv=service.scv,
    )


def _too_many(peak: float) -> BudgetError:
    return BudgetError(
        f"{peak:,.0f} requests per second need over {MAX_REPLICAS:,} replicas; allow more time, or "
        "take a smaller model"
    )


def service_queue_limit(service: float, servers: int) -> int:
    """Return how many requests the service lets wait, which refuses more at once.

    It takes on as many as it expects to answer within a quarter of a second, from 64 to 1,024.

    Parameters
    ----------
    service
        Mean seconds of a list.
    servers
        Threads that make lists at once.
    """
    in_time = int(ADMITTED_S * servers / service)
    return max(0, min(MAX_ADMITTED, max(MIN_ADMITTED, in_time)) - servers)


def service_batches(service: float, saving: float) -> BatchPolicy | None:
    """Return how the service makes waiting lists together, or None if that saves nothing.

    Parameters
    ----------
    service
        Mean seconds of a list made alone.
    saving
        Share of this time that each further list of a batch saves, from 0 to 1.
    """
    if not saving:
        return None
    return BatchPolicy.with_fixed_share(max(1, min(MAX_BATCH, int(BATCH_S / service))), saving)
