"""Charts of the last hour: columns on top of each other, and lines."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from markupsafe import Markup

from pennyweight.html.charts import drawing
from pennyweight.html.figures import Table

__all__ = ["Series", "TimeChart", "columns", "lines"]

_TALL, _TOP, _BELOW = 200, 10, 26  # pixels: all, above the highest value, for the times


@dataclass(frozen=True)
class Series:
    """Values in order of time, with a name for people and a class for the style."""

    name: str
    kind: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class TimeChart:
    """A chart of the last hour with its legend, and its numbers in a table that opens."""

    heading: str
    series: Sequence[Series]
    chart: Markup
    table: Table


@dataclass(frozen=True)
class _Axes:
    """Where values and times lie."""

    top: float
    n: int

    def across(self, at: float) -> str:
        return f"{100 * at / max(1, self.n):.3f}%"

    def down(self, value: float) -> float:
        return round(_TOP + (_TALL - _TOP - _BELOW) * (1 - value / self.top), 1)

    def drawn(self, ticks: Sequence[tuple[int, str]], say: Callable[[float], str]) -> Iterator[str]:
        for value in (0.0, self.top / 2, self.top):
            y = self.down(value)
            yield f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
            yield f'<text class="value" x="-8" y="{y + 5}">{escape(say(value))}</text>'
        for at, text in ticks:
            x = self.across(at + 0.5)
            yield f'<text class="tick" x="{x}" y="{_TALL - 6}">{escape(text)}</text>'


def columns(
    series: Sequence[Series],
    *,
    ticks: Sequence[tuple[int, str]],
    title: str,
    description: str,
    key: str,
) -> Markup:
    """Draw a column for each time, the series on top of each other; ticks are places and texts."""
    stacks = list(zip(*([value or 0.0 for value in layer.values] for layer in series), strict=True))
    axes = _Axes(_top(max(map(sum, stacks), default=0), minimum=2), len(stacks))
    parts = list(axes.drawn(ticks, lambda value: f"{value:,.0f}"))
    for at, stack in enumerate(stacks):
        below = 0.0
        for layer, value in zip(series, stack, strict=True):
            if value:
                y, end = axes.down(below + value), axes.down(below)
                parts.append(
                    f'<rect class="{layer.kind}" x="{axes.across(at + 0.1)}" y="{y}" '
                    f'width="{axes.across(0.8)}" height="{end - y:.1f}"/>'
                )
                below += value
    return drawing(parts, _TALL, title, description, key)


def lines(
    series: Sequence[Series],
    *,
    ticks: Sequence[tuple[int, str]],
    say: Callable[[float], str],
    minimum: float,
    title: str,
    description: str,
    key: str,
) -> Markup:
    """Draw a line for each series, broken where there is no value; otherwise like `columns`."""
    highest = max((v for line in series for v in line.values if v is not None), default=0)
    axes = _Axes(
        _top(highest, minimum=minimum), max((len(line.values) for line in series), default=0)
    )
    parts = list(axes.drawn(ticks, say))
    for line in series:
        parts += _line(line, axes)
    return drawing(parts, _TALL, title, description, key)


def _line(series: Series, axes: _Axes) -> Iterator[str]:
    before: float | None = None
    for at, value in enumerate(series.values):
        if value is not None:
            x, y = axes.across(at + 0.5), axes.down(value)
            yield f'<circle class="{series.kind}" cx="{x}" cy="{y}" r="2.5"/>'
            if before is not None:
                yield (
                    f'<line class="line {series.kind}" x1="{axes.across(at - 0.5)}" x2="{x}" '
                    f'y1="{axes.down(before)}" y2="{y}"/>'
                )
        before = value


def _top(value: float, *, minimum: float) -> float:
    """Return a round number that is no less, whose half is round too."""
    value = max(value, minimum)
    unit = 10.0 ** floor(log10(value))
    return next(step * unit for step in (1, 2, 4, 6, 8, 10, 20) if step * unit >= value * 0.999)
