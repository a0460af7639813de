"""The page of a plan of capacity."""

from collections.abc import Sequence

from pennyweight.config.capacity import CapacityPlan, PlannedConfiguration
from pennyweight.formatting import duration, rough_duration, size
from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Figure, Table
from pennyweight.reports.capacity_front import front_figure
from pennyweight.reports.page import render

__all__ = ["capacity_page"]

LISTED = 12


def capacity_page(
    plan: CapacityPlan, sentences: Sequence[str], *, commands: Sequence[str] = ()
) -> str:
    """Return the page.

    Parameters
    ----------
    plan
        The plan.
    sentences
        Its answer, the first one plain.
    commands
        They reproduce it.
    """
    return render(
        "capacity.html",
        plan=plan,
        sentences=sentences,
        prices=_prices(plan),
        front=front_figure(plan),
        needs=_needs(plan),
        rejected=_rejected(plan),
        commands=commands,
    )


def _accepted(plan: CapacityPlan) -> list[PlannedConfiguration]:
    return [one for one in plan.configurations if one.rejection is None][:LISTED]


def _prices(plan: CapacityPlan) -> Figure | None:
    """Return the prices of the cheapest configurations, by machine and encoder."""
    accepted = _accepted(plan)
    if not accepted:
        return None
    rows = [
        Bar(
            f"{one.encoder}, {one.vectors}, {one.replicas + one.spare_replicas} x {one.instance}",
            one.price_per_month,
            f"{one.price_per_month:,.2f} {plan.currency}",
            best=one is accepted[0],
        )
        for one in accepted
    ]
    chart = bars(
        rows,
        title="Price per month",
        description="One bar for each configuration, the cheapest first.",
        key="prices",
    )
    head = ("Configuration", "A month", "A million lists", "A million texts")
    cells = [
        (
            one.name,
            f"{one.price_per_month:,.2f}",
            f"{one.price_per_million_lists:,.4f}",
            f"{one.price_per_million_texts:,.4f}",
        )
        for one in accepted
    ]
    numbers = Table(f"Prices in {plan.currency}", head, cells, numbers=3)
    note = f"Prices of {plan.prices_of} or later, without storage, traffic and tax."
    return Figure("Price per month", chart, numbers, note)


def _needs(plan: CapacityPlan) -> Table:
    head = (
        "Configuration",
        "p50",
        "p95",
        "p99",
        "Load",
        "Lists/s a machine",
        "Memory",
        "Vectors",
        "Encoder",
        "First encoding",
        "Encoding a day",
        "Training",
        "Watts",
        "Limit",
    )
    rows = [
        (
            one.name,
            *("-" if value is None else duration(value) for value in (one.p50, one.p95, one.p99)),
            f"{one.utilization:.0%}",
            f"{one.lists_per_second:,.0f}",
            size(one.resident_bytes),
            size(one.index_bytes),
            size(one.encoder_bytes),
            rough_duration(one.first_encoding_seconds) + _accelerator(one),
            rough_duration(one.daily_encoding_seconds) if one.daily_encoding_seconds else "-",
            rough_duration(one.training_seconds),
            f"{one.watts:.0f}",
            one.bottleneck,
        )
        for one in _accepted(plan)
    ]
    return Table("Needs of the cheapest configurations", head, rows, numbers=len(head) - 1)


def _accelerator(one: PlannedConfiguration) -> str:
    """Return the accelerator in brackets, where the encoding runs on one."""
    name = one.encoding_accelerator
    return "" if name is None else f" ({name}, predicted)"


def _rejected(plan: CapacityPlan) -> Table:
    rows = [(one.name, one.rejection or "") for one in plan.configurations if one.rejection]
    return Table("Rejected configurations", ("Configuration", "Reason"), rows)
