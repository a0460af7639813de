"""The section on what is recommended, beyond whether it was right."""

from html import escape

from pennyweight.config.quality import ListQuality
from pennyweight.config.report import Report
from pennyweight.evaluation.html.cells import compact, share
from pennyweight.html.charts import Bar, bars, table
from pennyweight.html.document import pair

__all__ = ["lists"]

_MEANINGS = {
    "novelty": "bits of surprise: how rare a recommended item is among users",
    "diversity": "0 all alike, 1 nothing in common",
    "serendipity": "hits that popularity alone would not have shown",
    "miscalibration": "0 where a list has the categories of the history",
}


def lists(report: Report) -> str:
    """Return the section, empty for a report without lists."""
    found = report.lists
    if found is None:
        return ""
    note = f"What the first {found.k} items of each ranking are like, right or not."
    if report.new_items is not None:
        said = str(report.new_items)
        note += f" {said[:1].upper()}{escape(said[1:])}."
    pairs = _coverage(report, found) + _diversity(report, found) + _intervals(report, found)
    return f'<section><h2>Beyond accuracy</h2><p class="note">{note}</p>{pairs}</section>'


def _coverage(report: Report, found: ListQuality) -> str:
    names = [name for name in report.ranking() if name in found.catalog]
    heading = "Coverage: the part of the catalog that is recommended to anybody"
    chart = bars(
        [
            Bar(n, found.catalog[n]["coverage"], share(found.catalog[n]["coverage"]),
                best=n == "blend")
            for n in names
        ],
        title=heading,
        description="Bars, the most accurate scorer first. The table has the numbers.",
        key="coverage",
    )  # fmt: skip
    rows = [
        (n, share(found.catalog[n]["coverage"]), f"{found.catalog[n]['gini']:.3f}") for n in names
    ]
    note = (
        "The Gini index says how unequally items are shown: 0 all alike, near 1 where a few "
        "items take every place."
    )
    numbers = table(heading, ("Scorer", "Coverage", "Gini"), rows, numbers=2)
    return pair(heading, chart, numbers, note=note)


def _diversity(report: Report, found: ListQuality) -> str:
    metric = "diversity" if found.diversity_by else "novelty"
    names = [name for name in report.ranking() if metric in found.scorers.get(name, {})]
    heading = f"{metric.capitalize()}: {_MEANINGS[metric]}"
    chart = bars(
        [
            Bar(n, m.value, compact(m.value), m.low, m.high, best=n == "blend")
            for n in names
            for m in [found.scorers[n][metric]]
        ],
        title=heading,
        description="Bars with 95 % intervals, the most accurate scorer first.",
        key="diversity",
    )
    shown = [m for m in _MEANINGS if any(m in found.scorers[n] for n in names)]
    rows = [
        (n, *(compact(found.scorers[n][m].value) if m in found.scorers[n] else "-" for m in shown))
        for n in names
    ]
    head = ("Scorer", *(m.capitalize() for m in shown))
    by = f"Items are told apart by the {found.diversity_by}. " if found.diversity_by else ""
    by += f"Categories are those of the column {found.categories}. " if found.categories else ""
    meanings = "; ".join(f"{m}: {_MEANINGS[m]}" for m in shown if m != metric)

    numbers = table(heading, head, rows, numbers=len(shown))
    return pair(heading, chart, numbers, note=f"{by}{meanings[:1].upper()}{meanings[1:]}.")


def _intervals(report: Report, found: ListQuality) -> str:
    names = [name for name in report.ranking() if name in found.scorers]
    metrics = dict.fromkeys(metric for name in names for metric in found.scorers[name])
    rows = [
        (
            f"{metric.replace('_', ' ')}: {name}",
            compact(m.value),
            f"{compact(m.low)} to {compact(m.high)}",
        )
        for metric in metrics
        for name in names
        if (m := found.scorers[name].get(metric))
    ]
    numbers = table("Each metric with its interval", ("Metric", "Mean", "95 %"), rows, numbers=2)
    return f"<details><summary>With intervals</summary>{numbers}</details>"
