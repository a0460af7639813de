"""What recommends an item, and its events over time."""

from collections.abc import Mapping
from dataclasses import dataclass

from pennyweight.html.figures import Table
from pennyweight.serving.dashboard.charts import Series, TimeChart, columns
from pennyweight.serving.dashboard.page import DAY, day_name
from pennyweight.serving.stores.protocol import Store

__all__ = ["ItemPlace", "days_chart", "item_activity"]

DAYS, EVENTS = 30, 100_000  # of the chart
LISTED, NEWEST = 20, 2_000  # lists on the page; lists that are looked through
TICK = 7  # days between the times below the chart


@dataclass(frozen=True)
class ItemPlace:
    """The place of an item in a list that was served.

    Attributes
    ----------
    time, user
        When it was served (epoch seconds), and to whom; None to a session.
    place, length
        From 1; the number of items in the list.
    version, source, scenario
        Its bundle, its basis, and where it was displayed.
    """

    time: float
    user: str | None
    place: int
    length: int
    version: str
    source: str
    scenario: str


def item_activity(store: Store, item: str, now: float) -> Mapping[str, object]:
    """Return the newest lists with an item, and a chart of its live events."""
    first = int(now // DAY) - DAYS + 1
    counts = store.browser.events_by_day(item, first * DAY, EVENTS)
    places = []
    for served in store.browser.lists_with(item, LISTED, NEWEST):
        ids = [id for id, _ in served.items]
        if item in ids:
            places.append(
                ItemPlace(
                    served.time,
                    served.user,
                    ids.index(item) + 1,
                    len(ids),
                    served.bundle_version,
                    served.source,
                    served.scenario or "-",
                )
            )
    chart = days_chart(first, [counts.get(first + day, 0) for day in range(DAYS)])
    return {"places": places, "newest_lists": NEWEST, "days": chart if counts else None}


def days_chart(first: int, counts: list[int]) -> TimeChart:
    """Return a column for each day from one on, with its number of events."""
    names = [day_name(first + day) for day in range(len(counts))]
    title = "Live events per day"
    series = [Series("events and impressions", "best", [float(n) for n in counts])]
    chart = columns(
        series,
        ticks=[(day, names[day]) for day in range(TICK // 2, len(counts), TICK)],
        title=title,
        description=f"A column for each of the last {len(counts)} days. The table has the numbers.",
        key="days",
    )
    rows = [(name, f"{n:,}") for name, n in zip(names, counts, strict=True) if n][::-1]
    return TimeChart(title, series, chart, Table(title, ("Day", "Events"), rows, numbers=1))
