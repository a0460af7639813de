"""The smallest change that an experiment can detect, from the users and outcomes so far."""

from dataclasses import dataclass

from pennyweight.errors import PlanError
from pennyweight.evaluation.always_valid import detectable_lift
from pennyweight.serving.live.variants import MAX_VARIANTS

__all__ = ["ExperimentPlan", "RecentUsers", "with_control"]


@dataclass(frozen=True)
class RecentUsers:
    """Users of the last days, whichever bundle answered them.

    Attributes
    ----------
    days
        That were counted: fewer than asked for in a young service.
    users, converted
        With a list; with a positive event that names one of their lists.
    """

    days: int
    users: int
    converted: int


@dataclass(frozen=True)
class ExperimentPlan:
    """An experiment of some days, as far as it can be foreseen.

    Attributes
    ----------
    days
        How long it runs.
    shares
        Of the variants, the control first.
    recent
        Users so far.
    """

    days: int
    shares: tuple[float, ...]
    recent: RecentUsers

    @property
    def users(self) -> float:
        """Users to expect; fewer where the same ones return more often later."""
        return self.recent.users * self.days / self.recent.days if self.recent.days else 0.0

    @property
    def rate(self) -> float | None:
        """The share of users who acted on a list so far; None without users."""
        return self.recent.converted / self.recent.users if self.recent.users else None

    @property
    def detectable(self) -> float | None:
        """The smallest relative change that is detected in four of five cases (0.1 for 10 %).

        That of the smallest group. None where no user has acted on a list, or all have.
        """
        if self.rate is None or not 0 < self.rate < 1:
            return None
        control, *others = self.shares
        sizes = control * self.users, min(others) * self.users
        return detectable_lift(self.rate, *sizes, len(others))

    def sentence(self) -> str:
        """Return the plan in words."""
        if not self.recent.users:
            return "The detectable change is unknown: no user has got a list so far."
        if self.detectable is None:
            return (
                "The detectable change is unknown: of the users who got a list so far, none or all "
                "acted on it."
            )
        return (
            f"In {_days(self.days)} you can detect a change of {self.detectable:.1%} or more: "
            f"{self.rate:.1%} of {self.recent.users:,} users acted on a list in the last "
            f"{'day' if self.recent.days == 1 else _days(self.recent.days)}."
        )


def with_control(text: str) -> tuple[float, ...]:
    """Return shares, separated by commas, with that of the control before them: the rest."""
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    control = 1 - sum(shares)
    if len(shares) >= MAX_VARIANTS or not min(shares, default=0.0) > 0 or not control > 0:
        raise PlanError(
            f"shares: {text!r}; give a number above 0 for each bundle, such as 0.25,0.25, less "
            "than 1 together: the control gets the rest"
        )
    return (control, *shares)


def _days(n: int) -> str:
    return f"{n:,} day" if n == 1 else f"{n:,} days"
