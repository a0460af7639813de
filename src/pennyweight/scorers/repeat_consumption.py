"""Repeat consumption: items of the history again, for music, groceries and places."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.scorers.decay import DECAYS
from pennyweight.scorers.item_vectors import TextVectors
from pennyweight.scorers.profile import profile
from pennyweight.scorers.protocol import Progress, Scorer
from pennyweight.storage.arrays import read_arrays, write_arrays

__all__ = ["RepeatConsumption"]

FILE = "again.safetensors"


class RepeatConsumption(Scorer):
    """Score = decayed count of the item in the history (repeat consumption).

    Of use only where items of the history may be recommended again
    (Anderson et al., "The dynamics of repeat consumption", WWW 2014).

    Parameters
    ----------
    decay
        Weight of an event relative to the one after it.
    """

    kind = "repeat-consumption"
    default_weight = 4.0

    def __init__(self, *, decay: float = 0.9) -> None:
        self.decay, self.n_items = decay, 0

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Note the size of the catalog; there is nothing to learn."""
        self.n_items = len(catalog)
        return self

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return decayed counts, float32 (n, n_items)."""
        rows = profile(histories, self.n_items, decay=self.decay)
        return np.asarray(np.maximum(rows.toarray(), 0), np.float32)

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return each event's part of the count, float32 (len(codes), n_events)."""
        weight = np.where(history.lag < 50, history.weight * self.decay**history.lag, 0)
        return np.asarray((codes[:, None] == history.item) * weight, np.float32)

    def tunable(self) -> Mapping[str, Sequence[float]]:
        """Return the decays to try."""
        return {"decay": DECAYS}

    def with_vectors(
        self, codes: NDArray[np.int32], vectors: TextVectors, n_items: int
    ) -> "RepeatConsumption":
        """Return a scorer of a larger catalog."""
        other = RepeatConsumption(decay=self.decay)
        other.n_items = n_items
        return other

    def save(self, folder: Path) -> None:
        """Write ``again.safetensors``."""
        settings = {"decay": self.decay, "n_items": self.n_items}
        write_arrays(folder / FILE, {}, settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote."""
        _, settings = read_arrays(folder / FILE)
        scorer = cls(decay=settings["decay"])
        scorer.n_items = settings["n_items"]
        return scorer
