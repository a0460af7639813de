"""Training pairs of a sequence scorer, in batches of padded stretches."""

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories
from pennyweight.scorers.sequence import SequenceSettings

__all__ = ["TrainingSequences"]

POOL = 64  # batches whose histories are sorted by length together, to reduce padding


class TrainingSequences:
    """Histories cut into stretches of `max_history` events; all but the first are targets."""

    def __init__(self, histories: Histories, settings: SequenceSettings) -> None:
        self.item, self.settings = histories.item.astype(np.int64), settings
        place = np.arange(len(self.item)) - histories.offsets[:-1][histories.row]
        pair = np.stack([histories.row, self.item], axis=1)
        first = np.zeros(len(self.item), bool)
        if len(pair):
            first[np.unique(pair, axis=0, return_index=True)[1]] = True
        self.is_target = (place > 0) & (first | settings.repeats)
        self.begin = np.flatnonzero((place % settings.max_history == 0) & (histories.lag > 0))
        self.length = np.minimum(histories.lag[self.begin], settings.max_history)

    def log_chance(self, n_items: int) -> NDArray[np.float32]:
        """Return the log of each item's chance of being among a step's candidates."""
        targets = self.item[self.is_target]
        share = np.bincount(targets, minlength=n_items) / max(1, len(targets))
        rate = min(self.settings.negatives, n_items) / max(1, n_items)
        chance = 1 - (1 - rate) * (1 - share) ** self.settings.batch
        return np.log(np.clip(chance, 1e-9, 1)).astype(np.float32)

    def epoch(self, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Return batches of stretches, each of about `batch` events and of like lengths."""
        order = rng.permutation(len(self.begin))
        total = np.cumsum(self.length[order])
        order, total = (rows[total <= self.settings.epoch_pairs] for rows in (order, total))
        pool = total // (self.settings.batch * POOL)
        order = order[np.lexsort((self.length[order], pool))]
        step = np.cumsum(self.length[order]) // self.settings.batch
        batches = np.split(order, np.flatnonzero(np.diff(step)) + 1) if len(order) else []
        return [batches[at] for at in rng.permutation(len(batches))]

    def padded(
        self, batch: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Return inputs, the item after each, and whether it is a target, (n, width)."""
        step = np.arange(self.length[batch].max())
        inside = step < self.length[batch][:, None]
        at = np.where(inside, self.begin[batch][:, None] + step, self.begin[batch][:, None])
        return self.item[at], self.item[at + 1], inside & self.is_target[at + 1]
