"""The section on slices: who is served well, and on which items."""

from collections.abc import Sequence

from pennyweight.config.quality import Slice
from pennyweight.config.report import Report
from pennyweight.evaluation.compare import DAY, HISTORY_LENGTH, POPULARITY
from pennyweight.html.charts import Bar, bars, table
from pennyweight.html.document import pair

__all__ = ["shown_scorers", "slice_pair", "slices"]

_HEADINGS = {
    HISTORY_LENGTH: "By length of the history: events known of the user",
    POPULARITY: "By popularity of the held-out item",
    DAY: "By the day of the held-out item: that of the user's event before, or a later one",
}
_NOTE = (
    "NDCG@10 for some users or some items alone, with 95 % intervals over users. Head, middle and "
    "tail items each had a third of all events, most popular first; cold items had none. Small "
    "slices have wide intervals: where two overlap widely, no difference is shown."
)


def slices(report: Report) -> str:
    """Return the section, empty for a report without slices."""
    pairs = "".join(slice_pair(report, by, heading) for by, heading in _HEADINGS.items())
    if not pairs:
        return ""
    return f'<section><h2>Slices</h2><p class="note">{_NOTE}</p>{pairs}</section>'


def slice_pair(report: Report, by: str, heading: str, *, note: str = "") -> str:
    """Return chart and table of the slices cut by one thing."""
    chosen = [one for one in report.slices or () if one.by == by]
    if not chosen:
        return ""
    names = shown_scorers(report)
    chart = bars(
        [bar for one in chosen for bar in _bars(one, names)],
        title=heading,
        description="Bars with 95 % intervals. The table has the numbers of every scorer.",
        key="slice-" + "".join(c if c.isalnum() else "-" for c in by),
    )
    beside = _numbers(heading, chosen, names)
    others = [name for name in report.ranking() if name not in names]
    if not others:
        return pair(heading, chart, beside, note=note)
    every = _numbers(f"{heading}, every scorer", chosen, report.ranking())
    return (
        pair(heading, chart, beside, note=note)
        + f"<details><summary>Every scorer</summary>{every}</details>"
    )


def _numbers(caption: str, chosen: Sequence[Slice], names: Sequence[str]) -> str:
    rows = [
        (one.name, f"{one.users:,}", *(str(one.ndcg[n]) if n in one.ndcg else "-" for n in names))
        for one in chosen
    ]
    return table(caption, ("Slice", "Users", *names), rows, numbers=1 + len(names))


def shown_scorers(report: Report) -> Sequence[str]:
    """Return the scorers that charts show: the blend and the best of its parts."""
    ranked = report.ranking()
    if "blend" not in ranked:
        return ranked[:2]
    parts = [name for name in ranked if name in (report.blend or {})]
    return ("blend", *(parts or [name for name in ranked if name != "blend"])[:1])


def _bars(one: Slice, names: Sequence[str]) -> list[Bar]:
    out: list[Bar] = []
    for name in names:
        m = one.ndcg.get(name)
        if m is not None:
            first = not out
            label = f"{one.name}: {name}" if first else name
            out.append(Bar(label, m.value, f"{m.value:.4f}", m.low, m.high, first, not first))
    return out
