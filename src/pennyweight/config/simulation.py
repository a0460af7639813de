"""Fleets of replicas under one load: what they answer in time, and what they cost."""

from typing import Annotated, Literal

from pydantic import Field

from pennyweight.config.frozen import FrozenModel, VersionedModel
from pennyweight.formatting import aligned, count, duration

__all__ = ["FleetResult", "LoadInterval", "ScalingResult", "milliseconds", "percent"]

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
FleetName = Literal["elastic", "fixed", "oracle"]


class FleetResult(FrozenModel):
    """One way to run replicas, and its outcome.

    Attributes
    ----------
    name
        ``elastic`` (by the policy), ``fixed`` (the same number all the time) or ``oracle``
        (knows the load before, and starts and stops at once).
    requests, refused
        Requests that came, and those that found the line full.
    violations
        Share of the requests that were refused or took longer than the objective.
    p50_s, p95_s, p99_s
        Latency of the requests that were served, in seconds; None where none was.
    replica_hours
        Hours of all replicas together, those that start or wait as spares included.
    min_replicas, max_replicas
        Smallest and largest number at one time.
    cost
        Of the replica hours, where they have a price.
    """

    name: FleetName
    requests: Count
    refused: Count
    violations: Share
    replica_hours: Amount
    min_replicas: Count
    max_replicas: Count
    p50_s: Amount | None = None
    p95_s: Amount | None = None
    p99_s: Amount | None = None
    cost: Amount | None = None


class LoadInterval(FrozenModel):
    """An interval of the simulated time.

    Attributes
    ----------
    start_s, end_s
        Seconds from the beginning.
    requests_per_second
        That came.
    elastic_replicas, oracle_replicas
        Paid replicas on average.
    violations
        Share of its requests that the elastic fleet refused or answered too late.
    """

    start_s: Amount
    end_s: Amount
    requests_per_second: Amount
    elastic_replicas: Amount
    oracle_replicas: Amount
    violations: Share


class ScalingResult(VersionedModel):
    """An elastic fleet beside a fixed one and a perfect oracle, under the same requests.

    Attributes
    ----------
    load
        Where the requests come from: a pattern or the name of a trace.
    duration_s
        Simulated seconds.
    requests_per_second, peak_requests_per_second
        Mean and peak of the load.
    arrival_scv, service_s, service_scv
        Burstiness of arrivals, mean seconds of one list, and their variability.
    servers
        Lists that a replica makes at once.
    queue_limit
        Requests that may wait in a replica; None for no limit.
    objective_s, quantile
        The share `quantile` of the requests should be answered within these seconds.
    policy
        The settings of the elastic fleet.
    replica_rate
        Requests per second for which one replica keeps the objective.
    fleets
        The elastic, the fixed and the oracle.
    price_per_month, currency, price_date
        Of one replica.
    """

    load: str
    duration_s: Amount
    requests_per_second: Amount
    peak_requests_per_second: Amount
    arrival_scv: Amount
    service_s: Amount
    service_scv: Amount
    servers: Annotated[int, Field(ge=1)]
    queue_limit: Count | None = None
    objective_s: Amount
    quantile: Share
    policy: dict[str, int | float]
    replica_rate: Amount
    fleets: tuple[FleetResult, FleetResult, FleetResult]
    intervals: tuple[LoadInterval, ...]
    price_per_month: Amount | None = None
    currency: str | None = None
    price_date: str | None = None
    seed: Count = 0

    @property
    def elastic(self) -> FleetResult:
        """The fleet of the policy."""
        return self.fleets[0]

    @property
    def fixed(self) -> FleetResult:
        """The fleet for the peak."""
        return self.fleets[1]

    @property
    def oracle(self) -> FleetResult:
        """The fleet that knows the load before."""
        return self.fleets[2]

    def keeps_objective(self, fleet: FleetResult) -> bool:
        """Whether enough of the requests were answered in time."""
        return fleet.violations <= 1 - self.quantile + 1e-12

    def sentence(self) -> str:
        """Say whether the elastic fleet keeps the objective, and what it saves."""
        fleet, fixed = self.elastic, count(self.fixed.max_replicas, "replica")
        verb = "keeps" if self.keeps_objective(fleet) else "misses"
        return (
            f"The elastic fleet {verb} the objective: it answers {percent(1 - fleet.violations)} "
            f"of {count(fleet.requests, 'request')} within {milliseconds(self.objective_s)}, where "
            f"the objective is {100 * self.quantile:g} %. It takes {fleet.replica_hours:,.1f} "
            f"replica-hours: {self._against(self.fixed)} a fixed fleet of {fixed}, "
            f"{self._against(self.oracle)} a perfect oracle."
        )

    def _against(self, other: FleetResult) -> str:
        ratio = self.elastic.replica_hours / max(other.replica_hours, 1e-9) - 1
        if abs(ratio) < 0.005:
            return "as many as"
        return f"{percent(abs(ratio), 0)} {'more' if ratio > 0 else 'fewer'} than"

    def rows(self) -> list[tuple[str, ...]]:
        """Return rows of texts, a head and a row for each fleet."""
        head = ["fleet", "violations", "refused", "p50", "p95", "p99", "replicas", "replica-hours"]
        priced = self.elastic.cost is not None
        return [
            (*head, *([f"cost ({self.currency})"] if priced else [])),
            *(
                (
                    fleet.name,
                    percent(fleet.violations),
                    f"{fleet.refused:,}",
                    *(map(milliseconds, (fleet.p50_s, fleet.p95_s, fleet.p99_s))),
                    f"{fleet.min_replicas:,} to {fleet.max_replicas:,}",
                    f"{fleet.replica_hours:,.1f}",
                    *([f"{fleet.cost:,.2f}"] if fleet.cost is not None else []),
                )
                for fleet in self.fleets
            ),
        ]

    def price_label(self) -> str | None:
        """Return the price of a replica with its currency and date."""
        if self.price_per_month is None:
            return None
        date = f", prices of {self.price_date}" if self.price_date else ""
        return f"{self.price_per_month:,.2f} {self.currency} per replica and month{date}"

    def table(self) -> str:
        """Return the sentence, the load and a row for each fleet as text."""
        load = (
            f"{self.load}: {duration(self.duration_s)}, "
            f"{self.requests_per_second:,.3g} requests/s on average, "
            f"{self.peak_requests_per_second:,.3g} at the peak; one replica keeps the objective up "
            f"to {self.replica_rate:,.3g} requests/s"
        )
        price = self.price_label()
        lines = [self.sentence(), "", load, "", *aligned(self.rows())]
        return "\n".join([*lines, *(["", price] if price else [])])

    def __str__(self) -> str:
        return self.table()


def percent(share: float, digits: int = 2) -> str:
    """Return a share in percent."""
    return f"{100 * share:.{digits}f} %"


def milliseconds(seconds: float | None) -> str:
    """Return a latency with its unit."""
    if seconds is None:
        return "-"
    return f"{1_000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:,.3g} s"
