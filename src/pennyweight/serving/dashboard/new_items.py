"""New items of a bundle."""

from dataclasses import dataclass

import numpy as np

from pennyweight.serving.dashboard.formats import DAY
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["NewItem", "NewItems", "new_items"]

SHOWN = 10


@dataclass(frozen=True)
class NewItem:
    """An item with its time of publication, and whether it is available."""

    id: str
    title: str
    published: float
    available: bool


@dataclass(frozen=True)
class NewItems:
    """The number of new items, and the newest of them."""

    count: int
    newest: tuple[NewItem, ...]


def new_items(bundle: ServedBundle, now: float, *, seconds: float = DAY) -> NewItems:
    """Return the items that were published within the last seconds."""
    codes = np.flatnonzero(now - bundle.published < seconds)
    newest = codes[np.argsort(-bundle.published[codes], kind="stable")][:SHOWN]
    return NewItems(
        len(codes),
        tuple(
            NewItem(
                bundle.catalog.ids[code],
                bundle.catalog.title(code),
                float(bundle.published[code]),
                bool(bundle.open[code]),
            )
            for code in newest.tolist()
        ),
    )
