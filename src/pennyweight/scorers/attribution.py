"""Attribution of the scores of one history to its events and to components."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories

if TYPE_CHECKING:
    from pennyweight.scorers.protocol import Scorer

__all__ = ["Attribution"]


class Attribution:
    """The origin of the scores of one history; made by `Scorer.attribute`.

    Parameters
    ----------
    scorer, history
        The scorer and the history, a batch of one.
    """

    def __init__(self, scorer: "Scorer", history: Histories) -> None:
        self.scorer, self.history = scorer, history

    def contributions(self, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return `Scorer.contributions` of the history."""
        return self.scorer.contributions(self.history, codes)

    def component_shares(self, codes: NDArray[np.int32]) -> Mapping[str, NDArray[np.float32]]:
        """Return `Scorer.component_shares` of the history."""
        return self.scorer.component_shares(self.history, codes)
