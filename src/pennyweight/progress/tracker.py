"""The number of stages, the share that is done and the time left, from expected durations."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pennyweight.progress.update import ProgressUpdate, ShowProgress

__all__ = ["ExpectedStage", "ProgressTracker"]

MIN_SHARE = 0.02  # of a stage without an expected duration, before its pace says anything
TELLING = 0.25  # of the current stage, before its pace corrects those to come
ENOUGH = 0.25  # of the expected time, after which the measured pace says how long the rest takes
PRIOR = 0.05  # weight of the forecast beside the measured pace, in shares of the whole


@dataclass(frozen=True)
class ExpectedStage:
    """A stage to come.

    Attributes
    ----------
    name
        As the tracker will be called with.
    seconds
        Expected duration; None if unknown.
    group
        Stages of one group exceed their expected durations by the same factor, or take equally
        long if these are unknown.
    """

    name: str
    seconds: float | None = None
    group: str = ""


Timed = Sequence[tuple[ExpectedStage, float]]
"""Stages with their measured durations."""


class ProgressTracker:
    """Turns (stage, steps done, steps in total) into updates with number, share and time left.

    The time left is that of the expected durations, corrected by the pace so far: that of earlier
    stages of the same group, or else of all stages if they were slower than expected. Within a
    stage that counts steps, its own pace prevails as steps are done. It is not given before a
    quarter of the expected time is measured: on a busy machine it would be far too short.

    Parameters
    ----------
    show
        Called with each update; None for no updates.
    clock
        Seconds from any origin.
    """

    def __init__(
        self, show: ShowProgress | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._show, self._clock = show, clock
        self._name: str | None = None
        self._stages: list[ExpectedStage] = []
        self._spent: list[float] = []  # of the finished stages
        self._began = self._entered = clock()
        self._share = 0.0

    def expect(self, stages: Iterable[ExpectedStage]) -> None:
        """Replace all stages after the current one; not evaluated if nothing is shown."""
        if self._show is None:
            return
        self._stages[len(self._spent) + (self._name is not None) :] = stages

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Note the steps done in a stage, and in total (0 if unknown); show the update."""
        if self._show is None:
            return
        self._enter(stage)
        self._show(self._update(min(1.0, done / total) if total else None))

    def _enter(self, name: str) -> None:
        """Begin a stage; expected stages before it were unnecessary."""
        if name == self._name:
            return
        now, position = self._clock(), len(self._spent)
        if self._name is not None:
            self._spent.append(now - self._entered)
            position += 1
        coming = [stage.name for stage in self._stages[position:]]
        if name in coming:
            del self._stages[position : position + coming.index(name)]
        else:
            self._stages.insert(position, ExpectedStage(name))
        self._name, self._entered = name, now

    def _update(self, stage_share: float | None) -> ProgressUpdate:
        number, left = len(self._spent) + 1, self._seconds_left(stage_share)
        elapsed = self._clock() - self._began
        if left is None or not elapsed + left:
            share = (number - 1 + (stage_share or 0.0)) / len(self._stages)
        else:
            share = elapsed / (elapsed + left)
        known = left is not None or len(self._stages) > 1 or stage_share is not None
        self._share = max(self._share, share)
        return ProgressUpdate(
            stage=self._stages[number - 1].name,
            number=number,
            stages=len(self._stages),
            share=self._share if known else None,
            stage_share=stage_share,
            seconds_left=left if self._is_paced(stage_share) else None,
        )

    def _is_paced(self, stage_share: float | None) -> bool:
        """Return whether enough of the stages that have a forecast is measured."""
        seconds = [stage.seconds or 0.0 for stage in self._stages]
        position = len(self._spent)
        overruns = self._clock() - self._entered > seconds[position]
        share = 1.0 if overruns else stage_share or 0.0
        measured = sum(seconds[:position]) + share * seconds[position]
        return measured >= ENOUGH * sum(seconds)

    def _seconds_left(self, stage_share: float | None) -> float | None:
        position, spent = len(self._spent), self._clock() - self._entered
        current, coming = self._stages[position], self._stages[position + 1 :]
        timed = list(zip(self._stages, self._spent, strict=False))
        expected = self._expected(current, timed)
        left = _left_of_stage(spent, stage_share, expected)
        if left is None:
            return None
        if (stage_share or 0.0) >= TELLING or spent + left > (current.seconds or 0.0):
            timed.append((current, spent + left))
        later = [self._expected(stage, timed) for stage in coming]
        known = [seconds for seconds in later if seconds is not None]
        return left + sum(known) if len(known) == len(later) else None

    def _expected(self, stage: ExpectedStage, timed: Timed) -> float | None:
        """Return the expected duration, corrected by the pace of the stages that are timed."""
        same = [(one, spent) for one, spent in timed if stage.group and one.group == stage.group]
        if stage.seconds is None:
            return sum(spent for _, spent in same) / len(same) if same else None
        pace = _pace(same, 0.0)
        if pace is None:
            prior = PRIOR * sum(one.seconds or 0.0 for one in self._stages)
            # Stages of other kinds that were fast do not make these fast.
            pace = max(1.0, _pace(timed, prior) or 1.0)
        return pace * stage.seconds


def _left_of_stage(spent: float, share: float | None, expected: float | None) -> float | None:
    """Return the time left of a stage, from the share that is done or the expected duration."""
    if expected is None:
        enough = share is not None and share >= MIN_SHARE
        return spent * (1 - share) / share if enough and share else None
    if share is None:
        return max(expected - spent, 0.0)
    # The expected duration counts less with every step: spent / share takes its place.
    return (1 - share) * (spent + (1 - share) * expected)


def _pace(timed: Timed, prior: float) -> float | None:
    """Return measured over expected duration, with a prior of equal duration in both."""
    seconds = [(stage.seconds, spent) for stage, spent in timed if stage.seconds]
    expected = sum(forecast for forecast, _ in seconds) + prior
    return (sum(spent for _, spent in seconds) + prior) / expected if expected else None
