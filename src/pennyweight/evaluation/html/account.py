"""The sections on examples, cleaning, cost, and how a report was made."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from pennyweight.config.report import Report
from pennyweight.html.charts import Bar, bars, table
from pennyweight.html.document import duration, pair, size

__all__ = ["Example", "Recommended", "cleaning", "cost", "details", "examples"]


@dataclass(frozen=True)
class Recommended:
    """One recommended item and why."""

    title: str
    reason: str = ""


@dataclass(frozen=True)
class Example:
    """What one user did, oldest first, and what was recommended."""

    history: tuple[str, ...]
    recommended: tuple[Recommended, ...]


def examples(examples: Sequence[Example]) -> str:
    """Return the section on what a few users would be recommended."""
    articles = []
    for i, example in enumerate(examples, 1):
        history = " → ".join(escape(title) for title in example.history) or "nothing yet"
        items = "".join(
            f"<li>{escape(item.title)}"
            + (f"<small>{escape(item.reason)}</small>" if item.reason else "")
            + "</li>"
            for item in example.recommended
        )
        articles.append(
            f'<article><h3>User {i}</h3><p class="note">After {history}</p>'
            f"<ol>{items}</ol></article>"
        )
    if not articles:
        return ""
    return f'<section><h2>Examples</h2><div class="examples">{"".join(articles)}</div></section>'


def cleaning(report: Report) -> str:
    """Return the section on what cleaning found."""
    if report.cleaning is None:
        return ""
    rows = [
        (
            c.reason + (f" (e.g. {'; '.join(c.examples)})" if c.examples else ""),
            f"{c.table} {c.action}",
            f"{c.count:,}",
        )
        for c in report.cleaning
    ]
    head = ("Finding", "Rows", "Count")
    body = table("Findings", head, rows, numbers=1) if rows else "<p>Nothing to clean.</p>"
    return f"<section><h2>What cleaning found</h2>{body}</section>"


def cost(report: Report) -> str:
    """Return the section on where time and memory went."""
    if not report.cost.seconds:
        return ""
    return f"<section><h2>Cost</h2>{_expected(report)}{_time(report)}{_memory(report)}</section>"


def _expected(report: Report) -> str:
    """Return what was said before the start beside what came of it."""
    cost = report.cost
    if cost.expected_rss_bytes is None or cost.expected_seconds is None:
        return ""
    spent = duration(sum(cost.seconds.values()))
    return (
        f"<p>Expected before the start: {duration(cost.expected_seconds)} and "
        f"{size(cost.expected_rss_bytes)} of memory. It took {spent} and "
        f"{size(cost.peak_rss_bytes)}.</p>"
    )


def _time(report: Report) -> str:
    seconds = report.cost.seconds
    chart = bars(
        [Bar(stage, s, duration(s)) for stage, s in seconds.items()],
        title="Time of each stage",
        description="Bars in the order the stages ran. The table has the numbers.",
        key="stages",
    )
    total = sum(seconds.values()) or 1
    rows = [(stage, f"{s:,.2f}", f"{s / total:.0%}") for stage, s in seconds.items()]
    numbers = table("Time of each stage", ("Stage", "Seconds", "Share"), rows, numbers=2)
    return pair("Time of each stage", chart, numbers)


def _memory(report: Report) -> str:
    """Return the stages that raised the peak of memory, each with where it then stood."""
    raised: list[tuple[str, int, int]] = []
    before = 0
    for stage, peak in (report.cost.peak_rss_after or {}).items():
        if peak > before:
            raised.append((stage, peak, peak - before))
            before = peak
    if not raised:
        return ""
    title = "Memory at its highest"
    chart = bars(
        [Bar(stage, peak, size(peak)) for stage, peak, _ in raised],
        title=title,
        description="A bar for each stage that took memory higher than any stage before it.",
        key="memory",
    )
    rows = [(stage, size(peak), size(more)) for stage, peak, more in raised]
    numbers = table(title, ("Stage", "Highest by its end", "More than before"), rows, numbers=2)
    note = "Stages that are not named stayed below what those before them had reached."
    return pair(title, chart, numbers, note=note)


def details(report: Report, commands: Sequence[str]) -> str:
    """Return the section on how the report was made, and how to repeat it."""
    rows: list[tuple[str, str]] = [("protocol", report.protocol)]
    for key in ("repeats", "seed"):
        value = getattr(report, key)
        if value is not None:
            rows.append((key, str(value)))
    for group in ("columns", "machine", "versions"):
        for key, value in (getattr(report, group) or {}).items():
            shown = ", ".join(value) if isinstance(value, tuple) else str(value)
            if key == "memory" and isinstance(value, int):
                shown = size(value)
            rows.append((f"{group}: {key}", shown))
    lines = escape("\n".join(commands))
    repeat = f'<h3>To repeat it</h3><pre tabindex="0"><code>{lines}</code></pre>' if lines else ""
    settings = table("Settings", ("Key", "Value"), rows)
    return f"<section><h2>How it was made</h2>{repeat}{settings}</section>"
