"""`fit` and `evaluate`: read, split, learn, choose on validation, measure on test."""

from collections.abc import Mapping, Sequence
from typing import Unpack

from pennyweight.config.plan import Plan
from pennyweight.config.report import Report
from pennyweight.data.dataset import Dataset, EventReading
from pennyweight.data.split import Protocol
from pennyweight.data.tables import Source
from pennyweight.errors import PlanError, did_you_mean
from pennyweight.evaluation.ranking import Repeats
from pennyweight.fitting.job import Job
from pennyweight.fitting.stages import Progress
from pennyweight.recommender.recommender import Recommender

__all__ = ["ReadOptions", "evaluate", "fit"]


class ReadOptions(EventReading, total=False):
    """How the two tables are read: arguments of `read`, which override the plan."""

    columns: Mapping[str, str | None] | None
    text_columns: Sequence[str] | None
    user_attribute: str | None
    k_core: int | None
    strict: bool | None
    mask_personal: bool | None
    min_rating: float | None


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
    **reading: Unpack[ReadOptions],
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
    **reading
        Arguments of `read`, such as ``columns={"user": "client"}`` and ``missing_ids=["guest"]``;
        for a `Dataset`, which is read already, there are none.

    Raises
    ------
    DataError, PlanError
        The data or a setting cannot be used; the message says what to do.
    """
    given = _given(protocol, repeats, encoder, scorers, seed, refit)
    planned = _read_as(_planned(plan, given), items, reading)
    return Job(items, events, planned, progress, final=False).measure()


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
    **reading: Unpack[ReadOptions],
) -> Recommender:
    """Measure, then fit on every event: a recommender with its `report`.

    Arguments and errors are those of `evaluate`; what is saved knows every event, whatever
    `refit` says of the measurement.
    """
    given = _given(protocol, repeats, encoder, scorers, seed, refit)
    planned = _read_as(_planned(plan, given), items, reading)
    job = Job(items, events, planned, progress, final=True)
    report = job.measure()
    return job.refit(report)


_NAMES = ("plan", "protocol", "repeats", "encoder", "scorers", "seed", "refit", "progress")


def _planned(plan: Plan | None, given: dict[str, object]) -> Plan:
    if plan is not None and not isinstance(plan, Plan):
        raise PlanError(f"plan is a {type(plan).__name__}, not a Plan; read a file with "
                        "Plan.from_toml(Path(...))")  # fmt: skip
    return (plan or Plan()).override(given)


def _read_as(plan: Plan, items: Source | Dataset, reading: ReadOptions) -> Plan:
    """Return the plan with arguments of `read` over it; mappings add to those of the plan."""
    given = {name: value for name, value in reading.items() if value is not None}
    known = ReadOptions.__annotations__.keys() | EventReading.__annotations__.keys()
    unknown = sorted(given.keys() - known)
    if unknown:
        near = did_you_mean(unknown[0], (*known, *_NAMES))
        raise TypeError(f"there is no argument {unknown[0]!r}{near}")
    if given and isinstance(items, Dataset):
        raise PlanError(f"the Dataset is read already: give {', '.join(given)} to read()")
    columns = {role: name or "" for role, name in (reading.get("columns") or {}).items()}
    types = dict(reading.get("event_types") or {})
    changes = {f"data.{name}": value for name, value in given.items() if name != "user_attribute"}
    changes |= {
        "evaluate.user_attribute": reading.get("user_attribute"),
        "data.columns": {**plan.data.columns, **columns} or None,
        "data.event_types": {**plan.data.event_types, **types} or None,
    }
    return plan.override(changes)


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
