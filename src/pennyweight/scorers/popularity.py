"""Popularity: the events of all users, recent ones counting more."""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.scorers.item_vectors import TextVectors
from pennyweight.scorers.protocol import Progress, Scale, Scorer
from pennyweight.storage.arrays import read_arrays, write_arrays

__all__ = ["Novelty", "Popularity"]


class Popularity(Scorer):
    """Score = ln(1 + decayed number of events).

    Nothing is known of an item without events, so it gets the mean of the others; whether
    new items do better or worse than that is for `Novelty` to say.

    Parameters
    ----------
    half_life
        Share of the log's time span after which an event counts half; used only where
        times are dates.
    """

    kind = "popularity"
    scale: Scale = "log-odds"
    default_weight = 0.2
    is_personal = False
    is_fallback = True

    def __init__(self, *, half_life: float = 0.25) -> None:
        self.half_life = half_life
        self.level = np.zeros(0, np.float32)
        self._usual: float | None = None  # level of an item that comes later

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Count the events of each item."""
        weight = np.ones(len(interactions))
        if interactions.real_time and len(interactions):
            age = interactions.time.max() - interactions.time
            weight = 0.5 ** (age / max(float(age.max()) * self.half_life, 1.0))
        count = np.bincount(interactions.item, weight, minlength=len(catalog))
        level = np.log1p(count)
        has_events = np.bincount(interactions.item, minlength=len(catalog)) > 0
        level[~has_events] = level[has_events].mean() if has_events.any() else 0
        self.level, self._usual = level.astype(np.float32), None
        return self

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return the same row for every history, float32 (n, n_items)."""
        return np.tile(self.level, (len(histories), 1))

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return zeros: no event of the history matters."""
        return np.zeros((len(codes), len(history.item)), np.float32)

    def with_vectors(
        self, codes: NDArray[np.int32], vectors: TextVectors, n_items: int
    ) -> "Popularity":
        """Return a scorer that gives new items the level of any item without events."""
        other = Popularity(half_life=self.half_life)
        if self._usual is None:  # the mean of the items with events too
            self._usual = float(self.level.mean()) if len(self.level) else 0.0
        other._usual = self._usual  # not a mean of means, or the order of coming would tell
        other.level = _padded(self.level, n_items, self._usual)
        return other

    def save(self, folder: Path) -> None:
        """Write ``popularity.safetensors``."""
        write_arrays(
            folder / f"{self.kind}.safetensors",
            {"level": self.level},
            {"half_life": self.half_life},
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote."""
        arrays, settings = read_arrays(folder / f"{cls.kind}.safetensors")
        scorer = cls(half_life=settings["half_life"])
        scorer.level = arrays["level"]
        return scorer


class Novelty(Scorer):
    """Score = 1 for an item without any event yet, else 0.

    On its own it says nothing; in a blend its weight is how much more often people turn to
    new items than their other scores explain; never less than zero, since an item may be
    without events because it was not there yet. Only a protocol that cuts by time can tell:
    under leave-last-out an item is without events because its only ones were held out.

    Parameters
    ----------
    live
        Score of an item that comes later, by `with_items`.
    """

    kind = "novelty"
    scale: Scale = "log-odds"
    default_weight: float = 0.5
    is_personal = False
    lifts_new_items = True
    not_settings = ("live",)  # the blend learns it

    def __init__(self, *, live: float = 1.0) -> None:
        self.live = live
        self.new = np.zeros(0, np.float32)

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Find the items without events."""
        self.new = (interactions.counts == 0).astype(np.float32)
        return self

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return the same row for every history, float32 (n, n_items)."""
        return np.tile(self.new, (len(histories), 1))

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return zeros: no event of the history matters."""
        return np.zeros((len(codes), len(history.item)), np.float32)

    def ignore_new_items(self) -> None:
        """Take no item for a new one."""
        self.new[:] = 0

    def with_vectors(
        self, codes: NDArray[np.int32], vectors: TextVectors, n_items: int
    ) -> "Novelty":
        """Return a scorer to which new items are new."""
        other = Novelty(live=self.live)
        other.new = _padded(self.new, n_items, self.live)
        return other

    def save(self, folder: Path) -> None:
        """Write ``novelty.safetensors``."""
        write_arrays(folder / f"{self.kind}.safetensors", {"new": self.new}, {"live": self.live})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote."""
        arrays, settings = read_arrays(folder / f"{cls.kind}.safetensors")
        scorer = cls(live=settings.get("live", 1.0))
        scorer.new = arrays["new"]
        return scorer


def _padded(values: NDArray[np.float32], n_items: int, fill: float) -> NDArray[np.float32]:
    return np.pad(values, (0, n_items - len(values)), constant_values=fill)
