"""The section on what smaller versions are worth, and the page of it alone."""

from collections.abc import Sequence
from html import escape
from math import log10

from pennyweight.config.frontier import Frontier, Point, times
from pennyweight.html.charts import Dot, scatter, table
from pennyweight.html.document import count, document, duration, pair, size

__all__ = ["frontier", "frontier_page"]

LIMITS = {
    "max_encoder_bytes": "encoder at most",
    "max_index_bytes": "vectors at most",
    "max_ms_per_text": "milliseconds a text at most",
    "min_texts_per_second": "texts a second at least",
    "max_loss": "share of NDCG@10 lost at most",
    "memory_bytes": "memory at most",
}


def frontier_page(found: Frontier, *, commands: Sequence[str] = ()) -> str:
    """Return the section as a page; `commands` repeat it."""
    spent = "" if found.seconds is None else f", {duration(found.seconds)}"
    head = f"<p>{count(len(found.points), 'candidate')}{escape(spent)}</p>"
    told = "".join(f"<pre>{escape(command)}</pre>" for command in commands)
    again = f"<section><h2>Again</h2>{told}</section>" if told else ""
    return document("Quality against cost", [frontier(found), again], head=head)


def frontier(found: Frontier | None) -> str:
    """Return the section; empty without a frontier."""
    if found is None:
        return ""
    return (
        "<section><h2>Smaller versions</h2>"
        f"<p><strong>{escape(found.sentence())}</strong></p>{_budget(found)}"
        + pair(
            "Quality kept against bytes of encoder and vectors",
            _chart(found),
            _short(found),
            note=f"NDCG@10 of the blend as a share of the parent's, on "
            f"{count(found.users, 'validation user')}, with 95 % intervals. Blue: "
            + ("the choice." if found.chosen else "no other candidate is both better and smaller."),
        )
        + _numbers(found)
        + _steps(found)
        + _test(found)
        + "</section>"
    )


def _chart(found: Frontier) -> str:
    sizes = [log10(max(point.nbytes, 1)) for point in found.points]
    left, right = min(sizes) - 0.1, max(sizes) + 0.1
    ends = [end for p in found.points for end in (p.kept.low, p.kept.high)]
    low, high = max(0.0, min(*ends, 0.98) - 0.005), max(*ends, 1.0) + 0.005

    def up(value: float) -> float:
        return (value - low) / (high - low)

    unbeaten = {point.name for point in found.unbeaten()}
    dots = [
        Dot(
            (at - left) / (right - left),
            up(point.kept.value),
            str(number),
            up(point.kept.low),
            up(point.kept.high),
            best=point.name == found.chosen if found.chosen else point.name in unbeaten,
        )
        for number, (point, at) in enumerate(zip(found.points, sizes, strict=True), 1)
    ]
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1) if (high - low) / s <= 6)
    marks = [n * step for n in range(int(low / step), int(high / step) + 1) if n * step >= low]
    thirds = [left + (right - left) * share for share in (0.0, 0.5, 1.0)]
    return scatter(
        dots,
        x_ticks=[((t - left) / (right - left), size(round(10**t))) for t in thirds],
        y_ticks=[(up(mark), f"{100 * mark:.0f} %") for mark in marks],
        title="Quality kept against bytes",
        description="A dot a candidate: further left is smaller, higher is better. "
        "The scale of bytes is logarithmic.",
        key="frontier",
    )


def _short(found: Frontier) -> str:
    """Return the table that is read with the chart."""
    rows = [
        (f"{number}. {_name(point, found)}", cells[2], size(point.nbytes))
        for number, (point, cells) in enumerate(zip(found.points, found.cells(), strict=True), 1)
    ]
    return table("Quality kept against bytes", ("Candidate", "Kept", "Bytes"), rows, numbers=2)


def _numbers(found: Frontier) -> str:
    rows = [
        (f"{number}. {_name(point, found)}", *cells[1:2], *cells[3:])
        for number, (point, cells) in enumerate(zip(found.points, found.cells(), strict=True), 1)
    ]
    head = ("Candidate", "NDCG@10", "Content alone", "Encoder", "Vectors", "Texts/s", "ms a text",
            "Memory")  # fmt: skip
    return table("Everything measured", head, rows, numbers=len(head) - 1)


def _name(point: Point, found: Frontier) -> str:
    return f"{point.name} (chosen)" if point.name == found.chosen else point.name


def _steps(found: Frontier) -> str:
    """Return what each step gave and took: each unbeaten candidate beside the next larger one."""
    rows = []
    larger: Point | None = None
    for point in reversed(found.unbeaten()):
        if larger is not None:
            quality = point.quality.value / max(larger.quality.value, 1e-9) - 1
            speed = times(point.texts_per_second, larger.texts_per_second)
            saved = 1 - point.nbytes / max(larger.nbytes, 1)
            told = (f"{100 * quality:+.1f} %", f"{100 * saved:.0f} %", speed)
            rows.append((f"{larger.name} → {point.name}", *told))
        larger = point
    if not rows:
        return ""
    head = ("Step", "Quality", "Bytes saved", "Encoding speed")
    return table("What each step gives and takes", head, rows, numbers=3)


def _budget(found: Frontier) -> str:
    if found.budget is None:
        return ""
    limits = found.budget.model_dump(exclude_none=True).items()
    told = "; ".join(f"{LIMITS[name]} {_limit(name, value)}" for name, value in limits)
    return f"<p>Budget: {escape(told or 'none')}.</p>"


def _limit(name: str, value: float) -> str:
    if name.endswith("bytes"):
        return size(int(value))
    return f"{100 * value:g} %" if name == "max_loss" else f"{value:g}"


def _test(found: Frontier) -> str:
    if found.test is None:
        return ""
    test = found.test
    rows = [
        (metric, str(before), str(test.after[metric]))
        for metric, before in test.before.items()
        if metric in test.after and metric in ("ndcg@10", "recall@10", "recall@50", "mrr@10")
    ]
    told = f"The choice on {count(test.users, 'test user')}, which chose nothing"
    return table(told, ("Metric", "Parent", "Child"), rows, numbers=2)
