"""The outcomes of lists as charts and tables."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Figure, Table
from pennyweight.serving.live.outcome_counter import DAY, WINDOW
from pennyweight.serving.live.outcomes import Outcomes, TypeOutcome

__all__ = ["outcomes_context", "window_of"]

WINDOWS = (1, 7, 30)  # days


def window_of(days: str) -> float:
    """Return the window of a link, seconds; that of a week for another text."""
    return DAY * int(days) if days in map(str, WINDOWS) else WINDOW


def outcomes_context(outcomes: Outcomes, meaning: Callable[[str], str]) -> Mapping[str, object]:
    """Return the context of the section; `meaning` returns the meaning of a type of event."""
    return {
        "outcomes": outcomes,
        "windows": WINDOWS,
        "days": outcomes.window / DAY,
        "acted": _acted_chart(outcomes),
        "event_types": _type_figure(outcomes, meaning),
    }


def _acted_chart(outcomes: Outcomes) -> Markup | None:
    drawn = [
        Bar(
            variant.version,
            100 * variant.rate.value,
            f"{100 * variant.rate.value:.1f} %",
            100 * variant.rate.low,
            100 * variant.rate.high,
        )
        for variant in outcomes.variants
        if variant.rate is not None
    ]
    if not drawn:
        return None
    return bars(
        drawn,
        title="Users who acted on a list",
        description="Share of each bundle with a 95 % interval. The table has the numbers.",
        key="acted",
    )


def _type_figure(outcomes: Outcomes, meaning: Callable[[str], str]) -> Figure | None:
    """Return the events by type and bundle, successes first; None where no event names a list."""
    types = [
        (_label(outcome.kind, meaning(outcome.kind)), outcome)
        for outcome in outcomes.types
        if outcome.kind
    ]
    types.sort(key=lambda row: (row[0].endswith(")"), row[0], row[1].version))
    if not types:
        return None
    drawn, before = [], ""
    for kind, outcome in types:
        label = outcome.version if kind == before else f"{kind}: {outcome.version}"
        drawn.append(
            Bar(label, _per_list(outcome), f"{_per_list(outcome):.1f}", next=kind == before)
        )
        before = kind
    title = "Events per 100 lists"
    chart = bars(
        drawn,
        title=title,
        description="Events of each type and bundle. The table has the numbers.",
        key="outcomes",
    )
    rows = [
        (
            f"{kind}: {outcome.version}",
            f"{outcome.lists:,}",
            f"{outcome.events:,}",
            f"{outcome.users:,}",
            f"{_per_list(outcome):.1f}",
        )
        for kind, outcome in types
    ]
    head = ("Type and bundle", "Lists", "Events", "Users", "Per 100 lists")
    return Figure(title, chart, Table(title, head, rows, numbers=4))


def _label(kind: str, meaning: str) -> str:
    """Return the type with the meaning of events that are no success."""
    return kind if meaning == "positive" else f"{kind} ({meaning})"


def _per_list(outcome: TypeOutcome) -> float:
    return 100 * outcome.events / max(1, outcome.lists)
