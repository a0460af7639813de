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


def new_items(shelf: ServedBundle, now: float, *, seconds: float = DAY) -> NewItems:
    """Return the items that were published within the last seconds."""
    codes = np.flatnonzero(now - shelf.published < seconds)
    newest = codes[np.argsort(-shelf.published[codes], kind="stable")][:SHOWN]
    return NewItems(
        len(codes),
        tuple(
            NewItem(
                shelf.catalog.ids[code],
                shelf.catalog.title(code),
                float(shelf.published[code]),
                bool(shelf.open[code]),
            )
            for code in newest.tolist()
        ),
    )
