"""The stages of ranking, and the batch of lists that goes through them."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pennyweight.ranking.exploration import ExploredItems
from pennyweight.ranking.query import Source
from pennyweight.ranking.reasons import Reason
from pennyweight.ranking.request import RankingRequest, Recommendations
from pennyweight.scorers.attribution import Attribution

__all__ = ["RankingBatch", "Stage"]


@dataclass(slots=True, eq=False)
class RankingBatch:
    """Several lists that go through the stages together.

    Attributes
    ----------
    requests
        The lists to make; the attributes below have one entry for each.
    eligible
        Items that may be in a list, bool (n_items,); equal ones may be one array.
    bonus
        Added to the scores, float32 (n_items,), or None.
    scores
        Of all items, float32 (n, n_items); -inf where a rule excludes an item.
    sources
        Basis of the scores.
    attributions
        Row -> origin of the scores, where they rest on a history and a later stage needs it.
    codes
        The best items, best first, int32 (n_best,).
    reasons
        One for each of these items; None where the request asks for none.
    explored
        Row -> new items that are in the list for exploration.
    unranked
        Rows for which there was no time to rank them again.
    errors
        Requests that were dropped: position among those given -> the error.
    """

    requests: list[RankingRequest]
    eligible: list[NDArray[np.bool_]] = field(default_factory=list)
    bonus: list[NDArray[np.float32] | None] = field(default_factory=list)
    scores: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    sources: list[Source] = field(default_factory=list)
    attributions: dict[int, Attribution] = field(default_factory=dict)
    codes: list[NDArray[np.int32]] = field(default_factory=list)
    reasons: list[tuple[Reason, ...] | None] = field(default_factory=list)
    explored: dict[int, ExploredItems] = field(default_factory=dict)
    unranked: set[int] = field(default_factory=set)
    errors: dict[int, Exception] = field(default_factory=dict)

    def results(self) -> list[Recommendations | Exception]:
        """Return the lists, or the errors, in the order of the requests given."""
        results: list[Recommendations | Exception] = [
            Recommendations(
                codes,
                self.scores[row, codes],
                source,
                reasons,
                request.unknown,
                over_budget=row in self.unranked,
                explored=frozenset(self.explored[row].codes.tolist())
                if row in self.explored
                else frozenset(),
            )
            for row, (request, codes, source, reasons) in enumerate(
                zip(self.requests, self.codes, self.sources, self.reasons, strict=True)
            )
        ]
        for place, error in self.errors.items():  # ascending
            results.insert(place, error)
        return results


class Stage(Protocol):
    """One step of ranking: reads the results of earlier stages in a batch, and adds its own.

    Retrieval fills `eligible` and `bonus`; scoring fills `scores`, `sources` and
    `attributions`; the rules change
    `scores` by boosts and exclusions; selection fills `codes`; diversification cuts these to the
    length asked for; explanation fills `reasons`. Exploration draws new items after selection, and
    puts them into the list after diversification. A re-ranker is a stage before diversification:
    it puts the codes of each list in another order, and may write other scores.
    """

    def __call__(self, batch: RankingBatch) -> None:
        """Change the batch in place."""
        ...
