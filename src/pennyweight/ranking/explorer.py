"""Stages of exploration: new items are drawn by expected gain, and get positions in the list."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.ranking.exploration import Exploration, ExploredItems
from pennyweight.ranking.request import RankingRequest
from pennyweight.ranking.stages import RankingBatch
from pennyweight.scorers.protocol import Scale

__all__ = ["MIN_EVENTS", "MIN_GAIN", "Explorer", "Placer"]

MIN_EVENTS = 5  # with fewer events an item is new
MIN_GAIN = 0.1  # of the expected events of the item that is displaced

Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Explorer:
    """The stage that draws new items for lists that rest on a history, where a request asks.

    A new item is drawn by Thompson sampling: its score times a draw from the distribution of its
    rate of events. A list that has new items already, by their scores, is given fewer.

    Attributes
    ----------
    scale
        Of the scores.
    counts
        Events of each item in the log, int64 (n_items,); None draws nothing.
    min_events
        An item with fewer events, those of the feedback included, is new.
    min_gain
        Smallest expected number of events of a drawn item, relative to that of the item which it
        displaces.
    """

    scale: Scale
    counts: NDArray[np.int64] | None
    min_events: int = MIN_EVENTS
    min_gain: float = MIN_GAIN

    def __call__(self, batch: RankingBatch) -> None:
        """Fill `explored`."""
        for row, request in enumerate(batch.requests):
            exploration = request.exploration
            if exploration is None or not exploration.share or self.counts is None:
                continue
            if batch.sources[row] == "history" and not request.query.is_item:
                listed = batch.codes[row][: request.k]
                explored = self._draw(batch.scores[row], listed, request, exploration)
                if len(explored.codes):
                    batch.explored[row] = explored

    def _draw(
        self,
        scores: NDArray[np.float32],
        listed: Codes,
        request: RankingRequest,
        exploration: Exploration,
    ) -> ExploredItems:
        """Return new items, best draw first, that are not among those listed by score."""
        length, lower = len(listed), math.ceil(len(listed) / 2)
        rng = _rng(exploration.seed, request)
        # Rounded at random: on average over lists the share is exact.
        places = min(int(exploration.share * length + rng.random()), lower)
        is_new = self._is_new(exploration)
        places -= int(is_new[listed].sum())
        is_new[listed] = False
        codes = np.flatnonzero(is_new & (scores > -np.inf)).astype(np.int32)
        if places <= 0 or not len(codes):
            return ExploredItems(np.empty(0, np.int32), np.empty(0, np.int64))
        gains = self._relative(scores[codes], scores[listed[-places]])
        shape, rate = np.ones(len(codes)), np.ones(len(codes))
        if exploration.feedback is not None:
            shape, rate = exploration.feedback.shape[codes], exploration.feedback.rate[codes]
        worthy = gains * shape / rate >= self.min_gain
        codes, gains, shape, rate = codes[worthy], gains[worthy], shape[worthy], rate[worthy]
        best = np.argsort(-gains * rng.gamma(shape) / rate, kind="stable")[:places]
        positions = length - lower + rng.permutation(lower)[: len(best)]
        return ExploredItems(codes[best], positions)

    def _is_new(self, exploration: Exploration) -> NDArray[np.bool_]:
        assert self.counts is not None
        counts = self.counts
        if exploration.feedback is not None:  # after a refit both count the same events
            counts = np.maximum(counts, exploration.feedback.events)
        return np.asarray(counts < self.min_events)

    def _relative(self, scores: NDArray[np.float32], displaced: np.float32) -> NDArray[np.float64]:
        """Return the odds of items relative to those of the item that one of them displaces."""
        if self.scale == "log-odds":
            return np.exp(scores.astype(np.float64) - float(displaced))
        return scores.astype(np.float64) / max(float(displaced), 1e-30)


@dataclass(frozen=True)
class Placer:
    """The stage that puts the drawn items into the lists, in place of the last ones.

    The others keep their order. A drawn item that a later stage put into the list by its score
    stays where it is.
    """

    def __call__(self, batch: RankingBatch) -> None:
        """Change `codes` and `explored` to the items that are in a list for exploration alone."""
        for row, (drawn, positions) in batch.explored.items():
            listed = batch.codes[row]
            present = set(listed.tolist())
            codes = drawn[[code not in present for code in drawn.tolist()]]
            is_explored = np.zeros(len(listed), bool)
            is_explored[positions[: len(codes)]] = True
            placed = np.empty_like(listed)
            placed[np.flatnonzero(is_explored)] = codes
            placed[~is_explored] = listed[: len(listed) - len(codes)]
            batch.codes[row] = placed
            batch.explored[row] = ExploredItems(codes, np.flatnonzero(is_explored))


def _rng(seed: str, request: RankingRequest) -> np.random.Generator:
    """Return the source of the draws of a list, the same for the same history."""
    key = hashlib.sha256(seed.encode("utf-8", "surrogatepass"))
    key.update(request.query.history.item.tobytes())
    return np.random.default_rng(int.from_bytes(key.digest()[:8]))
