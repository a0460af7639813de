"""The items of a list with titles and reasons."""

from dataclasses import dataclass

from pennyweight.serving.live.lists import RankedList
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["ListedItem", "listed_items"]


@dataclass(frozen=True)
class ListedItem:
    """An item of a list, with the reason for its place."""

    id: str
    title: str
    score: float
    reason: str


def listed_items(bundle: ServedBundle, ranked: RankedList) -> list[ListedItem]:
    """Return the items of a list, best first."""
    reasons = ["-"] * len(ranked.items)
    if ranked.reasons is not None:
        reasons = [reason.text for reason in ranked.reasons]
    title, code = bundle.catalog.title, bundle.catalog.ids.code
    return [
        ListedItem(item, title(code(item)), score, reason)
        for (item, score), reason in zip(ranked.items, reasons, strict=True)
    ]
