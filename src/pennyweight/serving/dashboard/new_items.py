"""New items of a bundle."""

from dataclasses import dataclass

import numpy as np

from pennyweight.serving.dashboard.formats import DAY
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["RecentItem", "RecentItems", "new_items"]

MAX_LISTED = 10


@dataclass(frozen=True)
class RecentItem:
    """An item with its time of publication, and whether it is available."""

    id: str
    title: str
    published: float
    available: bool


@dataclass(frozen=True)
class RecentItems:
    """The number of new items, and the newest of them."""

    count: int
    newest: tuple[RecentItem, ...]


def new_items(bundle: ServedBundle, now: float, *, seconds: float = DAY) -> RecentItems:
    """Return the items that were published within the last seconds."""
    codes = np.flatnonzero(now - bundle.published < seconds)
    newest = codes[np.argsort(-bundle.published[codes], kind="stable")][:MAX_LISTED]
    return RecentItems(
        len(codes),
        tuple(
            RecentItem(
                bundle.catalog.ids[code],
                bundle.catalog.title(code),
                float(bundle.published[code]),
                bool(bundle.open[code]),
            )
            for code in newest.tolist()
        ),
    )
