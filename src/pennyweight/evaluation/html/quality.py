"""The sections on the quality of each scorer, and on the blend."""

from html import escape

from pennyweight.config.report import BEFORE_REFIT, Report
from pennyweight.evaluation.html.cells import interval
from pennyweight.html.charts import Bar, bars, table
from pennyweight.html.document import count, pair

__all__ = ["blend", "quality"]

_CHARTS = {
    "ndcg@10": ("NDCG@10", "how near the top of ten the held-out items are"),
    "recall@10": ("Recall@10", "the share of held-out items among the first ten"),
}


def quality(report: Report) -> str:
    """Return the section on the quality of each scorer."""
    users = report.evaluated_users
    who = "the evaluated users" if users is None else f"{users:,} users"
    note = (
        f"Means over {who}, every item ranked. Whiskers are 95 % intervals over users; where two "
        "overlap, the paired difference over the same users may still be clear."
    )
    if "train+validation" in (report.fitted_on or {}).values():
        note += (
            f" {BEFORE_REFIT} is the blend fitted on the training events alone, as published "
            "models are; the other scorers were fitted on the validation events too, as they "
            "are in service."
        )
    pairs = "".join(_metric(report, metric) for metric in _CHARTS)
    rest = _comparisons(report) + _all_metrics(report)
    return f'<section><h2>Quality</h2><p class="note">{note}</p>{pairs}{rest}</section>'


def _comparisons(report: Report) -> str:
    if not report.comparisons:
        return ""
    said = "".join(f"<li>{escape(str(one))}</li>" for one in report.comparisons)
    rows = [
        (one.other, f"{one.difference.value:+.4f}", f"{one.p:.3f}", f"{one.p_holm:.3f}")
        for one in report.comparisons
    ]
    head = (f"{report.comparisons[0].scorer} less", "Difference", "p", "p, corrected")
    numbers = table("Paired differences of NDCG@10", head, rows, numbers=3)
    note = (
        "Paired bootstrap tests over the same users; p-values corrected for the number of tests "
        "after Holm."
    )
    return pair("Is the difference real?", f"<ul>{said}</ul>", numbers, note=note)


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
    events = report.fitted_on
    head = ("Scorer", *(("Fitted on",) if events else ()), "Mean", "95 %")
    rows = [
        (name, *((events.get(name, "-"),) if events else ()), f"{m.value:.4f}", interval(m))
        for name, m in ranked
    ]
    return pair(f"{title}: {meaning}", chart, table(title, head, rows, numbers=2))


def blend(report: Report) -> str:
    """Return the section on the weights of the blend."""
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
        '<section><h2>The blend</h2><p class="note">Weights learned on validation data. A weight '
        "of zero means that the others already say what the scorer says.</p>"
        + pair("Weights", chart, table("Blend", ("Scorer", "Weight"), rows, numbers=1))
        + _routes(report)
        + "</section>"
    )


def _routes(report: Report) -> str:
    """Return the weights by the length of a history."""
    if not report.routes:
        return ""
    names = list(next(iter(report.routes.values())))
    rows = [
        (count(least, "event"), *(f"{own[name]:.2f}" for name in names))
        for least, own in report.routes.items()
    ]
    head = ("History from", *names)
    return (
        '<h3>By length of the history</h3><p class="note">On users whom they were not learned '
        "from, weights by the length of a history foresaw choices better than the same weights for "
        "everybody, so they are used.</p>"
        + table("Weights by length of the history", head, rows, numbers=len(names))
    )
