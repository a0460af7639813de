"""Items on pages: ranked lists with reasons, and new items."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.serving.dashboard.page import DAY
from pennyweight.serving.live.lists import RankedList
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = [
    "CatalogRow",
    "ListedItem",
    "RecentItems",
    "catalog_items",
    "listed_items",
    "new_items",
]


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


MAX_LISTED = 10


@dataclass(frozen=True)
class CatalogRow:
    """An item with its time of publication (None: unknown), and whether it is available."""

    id: str
    title: str
    published: float | None
    available: bool


@dataclass(frozen=True)
class RecentItems:
    """The number of new items, and the newest of them."""

    count: int
    newest: tuple[CatalogRow, ...]


def new_items(bundle: ServedBundle, now: float, *, seconds: float = DAY) -> RecentItems:
    """Return the items that were published within the last seconds."""
    codes = np.flatnonzero(now - bundle.published < seconds)
    newest = codes[np.argsort(-bundle.published[codes], kind="stable")][:MAX_LISTED]
    return RecentItems(len(codes), catalog_items(bundle, newest))


def catalog_items(bundle: ServedBundle, codes: NDArray[np.int64]) -> tuple[CatalogRow, ...]:
    """Return the items of some codes."""
    return tuple(
        CatalogRow(
            item_id := bundle.catalog.ids[code],
            bundle.catalog.title(code),
            bundle.published_at(item_id),
            bool(bundle.open[code]),
        )
        for code in codes.tolist()
    )
