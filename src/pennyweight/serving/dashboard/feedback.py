"""Feedback on lists over time: the share of lists that led to an event, by bundle and scenario."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from fastapi import APIRouter, Request, Response

from pennyweight.html.figures import Table
from pennyweight.serving.dashboard.charts import Series, TimeChart, lines
from pennyweight.serving.dashboard.page import day_name, page, page_router
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.browsing import ExplorationFeedback, ListFeedback
from pennyweight.serving.stores.protocol import Store

__all__ = ["feedback_routes"]

SAMPLE, TYPES = 10_000, 100  # lists; types of events
ALL, NONE = "", "-"  # scenarios: every one, and lists that name none
KINDS = ("best", "warn")  # of the lines in the chart
TICK = 5  # days between the times below the chart
SCALE = 0.01  # smallest scale of the chart

Counts = tuple[int, int]  # lists, and those that led to an event
Key = TypeVar("Key")


def feedback_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/feedback")
    async def feedback(request: Request, scenario: str = ALL) -> Response:
        bundle = engine.traffic.split.primary
        rows, explored = await engine.store.read(lambda store: _read(store, bundle))
        total = sum(row.lists for row in rows)
        chosen = [row for row in rows if scenario in (ALL, row.scenario or NONE)]
        return page(
            request,
            "feedback.html",
            {
                "scenario": scenario,
                "scenarios": sorted({row.scenario or NONE for row in rows}),
                "total": total,
                "is_sample": total == SAMPLE,
                "chart": _chart(chosen) if chosen else None,
                "table_": _table(chosen) if chosen else None,
                "exploration": _exploration(explored) if explored.explored else None,
            },
        )

    return router


def _read(store: Store, bundle: ServedBundle) -> tuple[list[ListFeedback], ExplorationFeedback]:
    """Return the feedback by positive events: of meaningless and negative ones there is none."""
    types = store.browser.event_types(TYPES)
    positive = [kind for kind in types if bundle.meaning(kind) == "positive"]
    browser = store.browser
    return browser.list_feedback(positive, SAMPLE), browser.exploration_feedback(positive, SAMPLE)


def _chart(rows: Sequence[ListFeedback]) -> TimeChart:
    """Return a line for each of the two bundles with the most lists."""
    by_version = _summed(rows, lambda row: row.version)
    by_day = _summed(rows, lambda row: (row.day, row.version))
    busiest = sorted(by_version, key=lambda version: (-by_version[version][0], version))
    first, last = min(row.day for row in rows), max(row.day for row in rows)
    days = range(first, last + 1)
    series = []
    for version, kind in zip(busiest, KINDS, strict=False):
        values = [_rate(by_day.get((day, version), (0, 0))) for day in days]
        series.append(Series(f"bundle {version}", kind, values))
    title = "Lists that led to an event"
    chart = lines(
        series,
        ticks=[(at, day_name(day)) for at, day in enumerate(days) if at % TICK == 0],
        say=lambda value: f"{100 * value:.3g} %",
        minimum=SCALE,
        title=title,
        description="Share of the lists of each day, by bundle. The table has the numbers.",
        key="feedback",
    )
    daily = [
        (day_name(day), version, *_cells(counts))
        for (day, version), counts in sorted(by_day.items(), reverse=True)
    ]
    table = Table(title, ("Day", "Bundle", "Lists", "Acted on", "In %"), daily, numbers=3)
    return TimeChart(title, series, chart, table)


def _table(rows: Sequence[ListFeedback]) -> Table:
    """Return the feedback by scenario and bundle."""
    sums = _summed(rows, lambda row: (row.scenario or NONE, row.version))
    cells = [(*key, *_cells(counts)) for key, counts in sorted(sums.items())]
    head = ("Scenario", "Bundle", "Lists", "Acted on", "In %")
    return Table("By scenario and bundle", head, cells, numbers=3)


def _exploration(feedback: ExplorationFeedback) -> Table:
    """Return the feedback on explored items beside that on other items."""
    cells = [
        ("explored items", *_cells((feedback.explored, feedback.explored_acted))),
        ("other items", *_cells((feedback.others, feedback.others_acted))),
    ]
    return Table("Exploration", ("Lower half of lists", "Positions", "Acted on", "In %"), cells, 3)


def _summed(rows: Iterable[ListFeedback], key: Callable[[ListFeedback], Key]) -> dict[Key, Counts]:
    """Return the counts of the rows of each key."""
    sums: dict[Key, Counts] = {}
    for row in rows:
        lists, acted = sums.get(key(row), (0, 0))
        sums[key(row)] = lists + row.lists, acted + row.acted
    return sums


def _cells(counts: Counts) -> tuple[str, str, str]:
    rate = _rate(counts)
    share = "-" if rate is None else f"{100 * rate:.1f}"
    return f"{counts[0]:,}", f"{counts[1]:,}", share


def _rate(counts: Counts) -> float | None:
    return counts[1] / counts[0] if counts[0] else None
