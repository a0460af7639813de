"""Figures on the quality of each scorer and on the weights of the blend."""

from pennyweight.config.report import Report
from pennyweight.formatting import count
from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Details, Figure, Table
from pennyweight.reports.numbers import interval

__all__ = [
    "blend_figure",
    "comparison_table",
    "fold_figure",
    "history_weights_table",
    "metric_figures",
    "metric_table",
]

_METRICS = {
    "ndcg@10": ("NDCG@10", "how close to the top of ten the held-out items rank"),
    "recall@10": ("Recall@10", "share of the held-out items in the top ten"),
}


def metric_figures(report: Report) -> list[Figure]:
    """Return a figure for each headline metric, the best scorer first."""
    return [figure for metric in _METRICS if (figure := _metric_figure(report, metric))]


def _metric_figure(report: Report, metric: str) -> Figure | None:
    title, meaning = _METRICS[metric]
    ranked = [
        (name, report.scorers[name][metric])
        for name in report.ranking(metric)
        if metric in report.scorers[name]
    ]
    if not ranked:
        return None
    chart = bars(
        [
            Bar(name, m.value, f"{m.value:.4f}", m.low, m.high, best=i == 0)
            for i, (name, m) in enumerate(ranked)
        ],
        title=f"{title} of each scorer",
        description=f"Best scorer first, with 95 % intervals: {meaning}. Numbers in the table.",
        key=metric.replace("@", "-"),
    )
    events = report.fitted_on
    head = ("Scorer", *(("Fitted on",) if events else ()), "Mean", "95 %")
    rows = [
        (name, *((events.get(name, "-"),) if events else ()), f"{m.value:.4f}", interval(m))
        for name, m in ranked
    ]
    return Figure(f"{title}: {meaning}", chart, Table(title, head, rows, numbers=2))


def fold_figure(report: Report) -> Figure | None:
    """Return the quality on each test window, oldest first."""
    if not report.folds:
        return None
    names = report.ranking()
    best = "blend" if "blend" in names else names[0]
    measured = [(fold.window, fold.scorers[best]["ndcg@10"]) for fold in report.folds]
    chart = bars(
        [Bar(window, m.value, f"{m.value:.4f}", m.low, m.high) for window, m in measured],
        title=f"NDCG@10 of {best} in each fold",
        description="Oldest fold first, with 95 % intervals. The table has every scorer.",
        key="folds",
    )
    rows = [
        (
            fold.window,
            f"{fold.training_events:,}",
            f"{fold.users:,}",
            *(f"{fold.scorers[name]['ndcg@10'].value:.4f}" for name in names),
        )
        for fold in report.folds
    ]
    head = ("Test window", "Training events", "Users", *names)
    table = Table("NDCG@10 in each fold", head, rows, numbers=len(head) - 1)
    return Figure(f"Folds: NDCG@10 of {best}, measured after each cut", chart, table)


def comparison_table(report: Report) -> Table | None:
    """Return the paired differences between the blend and each other scorer."""
    if not report.comparisons:
        return None
    rows = [
        (
            row.other,
            f"{row.difference.value:+.4f}",
            f"{row.p:.3f}",
            f"{row.p_holm:.3f}",
        )
        for row in report.comparisons
    ]
    head = (f"{report.comparisons[0].scorer} minus", "Difference", "p", "corrected p")
    return Table("Paired differences of NDCG@10", head, rows, numbers=3)


def metric_table(report: Report) -> Details | None:
    """Return the mean of every metric for every scorer."""
    ranked = report.ranking()
    metrics = dict.fromkeys(metric for name in ranked for metric in report.scorers[name])
    if not metrics:
        return None
    rows = [
        (
            metric,
            *(f"{m.value:.4f}" if (m := report.scorers[n].get(metric)) else "-" for n in ranked),
        )
        for metric in metrics
    ]
    head = ("Metric", *ranked)
    return Details("All metrics", Table("Mean of each metric", head, rows, numbers=len(ranked)))


def blend_figure(report: Report) -> Figure | None:
    """Return the weight of each scorer in the blend, heaviest first."""
    if not report.blend:
        return None
    weights = sorted(report.blend.items(), key=lambda item: -item[1])
    chart = bars(
        [Bar(name, weight, f"{weight:.2f}") for name, weight in weights],
        title="Weight of each scorer in the blend",
        description="Heaviest scorer first. The table has the numbers.",
        key="blend",
    )
    rows = [(name, f"{weight:.4f}") for name, weight in weights]
    return Figure("Weights", chart, Table("Blend", ("Scorer", "Weight"), rows, numbers=1))


def history_weights_table(report: Report) -> Table | None:
    """Return the weights by history length, where the blend uses them."""
    if not report.routes:
        return None
    names = list(next(iter(report.routes.values())))
    rows = [
        (count(length, "event"), *(f"{weights[name]:.2f}" for name in names))
        for length, weights in report.routes.items()
    ]
    head = ("History from", *names)
    return Table("Weights by history length", head, rows, numbers=len(names))
