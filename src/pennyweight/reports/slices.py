"""Figures on slices: quality for some users or some items alone."""

from collections.abc import Sequence

from pennyweight.config.quality import Slice
from pennyweight.config.report import Report
from pennyweight.evaluation.compare import DAY, HISTORY_LENGTH, POPULARITY
from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Details, Figure, Table

__all__ = ["chart_scorers", "slice_figure", "slice_figures"]

_HEADINGS = {
    HISTORY_LENGTH: "By history length: known events of the user",
    POPULARITY: "By popularity of the held-out item",
    DAY: "By day of the held-out item: the day of the user's previous event, or a later day",
}


def slice_figures(report: Report) -> list[Figure]:
    """Return a figure for each of the standard slices that the report has."""
    figures = (slice_figure(report, by, heading) for by, heading in _HEADINGS.items())
    return [figure for figure in figures if figure is not None]


def slice_figure(report: Report, by: str, heading: str, *, note: str = "") -> Figure | None:
    """Return the quality of all slices by one property."""
    slices = [group for group in report.slices or () if group.by == by]
    if not slices:
        return None
    names = chart_scorers(report)
    chart = bars(
        [bar for group in slices for bar in _bars(group, names)],
        title=heading,
        description="Bars with 95 % intervals. The table has the numbers of every scorer.",
        key="slice-" + "".join(c if c.isalnum() else "-" for c in by),
    )
    details = None
    if len(report.ranking()) > len(names):
        caption = f"{heading}, every scorer"
        details = Details("Every scorer", _slice_table(caption, slices, report.ranking()))
    return Figure(heading, chart, _slice_table(heading, slices, names), note, details)


def _slice_table(caption: str, slices: Sequence[Slice], names: Sequence[str]) -> Table:
    rows = [
        (
            group.name,
            f"{group.users:,}",
            *(str(group.ndcg[n]) if n in group.ndcg else "-" for n in names),
        )
        for group in slices
    ]
    return Table(caption, ("Slice", "Users", *names), rows, numbers=1 + len(names))


def chart_scorers(report: Report) -> Sequence[str]:
    """Return the scorers in charts of groups: the blend and its best component."""
    ranked = report.ranking()
    if "blend" not in ranked:
        return ranked[:2]
    components = [name for name in ranked if name in (report.blend or {})]
    return ("blend", *(components or [name for name in ranked if name != "blend"])[:1])


def _bars(group: Slice, names: Sequence[str]) -> list[Bar]:
    out: list[Bar] = []
    for name in names:
        m = group.ndcg.get(name)
        if m is not None:
            first = not out
            label = f"{group.name}: {name}" if first else name
            out.append(Bar(label, m.value, f"{m.value:.4f}", m.low, m.high, first, not first))
    return out
