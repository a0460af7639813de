"""The state of a long call, as displays and callbacks receive it."""

from collections.abc import Callable
from dataclasses import dataclass

from pennyweight.formatting import rough_duration

__all__ = ["Progress", "ProgressUpdate", "ShowProgress"]


@dataclass(frozen=True)
class ProgressUpdate:
    """The state of a long call, which a function given as ``progress=`` receives.

    Attributes
    ----------
    stage
        Name of the current stage, such as ``fit tower``.
    number, stages
        The number of the stage, from 1, and the expected number of stages. A stage that turns out
        to be unnecessary lowers the second.
    share
        Share of the whole call that is done, from 0 to 1; None before an estimate is possible.
    stage_share
        Share of the stage that is done; None for a stage that does not count steps.
    seconds_left
        Estimated seconds to the end of the call; None before an estimate is possible.
    """

    stage: str
    number: int = 1
    stages: int = 1
    share: float | None = None
    stage_share: float | None = None
    seconds_left: float | None = None

    @property
    def heading(self) -> str:
        """The stage with its number, such as ``3/14 fit tower``."""
        if self.stages == 1:
            return self.stage
        return f"{self.number:>{len(str(self.stages))}}/{self.stages} {self.stage}"

    @property
    def time_left(self) -> str:
        """The estimated time to the end, such as ``20 s left``; empty if unknown or over."""
        if self.seconds_left is None or self.seconds_left < 0.5:
            return ""
        return f"{rough_duration(self.seconds_left)} left"

    def __str__(self) -> str:
        share = "" if self.share is None else f"{100 * self.share:.0f} %"
        return ", ".join(part for part in (self.heading, share, self.time_left) if part)


ShowProgress = Callable[[ProgressUpdate], None]
Progress = bool | ShowProgress
"""Whether to display progress in terminals and notebooks, or a function of each update."""
