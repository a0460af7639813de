"""Rules that change scores: boosts, and exclusions of items that may not be in a list."""

import numpy as np
from numpy.typing import NDArray

from pennyweight.ranking.stages import RankingBatch

__all__ = ["apply_rules"]


def apply_rules(batch: RankingBatch) -> None:
    """Add boosts to the scores, and set those of excluded items to -inf.

    Excluded are items that are not eligible, those of the history, and those that the user
    turned down, the latter two as the request says. Rows are changed together: each numpy call
    on its own would release the interpreter and wait to get it back.
    """
    scores, requests = batch.scores, batch.requests
    ineligible: dict[int, NDArray[np.intp]] = {}
    excluded = []
    for row, (request, eligible) in enumerate(zip(requests, batch.eligible, strict=True)):
        if (bonus := batch.bonus[row]) is not None:
            scores[row] += bonus
        if id(eligible) not in ineligible:  # most lists share one mask
            ineligible[id(eligible)] = np.flatnonzero(~eligible)
        scores[row, ineligible[id(eligible)]] = -np.inf
        if request.exclude_seen:
            excluded.append((row, request.query.history.item))
        if request.exclude_turned_down and len(request.query.turned_down):
            excluded.append((row, request.query.turned_down))
    if excluded:
        rows = np.repeat([row for row, _ in excluded], [len(codes) for _, codes in excluded])
        scores[rows, np.concatenate([codes for _, codes in excluded])] = -np.inf
