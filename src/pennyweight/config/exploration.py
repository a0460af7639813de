"""The share of exploration chosen by a fit, as a report holds it."""

from typing import Annotated

from pydantic import Field

from pennyweight.config.frozen import FrozenModel

__all__ = ["ExplorationShare"]


class ExplorationShare(FrozenModel):
    """The share of the positions for exploration of new items, chosen on validation users.

    Attributes
    ----------
    share
        From 0 (no exploration) to 0.5.
    loss
        Upper bound of the loss of NDCG@10, relative to no exploration.
    users
        Validation users.
    reason
        Why there is no exploration.
    """

    share: Annotated[float, Field(ge=0, le=0.5)]
    loss: float | None = None
    users: Annotated[int, Field(ge=0)] = 0
    reason: str | None = None

    def sentence(self) -> str:
        """Return the choice in one sentence."""
        if self.loss is None:
            return f"no exploration of new items: {self.reason}"
        return (
            f"{self.share:.0%} of the positions for exploration of new items, at a loss of at most "
            f"{self.loss:.1%} of NDCG@10 on {self.users:,} validation users"
        )
