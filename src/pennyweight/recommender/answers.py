"""One list that is asked for, and the items that answer it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.recommender.query import Query
from pennyweight.recommender.ranking import choose
from pennyweight.recommender.scoring import Source
from pennyweight.score.protocol import Scorer

__all__ = ["Answer", "Ask", "answer"]


@dataclass(frozen=True)
class Ask:
    """A list that is wanted.

    Attributes
    ----------
    query
        Whom it is for.
    allowed
        Items that may be in it, bool (n_items,).
    k
        How many.
    exclude_seen
        Leave out the items of the history.
    diversity
        From 0 to 1, see `diversify`.
    bonus
        What is added to the scores, float32 (n_items,), if anything; the scores of a blend
        are log-odds.
    """

    query: Query
    allowed: NDArray[np.bool_]
    k: int = 10
    exclude_seen: bool = True
    diversity: float = 0.0
    bonus: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Answer:
    """The items of a list, best first.

    Attributes
    ----------
    codes
        Items, int32 (n,), n at most the k asked for.
    scores
        Of all items, bonus included, float32 (n_items,).
    source
        What the scores rest on.
    """

    codes: NDArray[np.int32]
    scores: NDArray[np.float32]
    source: Source


def answer(
    ask: Ask,
    scores: NDArray[np.float32],
    source: Source,
    *,
    scorer: Scorer,
    catalog: Catalog,
) -> Answer:
    """Return the items to show for the scores of an ask."""
    allowed = ask.allowed
    if ask.exclude_seen and len(ask.query.history.item):
        allowed = allowed.copy()
        allowed[ask.query.history.item] = False
    if ask.bonus is not None:
        scores = scores + ask.bonus
    codes = choose(scores, allowed, ask.k, ask.diversity, scorer=scorer, catalog=catalog)
    return Answer(codes, scores, source)
