"""The ranking stage, as a report holds it."""

from typing import Annotated

from pydantic import Field

from pennyweight.config.frozen import FrozenModel
from pennyweight.config.quality import Measurement

__all__ = ["Reranking", "signed"]

Count = Annotated[int, Field(ge=0)]


class Reranking(FrozenModel):
    """Whether trees rank the best items of a list again, and why.

    Attributes
    ----------
    used
        Whether they do.
    reason
        Why not.
    lists
        Validation lists that they were trained on.
    gain
        Gain in NDCG@10 over the blend on validation users, by cross-fitting.
    trees
        Their number.
    """

    used: bool
    reason: str | None = None
    lists: Count = 0
    gain: Measurement | None = None
    trees: Count = 0

    def sentence(self) -> str:
        """Return the outcome in one sentence."""
        if not self.used:
            return f"the ranking stage was left out: {self.reason}"
        gained = "" if self.gain is None else f", NDCG@10 {signed(self.gain)} on validation users"
        return f"{self.trees:,} trees rank the best items of each list again{gained}"


def signed(gain: Measurement) -> str:
    """Return a gain with its interval."""
    return f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"
