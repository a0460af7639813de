"""`fit` and `evaluate`: read, split, learn, choose on validation, measure on test."""

from collections.abc import Sequence

from pennyweight.data.dataset import Dataset
from pennyweight.data.split import Protocol
from pennyweight.data.tables import Source
from pennyweight.errors import PlanError
from pennyweight.evaluate.ranking import Repeats
from pennyweight.fit.job import Job
from pennyweight.fit.stages import Progress
from pennyweight.recommender.recommender import Recommender
from pennyweight.spec.plan import Plan
from pennyweight.spec.report import Report

__all__ = ["evaluate", "fit"]


def evaluate(
    items: Source | Dataset,
    events: Source | None = None,
    *,
    plan: Plan | None = None,
    protocol: Protocol | None = None,
    repeats: Repeats | None = None,
    encoder: str | None = None,
    scorers: Sequence[str] | None = None,
    seed: int | None = None,
    refit: bool | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure what a recommender fitted to this data is worth, without keeping it.

    Parameters
    ----------
    items, events
        Paths or data frames as for `read`; or one `Dataset`.
    plan
        Settings; the arguments below override it.
    protocol
        ``leave-last-out``, ``global-time`` or ``given-split``; by default global time
        where times are dates, otherwise leave-last-out.
    repeats
        ``exclude`` masks the history; ``include`` lets its items be recommended.
    encoder
        ``auto``, ``static``, ``tfidf``, ``bow``, ``word2vec``, ``minilm``, a folder or an id.
    scorers
        Names of the scorers to blend.
    seed
        Of every random draw.
    refit
        Whether the scorers are fitted again on training and validation events before the
        test, as they are in service (the default); False measures them as published models
        are, fitted on the training events alone.
    progress
        Called with (stage, steps done, steps in all).

    Raises
    ------
    DataError, PlanError
        The data or a setting cannot be used; the message says what to do.
    """
    given = _given(protocol, repeats, encoder, scorers, seed, refit)
    return Job(items, events, _planned(plan, given), progress, final=False).measure()


def fit(
    items: Source | Dataset,
    events: Source | None = None,
    *,
    plan: Plan | None = None,
    protocol: Protocol | None = None,
    repeats: Repeats | None = None,
    encoder: str | None = None,
    scorers: Sequence[str] | None = None,
    seed: int | None = None,
    refit: bool | None = None,
    progress: Progress | None = None,
) -> Recommender:
    """Measure, then fit on every event: a recommender with its `report`.

    Arguments and errors are those of `evaluate`; what is saved knows every event, whatever
    `refit` says of the measurement.
    """
    given = _given(protocol, repeats, encoder, scorers, seed, refit)
    job = Job(items, events, _planned(plan, given), progress, final=True)
    report = job.measure()
    return job.refit(report)


def _planned(plan: Plan | None, given: dict[str, object]) -> Plan:
    if plan is not None and not isinstance(plan, Plan):
        raise PlanError(f"plan is a {type(plan).__name__}, not a Plan; read a file with "
                        "Plan.from_toml(Path(...))")  # fmt: skip
    return (plan or Plan()).override(given)


def _given(
    protocol: str | None,
    repeats: str | None,
    encoder: str | None,
    scorers: Sequence[str] | None,
    seed: int | None,
    refit: bool | None,
) -> dict[str, object]:
    if isinstance(scorers, str):
        scorers = [name.strip() for name in scorers.split(",")]
    return {
        "evaluate.protocol": protocol,
        "evaluate.repeats": repeats,
        "evaluate.seed": seed,
        "evaluate.refit": refit,
        "encoder.name": encoder,
        "scorers.names": scorers,
    }
