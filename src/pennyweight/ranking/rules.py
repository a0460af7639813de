"""Rules that change scores: boosts, and exclusions of items that may not be in a list."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.ranking.request import RankingRequest
from pennyweight.ranking.stages import RankingBatch

__all__ = ["Rules"]


@dataclass(frozen=True)
class Rules:
    """The stage that adds boosts to scores and excludes items.

    Attributes
    ----------
    exclude_seen
        Whether items of the history are left out by default.
    """

    exclude_seen: bool

    def __call__(self, batch: RankingBatch) -> None:
        """Add the bonus to `scores`, and set those of excluded items to -inf.

        Rows are changed together: each numpy call on its own would release the interpreter and
        wait to get it back.
        """
        scores, ineligible = batch.scores, dict[int, NDArray[np.intp]]()
        excluded = []
        for row, (request, eligible) in enumerate(zip(batch.requests, batch.eligible, strict=True)):
            if (bonus := batch.bonus[row]) is not None:
                scores[row] += bonus
            if id(eligible) not in ineligible:  # most lists share one mask
                ineligible[id(eligible)] = np.flatnonzero(~eligible)
            scores[row, ineligible[id(eligible)]] = -np.inf
            if self.excludes_seen(request):
                excluded.append((row, request.query.history.item))
            if self.excludes_turned_down(request):
                excluded.append((row, request.query.turned_down))
        if excluded:
            rows = np.repeat([row for row, _ in excluded], [len(codes) for _, codes in excluded])
            scores[rows, np.concatenate([codes for _, codes in excluded])] = -np.inf

    def excludes_seen(self, request: RankingRequest) -> bool:
        """Return whether the items of the history are left out."""
        if request.exclude_seen is None:
            return self.exclude_seen or request.query.is_item
        return bool(request.exclude_seen)

    def excludes_turned_down(self, request: RankingRequest) -> bool:
        """Return whether the items that the user turned down are left out."""
        return request.exclude_seen is None or bool(request.exclude_seen)
