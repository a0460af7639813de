"""Price against quality: the configurations of a plan whose quality was measured."""

from collections.abc import Sequence
from math import log10

from markupsafe import Markup

from pennyweight.config.capacity import CapacityPlan, PlannedConfiguration
from pennyweight.html.charts import Dot, scatter
from pennyweight.html.figures import Figure, Table

__all__ = ["front_figure"]


def front_figure(plan: CapacityPlan) -> Figure | None:
    """Return the chart with its table; None where no quality was measured."""
    rows = _cheapest(plan)
    if not rows:
        return None
    front = {one.name for one in plan.front}
    note = (
        "The cheapest machines for each encoder and format. Quality is NDCG@10 relative to the "
        "uncompressed recommender, with 95 % intervals. Blue: no other configuration that does is "
        "cheaper and better."
    )
    table = Table(
        f"Price per month in {plan.currency} against quality",
        ("Configuration", "Quality", "A month", "Verdict"),
        [
            (
                f"{number}. {one.name}",
                _interval(one),
                f"{one.price_per_month:,.2f}",
                one.rejection or ("on the front" if one.name in front else "does"),
            )
            for number, one in enumerate(rows, 1)
        ],
        numbers=2,
    )
    return Figure("Price against quality", _chart(rows, front, plan.currency), table, note)


def _cheapest(plan: CapacityPlan) -> list[PlannedConfiguration]:
    """Return the first machine for each encoder and format, of those that can serve the load."""
    first: dict[tuple[str, str], PlannedConfiguration] = {}
    for one in plan.configurations:
        if one.quality is not None and one.price_per_month:
            first.setdefault((one.encoder, one.vectors), one)
    return sorted(first.values(), key=lambda one: one.price_per_month)


def _interval(one: PlannedConfiguration) -> str:
    assert one.quality is not None
    value, low, high = (100 * v for v in (one.quality.value, one.quality.low, one.quality.high))
    return f"{value:.1f} % [{low:.1f} {high:.1f}]"


def _chart(rows: Sequence[PlannedConfiguration], front: set[str], currency: str) -> Markup:
    qualities = [one.quality for one in rows if one.quality is not None]
    prices = [log10(one.price_per_month) for one in rows]
    left, right = min(prices) - 0.1, max(prices) + 0.1
    low = max(0.0, min(0.98, *(quality.low for quality in qualities)) - 0.005)
    high = max(1.0, *(quality.high for quality in qualities)) + 0.005

    def up(value: float) -> float:
        return (value - low) / (high - low)

    dots = [
        Dot(
            (price - left) / (right - left),
            up(quality.value),
            str(number),
            up(quality.low),
            up(quality.high),
            best=one.name in front,
        )
        for number, (one, price, quality) in enumerate(zip(rows, prices, qualities, strict=True), 1)
    ]
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1) if (high - low) / s <= 6)
    marks = [n * step for n in range(int(low / step), int(high / step) + 1) if n * step >= low]
    thirds = [left + (right - left) * share for share in (0.0, 0.5, 1.0)]
    return scatter(
        dots,
        x_ticks=[((t - left) / (right - left), f"{10**t:,.0f} {currency}") for t in thirds],
        y_ticks=[(up(mark), f"{100 * mark:.0f} %") for mark in marks],
        title="Price against quality",
        description="One dot per encoder and format: cheaper to the left, better to the top. The "
        "scale of prices is logarithmic.",
        key="front",
    )
