"""A fit that is measured on one or several test windows."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pennyweight.config.quality import Fold
from pennyweight.config.report import Report
from pennyweight.data.split import HeldOut
from pennyweight.errors import DataError
from pennyweight.evaluation.compare import comparisons
from pennyweight.evaluation.folds import fold_cuts, pooled
from pennyweight.evaluation.user_results import UserResults
from pennyweight.fitting.job import Job
from pennyweight.fitting.quality import means

__all__ = ["measure_folds"]


@dataclass(frozen=True)
class _FoldResult:
    """A fold that was measured."""

    report: Report
    results: UserResults
    training_events: int

    @property
    def fold(self) -> Fold:
        """The fold as reports have it."""
        start, end = _window(self.results.held_out)
        return Fold(
            start=start,
            end=end,
            training_events=self.training_events,
            users=len(self.results.held_out),
            scorers=self.report.scorers,
            blend=self.report.blend or {},
        )


def measure_folds(job: Job) -> Report:
    """Measure a job on each fold that its plan asks for.

    The job ends with the blend that the last fold chose. Without folds this is `Job.measure`; where
    the plan asks for no measurement, the choices of the last fold are made alone.
    """
    folds = job.plan.evaluate.folds
    if not job.plan.evaluate.measure:
        return job.choose(fold_cuts(folds)[-1])
    if folds == 1:
        return job.measure()
    measured = [_measure(job, number, folds) for number in range(1, folds + 1)]
    last, plan = measured[-1].report, job.plan.evaluate
    with job.stages.stage("intervals"):
        by_scorer = pooled([entry.results for entry in measured])
        scorers = means(by_scorer, resamples=plan.bootstrap, seed=plan.seed)
        tests = comparisons(by_scorer, resamples=plan.bootstrap, rng=plan.seed)
    return last.model_copy(
        update={
            "scorers": scorers,
            "comparisons": tests,
            "folds": tuple(entry.fold for entry in measured),
            "evaluated_users": len(by_scorer["blend"].values),
            "fitted_on": {name: (last.fitted_on or {})[name] for name in scorers},
        }
    )


def _measure(job: Job, number: int, folds: int) -> _FoldResult:
    try:
        report = job.measure(fold_cuts(folds)[number - 1])
    except DataError as error:
        raise DataError(f"fold {number} of {folds}: {error}; or use fewer folds") from error
    assert job.results is not None and job.split is not None
    return _FoldResult(report, job.results, len(job.split.train))


def _window(test: HeldOut) -> tuple[str, str]:
    """Return the first and the last time of the held-out events."""
    assert test.target_time is not None
    moments = (float(test.target_time.min()), float(test.target_time.max()))
    start, end = (datetime.fromtimestamp(moment, UTC).isoformat() for moment in moments)
    return start, end
