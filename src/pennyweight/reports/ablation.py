"""Figures on the gain from the language model and its cost."""

from collections.abc import Mapping

from pennyweight.config.ablation import EncoderAblation
from pennyweight.formatting import duration, size
from pennyweight.html.charts import Bar, differences
from pennyweight.html.figures import Figure, Table

__all__ = ["ablation_context"]


def ablation_context(ablation: EncoderAblation | None) -> Mapping[str, object]:
    """Return the context of the section, with None for a report without an ablation."""
    if ablation is None:
        return {"ablation": None}
    return {
        "ablation": ablation,
        "ablation_gain": _gain_figure(ablation),
        "ablation_cost": _cost_table(ablation),
    }


def _gain_figure(ablation: EncoderAblation) -> Figure:
    drawn = [
        Bar(
            gain.group,
            gain.difference.value,
            f"{gain.difference.value:+.4f}",
            gain.difference.low,
            gain.difference.high,
            best=gain.better,
        )
        for gain in ablation.test
    ]
    heading = "Difference with the model, on test users"
    chart = differences(
        drawn,
        title="NDCG@10 with the language model minus NDCG@10 without it",
        description="Dots with 95 % intervals around zero; the model helps right of the line.",
        key="ablation",
    )
    rows = [
        (
            gain.group,
            f"{gain.users:,}",
            f"{gain.difference.value:+.4f}",
            f"{gain.difference.low:+.4f} to {gain.difference.high:+.4f}",
            f"{gain.p_holm:.3f}",
        )
        for gain in ablation.test
    ]
    head = ("Group", "Users", "Difference", "95 %", "corrected p")
    numbers = Table("Gain in NDCG@10 from the model", head, rows, numbers=4)
    return Figure(heading, chart, numbers)


def _cost_table(ablation: EncoderAblation) -> Table:
    costs = ((ablation.encoder, ablation.with_model), (ablation.baseline, ablation.without_model))
    rows = [
        (
            name,
            duration(cost.fit_seconds),
            size(cost.nbytes),
            duration(cost.seconds_per_million),
            f"{cost.price_per_million:.3f}",
        )
        for name, cost in costs
    ]
    head = ("Text encoder", "Fit", "Vectors", "Time per million lists", "Price per million lists")
    return Table("Cost with and without the model", head, rows, numbers=4)
