"""The report as one self-contained page: no script, no network, for screen, phone and paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from pennyweight.page.charts import Bar, bars, table
from pennyweight.page.document import document, duration, pair, size
from pennyweight.spec.report import Measured, Report

__all__ = ["Example", "Recommended", "render"]

_CHARTS = {
    "ndcg@10": ("NDCG@10", "how near the top of ten the held-out items are"),
    "recall@10": ("Recall@10", "the share of held-out items among the first ten"),
}


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


def render(
    report: Report, *, examples: Sequence[Example] | None = None, commands: Sequence[str] = ()
) -> str:
    """Return the page.

    Parameters
    ----------
    report
        What was measured.
    examples
        A few users, with the items recommended to them.
    commands
        Command lines that repeat the fit.
    """
    sections = [
        _facts(report),
        _quality(report),
        _blend(report),
        _examples(examples or ()),
        _cleaning(report),
        _cost(report),
        _details(report, commands),
    ]
    created = f"<p>Made <time>{escape(report.created)}</time></p>" if report.created else ""
    head = f"<p>{escape(report.summary())}</p>{created}"
    return document("Recommendation report", sections, head=head)


def _facts(report: Report) -> str:
    facts = []
    if report.scorers:
        best = report.ranking()[0]
        measured = report.scorers[best].get("ndcg@10")
        if measured is not None:
            facts.append(("Best NDCG@10", f"{measured.value:.4f}", best))
    if report.cost.seconds:
        facts.append(("Time to fit", duration(sum(report.cost.seconds.values())), "all stages"))
    if report.cost.peak_rss_bytes:
        facts.append(("Memory", size(report.cost.peak_rss_bytes), "at its highest"))
    if report.cost.bundle_bytes:
        facts.append(("Bundle", size(report.cost.bundle_bytes), "on disk"))
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>"
        for name, value, note in facts
    )
    return f'<dl class="facts">{cells}</dl>' if cells else ""


def _quality(report: Report) -> str:
    users = report.evaluated_users
    who = "the evaluated users" if users is None else f"{users:,} users"
    note = (
        f"Means over {who}, every item ranked. Whiskers are 95 % intervals over users; where two "
        "overlap, the paired difference over the same users may still be clear."
    )
    pairs = "".join(_metric(report, metric) for metric in _CHARTS)
    rest = _all_metrics(report)
    return f'<section><h2>Quality</h2><p class="note">{note}</p>{pairs}{rest}</section>'


def _all_metrics(report: Report) -> str:
    ranked = report.ranking()
    metrics = dict.fromkeys(metric for name in ranked for metric in report.scorers[name])
    if not metrics:
        return ""
    rows = [
        (
            metric,
            *(f"{m.value:.4f}" if (m := report.scorers[n].get(metric)) else "-" for n in ranked),
        )
        for metric in metrics
    ]
    numbers = table("Mean of each metric", ("Metric", *ranked), rows, numbers=len(ranked))
    return f"<details><summary>All metrics</summary>{numbers}</details>"


def _metric(report: Report, metric: str) -> str:
    title, meaning = _CHARTS[metric]
    ranked = [
        (name, report.scorers[name][metric])
        for name in report.ranking(metric)
        if metric in report.scorers[name]
    ]
    if not ranked:
        return ""
    drawn = [
        Bar(name, m.value, f"{m.value:.4f}", m.low, m.high, best=i == 0)
        for i, (name, m) in enumerate(ranked)
    ]
    chart = bars(
        drawn,
        title=f"{title} of each scorer",
        description=f"Bars, best first, with 95 % intervals: {meaning}. The table has the numbers.",
        key=metric.replace("@", "-"),
    )
    rows = [(name, f"{m.value:.4f}", _interval(m)) for name, m in ranked]
    return pair(
        f"{title}: {meaning}", chart, table(title, ("Scorer", "Mean", "95 %"), rows, numbers=2)
    )


def _blend(report: Report) -> str:
    if not report.blend:
        return ""
    weights = sorted(report.blend.items(), key=lambda item: -item[1])
    chart = bars(
        [Bar(name, weight, f"{weight:.2f}") for name, weight in weights],
        title="Weight of each scorer in the blend",
        description="Bars, heaviest first. The table has the numbers.",
        key="blend",
    )
    rows = [(name, f"{weight:.4f}") for name, weight in weights]
    return (
        '<section><h2>The blend</h2><p class="note">Weights learnt on validation data. A weight of '
        "zero means that the others already say what the scorer says.</p>"
        + pair("Weights", chart, table("Blend", ("Scorer", "Weight"), rows, numbers=1))
        + "</section>"
    )


def _examples(examples: Sequence[Example]) -> str:
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


def _cleaning(report: Report) -> str:
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


def _cost(report: Report) -> str:
    seconds = report.cost.seconds
    if not seconds:
        return ""
    chart = bars(
        [Bar(stage, s, duration(s)) for stage, s in seconds.items()],
        title="Time of each stage",
        description="Bars in the order the stages ran. The table has the numbers.",
        key="stages",
    )
    total = sum(seconds.values())
    rows = [(stage, f"{s:,.2f}", f"{s / (total or 1):.0%}") for stage, s in seconds.items()]
    head = ("Stage", "Seconds", "Share")
    shown = pair("Time of each stage", chart, table("Stages", head, rows, numbers=2))
    return f"<section><h2>Cost</h2>{shown}</section>"


def _details(report: Report, commands: Sequence[str]) -> str:
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


def _interval(measured: Measured) -> str:
    return f"{measured.low:.4f} to {measured.high:.4f}"
