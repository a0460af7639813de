"""A list as people read it: items with their reasons."""

from pennyweight.html.charts import table
from pennyweight.serving.dashboard.components import item_link
from pennyweight.serving.live.lists import RankedList
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["reasoned_table"]


def reasoned_table(shelf: ServedBundle, found: RankedList, caption: str) -> str:
    """Return the items of a list, best first, with why they are there."""
    if not found.items:
        return '<p class="note">No item suits.</p>'
    reasons = ["-"] * len(found.items)
    if found.reasons is not None:
        reasons = [reason.text for reason in found.reasons]
    rows = [
        (item_link(item, _title(shelf, item)), reason, f"{score:.3f}")
        for (item, score), reason in zip(found.items, reasons, strict=True)
    ]
    return table(caption, ("Item", "Why", "Score"), rows, numbers=1)


def _title(shelf: ServedBundle, item: str) -> str:
    return shelf.catalog.title(shelf.catalog.ids.code(item))
