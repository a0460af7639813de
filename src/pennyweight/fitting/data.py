"""The data of a run, and its origin."""

from pennyweight.bundle import Origin
from pennyweight.bundle.provenance import exported_position
from pennyweight.config.plan import DataPlan, Plan
from pennyweight.data.dataset import Dataset, read_planned
from pennyweight.data.interactions import Interactions
from pennyweight.data.phrases import FIELDS
from pennyweight.data.tables import Source
from pennyweight.errors import DataError

__all__ = ["dataset", "enriched", "origin_of"]


def dataset(items: Source | Dataset, events: Source | None, plan: Plan) -> Dataset:
    """Return the data, read as a plan says where it is not read yet."""
    if isinstance(items, Dataset):
        return items
    if events is None:
        raise DataError("give a catalog and an event log, or one Dataset")
    return read_planned(
        items,
        events,
        plan.data,
        user_attribute=plan.evaluate.user_attribute,
        seed=plan.evaluate.seed,
    )


def origin_of(
    items: Source | Dataset, events: Source | None, plan: Plan, log: Interactions
) -> Origin:
    """Return the origin of the data: positions of exports and the newest event."""
    # An export read without its column of availability does not tell sold-out items.
    has_availability = (plan.data.columns or {}).get("available") != ""
    newest = float(log.time.max()) if log.real_time and len(log) else None
    return Origin(
        exported_position(items) if has_availability else None, exported_position(events), newest
    )


def enriched(plan: DataPlan) -> tuple[str, ...]:
    """Return a sentence on the phrases that were joined to the texts, if any."""
    if plan.enriched is None:
        return ()
    fields = ", ".join(plan.enriched_fields or FIELDS)
    return (f"the item texts end with the phrases ({fields}) of {plan.enriched}",)
