"""The page of a simulated load: three fleets over time, their violations and their cost."""

from collections.abc import Sequence
from math import ceil

from pennyweight.config.simulation import LoadInterval, ScalingResult, milliseconds, percent
from pennyweight.formatting import count, duration
from pennyweight.html.charts import Bar, Line, bars, lines
from pennyweight.html.figures import Fact, Figure, Table
from pennyweight.reports.numbers import compact
from pennyweight.reports.page import render

__all__ = ["scaling_page"]

NAMES = {"elastic": "Elastic", "fixed": "Fixed", "oracle": "Perfect oracle"}
ROWS = 12  # of the table beside a chart over time
HOUR = 3_600.0
SETTINGS = {
    "target_in_flight": ("Requests in flight per replica that it aims at", "{:.3g}"),
    "min_replicas": ("Smallest number of replicas", "{:,.0f}"),
    "max_replicas": ("Largest number of replicas", "{:,.0f}"),
    "up_delay_s": ("Delay before replicas start", "{:g} s"),
    "down_delay_s": ("Delay before replicas stop", "{:g} s"),
    "start_s": ("Start of a replica until it serves", "{:g} s"),
    "warm_spares": ("Warm spares", "{:,.0f}"),
}


def scaling_page(result: ScalingResult, *, commands: Sequence[str] = ()) -> str:
    """Return the page; `commands` reproduce it."""
    return render(
        "scaling.html",
        result=result,
        sentence=result.sentence(),
        facts_of_load=_facts(result),
        figures=[_replicas(result), _load(result), _hours(result), _violations(result)],
        policy=_policy(result),
        price=result.price_label(),
        commands=commands,
    )


def _facts(result: ScalingResult) -> list[Fact]:
    servers = count(result.servers, "list")
    return [
        Fact(
            "Objective",
            milliseconds(result.objective_s),
            f"for {100 * result.quantile:g} % of the requests",
        ),
        Fact(
            "Load",
            f"{compact(result.requests_per_second)} per s",
            f"{compact(result.peak_requests_per_second)} at the peak",
        ),
        Fact("One list", milliseconds(result.service_s), f"{servers} at once in a replica"),
        Fact(
            "One replica",
            f"{compact(result.replica_rate)} per s",
            "the highest rate within the objective",
        ),
    ]


def _replicas(result: ScalingResult) -> Figure:
    fixed = float(result.fixed.max_replicas)
    top = max([fixed, *(i.elastic_replicas for i in result.intervals)]) or 1.0
    drawn = [
        Line("Elastic", _steps(result, [i.elastic_replicas / top for i in result.intervals]), True),
        Line("Fixed", _steps(result, [fixed / top] * len(result.intervals))),
        Line(
            "Perfect oracle",
            _steps(result, [min(1.0, i.oracle_replicas / top) for i in result.intervals]),
            dashed=True,
        ),
    ]
    rows = [
        (name, f"{elastic:,.1f}", f"{oracle:,.1f}", percent(late))
        for name, _, elastic, oracle, late in _parts(result)
    ]
    head = ("From", "Elastic", "Oracle", "Violations, elastic")
    heading = "Replicas over time"
    chart = lines(
        drawn,
        x_ticks=_time_ticks(result),
        y_ticks=_ticks(top),
        title=heading,
        description="Paid replicas of each fleet; the table has the means of longer intervals.",
        key="replicas",
    )
    note = "Replicas count from their start on, spares too."
    return Figure(heading, chart, Table(heading, head, rows, numbers=3), note)


def _load(result: ScalingResult) -> Figure:
    rates = [i.requests_per_second for i in result.intervals]
    top = max(rates) or 1.0
    heading = "Requests per second"
    chart = lines(
        [Line("Requests", _steps(result, [rate / top for rate in rates]), True)],
        x_ticks=_time_ticks(result),
        y_ticks=_ticks(top),
        title=heading,
        description="The rate of the requests that came; the table has the means.",
        key="load",
    )
    rows = [(name, compact(rate)) for name, rate, *_ in _parts(result)]
    return Figure(heading, chart, Table(heading, ("From", "Requests per s"), rows, numbers=1))


def _hours(result: ScalingResult) -> Figure:
    heading = "Replica-hours"
    chart = bars(
        [
            Bar(
                NAMES[fleet.name],
                fleet.replica_hours,
                f"{fleet.replica_hours:,.1f}",
                best=fleet.name == "elastic",
            )
            for fleet in result.fleets
        ],
        title=heading,
        description="Hours of all replicas together, for each fleet.",
        key="hours",
    )
    priced = result.elastic.cost is not None
    rows = [
        (
            NAMES[fleet.name],
            f"{fleet.min_replicas:,} to {fleet.max_replicas:,}",
            f"{fleet.replica_hours:,.1f}",
            *([f"{fleet.cost:,.2f}"] if fleet.cost is not None else []),
        )
        for fleet in result.fleets
    ]
    head = ("Fleet", "Replicas", "Hours", *([f"Cost, {result.currency}"] if priced else []))
    return Figure(heading, chart, Table(heading, head, rows, numbers=len(head) - 1))


def _violations(result: ScalingResult) -> Figure:
    heading = "Violations of the objective"
    allowed = 1 - result.quantile
    chart = bars(
        [
            *(
                Bar(
                    NAMES[fleet.name],
                    fleet.violations,
                    percent(fleet.violations),
                    best=fleet.name == "elastic",
                )
                for fleet in result.fleets
            ),
            Bar("Allowed", allowed, percent(allowed)),
        ],
        title=heading,
        description="Share of the requests that were refused or answered too late.",
        key="violations",
    )
    rows = [
        (
            NAMES[fleet.name],
            percent(fleet.violations),
            f"{fleet.refused:,}",
            *(map(milliseconds, (fleet.p50_s, fleet.p95_s, fleet.p99_s))),
        )
        for fleet in result.fleets
    ]
    head = ("Fleet", "Violations", "Refused", "p50", "p95", "p99")
    return Figure(heading, chart, Table(heading, head, rows, numbers=5))


def _policy(result: ScalingResult) -> Table:
    rows = [
        (words, form.format(result.policy[name]))
        for name, (words, form) in SETTINGS.items()
        if name in result.policy
    ]
    waiting = "no limit" if result.queue_limit is None else f"{result.queue_limit:,}"
    rows += [
        ("Requests that may wait in a replica", waiting),
        ("Burstiness of arrivals (squared coefficient of variation)", f"{result.arrival_scv:.3g}"),
        ("Variability of the time of a list", f"{result.service_scv:.3g}"),
    ]
    return Table("Settings of the elastic fleet and of the load", ("Setting", "Value"), rows, 1)


def _steps(result: ScalingResult, heights: Sequence[float]) -> list[tuple[float, float]]:
    whole = result.duration_s
    points = []
    for interval, height in zip(result.intervals, heights, strict=True):
        points += [(interval.start_s / whole, height), (interval.end_s / whole, height)]
    return points


def _parts(result: ScalingResult) -> list[tuple[str, float, float, float, float]]:
    """Return a dozen longer intervals: start, requests per second, replicas, violations."""
    size = ceil(len(result.intervals) / ROWS)
    groups = [result.intervals[i : i + size] for i in range(0, len(result.intervals), size)]
    return [
        (
            _clock(group[0].start_s, result.duration_s),
            _mean(group, [i.requests_per_second for i in group]),
            _mean(group, [i.elastic_replicas for i in group]),
            _mean(group, [i.oracle_replicas for i in group]),
            _late(group),
        )
        for group in groups
    ]


def _mean(group: Sequence[LoadInterval], values: Sequence[float]) -> float:
    lengths = [i.end_s - i.start_s for i in group]
    return sum(v * w for v, w in zip(values, lengths, strict=True)) / sum(lengths)


def _late(group: Sequence[LoadInterval]) -> float:
    requests = [i.requests_per_second * (i.end_s - i.start_s) for i in group]
    late = sum(i.violations * n for i, n in zip(group, requests, strict=True))
    return late / max(sum(requests), 1e-9)


def _clock(seconds: float, whole: float) -> str:
    if whole < 2 * HOUR:
        return duration(seconds) if seconds else "0 s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _time_ticks(result: ScalingResult) -> list[tuple[float, str]]:
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    return [(share, _clock(share * result.duration_s, result.duration_s)) for share in shares]


def _ticks(top: float) -> list[tuple[float, str]]:
    step = next(
        size * 10**power
        for power in range(-3, 9)
        for size in (1, 2, 5)
        if top / (size * 10**power) <= 5
    )
    return [(n * step / top, compact(n * step)) for n in range(int(top / step) + 1)]
