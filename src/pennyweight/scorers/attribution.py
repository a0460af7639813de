"""Attribution of the scores of one history to its events and to components."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories

if TYPE_CHECKING:
    from pennyweight.scorers.protocol import Scorer

__all__ = ["Attribution", "ComponentScores"]


class ComponentScores(NamedTuple):
    """The part of a component in the scores of a blend, for some histories.

    Attributes
    ----------
    weighted
        Its scores, each times the weight and over the divisor, float32 (n, n_items).
    weight, divisor
        Of each history, float32 (n, 1).
    """

    weighted: NDArray[np.float32]
    weight: NDArray[np.float32]
    divisor: NDArray[np.float32]


class Attribution:
    """The origin of the scores of one history; made by `Scorer.attribute`.

    Parameters
    ----------
    scorer, history
        The scorer and the history, a batch of one.

    Attributes
    ----------
    scored, row
        Of a blend, the scores of its components for the batch that the history was scored with,
        and the row of the history; components that weigh nothing are left out.
    """

    scored: Mapping[str, ComponentScores] = MappingProxyType({})
    row: int = 0

    def __init__(self, scorer: "Scorer", history: Histories) -> None:
        self.scorer, self.history = scorer, history

    def contributions(self, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return `Scorer.contributions` of the history."""
        return self.scorer.contributions(self.history, codes)

    def component_shares(self, codes: NDArray[np.int32]) -> Mapping[str, NDArray[np.float32]]:
        """Return `Scorer.component_shares` of the history."""
        return self.scorer.component_shares(self.history, codes)
