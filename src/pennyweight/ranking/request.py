"""A request for a ranked list, and the recommendations that answer it."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import PlanError
from pennyweight.ranking.exploration import Exploration
from pennyweight.ranking.query import Query, Source
from pennyweight.ranking.reasons import Reason

__all__ = [
    "Boost",
    "RankingRequest",
    "Recommendations",
    "check_diversity",
]


def check_diversity(diversity: float) -> None:
    """Raise `PlanError` outside of [0, 1], and `TypeError` for anything but a number."""
    if isinstance(diversity, bool) or not isinstance(diversity, Real):
        raise TypeError(f"diversity takes a number from 0 to 1, not {diversity!r:.80}")
    if not 0 <= diversity <= 1:
        raise PlanError(f"diversity {diversity}: from 0 (relevance only) to 1 (maximum diversity)")


@dataclass(frozen=True, slots=True)
class Boost:
    """A filter, and the number added to the scores of the items that meet it (log-odds)."""

    filter: str
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class RankingRequest:
    """A request for a ranked list.

    Attributes
    ----------
    query
        The history, the text and the items turned down.
    k
        How many items; fewer are returned where fewer are eligible.
    filter
        Condition on the attributes of the items, see `Filter`.
    exclude_seen
        Leave out the items of the history; None as the rules of the ranker say. The items that
        the user turned down are left out too, unless this is False.
    diversity
        From 0 (relevance only) to 1 (maximum diversity), see `diversify`.
    explain
        Give a reason for each item.
    candidates
        Rank these items only, by code, int32 (n,); None ranks all.
    boosts
        Added to the scores of the items that meet a filter.
    bonus
        Added to the scores, float32 (n_items,); the scores of a blend are log-odds.
    exploration
        Of new items, in a list that rests on a history; None for none.
    unknown
        Ids that the caller gave and the catalog does not have; `Recommendations` repeat them.

    Raises
    ------
    PlanError
        `k` or `diversity` is out of range, or new items are to be explored in a search.
    TypeError
        `filter`, `exclude_seen`, `diversity` or `explain` is of another type.
    """

    query: Query
    k: int = 10
    filter: str | None = None
    exclude_seen: bool | None = None
    diversity: float = 0.0
    explain: bool = False
    candidates: NDArray[np.int32] | None = None
    boosts: tuple[Boost, ...] = ()
    bonus: NDArray[np.float32] | None = None
    exploration: Exploration | None = None
    unknown: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int | np.integer) or self.k < 1:
            raise PlanError(f"k is {self.k!r}; it must be a whole number, 1 or more")
        if not (self.filter is None or isinstance(self.filter, str)):
            raise TypeError(
                "filter takes an expression such as 'price < 20', not "
                f"{self.filter!r:.80}; join several with `and`"
            )
        for name in ("exclude_seen", "explain"):  # the text "no" would be true
            value = getattr(self, name)
            if not (value is None or isinstance(value, bool | np.bool_)):
                raise TypeError(f"{name} takes True or False, not {value!r:.80}")
        check_diversity(self.diversity)
        if self.exploration is not None and self.exploration.share and self.query.text is not None:
            raise PlanError(
                "explore is for lists by the history of a user; with a text leave it out"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Recommendations:
    """The items of a list, best first.

    Attributes
    ----------
    codes
        The items, int32 (n,); n is the k of the request, or less.
    scores
        Their scores, boosts and bonus included, float32 (n,).
    source
        Basis of the scores.
    reasons
        One for each item, where the request asks for them.
    unknown
        Ids of the request that the catalog does not have.
    over_budget
        Whether the time for ranking it again ran out, so that it has the order of the scorer.
    explored
        Codes of the new items that are in the list for exploration.
    """

    codes: NDArray[np.int32]
    scores: NDArray[np.float32]
    source: Source
    reasons: tuple[Reason, ...] | None = None
    unknown: tuple[str, ...] = ()
    over_budget: bool = False
    explored: frozenset[int] = frozenset()
