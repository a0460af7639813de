"""The page that tells at a glance how the service does."""

import asyncio
from collections.abc import Sequence
from html import escape

from fastapi import APIRouter, Request, Response

from pennyweight.formatting import count
from pennyweight.html.charts import Bar, bars, table
from pennyweight.html.document import facts, pair
from pennyweight.serving.dashboard.charts import Series, columns, legend, lines
from pennyweight.serving.dashboard.components import age, milliseconds, warnings, when
from pennyweight.serving.dashboard.layout import page, page_router
from pennyweight.serving.dashboard.new_items import Fresh, fresh, fresh_table
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.rolling_metrics import RequestStatistics, RollingMetrics
from pennyweight.serving.live.engine import Engine

__all__ = ["overview_routes"]

Minutes = Sequence[tuple[int, RequestStatistics]]
TICK = 900  # seconds between the times below a chart
LEAST = 0.001  # seconds at the top of a chart of times


def overview_routes(engine: Engine, metrics: Metrics, window: RollingMetrics) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/")
    async def overview(request: Request) -> Response:
        # The window is of this thread; what comes of it is not.
        hour, minutes, routes = window.hour(), window.minutes(), window.routes()
        new = await asyncio.to_thread(fresh, engine.traffic_split.primary, engine.clock())
        parts = [
            _updated(engine.clock()),
            _section("warnings", warnings(engine.notes.values())),
            _section("now", _now(engine, metrics, hour, new)),
            _section("traffic", _traffic(minutes)),
            _section("times", _times(minutes)),
            _section("routes", _routes(routes)),
            _section("lists", _lists(metrics)),
            _section("fresh", _fresh(engine, new)),
        ]
        return page(request, "Overview", parts)

    return router


def _section(name: str, body: str) -> str:
    return f'<section id="{name}" data-live>{body}</section>'


def _updated(now: float) -> str:
    return f'<p class="note" id="updated">As of <span id="as-of" data-live>{when(now)}</span>.</p>'


def _now(engine: Engine, metrics: Metrics, hour: RequestStatistics, new: Fresh) -> str:
    split = engine.traffic_split
    made = age(engine.clock() - split.primary.created)
    kept = metrics.events().get("accepted", 0)
    half = f"p50 {milliseconds(hour.p50)}, p99 {milliseconds(hour.p99)}"
    waiting = engine.answering.waiting + engine.writer.waiting + engine.stock.waiting
    return facts([
        ("Requests", f"{hour.requests:,}", "to the API in the last hour"),
        ("Latency, p95", milliseconds(hour.p95), half),
        ("Errors", f"{hour.errors:,}", f"and {hour.refused:,} refused, last hour"),
        ("Lists", f"{sum(metrics.lists().values()):,}", "since the start"),
        ("Events", f"{kept:,}", "taken since the start"),
        ("Fresh items", f"{new.count:,}", "new in the last 24 hours"),
        ("Waiting", f"{waiting:,}", "lists, writes and items"),
        ("Bundle", " and ".join(variant.version for variant in split.variants), f"made {made}"),
    ])  # fmt: skip


def _ticks(minutes: Minutes) -> list[tuple[int, str]]:
    return [(at, _clock(start)) for at, (start, _) in enumerate(minutes) if start % TICK == 0]


def _clock(start: int) -> str:
    return f"{start // 3_600 % 24:02d}:{start // 60 % 60:02d}"


def _traffic(minutes: Minutes) -> str:
    told = [one for _, one in minutes]
    series = [
        Series("answered", "best", [one.requests - one.errors - one.refused for one in told]),
        Series("refused (4xx)", "warn", [one.refused for one in told]),
        Series("errors (5xx)", "bad", [one.errors for one in told]),
    ]
    title = "Requests a minute"
    chart = columns(
        series,
        ticks=_ticks(minutes),
        title=title,
        description="A column for each of the last sixty minutes. The table has the numbers.",
        key="requests",
    )
    rows = [
        (_clock(start), *(f"{series[i].values[at]:,}" for i in range(3)))
        for at, (start, one) in reversed(list(enumerate(minutes)))
        if one.requests
    ]
    numbers = table(title, ("Minute", "Answered", "Refused", "Errors"), rows, numbers=3)
    return f"<h2>Traffic</h2>{_timed(title, series, chart, numbers)}"


def _times(minutes: Minutes) -> str:
    told = [one for _, one in minutes]
    series = [
        Series("p95", "warn", [one.p95 for one in told]),
        Series("p50", "best", [one.p50 for one in told]),
    ]
    title = "Latency"
    chart = lines(
        series,
        ticks=_ticks(minutes),
        say=lambda value: f"{1_000 * value:g} ms",
        least=LEAST,
        title=title,
        description="Lines over the last sixty minutes. The table has the numbers.",
        key="latency",
    )
    rows = [
        (_clock(start), *map(milliseconds, (one.p50, one.p95, one.p99)))
        for start, one in reversed(minutes)
        if one.requests
    ]
    head = ("Minute", "p50", "p95", "p99")
    numbers = table(title, head, rows, numbers=3)
    return _timed(title, series, chart, numbers)


def _timed(title: str, series: Sequence[Series], chart: str, numbers: str) -> str:
    return (
        f'<h3>{escape(title)}</h3>{legend(series)}<figure class="timed">{chart}</figure>'
        f"<details><summary>Numbers</summary>{numbers}</details>"
    )


def _routes(routes: Sequence[tuple[str, RequestStatistics]]) -> str:
    if not routes:
        return '<h3>By route</h3><p class="note">No requests in the last hour.</p>'
    rows = [
        (name, f"{one.requests:,}", f"{one.refused:,}", f"{one.errors:,}",
         *map(milliseconds, (one.p50, one.p95, one.p99)))
        for name, one in routes
    ]  # fmt: skip
    head = ("Route", "Requests", "Refused", "Errors", "p50", "p95", "p99")
    return "<h3>By route</h3>" + table("In the last hour, busiest first", head, rows, numbers=6)


def _lists(metrics: Metrics) -> str:
    found = metrics.lists()
    if not found:
        return '<h2>Recommendations</h2><p class="note">No list was given since the start.</p>'
    total = sum(found.values())
    by_source: dict[str, int] = {}
    for (source, _), n in found.items():
        by_source[source] = by_source.get(source, 0) + n
    ordered = sorted(found.items(), key=lambda row: (-by_source[row[0][0]], row[0]))
    several = len({version for _, version in found}) > 1
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
        description="Bars, by what a list rests on and the bundle. The table has the numbers.",
        key="sources",
    )
    numbers = table(title, ("Source", "Lists", "Share"), rows, numbers=2)
    note = "Since the start, by what a list rests on; popularity where nothing is known."
    return f"<h2>Recommendations</h2>{pair(title, chart, numbers, note=note)}"


def _fresh(engine: Engine, new: Fresh) -> str:
    failed = dict(engine.failed_items)
    told = "" if new.count else '<p class="note">No item is new in the last 24 hours.</p>'
    if failed:
        rows = list(failed.items())[:20]
        told += table(
            f"{count(len(failed), 'item')} could not be put on the shelves", ("Item", "Why"), rows
        )
    return f"<h2>Fresh items</h2>{told}{fresh_table(new)}"
