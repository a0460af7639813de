"""What came of the lists: which of two bundles does better, and events by type."""

from collections.abc import Callable
from html import escape

from pennyweight.evaluation.bootstrap import Estimate
from pennyweight.html.charts import Bar, bars, table
from pennyweight.html.document import pair
from pennyweight.html.markup import Html
from pennyweight.serving.dashboard.components import link, when
from pennyweight.serving.live.outcome_counter import DAY
from pennyweight.serving.live.outcomes import Outcomes, TypeOutcome, VariantOutcome

__all__ = ["WINDOWS", "outcomes_section"]

HERE = "/dashboard/bundles"
SILENT = "No event names a list yet: send recommendation_id."
WINDOWS = (1, 7, 30)  # days


def outcomes_section(found: Outcomes, meaning: Callable[[str], str]) -> str:
    """Return the section; `meaning` says what a type of events means."""
    warnings = "".join(f'<p class="told failed">{escape(told)}</p>' for told in found.warnings())
    return (
        f'<h2 id="outcomes">What came of the lists</h2>{_counted(found)}'
        f'<p class="told">{escape(found.summary())}</p>{warnings}{_users(found)}'
        f"{_types(found, meaning)}"
    )


def _counted(found: Outcomes) -> str:
    days = found.window / DAY
    turns = " ".join(
        f"<strong>{_days(n)}</strong>" if n == days
        else link(_days(n), HERE, {"days": str(n)})
        for n in WINDOWS
    )  # fmt: skip
    return (
        f'<p class="note">Since {when(found.since)}, when the shares last changed. A user acts on '
        "a list with a positive event that names it and comes in time after it. Sessions without "
        "a user are counted by type alone. Decide beforehand how long to compare: whoever stops "
        "at the first difference finds one that is not there.</p>"
        f'<p class="turn"><span>In time is:</span> {turns}</p>'
    )


def _days(n: int) -> str:
    return "1 day" if n == 1 else f"{n} days"


def _users(found: Outcomes) -> str:
    drawn = [
        Bar(variant.version, 100 * variant.rate.value, f"{100 * variant.rate.value:.1f} %",
            100 * variant.rate.low, 100 * variant.rate.high)
        for variant in found.variants
        if variant.rate is not None
    ]  # fmt: skip
    if not drawn:
        return ""
    title = "Users who acted on a list"
    chart = bars(
        drawn,
        title=title,
        description="A bar for each bundle with a 95 % interval. The table has the numbers.",
        key="acted",
    )
    rows = [_row(variant) for variant in found.variants]
    if found.contrast is not None:
        rows.append(("Difference", "", "", "", _interval(found.contrast.rate, 100, sign="+"),
                     _interval(found.contrast.events_per_user, 1, sign="+")))  # fmt: skip
    head = ("Bundle", "Share", "Users", "Acted", "In %", "Events a user")
    numbers = table(title, head, rows, numbers=5)
    note = "With 95 % intervals: Wilson's for rates, Newcombe's for their difference."
    return pair(title, chart, numbers, note=note)


def _row(variant: VariantOutcome) -> tuple[str, ...]:
    return (
        variant.version,
        f"{100 * variant.share:.4g} %",
        f"{variant.users:,}",
        f"{variant.converted:,}",
        "-" if variant.rate is None else _interval(variant.rate, 100),
        "-" if variant.events_per_user is None else _interval(variant.events_per_user, 1),
    )


def _interval(found: Estimate, scale: float, *, sign: str = "") -> Html:
    digits = 1 if scale > 1 else 2
    value, low, high = (format(scale * part, f"{sign}.{digits}f") for part in found)
    return Html(f'{value}<small class="span">{low} to {high}</small>')


def _types(found: Outcomes, meaning: Callable[[str], str]) -> str:
    told = [(_named(one.kind, meaning(one.kind)), one) for one in found.types if one.kind]
    told.sort(key=lambda row: (row[0].endswith(")"), row[0], row[1].version))
    title = "Events for a hundred lists"
    if not told:
        return f'<h3>{title}</h3><p class="note">{SILENT}</p>'
    drawn, before = [], ""
    for kind, one in told:
        label = one.version if kind == before else f"{kind}: {one.version}"
        drawn.append(Bar(label, _per_list(one), f"{_per_list(one):.1f}", next=kind == before))
        before = kind
    chart = bars(
        drawn,
        title=title,
        description="A bar for each type of event and bundle. The table has the numbers.",
        key="outcomes",
    )
    rows = [
        (f"{kind}: {one.version}", f"{one.lists:,}", f"{one.events:,}", f"{one.users:,}",
         f"{_per_list(one):.1f}")
        for kind, one in told
    ]  # fmt: skip
    head = ("Type and bundle", "Lists", "Events", "Users", "For 100 lists")
    return pair(title, chart, table(title, head, rows, numbers=4))


def _named(kind: str, meaning: str) -> str:
    """Say beside the type of events that are no success."""
    return kind if meaning == "positive" else f"{kind} ({meaning})"


def _per_list(one: TypeOutcome) -> float:
    return 100 * one.events / max(1, one.lists)
