"""Figures on bias: which items the lists favor, and which users they serve worse."""

from collections.abc import Sequence

from pennyweight.config.quality import Exposure
from pennyweight.config.report import Report
from pennyweight.evaluation.compare import DAY, HISTORY_LENGTH, POPULARITY
from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Details, Figure, Table
from pennyweight.reports.numbers import compact, share
from pennyweight.reports.slices import chart_scorers, slice_figure

__all__ = ["bias_figures"]


def bias_figures(report: Report) -> list[Figure]:
    """Return the figures that the report allows; empty for a report without lists."""
    figures = [_popularity_figure(report), _exposure_figure(report), *_user_figures(report)]
    return [figure for figure in figures if figure is not None]


def _popularity_figure(report: Report) -> Figure | None:
    lists = report.lists
    if lists is None or lists.history_popularity is None:
        return None
    names = [name for name in report.ranking() if "popularity_lift" in lists.scorers.get(name, {})]
    past = lists.history_popularity
    drawn = [Bar("user choices", past, compact(past))]
    rows = [("user choices", compact(past), "-", "-")]
    for name in names:
        of, lift = lists.scorers[name]["popularity"], lists.scorers[name]["popularity_lift"]
        drawn.append(Bar(name, of.value, compact(of.value), of.low, of.high, best=name == "blend"))
        ends = f"{100 * lift.low:+.0f} to {100 * lift.high:+.0f} %"
        rows.append((name, compact(of.value), f"{100 * lift.value:+.0f} %", ends))
    heading = "Popularity: mean number of events per item"
    chart = bars(
        drawn,
        title=heading,
        description="Items of the histories first, then the items that each scorer recommends.",
        key="popularity",
    )
    note = (
        "The lift compares the lists of users with their own choices. Above zero, lists favor "
        "popular items and make them more popular; at zero, lists are as popular as choices."
    )
    head = ("Items", "Events", "Lift", "95 %")
    return Figure(heading, chart, Table(heading, head, rows, numbers=3), note)


def _exposure_figure(report: Report) -> Figure | None:
    exposure = report.exposure
    if exposure is None:
        return None
    name = chart_scorers(report)[0]
    drawn = []
    for group in exposure.groups:
        m = group.scorers[name]
        drawn += [
            Bar(f"{group.name}: recommended", m.value, share(m.value), m.low, m.high, best=True),
            Bar("chosen", group.histories, share(group.histories), next=True),
        ]
    heading = f"Exposure by {exposure.attribute}: share of the places in lists"
    chart = bars(
        drawn,
        title=heading,
        description=f"Share of each group in the lists of {name}, and in the histories.",
        key="exposure",
    )
    note = (
        "Share of each group of items in the recommendations, in user choices and in the "
        f"catalog. The chart shows {name}."
    )
    every = _exposure_table(exposure, f"{heading}, every scorer", report.ranking())
    details = Details("Every scorer", every)
    return Figure(heading, chart, _exposure_table(exposure, heading, [name]), note, details)


def _exposure_table(exposure: Exposure, caption: str, names: Sequence[str]) -> Table:
    rows = [
        (
            group.name,
            share(group.items),
            share(group.histories),
            *(share(group.scorers[name].value) for name in names),
        )
        for group in exposure.groups
    ]
    head = ("Group", "Catalog", "Chosen", *names)
    return Table(caption, head, rows, numbers=len(head) - 1)


def _user_figures(report: Report) -> list[Figure | None]:
    properties = dict.fromkeys(group.by for group in report.slices or ())
    note = (
        "NDCG@10 of each group of users, with 95 % intervals over users. Groups can differ in "
        "how many events they have."
    )
    return [
        slice_figure(report, by, f"Quality by {by} of the user", note=note)
        for by in properties
        if by not in {DAY, HISTORY_LENGTH, POPULARITY}
    ]
