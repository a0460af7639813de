"""Notes on clocks that disagree. Nothing else depends on clocks."""

from collections.abc import Sequence

import numpy as np

from pennyweight.bundle import Origin
from pennyweight.formatting import duration
from pennyweight.serving.live.served_bundle import epoch
from pennyweight.serving.stores.protocol import StoredItem

__all__ = ["ChangeClock", "bundle_disagreements", "item_disagreements"]

AHEAD = 60.0  # seconds by which clocks may differ
BACK = 1.0  # seconds by which a clock may be set back, as time servers do


def bundle_disagreements(origin: Origin, created: str, now: float) -> list[str]:
    """Return in words by how much a bundle is from the future of this machine's clock."""
    disagreements = []
    for subject, time in (
        ("it was made", epoch(created)),
        ("its newest event is", origin.newest_event or 0.0),
    ):
        if time > now + AHEAD:
            disagreements.append(
                f"{subject} {duration(time - now)} in the future by the clock of this machine; the "
                "order of changes goes by positions, not by clocks"
            )
    return disagreements


def item_disagreements(items: Sequence[StoredItem], now: float) -> list[str]:
    """Return in words the disagreements of clocks, from the times of changes in their order."""
    times = np.array([item.changed for item in items])
    if not len(times):
        return []
    disagreements = []
    back = float(np.max(np.maximum.accumulate(times) - times))
    if back > BACK:
        disagreements.append(_went_back(back))
    ahead = float(times.max()) - now
    if ahead > AHEAD:
        disagreements.append(
            f"a change of an item was noted {duration(ahead)} in the future by the clock "
            "of this machine; it counts in the order in which it came"
        )
    return disagreements


class ChangeClock:
    """Watches the times of changes as they come."""

    def __init__(self) -> None:
        self._latest = -np.inf

    def watch(self, changed: float) -> str | None:
        """Return in words by how much a change is earlier than the one before, if it is."""
        back, self._latest = self._latest - changed, changed
        return _went_back(back) if back > BACK else None


def _went_back(seconds: float) -> str:
    return (
        f"the clock of this machine went back by {duration(seconds)} between changes of items; "
        "they count in the order in which they came"
    )
