"""Figures on the lists beyond accuracy: coverage, novelty, diversity."""

from pennyweight.config.report import Report
from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Details, Figure, Table
from pennyweight.reports.numbers import capital, compact, share

__all__ = ["coverage_figure", "diversity_figure", "interval_table"]

_MEANINGS = {
    "novelty": "rarity of a recommended item among users, in bits",
    "diversity": "from 0 (identical items) to 1 (nothing in common)",
    "serendipity": "relevant items that popularity alone would not recommend",
    "miscalibration": "0 if a list has the categories of the history",
}


def coverage_figure(report: Report) -> Figure | None:
    """Return the coverage and Gini index of each scorer, the most accurate first."""
    lists = report.lists
    if lists is None:
        return None
    catalog = {name: lists.catalog[name] for name in report.ranking() if name in lists.catalog}
    heading = "Coverage: share of the catalog in at least one list"
    chart = bars(
        [
            Bar(name, values["coverage"], share(values["coverage"]), best=name == "blend")
            for name, values in catalog.items()
        ],
        title=heading,
        description="Most accurate scorer first. The table has the numbers.",
        key="coverage",
    )
    rows = [
        (name, share(values["coverage"]), f"{values['gini']:.3f}")
        for name, values in catalog.items()
    ]
    note = (
        "The Gini index measures inequality between items: 0 if all items are recommended "
        "equally often, near 1 if a few items take every place."
    )
    head = ("Scorer", "Coverage", "Gini index")
    return Figure(heading, chart, Table(heading, head, rows, numbers=2), note)


def diversity_figure(report: Report) -> Figure | None:
    """Return the diversity of each scorer, or its novelty where diversity has no basis."""
    lists = report.lists
    if lists is None:
        return None
    metric = "diversity" if lists.diversity_by else "novelty"
    means = {name: lists.scorers[name] for name in report.ranking() if name in lists.scorers}
    means = {name: values for name, values in means.items() if metric in values}
    heading = f"{metric.capitalize()}: {_MEANINGS[metric]}"
    chart = bars(
        [
            Bar(name, m.value, compact(m.value), m.low, m.high, best=name == "blend")
            for name, values in means.items()
            for m in [values[metric]]
        ],
        title=heading,
        description="Bars with 95 % intervals, most accurate scorer first.",
        key="diversity",
    )
    columns = [m for m in _MEANINGS if any(m in values for values in means.values())]
    rows = [
        (name, *(compact(values[m].value) if m in values else "-" for m in columns))
        for name, values in means.items()
    ]
    head = ("Scorer", *(m.capitalize() for m in columns))
    basis = f"Diversity compares the {lists.diversity_by}. " if lists.diversity_by else ""
    basis += f"Categories come from the column {lists.categories}. " if lists.categories else ""
    meanings = capital("; ".join(f"{m}: {_MEANINGS[m]}" for m in columns if m != metric))
    table = Table(heading, head, rows, numbers=len(columns))
    return Figure(heading, chart, table, f"{basis}{meanings}." if meanings else basis)


def interval_table(report: Report) -> Details | None:
    """Return each metric of the lists with its interval."""
    lists = report.lists
    if lists is None:
        return None
    names = [name for name in report.ranking() if name in lists.scorers]
    metrics = dict.fromkeys(metric for name in names for metric in lists.scorers[name])
    rows = [
        (
            f"{metric.replace('_', ' ')}: {name}",
            compact(m.value),
            f"{compact(m.low)} to {compact(m.high)}",
        )
        for metric in metrics
        for name in names
        if (m := lists.scorers[name].get(metric))
    ]
    table = Table("Each metric with its interval", ("Metric", "Mean", "95 %"), rows, numbers=2)
    return Details("Intervals", table)
