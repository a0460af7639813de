"""`simulate`: a load over time, and the fleets of replicas that answer it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pennyweight.cli.output import command_line, note, say
from pennyweight.cli.output_paths import file_place
from pennyweight.errors import PlanError

if TYPE_CHECKING:
    from pennyweight.planning.arrivals import Arrivals
    from pennyweight.planning.replica import Replica, ReplicaPrice

__all__ = ["simulate"]

Pattern = Literal["daily", "flash-crowd"]
HOUR, DAY, PEAK_HOUR = 3_600.0, 86_400.0, 20.0
DAY_FACTOR, CROWD_FACTOR = 3.0, 10.0  # the peak relative to the mean, and to the time before
SPARE_LIMIT = 2  # times the replicas for the peak that an elastic fleet may have by default
MANY = 1_000_000  # requests that take more than some seconds
NEEDED = {"service_seconds": "--service", "latency_objective_seconds": "--p95"}


def simulate(
    plan: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PLAN]",
            help="A plan.toml of `plan`, for its table [deployment]; options override it.",
        ),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Requests as they came: a table with time, or time and requests."
        ),
    ] = None,
    pattern: Annotated[
        Pattern | None,
        typer.Option(help="A day, or two hours with a sudden crowd; without --trace: daily."),
    ] = None,
    rps: Annotated[
        str | None, typer.Option(metavar="RATE", help="Requests at the peak, such as 40/s.")
    ] = None,
    peak_factor: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="X",
            help="The peak relative to the mean of the day, or to the rate before the crowd. "
            "Default: 3 and 10.",
        ),
    ] = None,
    hours: Annotated[
        float,
        typer.Option(min=0.1, max=24, metavar="X", help="Of the day, around its peak."),
    ] = 24.0,
    burstiness: Annotated[
        float,
        typer.Option(
            min=0, metavar="X", help="Squared coefficient of variation of the gaps; 1: Poisson."
        ),
    ] = 1.0,
    p95: Annotated[
        str | None, typer.Option(metavar="TIME", help="Latency that 95 % must keep, such as 50ms.")
    ] = None,
    service: Annotated[
        str | None, typer.Option(metavar="TIME", help="Mean time of one list, such as 8ms.")
    ] = None,
    service_scv: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="X", help="Its squared coefficient of variation; 0.1 by default."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Lists that a replica makes at once.")
    ] = None,
    batch_saving: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Share of the time of a list that each after the first saves in a batch; 0: no "
            "batches.",
        ),
    ] = 0.7,
    replicas: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Of the fixed fleet. Default: enough for the peak."),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            metavar="X",
            help="Requests in flight per replica that the elastic fleet aims at. Default: four "
            "fifths of those at the highest rate.",
        ),
    ] = None,
    min_replicas: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of the elastic fleet.")
    ] = 1,
    max_replicas: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Default: twice as many as the peak needs."),
    ] = None,
    up_delay: Annotated[
        str, typer.Option(metavar="TIME", help="Until replicas are started.")
    ] = "10s",
    down_delay: Annotated[
        str, typer.Option(metavar="TIME", help="Until replicas are stopped.")
    ] = "5min",
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Of a replica, from its start until it serves; 30s by default."
        ),
    ] = None,
    warm_spares: Annotated[
        int, typer.Option(min=0, metavar="N", help="Replicas that are started beforehand.")
    ] = 0,
    price_per_month: Annotated[
        float | None, typer.Option(min=0, metavar="X", help="Of one replica.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Of the price, such as EUR; USD by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all random numbers.")] = 0,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Simulate a load: an elastic fleet beside a fixed one and a perfect oracle."""
    file_place(html, *(path for path in (plan, trace) if path))
    from pennyweight.planning.autoscaler import ScalingPolicy
    from pennyweight.planning.scaling import mean_loads, simulate_scaling
    from pennyweight.planning.units import parse_rate, parse_seconds
    from pennyweight.reports import scaling_page
    from pennyweight.storage.files import write_atomic

    load = _Load(trace, pattern, peak_factor, burstiness, hours)
    served = _served(
        plan,
        requests_per_second=parse_rate(rps) if rps else None,
        latency_objective_seconds=parse_seconds(p95) if p95 else None,
        service_seconds=parse_seconds(service) if service else None,
        service_scv=service_scv,
        servers=threads,
        replicas=replicas,
        replica_start_seconds=parse_seconds(start) if start else None,
        price_per_month=price_per_month,
        currency=currency,
    )
    load.check(rps)
    replica, arrivals = served.replica(batch_saving), load.arrivals(served)
    peak = float(mean_loads(arrivals).max())
    most = SPARE_LIMIT * len(replica.rates_up_to(peak, burstiness))
    policy = ScalingPolicy(
        target or replica.target_in_flight(peak, burstiness),
        min_replicas=min_replicas,
        max_replicas=max_replicas or max(min_replicas, most),
        up_delay_s=parse_seconds(up_delay),
        down_delay_s=parse_seconds(down_delay),
        start_s=served.replica_start_seconds,
        warm_spares=warm_spares,
    )
    if arrivals.expected_requests > MANY:
        note(f"simulates {arrivals.expected_requests:,.0f} requests, three times")
    result = simulate_scaling(
        arrivals,
        policy,
        replica,
        fixed=served.replicas,
        price=served.price(),
        load=load.name,
        seed=seed,
    )
    if html is not None:
        write_atomic(html, scaling_page(result, commands=[command_line()]).encode())
    say(result.model_dump_json(indent=2) if json else result.table())


@dataclass(frozen=True)
class _Served:
    """The keys of the table [deployment] of a plan, but for the instance."""

    service_seconds: float
    latency_objective_seconds: float
    requests_per_second: float | None = None
    service_scv: float = 0.1
    servers: int = 1
    replicas: int | None = None
    replica_start_seconds: float = 30.0
    price_per_month: float | None = None
    currency: str = "USD"

    def replica(self, batch_saving: float) -> "Replica":
        from pennyweight.planning.replica import Replica, service_batches, service_queue_limit
        from pennyweight.planning.simulation import ServiceTime

        return Replica(
            ServiceTime(self.service_seconds, self.service_scv),
            objective=self.latency_objective_seconds,
            servers=self.servers,
            queue_limit=service_queue_limit(self.service_seconds, self.servers),
            batches=service_batches(self.service_seconds, batch_saving),
        )

    def price(self) -> "ReplicaPrice | None":
        from pennyweight.planning.replica import ReplicaPrice

        if self.price_per_month is None:
            return None
        return ReplicaPrice(self.price_per_month, self.currency)


def _served(plan: Path | None, **given: Any) -> _Served:  # noqa: ANN401 - values of its fields
    """Return the table [deployment] of a plan with the options over it."""
    values: dict[str, Any] = {}
    if plan is not None:
        from pennyweight.config.plan import Plan

        deployment = Plan.from_toml(plan).deployment
        if deployment is None:
            raise PlanError(
                f"{plan}: has no table [deployment], as `pennyweight plan --out` writes"
            )
        values = deployment.model_dump(exclude_none=True, exclude={"instance"})
    values |= {name: value for name, value in given.items() if value is not None}
    missing = [option for name, option in NEEDED.items() if name not in values]
    if missing:
        raise PlanError(f"give {' and '.join(missing)}, or a plan of `pennyweight plan --out`")
    return _Served(**values)


@dataclass(frozen=True)
class _Load:
    """Where the requests come from."""

    trace: Path | None
    pattern: Pattern | None
    peak_factor: float | None
    burstiness: float
    hours: float

    @property
    def name(self) -> str:
        if self.trace is not None:
            return self.trace.name
        if self.pattern == "flash-crowd":
            return "flash crowd"
        return "daily pattern" if self.hours == 24 else f"{self.hours:g} h of the daily pattern"

    def check(self, rps: str | None) -> None:
        """Refuse options that a trace would make idle."""
        given = {"--pattern": self.pattern, "--rps": rps, "--peak-factor": self.peak_factor}
        idle = [option for option, value in given.items() if value is not None]
        if self.trace is not None and idle:
            raise PlanError(f"{idle[0]} beside --trace: a trace has its own rate; leave one out")
        if self.hours != 24 and (self.trace is not None or self.pattern == "flash-crowd"):
            raise PlanError("--hours is of the daily pattern; leave it out")

    def arrivals(self, served: _Served) -> "Arrivals":
        from pennyweight.planning.arrivals import daily_pattern, flash_crowd, read_trace

        if self.trace is not None:
            return replace(read_trace(self.trace), scv=self.burstiness)
        peak = served.requests_per_second
        if peak is None:
            raise PlanError("give --rps, the requests per second at the peak, or a --trace")
        if self.pattern == "flash-crowd":
            factor = self.peak_factor or CROWD_FACTOR
            return flash_crowd(peak / factor, factor=factor, scv=self.burstiness)
        factor = self.peak_factor or DAY_FACTOR
        day = daily_pattern(peak / factor, peak_to_mean=factor, scv=self.burstiness)
        end = min(DAY, (PEAK_HOUR + self.hours / 2) * HOUR)
        return day.between(max(0.0, end - self.hours * HOUR), end)
