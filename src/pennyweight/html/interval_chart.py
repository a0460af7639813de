"""A chart of values with their intervals as one SVG, for notebooks and files."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Chart", "Interval", "interval_chart"]

WIDTH, NAMES, VALUES, ROW, TOP = 720, 190, 190, 26, 34  # pixels


@dataclass(frozen=True)
class Interval:
    """A named value between the ends of its interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Chart:
    """An SVG; notebooks show it.

    Attributes
    ----------
    svg
        The picture, self-contained; its text takes the color of the page around it.
    """

    svg: str

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Chart({len(self.svg):,} bytes of SVG)"


def interval_chart(title: str, rows: Sequence[Interval]) -> Chart:
    """Draw a dot a value with a whisker from the low to the high end, on one axis from zero."""
    reach = max(row.high for row in rows) or 1.0
    room = WIDTH - NAMES - VALUES
    height = TOP + ROW * len(rows) + 10

    def x(value: float) -> str:
        return f"{NAMES + room * min(max(value, 0.0), reach) / reach:.1f}"

    parts = [f'<text x="0" y="18" font-weight="bold">{escape(title)}</text>']
    for place, row in enumerate(rows):
        y = TOP + ROW * place + ROW // 2
        numbers = f"{row.value:.4f} [{row.low:.4f}, {row.high:.4f}]"
        parts += [
            f'<text x="{NAMES - 12}" y="{y + 4}" text-anchor="end">{escape(row.name)}</text>',
            f'<line x1="{NAMES}" x2="{NAMES + room}" y1="{y}" y2="{y}" opacity=".15" '
            'stroke="currentColor"/>',
            f'<line x1="{x(row.low)}" x2="{x(row.high)}" y1="{y}" y2="{y}" stroke-width="2" '
            'stroke="#2f9db3"/>',
            f'<circle cx="{x(row.value)}" cy="{y}" r="5" fill="#2f9db3"/>',
            f'<text x="{WIDTH}" y="{y + 4}" text-anchor="end">{numbers}</text>',
        ]
    described = "; ".join(f"{row.name} {row.value:.4f}" for row in rows)
    return Chart(
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" fill="currentColor" font-family="sans-serif" '
        f'font-size="13"><title>{escape(title)}</title><desc>{escape(described)}</desc>'
        f"{''.join(parts)}</svg>"
    )
