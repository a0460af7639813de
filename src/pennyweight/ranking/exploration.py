"""Exploration: the share of a list for new items, and the feedback by which they are drawn."""

from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import PlanError

__all__ = ["MAX_EXPLORE", "Exploration", "ExploredItems", "ItemFeedback", "check_explore"]

MAX_EXPLORE = 0.5  # of the positions: new items get positions in the lower half alone
# The rate of events of an average item before any are known: one event in 20 exposures.
PRIOR_EVENTS, PRIOR_EXPOSURES = 1.0, 20.0


def check_explore(explore: float) -> None:
    """Raise `PlanError` outside of [0, 0.5], and `TypeError` for anything but a number."""
    if isinstance(explore, bool) or not isinstance(explore, Real):
        raise TypeError(f"explore takes a number from 0 to {MAX_EXPLORE}, not {explore!r:.80}")
    if not 0 <= explore <= MAX_EXPLORE:
        raise PlanError(
            f"explore {explore}: from 0 (no exploration) to {MAX_EXPLORE} (half of the positions)"
        )


@dataclass(frozen=True, eq=False)
class ItemFeedback:
    """The lists that new items were in, and the events that followed.

    The rate of events of an item, relative to that of an average new item, has a Gamma
    distribution with mean 1 before anything is known of the item: `shape` and `rate` are its
    parameters after the feedback (Gamma-Poisson model).

    Attributes
    ----------
    exposures, events
        Of each new item, zero for others, float64 (n_items,).
    """

    exposures: NDArray[np.float64]
    events: NDArray[np.float64]

    @cached_property
    def shape(self) -> NDArray[np.float64]:
        """Shape parameters, float64 (n_items,)."""
        return 1 + self.events

    @cached_property
    def rate(self) -> NDArray[np.float64]:
        """Rate parameters, float64 (n_items,): 1 and the expected events of the exposures."""
        events, exposures = float(self.events.sum()), float(self.exposures.sum())
        return 1 + self.exposures * ((PRIOR_EVENTS + events) / (PRIOR_EXPOSURES + exposures))


@dataclass(frozen=True, slots=True, eq=False)
class Exploration:
    """The exploration of new items in one list.

    Attributes
    ----------
    share
        Largest share of the positions that exploration gives to new items, from 0 to 0.5.
    seed
        The same list with the same seed has the same items: the user, bundle and day.
    feedback
        On the new items so far, if there is any.

    Raises
    ------
    PlanError, TypeError
        The share is out of range or no number.
    """

    share: float
    seed: str = ""
    feedback: ItemFeedback | None = None

    def __post_init__(self) -> None:
        check_explore(self.share)


class ExploredItems(NamedTuple):
    """New items drawn for a list, and the positions that they get.

    Attributes
    ----------
    codes
        The items, int32 (n,).
    positions
        From 0, in the order of the items, int64 (n,).
    """

    codes: NDArray[np.int32]
    positions: NDArray[np.int64]
