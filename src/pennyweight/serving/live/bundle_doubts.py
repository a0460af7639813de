"""Doubts about a bundle before it is served: another catalog, or an older event log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pennyweight.bundle import MANIFEST, Origin
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store

__all__ = ["BundleDoubts", "bundle_doubts"]

SMALL = 0.9  # share of the recommended items below which a bundle is doubtful
TOGETHER = 1_000  # items looked up in one step


@dataclass(frozen=True)
class BundleDoubts:
    """A bundle beside the one that is served.

    Attributes
    ----------
    version, served
        The bundle, and the one that most users get lists of.
    own_common
        Items that both bundles have themselves.
    common, n_items
        Items recommended now that still would be, and all items recommended now.
    newest_event, served_newest_event
        Epoch seconds of the newest event of each; None where it is unknown.
    """

    version: str
    served: str
    own_common: int
    common: int
    n_items: int
    newest_event: float | None
    served_newest_event: float | None

    @property
    def is_foreign(self) -> bool:
        """Whether it has no item of the served bundle."""
        return self.n_items > 0 and self.own_common == 0

    def sentences(self) -> tuple[str, ...]:
        """Return the doubts in words; none where all is well."""
        doubts = []
        if self.is_foreign:
            doubts.append(
                f"the bundle {self.version} has none of the items of the served bundle "
                f"{self.served}: it is of another catalog"
            )
        elif self.common < SMALL * self.n_items:
            doubts.append(
                f"the bundle {self.version} has {self.common:,} of the {self.n_items:,} items that "
                f"{self.served} recommends: the others are in no list"
            )
        newest, served_newest = self.newest_event, self.served_newest_event
        if newest is not None and served_newest is not None and newest < served_newest:
            doubts.append(
                f"the newest event of the bundle {self.version} is of {_minute(newest)}, that of "
                f"{self.served} of {_minute(served_newest)}: it was fitted from an older log"
            )
        return tuple(doubts)


def bundle_doubts(
    bundles: BundleStore,
    version: str,
    served: ServedBundle,
    read: Callable[[Callable[[Store], Any]], Any],
) -> BundleDoubts:
    """Compare a bundle with the one that is served, without loading it.

    Parameters
    ----------
    read
        Runs a job on the store: live items count for every bundle.

    Raises
    ------
    BundleError, UnknownIdError
        The bundle is damaged or missing.
    """
    own, manifest = bundles.item_ids(version), bundles.bundle(version).manifest
    source = str(bundles.path(version) / MANIFEST)
    newest = Origin.from_json(manifest.fitted_from, source=source).newest_event
    ids = served.catalog.ids
    has = own.codes(ids) >= 0
    recommended = served.open
    missing = [ids[code] for code in np.flatnonzero(recommended & ~has).tolist()]
    common = int((recommended & has).sum()) + _live(missing, read)
    return BundleDoubts(
        version,
        served.version,
        int(has[: len(served.own)].sum()),
        common,
        int(recommended.sum()),
        newest,
        served.newest_event or None,
    )


def _minute(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"


def _live(ids: Sequence[str], read: Callable[[Callable[[Store], Any]], Any]) -> int:
    """Return how many of some items the store can give to any bundle."""
    n = 0
    for start in range(0, len(ids), TOGETHER):
        block = ids[start : start + TOGETHER]
        items = read(lambda store, block=block: store.items_named(block))  # type: ignore[misc]
        n += sum(item.document is not None and not item.removed for item in items)
    return n
