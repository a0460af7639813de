"""Items that are new."""

from dataclasses import dataclass

import numpy as np

from pennyweight.html.charts import table
from pennyweight.serving.dashboard.components import DAY, item_link, when
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["Fresh", "fresh", "fresh_table"]

SHOWN = 10


@dataclass(frozen=True)
class Fresh:
    """How many items are new, and the newest: id, title, time, whether it is to be had."""

    count: int
    newest: tuple[tuple[str, str, float, bool], ...]


def fresh(shelf: ServedBundle, now: float, *, seconds: float = DAY) -> Fresh:
    """Return the items that came within so many seconds."""
    codes = np.flatnonzero(now - shelf.published < seconds)
    newest = codes[np.argsort(-shelf.published[codes], kind="stable")][:SHOWN]
    return Fresh(
        len(codes),
        tuple(
            (
                shelf.catalog.ids[code],
                shelf.catalog.title(code),
                float(shelf.published[code]),
                bool(shelf.open[code]),
            )
            for code in newest.tolist()
        ),
    )


def fresh_table(found: Fresh) -> str:
    """Return the newest items; empty where there are none."""
    if not found.newest:
        return ""
    rows = [
        (item_link(item, title), item, when(time), "yes" if open_ else "no")
        for item, title, time, open_ in found.newest
    ]
    return table("The newest", ("Item", "Id", "New since", "Available"), rows)
