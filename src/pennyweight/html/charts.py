"""Charts as SVG, without JavaScript."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

from markupsafe import Markup

__all__ = ["Bar", "Dot", "Line", "bars", "differences", "drawing", "lines", "scatter"]

_ROW = 46  # pixels a bar with its label
_TALL, _LEFT, _RIGHT = 300, 14, 94  # pixels of a scatter's height; percent where its dots lie


@dataclass(frozen=True)
class Bar:
    """One bar: its length, the text at its end, and its interval if it has one.

    `best` highlights it; `next` puts it close below the bar before, for the same subject.
    """

    label: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    best: bool = False
    next: bool = False


@dataclass(frozen=True)
class Dot:
    """One dot: its position from 0 (left, low) to 1, a short mark, and an optional interval."""

    x: float
    y: float
    mark: str
    low: float | None = None
    high: float | None = None
    best: bool = False


@dataclass(frozen=True)
class Line:
    """A line through points from 0 (left, low) to 1, and its name; `best` highlights it."""

    name: str
    points: Sequence[tuple[float, float]]
    best: bool = False
    dashed: bool = False


def bars(rows: Sequence[Bar], *, title: str, description: str, key: str) -> Markup:
    """Draw horizontal bars from zero, with whiskers for intervals.

    Lengths are shares of the width, so the chart fits any screen while its text keeps
    its size. `key` makes the ids of the chart unique on the page.
    """
    scale = max([0.0, *(max(row.value, row.high or 0.0) for row in rows)]) or 1.0
    gap = 10 * any(row.next for row in rows)  # between bars of different things
    tops = list(accumulate(_ROW - 6 if row.next else _ROW + gap for row in rows[1:]))
    tops = [0, *tops][: len(rows)]
    parts = [_bar(row, top, scale) for row, top in zip(rows, tops, strict=True)]
    height = tops[-1] + _ROW if rows else 0
    return drawing(parts, height, title, description, key)


def differences(rows: Sequence[Bar], *, title: str, description: str, key: str) -> Markup:
    """Draw differences as dots with whiskers around a line at zero; otherwise like `bars`."""
    reach = max([0.0, *(max(abs(row.low or 0), abs(row.high or 0)) for row in rows)]) or 1.0

    def at(value: float) -> str:
        return f"{50 + 48 * value / reach:.2f}%"

    parts = []
    for i, row in enumerate(rows):
        top, low, high = i * _ROW, row.low, row.high
        low, high = row.value if low is None else low, row.value if high is None else high
        parts += [
            *_track(row, top),
            f'<line class="zero" x1="50%" x2="50%" y1="{top + 20}" y2="{top + 38}"/>',
            f'<line class="whisker" x1="{at(low)}" x2="{at(high)}" '
            f'y1="{top + 29}" y2="{top + 29}"/>',
            f'<circle class="{"best" if row.best else "bar"}" cx="{at(row.value)}" '
            f'cy="{top + 29}" r="5"/>',
        ]
    return drawing(parts, _ROW * len(rows), title, description, key)


def scatter(
    dots: Sequence[Dot],
    *,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    title: str,
    description: str,
    key: str,
) -> Markup:
    """Draw dots with vertical whiskers; ticks are positions from 0 to 1 with their labels."""

    def across(x: float) -> str:
        return f"{_LEFT + (_RIGHT - _LEFT) * x:.2f}%"

    def down(y: float) -> float:
        return round(10 + (_TALL - 50) * (1 - min(max(y, 0.0), 1.0)), 1)

    parts = []
    for place, text in y_ticks:
        y = down(place)
        parts += [
            f'<line class="grid" x1="{_LEFT}%" x2="100%" y1="{y}" y2="{y}"/>',
            f'<text class="value" x="{_LEFT - 2}%" y="{y + 5}">{escape(text)}</text>',
        ]
    parts += [
        f'<text class="tick" x="{across(place)}" y="{_TALL - 8}">{escape(text)}</text>'
        for place, text in x_ticks
    ]
    for dot in sorted(dots, key=lambda dot: dot.best):
        x, y = across(dot.x), down(dot.y)
        if dot.low is not None and dot.high is not None:
            low, high = down(dot.low), down(dot.high)
            parts.append(f'<line class="faint" x1="{x}" x2="{x}" y1="{low}" y2="{high}"/>')
        kind = "best" if dot.best else "bar"
        parts += [
            f'<circle class="{kind}" cx="{x}" cy="{y}" r="11"/>',
            f'<text class="mark" x="{x}" y="{y + 4.5}">{escape(dot.mark)}</text>',
        ]
    return drawing(parts, _TALL, title, description, key)


def lines(
    rows: Sequence[Line],
    *,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    title: str,
    description: str,
    key: str,
) -> Markup:
    """Draw lines over a common axis, their names above them; ticks as in `scatter`."""
    top, bottom = 10 + 22 * len(rows), _TALL + 22 * len(rows) - 40
    parts = []
    for i, row in enumerate(rows):
        y = 14 + 22 * i
        parts += [
            f'<line class="{_stroke(row)}" x1="{_LEFT}%" x2="{_LEFT + 6}%" y1="{y}" y2="{y}"/>',
            f'<text class="name" x="{_LEFT + 8}%" y="{y + 5}">{escape(row.name)}</text>',
        ]
    for place, text in y_ticks:
        y = round(top + (bottom - top) * (1 - place))
        parts += [
            f'<line class="grid" x1="{_LEFT}%" x2="100%" y1="{y}" y2="{y}"/>',
            f'<text class="value" x="{_LEFT - 2}%" y="{y + 5}">{escape(text)}</text>',
        ]
    parts += [
        f'<text class="tick" x="{_LEFT + (100 - _LEFT) * place:.2f}%" y="{bottom + 26}">'
        f"{escape(text)}</text>"
        for place, text in x_ticks
    ]
    # Points are placed in a drawing that is stretched; strokes keep their width.
    parts.append(
        f'<svg x="{_LEFT}%" y="{top}" width="{100 - _LEFT}%" height="{bottom - top}" '
        'viewBox="0 0 1000 1000" preserveAspectRatio="none">'
    )
    for row in sorted(rows, key=lambda row: row.best):
        points = " ".join(f"{1000 * x:.0f},{1000 * (1 - y):.0f}" for x, y in row.points)
        parts.append(f'<polyline class="{_stroke(row)}" points="{points}"/>')
    parts.append("</svg>")
    return drawing(parts, bottom + 36, title, description, key)


def _stroke(row: Line) -> str:
    return "line" + " best" * row.best + " dashed" * row.dashed


def drawing(parts: Sequence[str], height: int, title: str, description: str, key: str) -> Markup:
    """Return an SVG that fills the width, with parts placed in percent and pixels.

    The one place that marks text as HTML: the parts must be escaped.
    """
    return Markup(
        f'<svg role="img" aria-labelledby="{key}-title {key}-desc" height="{height}">'
        f'<title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(description)}</desc>{"".join(parts)}</svg>'
    )


def _track(row: Bar, top: int, strong: str = "") -> list[str]:
    """Return the common parts of a row: its name, its number, and the track below."""
    return [
        f'<text class="name{strong}" x="0" y="{top + 15}">{escape(row.label)}</text>',
        f'<text class="value{strong}" x="100%" y="{top + 15}">{escape(row.text)}</text>',
        f'<rect class="track" x="0" y="{top + 22}" width="100%" height="14" rx="2"/>',
    ]


def _bar(row: Bar, top: int, scale: float) -> str:
    def at(value: float) -> str:
        return f"{100 * min(max(value, 0.0), scale) / scale:.2f}%"

    strong = " strong" if row.best else ""
    out = [
        *_track(row, top, strong),
        f'<rect class="{"best" if row.best else "bar"}" x="0" y="{top + 22}" '
        f'width="{at(row.value)}" height="14" rx="2"/>',
    ]
    if row.low is not None and row.high is not None:
        low, high, y = at(row.low), at(row.high), top + 29
        ends = ((low, high, y, y), (low, low, y - 4, y + 4), (high, high, y - 4, y + 4))
        out += [
            f'<line class="{kind}" x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}"/>'
            for kind in ("halo", "whisker")
            for x1, x2, y1, y2 in ends
        ]
    return "".join(out)
