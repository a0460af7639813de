"""The frontier of quality and size: a section of a report, and a separate page."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

from markupsafe import Markup

from pennyweight.config.frontier import Frontier, Point, times
from pennyweight.formatting import count, size
from pennyweight.html.charts import Dot, scatter
from pennyweight.html.figures import Figure, Table
from pennyweight.reports.page import render

__all__ = ["frontier_context", "frontier_page"]

_LIMITS = {
    "max_encoder_bytes": "encoder at most {}",
    "max_index_bytes": "vectors at most {}",
    "max_ms_per_text": "at most {} ms per text",
    "min_texts_per_second": "at least {} texts per second",
    "max_loss": "loss in each task at most {}",
    "memory_bytes": "memory at most {}",
    "tasks": "tasks: {}",
}


def frontier_page(frontier: Frontier, *, commands: Sequence[str] = ()) -> str:
    """Return the page; `commands` reproduce it."""
    return render("frontier.html", **frontier_context(frontier), commands=commands)


def frontier_context(frontier: Frontier | None) -> Mapping[str, object]:
    """Return the context of the section, with None for a report without a frontier."""
    if frontier is None:
        return {"frontier": None}
    return {
        "frontier": frontier,
        "frontier_figure": _frontier_figure(frontier),
        "candidates": _candidate_table(frontier),
        "frontier_tasks": _task_table(frontier),
        "steps": _step_table(frontier),
        "frontier_test": _test_table(frontier),
        "budget": _budget(frontier),
    }


def _frontier_figure(frontier: Frontier) -> Figure:
    blue = (
        "the choice"
        if frontier.chosen
        else "no other candidate is smaller and at least as good in every task"
    )
    note = (
        "NDCG@10 of the blend as a share of the parent's, on "
        f"{count(frontier.users, 'validation user')}, with 95 % intervals. Blue: {blue}."
    )
    rows = [
        (f"{number}. {_name(point, frontier)}", cells[2], size(point.nbytes))
        for number, point, cells in _numbered(frontier)
    ]
    head = ("Candidate", "Quality", "Bytes")
    numbers = Table("Quality against bytes", head, rows, numbers=2)
    heading = "Quality against bytes of encoder and vectors"
    return Figure(heading, _chart(frontier), numbers, note)


def _chart(frontier: Frontier) -> Markup:
    sizes = [log10(max(point.nbytes, 1)) for point in frontier.points]
    left, right = min(sizes) - 0.1, max(sizes) + 0.1
    qualities = [point.relative_quality for point in frontier.points]
    ends = [end for quality in qualities for end in (quality.low, quality.high)]
    low, high = max(0.0, min(*ends, 0.98) - 0.005), max(*ends, 1.0) + 0.005

    def up(value: float) -> float:
        return (value - low) / (high - low)

    unbeaten = {point.name for point in frontier.unbeaten()}
    dots = [
        Dot(
            (at - left) / (right - left),
            up(point.relative_quality.value),
            str(number),
            up(point.relative_quality.low),
            up(point.relative_quality.high),
            best=point.name == frontier.chosen if frontier.chosen else point.name in unbeaten,
        )
        for number, (point, at) in enumerate(zip(frontier.points, sizes, strict=True), 1)
    ]
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1) if (high - low) / s <= 6)
    marks = [n * step for n in range(int(low / step), int(high / step) + 1) if n * step >= low]
    thirds = [left + (right - left) * share for share in (0.0, 0.5, 1.0)]
    return scatter(
        dots,
        x_ticks=[((t - left) / (right - left), size(round(10**t))) for t in thirds],
        y_ticks=[(up(mark), f"{100 * mark:.0f} %") for mark in marks],
        title="Quality against bytes",
        description="One dot per candidate: smaller to the left, better to the top. The scale of "
        "bytes is logarithmic.",
        key="frontier",
    )


def _candidate_table(frontier: Frontier) -> Table:
    rows = [
        (f"{number}. {_name(point, frontier)}", *cells[1:2], *cells[3:])
        for number, point, cells in _numbered(frontier)
    ]
    head = (
        "Candidate",
        "NDCG@10",
        "Content only",
        "Encoder",
        "Vectors",
        "Texts/s",
        "ms per text",
        "Memory",
    )
    return Table("All measurements", head, rows, numbers=len(head) - 1)


def _task_table(frontier: Frontier) -> Table | None:
    """Return the relative quality of each candidate in each task besides lists."""
    head, *rows = frontier.task_rows() or [()]
    if not rows:
        return None
    named = [
        (f"{number}. {_name(point, frontier)}", *cells[1:])
        for number, (point, cells) in enumerate(zip(frontier.points, rows, strict=True), 1)
    ]
    caption = "Other tasks, relative to the parent"
    return Table(caption, ("Candidate", *map(_capital, head[1:])), named, numbers=len(head) - 1)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _numbered(frontier: Frontier) -> list[tuple[int, Point, tuple[str, ...]]]:
    pairs = zip(frontier.points, frontier.cells(), strict=True)
    return [(number, point, cells) for number, (point, cells) in enumerate(pairs, 1)]


def _name(point: Point, frontier: Frontier) -> str:
    return f"{point.name} (chosen)" if point.name == frontier.chosen else point.name


def _step_table(frontier: Frontier) -> Table | None:
    """Return the gain and loss of each unbeaten candidate against the next larger one."""
    rows = []
    larger: Point | None = None
    for point in reversed(frontier.unbeaten()):
        if larger is not None:
            quality = point.quality.value / max(larger.quality.value, 1e-9) - 1
            speed = times(point.texts_per_second, larger.texts_per_second)
            saved = 1 - point.nbytes / max(larger.nbytes, 1)
            cells = (f"{100 * quality:+.1f} %", f"{100 * saved:.0f} %", speed)
            rows.append((f"{larger.name} → {point.name}", *cells))
        larger = point
    if not rows:
        return None
    head = ("Step", "Quality", "Bytes saved", "Encoding speed")
    return Table("Gain and loss of each step", head, rows, numbers=3)


def _budget(frontier: Frontier) -> str | None:
    if frontier.budget is None:
        return None
    limits = frontier.budget.model_dump(exclude_none=True).items()
    return "; ".join(_LIMITS[name].format(_limit(name, value)) for name, value in limits) or "none"


def _limit(name: str, value: Any) -> str:  # noqa: ANN401 - any limit of a budget
    if name == "tasks":
        return ", ".join(value)
    if name.endswith("bytes"):
        return size(int(value))
    return f"{100 * value:g} %" if name == "max_loss" else f"{value:g}"


def _test_table(frontier: Frontier) -> Table | None:
    if frontier.test is None:
        return None
    test = frontier.test
    rows = [
        (metric, str(before), str(test.after[metric]))
        for metric, before in test.before.items()
        if metric in test.after and metric in ("ndcg@10", "recall@10", "recall@50", "mrr@10")
    ]
    rows += [
        (
            f"{task.task}, {task.metric} (n={task.cases:,})",
            "",
            f"{task.quality} ({100 * task.relative_quality.value:.1f} % of the parent)",
        )
        for task in test.tasks
    ]
    caption = f"The choice on {count(test.users, 'test user')}, who had no part in choosing it"
    return Table(caption, ("Metric", "Parent", "Child"), rows, numbers=2)
