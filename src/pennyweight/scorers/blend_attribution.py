"""Attribution of the scores of a blend, by the scores of its components."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories
from pennyweight.scorers.attribution import Attribution, ComponentScores

if TYPE_CHECKING:
    from pennyweight.scorers.blend import Blend

__all__ = ["BlendAttribution"]


class BlendAttribution(Attribution):
    """An attribution by scores that the components have given.

    Parameters
    ----------
    blend, history
        The blend and the history.
    scored, row
        Scores of a batch by component, those that weigh nothing left out, and the row of the
        history in it.
    """

    def __init__(
        self, blend: "Blend", history: Histories, scored: Mapping[str, ComponentScores], row: int
    ) -> None:
        super().__init__(blend, history)
        self._blend, self.scored, self.row = blend, scored, row

    def contributions(self, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the contribution of each event to the sum, float32 (len(codes), n_events)."""
        divisors = {name: scored.divisor[self.row, 0] for name, scored in self.scored.items()}
        return self._blend.contributions(self.history, codes, divisors=divisors)

    def component_shares(self, codes: NDArray[np.int32]) -> dict[str, NDArray[np.float32]]:
        """Return each component's addition to some items over the average item, (len(codes),)."""
        rows = {name: scored.weighted[self.row] for name, scored in self.scored.items()}
        return {
            name: (rows[name][codes] - rows[name].mean()).astype(np.float32)
            for name in self._blend.components
            if name in rows
        }
