"""Figures on cleaning, time and memory, and the settings of a report."""

from pennyweight.config.report import Report
from pennyweight.formatting import duration, size
from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Figure, Table

__all__ = ["cleaning_table", "memory_figure", "settings_table", "time_figure"]


def cleaning_table(report: Report) -> Table | None:
    """Return the findings of cleaning; None where there are none."""
    if not report.cleaning:
        return None
    rows = [
        (
            c.reason + (f" (e.g. {'; '.join(c.examples)})" if c.examples else ""),
            f"{c.table} {c.action}",
            f"{c.count:,}",
        )
        for c in report.cleaning
    ]
    return Table("Findings", ("Finding", "Rows", "Count"), rows, numbers=1)


def time_figure(report: Report) -> Figure | None:
    """Return the time of each stage, in the order the stages ran."""
    seconds = report.cost.seconds
    if not seconds:
        return None
    title = "Time per stage"
    chart = bars(
        [Bar(stage, s, duration(s)) for stage, s in seconds.items()],
        title=title,
        description="Stages in the order they ran. The table has the numbers.",
        key="stages",
    )
    total = sum(seconds.values()) or 1
    rows = [(stage, f"{s:,.2f}", f"{s / total:.0%}") for stage, s in seconds.items()]
    return Figure(title, chart, Table(title, ("Stage", "Seconds", "Share"), rows, numbers=2))


def memory_figure(report: Report) -> Figure | None:
    """Return the stages that raised the peak of memory, with the peak after each."""
    if not report.cost.seconds:
        return None
    raised: list[tuple[str, int, int]] = []
    before = 0
    for stage, peak in (report.cost.peak_rss_after or {}).items():
        if peak > before:
            raised.append((stage, peak, peak - before))
            before = peak
    if not raised:
        return None
    title = "Peak memory"
    chart = bars(
        [Bar(stage, peak, size(peak)) for stage, peak, _ in raised],
        title=title,
        description="The stages that raised the peak. The table has the numbers.",
        key="memory",
    )
    rows = [(stage, size(peak), size(more)) for stage, peak, more in raised]
    table = Table(title, ("Stage", "Peak after it", "Increase"), rows, numbers=2)
    return Figure(title, chart, table, "Only stages that raised the peak are listed.")


def settings_table(report: Report) -> Table:
    """Return protocol, seed, columns, machine and versions."""
    rows: list[tuple[str, str]] = [("protocol", report.protocol)]
    for key in ("repeats", "seed"):
        value = getattr(report, key)
        if value is not None:
            rows.append((key, str(value)))
    for group in ("columns", "machine", "versions"):
        for key, value in (getattr(report, group) or {}).items():
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            if key == "memory" and isinstance(value, int):
                text = size(value)
            rows.append((f"{group}: {key}", text))
    return Table("Settings", ("Key", "Value"), rows)
