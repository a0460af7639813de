"""What every scorer promises."""

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions

__all__ = ["Scorer"]


class Scorer(Protocol):
    """Maps histories to scores over all items; knows no users.

    A batch of histories is scored as a whole, so callers bound memory by the size of
    the batch: (len(histories), n_items) float32 is the only dense array that leaves.
    """

    @property
    def name(self) -> str:
        """The name in plans, reports and on the command line."""
        ...

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Learn from events; forgets an earlier fit; returns self."""
        ...

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return scores, float32 (len(histories), n_items), higher is better, finite."""
        ...
