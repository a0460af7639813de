"""Catalogs of the future, which list items that only the test events know."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Interactions

__all__ = ["NewItems", "new_items"]

MAX_SHARE = 0.5  # share of the items without earlier events that the test chooses, above which they
# are not all items without events, but those that are about to come out
FEW = 20  # items below which the share says nothing
RARE = 0.01  # share of the test choices below which such items decide no figure


@dataclass(frozen=True)
class NewItems:
    """Items of the catalog without an event before the test.

    Attributes
    ----------
    items
        Their codes, int64 (n,).
    chosen
        Those that are test items, int64 (m,).
    choice_share
        Share of the test events that are on them.
    """

    items: NDArray[np.int64]
    chosen: NDArray[np.int64]
    choice_share: float

    @property
    def give_answers(self) -> bool:
        """Whether newness alone predicts much of the test choices."""
        share = len(self.chosen) / max(1, len(self.items))
        return len(self.items) >= FEW and share > MAX_SHARE and self.choice_share >= RARE

    def sentence(self) -> str:
        """Describe the fault of such a catalog."""
        return (
            f"{len(self.chosen):,} of the {len(self.items):,} items without an event before the "
            "test are test items: the catalog knows the future, and being new gives answers "
            "away, which flatters novelty and popularity"
        )


def new_items(interactions: Interactions, part: NDArray[np.uint8]) -> NewItems:
    """Return the items without an event before the test, and those that the test chooses.

    Parameters
    ----------
    part
        0 train, 1 validation, 2 test for each event, uint8 (n_events,).
    """
    n = interactions.n_items
    before = np.bincount(interactions.item[part < 2], minlength=n)
    test = interactions.item[part == 2]
    items = np.flatnonzero(before == 0)
    chosen = items[np.bincount(test, minlength=n)[items] > 0]
    share = float((before[test] == 0).mean()) if len(test) else 0.0
    return NewItems(items, chosen, share)
