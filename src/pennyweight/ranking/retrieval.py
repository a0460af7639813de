"""Retrieval: the items that may be in a list."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.ranking.filter_masks import FilterMasks, Mask
from pennyweight.ranking.request import RankingRequest
from pennyweight.ranking.stages import RankingBatch

__all__ = ["Retriever"]


@dataclass(frozen=True, eq=False)
class Retriever:
    """The stage that finds the eligible items of each list, and its boosts.

    Attributes
    ----------
    available
        Items that may be recommended at all, bool (n_items,).
    filters
        Masks of filters over the items.
    """

    available: Mask
    filters: FilterMasks

    def __call__(self, batch: RankingBatch) -> None:
        """Fill `eligible` and `bonus`; drop requests with a filter that cannot be read."""
        requests, batch.requests = batch.requests, []
        masks: dict[str | None, Mask] = {None: self.available}
        for place, request in enumerate(requests):
            try:
                if request.filter not in masks:
                    masks[request.filter] = self.eligible(request.filter)
                eligible, bonus = masks[request.filter], request.bonus
                if request.candidates is not None:
                    eligible = _among(eligible, request.candidates)
                if request.boosts:
                    bonus = self._boosted(request)
            except Exception as error:
                batch.errors[place] = error
                continue
            batch.requests.append(request)
            batch.eligible.append(eligible)
            batch.bonus.append(bonus)

    def eligible(self, filter: str | None) -> Mask:
        """Return the available items that meet a filter, bool (n_items,); read-only.

        Raises
        ------
        DataError
            The filter cannot be read, or names an unknown column.
        """
        return self.available if filter is None else self.available & self.filters.of(filter)

    def _boosted(self, request: RankingRequest) -> NDArray[np.float32] | None:
        bonus = request.bonus
        for boost in request.boosts:
            boosted = self.filters.of(boost.filter) * np.float32(boost.weight)
            bonus = boosted if bonus is None else bonus + boosted
        return bonus


def _among(eligible: Mask, codes: NDArray[np.int32]) -> Mask:
    among = np.zeros_like(eligible)
    among[codes] = eligible[codes]
    return among
