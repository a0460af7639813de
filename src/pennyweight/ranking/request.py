"""One list that is asked for, and the items that answer it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.ranking.query import Query
from pennyweight.ranking.scoring import Source
from pennyweight.ranking.top_k import best_rows, pool_size, varied
from pennyweight.scorers.protocol import Scorer

__all__ = ["RankingRequest", "Recommendations", "answer"]


@dataclass(frozen=True)
class RankingRequest:
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
    exclude_turned_down
        Leave out what the user turned down.
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
    exclude_turned_down: bool = True
    diversity: float = 0.0
    bonus: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Recommendations:
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
    asks: Sequence[RankingRequest],
    scores: NDArray[np.float32],
    sources: Sequence[Source],
    *,
    scorer: Scorer,
    catalog: Catalog,
) -> list[Recommendations]:
    """Return the items to show for asks with these scores, float32 (len(asks), n_items).

    Rows are gone through together: each numpy call on its own would let go of the
    interpreter and wait to get it back.
    """
    for row, ask in enumerate(asks):
        if ask.bonus is not None:
            scores[row] += ask.bonus
    pools = best_rows(_open(asks, scores), [pool_size(ask.k, ask.diversity) for ask in asks])
    return [
        Recommendations(
            varied(pool, scores[row], ask.k, ask.diversity, scorer=scorer, catalog=catalog),
            scores[row],
            sources[row],
        )
        for row, (ask, pool) in enumerate(zip(asks, pools, strict=True))
    ]


def _open(asks: Sequence[RankingRequest], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the scores with -inf where an item may not be in the list."""
    masked = scores.copy()
    shut: dict[int, NDArray[np.intp]] = {}
    for row, ask in enumerate(asks):
        if id(ask.allowed) not in shut:  # most asks share one
            shut[id(ask.allowed)] = np.flatnonzero(~ask.allowed)
        masked[row, shut[id(ask.allowed)]] = -np.inf
    hiding = [(row, ask.query.history.item) for row, ask in enumerate(asks) if ask.exclude_seen]
    hiding += [
        (row, ask.query.turned_down)
        for row, ask in enumerate(asks)
        if ask.exclude_turned_down and len(ask.query.turned_down)
    ]
    if hiding:
        rows = np.repeat([row for row, _ in hiding], [len(items) for _, items in hiding])
        masked[rows, np.concatenate([items for _, items in hiding])] = -np.inf
    return masked
