"""Statistics of held-out events: users with a history, repeated choices, and new items."""

from typing import Annotated

from pydantic import Field

from pennyweight.config.frozen import FrozenModel

__all__ = ["MAJORITY", "Evidence"]

MAJORITY = 0.5  # share above which a kind of held-out users or choices prevails

Count = Annotated[int, Field(ge=0)]


class Evidence(FrozenModel):
    """Counts of the users and choices that are held out.

    Attributes
    ----------
    users, with_history
        Held-out users; those of them with an earlier event.
    choices
        Distinct pairs of a user and an item that are held out.
    repeated
        Choices of an item that the user's history holds.
    new
        Choices of an item without earlier events.
    """

    users: Count = 0
    with_history: Count = 0
    choices: Count = 0
    repeated: Count = 0
    new: Count = 0

    @property
    def history_share(self) -> float:
        """Share of the users with a history; 1 without held-out users."""
        return self.with_history / self.users if self.users else 1.0

    @property
    def repeated_share(self) -> float:
        """Share of the choices that repeat the history."""
        return self.repeated / max(1, self.choices)

    @property
    def new_share(self) -> float:
        """Share of the choices that are of items without events."""
        return self.new / max(1, self.choices)
