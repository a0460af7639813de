"""A list that does not say the same thing ten times: maximal marginal relevance."""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import PlanError

__all__ = ["check_diversity", "diversify"]


def check_diversity(diversity: float) -> float:
    """Return the value; `PlanError` outside [0, 1], `TypeError` for what is no number."""
    if isinstance(diversity, bool) or not isinstance(diversity, Real):
        raise TypeError(f"diversity takes a number from 0 to 1, not {diversity!r:.80}")
    if not 0 <= diversity <= 1:
        raise PlanError(
            f"diversity {diversity}: from 0 (by score alone) to 1 (as unlike as can be)"
        )
    return float(diversity)


def diversify(
    scores: NDArray[np.float32], similarity: NDArray[Any], k: int, diversity: float
) -> NDArray[np.intp]:
    """Choose k candidates by relevance less likeness to those chosen before.

    Maximal marginal relevance (Carbonell and Goldstein 1998), scores scaled to [0, 1] over
    the candidates.

    Parameters
    ----------
    scores
        float32 (n,).
    similarity
        Of each two candidates, at most 1, (n, n).
    k
        How many to choose.
    diversity
        Weight of unlikeness; 0 gives the order of the scores.

    Returns
    -------
    ndarray
        Positions of the chosen, first choice first, intp (min(k, n),).
    """
    weight = check_diversity(diversity)
    if not len(scores):
        return np.empty(0, np.intp)
    span = float(np.ptp(scores))
    relevance = (scores - scores.min()) / span if span > 0 else np.ones(len(scores))
    nearest = np.zeros(len(scores))  # likeness to the nearest chosen candidate
    open_ = np.ones(len(scores), dtype=bool)
    chosen = []
    for _ in range(min(k, len(scores))):
        gain = np.where(open_, (1 - weight) * relevance - weight * nearest, -np.inf)
        # Equal gains go to the better score, so that diversity 1 is not at random.
        best = np.flatnonzero(gain == gain.max())
        pick = int(best[np.argmax(scores[best])])
        chosen.append(pick)
        open_[pick] = False
        nearest = np.maximum(nearest, similarity[pick])
    return np.array(chosen, np.intp)
