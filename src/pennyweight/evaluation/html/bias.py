"""The section on bias: what lists favor, and whom they serve worse."""

from collections.abc import Sequence

from pennyweight.config.quality import Exposure
from pennyweight.config.report import Report
from pennyweight.evaluation.compare import DAY, HISTORY_LENGTH, POPULARITY
from pennyweight.evaluation.html.cells import compact, share
from pennyweight.evaluation.html.slices import shown_scorers, slice_pair
from pennyweight.html.charts import Bar, bars, table
from pennyweight.html.document import pair

__all__ = ["bias"]


def bias(report: Report) -> str:
    """Return the section, empty for a report without lists."""
    parts = [_lift(report), _exposure(report), _users(report)]
    if not any(parts):
        return ""
    return f"<section><h2>Bias</h2>{''.join(parts)}</section>"


def _lift(report: Report) -> str:
    lists = report.lists
    if lists is None or lists.history_popularity is None:
        return ""
    names = [name for name in report.ranking() if "popularity_lift" in lists.scorers.get(name, {})]
    past = lists.history_popularity
    drawn = [Bar("what users chose", past, compact(past))]
    rows = [("what users chose", compact(past), "-", "-")]
    for name in names:
        of, lift = lists.scorers[name]["popularity"], lists.scorers[name]["popularity_lift"]
        drawn.append(Bar(name, of.value, compact(of.value), of.low, of.high, best=name == "blend"))
        ends = f"{100 * lift.low:+.0f} to {100 * lift.high:+.0f} %"
        rows.append((name, compact(of.value), f"{100 * lift.value:+.0f} %", ends))
    heading = "Popularity: mean number of events of an item"
    chart = bars(
        drawn,
        title=heading,
        description="Bars: items of the histories first, then those each scorer recommends.",
        key="popularity",
    )
    head = ("Items", "Events", "Lift", "95 %")
    note = (
        "Lists that are more popular than what the same users chose make the popular more so. "
        "The lift is by how much; at zero, lists are as popular as choices."
    )
    return pair(heading, chart, table(heading, head, rows, numbers=3), note=note)


def _exposure(report: Report) -> str:
    exposure = report.exposure
    if exposure is None:
        return ""
    name = shown_scorers(report)[0]
    drawn = []
    for group in exposure.groups:
        m = group.scorers[name]
        drawn += [
            Bar(f"{group.name}: recommended", m.value, share(m.value), m.low, m.high, best=True),
            Bar("chosen", group.histories, share(group.histories), next=True),
        ]
    heading = f"Exposure by {exposure.attribute}: places in the lists"
    chart = bars(
        drawn,
        title=heading,
        description=f"Bars: each group's share of the lists of {name}, and of the histories.",
        key="exposure",
    )
    note = (
        "Which part of all recommendations goes to each group of items, beside its part of what "
        f"users chose and of the catalog. The chart shows {name}."
    )
    beside = _exposure_table(exposure, heading, [name])
    every = _exposure_table(exposure, f"{heading}, every scorer", report.ranking())
    return (
        pair(heading, chart, beside, note=note)
        + f"<details><summary>Every scorer</summary>{every}</details>"
    )


def _exposure_table(exposure: Exposure, heading: str, ranked: Sequence[str]) -> str:
    rows = [
        (
            group.name,
            share(group.items),
            share(group.histories),
            *(share(group.scorers[name].value) for name in ranked),
        )
        for group in exposure.groups
    ]
    head = ("Group", "Catalog", "Chosen", *ranked)
    return table(heading, head, rows, numbers=len(head) - 1)


def _users(report: Report) -> str:
    found = dict.fromkeys(one.by for one in report.slices or ())
    attributes = [by for by in found if by not in {DAY, HISTORY_LENGTH, POPULARITY}]
    note = (
        "Whether some users are served worse: NDCG@10 of each group, with 95 % intervals over "
        "users. Groups may differ in how much is known of them."
    )
    return "".join(
        slice_pair(report, by, f"Quality by {by} of the users", note=note) for by in attributes
    )
