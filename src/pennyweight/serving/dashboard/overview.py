"""The overview: traffic, latency, lists and new items at a glance."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Fact, Figure, Table
from pennyweight.serving.dashboard.charts import Series, TimeChart, columns, lines
from pennyweight.serving.dashboard.drift import drift_facts
from pennyweight.serving.dashboard.listings import RecentItems, new_items
from pennyweight.serving.dashboard.page import age, milliseconds, page, page_router
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.rolling_metrics import RequestStatistics, RollingMetrics
from pennyweight.serving.live.engine import Engine

__all__ = ["overview_routes"]

Minutes = Sequence[tuple[int, RequestStatistics]]
TICK = 900  # seconds between the times below a chart
MIN_SCALE = 0.001  # seconds, the smallest scale of the chart of latency
FAILED = 20  # items in the table of failures


def overview_routes(engine: Engine, metrics: Metrics, window: RollingMetrics) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/")
    async def overview(request: Request) -> Response:
        # The window belongs to this thread; its results do not.
        hour, minutes, routes = window.hour(), window.minutes(), window.routes()
        new = await asyncio.to_thread(new_items, engine.traffic.split.primary, engine.clock())
        failed = dict(engine.items.failures)
        return page(
            request,
            "overview.html",
            {
                "now": engine.clock(),
                "notes": list(engine.notes.values()),
                "numbers": _facts(engine, metrics, hour, new),
                "drift": drift_facts(engine),
                "traffic": _traffic_chart(minutes),
                "latency": _latency_chart(minutes),
                "routes": _route_table(routes),
                "lists": _list_figure(metrics),
                "new_items": new,
                "failed_items": len(failed),
                "failures": list(failed.items())[:FAILED],
            },
        )

    return router


def _facts(
    engine: Engine, metrics: Metrics, hour: RequestStatistics, new: RecentItems
) -> list[Fact]:
    split = engine.traffic.split
    created = age(engine.clock() - split.primary.created)
    half = f"p50 {milliseconds(hour.p50)}, p99 {milliseconds(hour.p99)}"
    waiting = (
        engine.lists.batching.waiting + engine.store.writer.waiting + engine.items.ingestion.waiting
    )
    return [
        Fact("Requests", f"{hour.requests:,}", "to the API in the last hour"),
        Fact("Latency, p95", milliseconds(hour.p95), half),
        Fact("Errors", f"{hour.errors:,}", f"and {hour.refused:,} refused, last hour"),
        Fact("Lists", f"{sum(metrics.lists().values()):,}", "since the start"),
        Fact("Events", f"{metrics.events().get('accepted', 0):,}", "accepted since the start"),
        Fact("New items", f"{new.count:,}", "in the last 24 hours"),
        Fact("Queue", f"{waiting:,}", "lists, writes and items"),
        Fact(
            "Bundle",
            " and ".join(variant.version for variant in split.variants),
            f"created {created}",
        ),
    ]


def _ticks(minutes: Minutes) -> list[tuple[int, str]]:
    return [(at, _clock(start)) for at, (start, _) in enumerate(minutes) if start % TICK == 0]


def _clock(start: int) -> str:
    return f"{start // 3_600 % 24:02d}:{start // 60 % 60:02d}"


def _traffic_chart(minutes: Minutes) -> TimeChart:
    values = [row for _, row in minutes]
    series = [
        Series("answered", "best", [row.requests - row.errors - row.refused for row in values]),
        Series("refused (4xx)", "warn", [row.refused for row in values]),
        Series("errors (5xx)", "bad", [row.errors for row in values]),
    ]
    title = "Requests per minute"
    chart = columns(
        series,
        ticks=_ticks(minutes),
        title=title,
        description="A column for each of the last sixty minutes. The table has the numbers.",
        key="requests",
    )
    rows = [
        (_clock(start), *(f"{series[i].values[at]:,}" for i in range(3)))
        for at, (start, row) in reversed(list(enumerate(minutes)))
        if row.requests
    ]
    table = Table(title, ("Minute", "Answered", "Refused", "Errors"), rows, numbers=3)
    return TimeChart(title, series, chart, table)


def _latency_chart(minutes: Minutes) -> TimeChart:
    series = [
        Series("p95", "warn", [row.p95 for _, row in minutes]),
        Series("p50", "best", [row.p50 for _, row in minutes]),
    ]
    title = "Latency"
    chart = lines(
        series,
        ticks=_ticks(minutes),
        say=lambda value: f"{1_000 * value:g} ms",
        minimum=MIN_SCALE,
        title=title,
        description="Lines over the last sixty minutes. The table has the numbers.",
        key="latency",
    )
    rows = [
        (_clock(start), *map(milliseconds, (row.p50, row.p95, row.p99)))
        for start, row in reversed(minutes)
        if row.requests
    ]
    table = Table(title, ("Minute", "p50", "p95", "p99"), rows, numbers=3)
    return TimeChart(title, series, chart, table)


def _route_table(routes: Sequence[tuple[str, RequestStatistics]]) -> Table | None:
    if not routes:
        return None
    rows = [
        (
            name,
            f"{row.requests:,}",
            f"{row.refused:,}",
            f"{row.errors:,}",
            *map(milliseconds, (row.p50, row.p95, row.p99)),
        )
        for name, row in routes
    ]
    head = ("Route", "Requests", "Refused", "Errors", "p50", "p95", "p99")
    return Table("In the last hour, busiest first", head, rows, numbers=6)


def _list_figure(metrics: Metrics) -> Figure | None:
    """Return the number of lists by source, and by bundle where there are several."""
    lists = metrics.lists()
    if not lists:
        return None
    total = sum(lists.values())
    by_source: dict[str, int] = {}
    for (source, _), n in lists.items():
        by_source[source] = by_source.get(source, 0) + n
    ordered = sorted(lists.items(), key=lambda row: (-by_source[row[0][0]], row[0]))
    several = len({version for _, version in lists}) > 1
    drawn, rows, before = [], [], ""
    for (source, version), n in ordered:
        name = f"{source}: {version}" if several else source
        label = version if source == before else name
        drawn.append(Bar(label, n, f"{n:,}", best=source != before, next=source == before))
        rows.append((name, f"{n:,}", f"{100 * n / total:.1f} %"))
        before = source
    title = "Lists by source"
    chart = bars(
        drawn,
        title=title,
        description="Number of lists by source and bundle. The table has the numbers.",
        key="sources",
    )
    table = Table(title, ("Source", "Lists", "Share"), rows, numbers=2)
    note = "Since the start. The source is popularity if nothing is known about the user."
    return Figure(title, chart, table, note)
