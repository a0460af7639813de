"""`fit` and `evaluate`: read, split, learn, choose on validation, measure on test."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TypedDict, Unpack

import polars as pl

from pennyweight.config.plan import Plan, RerankChoice
from pennyweight.config.report import Report
from pennyweight.data.dataset import Dataset, EventReading
from pennyweight.data.split import Protocol
from pennyweight.data.tables import Source
from pennyweight.encoders.protocol import Encoder
from pennyweight.errors import PlanError, did_you_mean
from pennyweight.evaluation.ranking import Repeats
from pennyweight.fitting.data import dataset
from pennyweight.fitting.folds import measure_folds
from pennyweight.fitting.job import Job
from pennyweight.fitting.list_scores import Lists, list_report, split_frames
from pennyweight.progress.display import tracked
from pennyweight.progress.update import Progress
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.protocol import Scorer

__all__ = ["ReadOptions", "evaluate", "fit", "score_lists", "split_events"]


Scorers = Sequence[str | Scorer] | Mapping[str, str | Scorer]


class OwnObjects(TypedDict):
    """An encoder and scorers that were given as objects."""

    encoder: Encoder | None
    scorers: dict[str, Scorer]


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
    encoder: str | Encoder | None = None,
    scorers: Scorers | None = None,
    rerank: RerankChoice | None = None,
    seed: int | None = None,
    refit: bool | None = None,
    folds: int | None = None,
    progress: Progress = True,
    **reading: Unpack[ReadOptions],
) -> Report:
    """Measure the quality of a recommender fitted to this data, without keeping it.

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
        ``auto``, ``static``, ``tfidf``, ``bow``, ``word2vec``, ``minilm``, the name of one that
        another package registers, a folder or an id; or an `Encoder`.
    scorers
        Names of the scorers to blend, scorers, or a mapping from ids to either.
    rerank
        Whether trees rank the best items of each list again: ``auto`` where they gain on validation
        (the default), ``trees`` always, ``none`` never.
    seed
        Of every random draw.
    refit
        Whether the scorers are fitted again on training and validation events before the
        test, as in service (the default); False measures them as published models
        are, fitted on the training events alone.
    folds
        Cut time this often, at most 5 times, and measure on the window after each cut; only
        for the protocol ``global-time``. Each fold is fitted on the events before its window.
        The figures are over all folds; `Report.folds` has those of each.
    progress
        True for a bar in terminals and notebooks, False for none, or a function that is called
        with each `ProgressUpdate`.
    **reading
        Arguments of `read`, such as ``columns={"user": "client"}`` and ``missing_ids=["guest"]``;
        for a `Dataset`, which is read already, there are none.

    Raises
    ------
    DataError, PlanError
        The data or a setting cannot be used; the message has the remedy.
    """
    objects = _objects(encoder, scorers)
    options = _options(protocol, repeats, encoder, scorers, rerank, seed, refit, folds)
    options["evaluate.measure"] = True
    planned = _read_as(_with_options(plan, options), items, reading)
    with tracked(progress) as tracker:
        return measure_folds(Job(items, events, planned, tracker, final=False, **objects))


def fit(
    items: Source | Dataset,
    events: Source | None = None,
    *,
    plan: Plan | None = None,
    protocol: Protocol | None = None,
    repeats: Repeats | None = None,
    encoder: str | Encoder | None = None,
    scorers: Scorers | None = None,
    rerank: RerankChoice | None = None,
    seed: int | None = None,
    refit: bool | None = None,
    folds: int | None = None,
    measure: bool | None = None,
    progress: Progress = True,
    **reading: Unpack[ReadOptions],
) -> Recommender:
    """Measure, then fit on every event: a recommender with its `report`.

    Other arguments and errors are those of `evaluate`; the recommender is fitted to every event,
    whatever the `refit` of the measurement.

    Parameters
    ----------
    measure
        False leaves out the measurement on test users, and with it the refit before it. The choices
        and the recommender are the same; the report has no figures of quality.
    """
    objects = _objects(encoder, scorers)
    options = _options(protocol, repeats, encoder, scorers, rerank, seed, refit, folds)
    options["evaluate.measure"] = measure
    planned = _read_as(_with_options(plan, options), items, reading)
    with tracked(progress) as tracker:
        job = Job(items, events, planned, tracker, final=True, **objects)
        return job.refit(measure_folds(job))


def score_lists(
    lists: Lists,
    items: Source | Dataset,
    events: Source | None = None,
    *,
    plan: Plan | None = None,
    protocol: Protocol | None = None,
    repeats: Repeats | None = None,
    seed: int | None = None,
    list_columns: Mapping[str, str] | None = None,
    **reading: Unpack[ReadOptions],
) -> Report:
    """Measure recommendation lists of any system on the test users that `evaluate` measures.

    The protocol, the test users, the metrics, the intervals and the tests are those of
    `evaluate` with the same data, plan and seed, so the figures can be compared. Make the lists
    from the events that `split_events` gives.

    Parameters
    ----------
    lists
        A table with a row for each item of each list: user_id, item_id, and rank (1 is the
        best) or score; or name -> such a table for several systems, of which the first is
        tested against the others and against popularity.
    items, events, plan, protocol, repeats, seed, **reading
        As for `evaluate`.
    list_columns
        ``"user_id"``, ``"item_id"``, ``"rank"`` or ``"score"`` -> the column's name in the
        lists.

    Returns
    -------
    Report
        Its notices count the users without a list and the items outside the catalog.

    Raises
    ------
    DataError, PlanError
        The lists, the data or a setting cannot be used; the message has the remedy.
    """
    options = _options(protocol, repeats, seed=seed)
    planned = _one_split(_read_as(_with_options(plan, options), items, reading))
    return list_report(lists, dataset(items, events, planned), planned, list_columns)


def split_events(
    items: Source | Dataset,
    events: Source | None = None,
    *,
    plan: Plan | None = None,
    protocol: Protocol | None = None,
    seed: int | None = None,
    **reading: Unpack[ReadOptions],
) -> dict[str, pl.DataFrame]:
    """Return the parts of the event log by which `evaluate` measures, for another system.

    Returns
    -------
    dict[str, polars.DataFrame]
        ``"train"`` and ``"validation"`` with user_id, item_id, timestamp (epoch seconds, or
        positions where the log has no dates) and weight: all that is known before the test.
        ``"test"`` with user_id and item_id: the choices to be found, and so the users who
        need a list.
    """
    options = _options(protocol, seed=seed)
    planned = _one_split(_read_as(_with_options(plan, options), items, reading))
    return split_frames(dataset(items, events, planned), planned)


_NAMES = (
    *("plan", "protocol", "repeats", "encoder", "scorers", "rerank"),
    *("seed", "refit", "folds", "measure", "progress"),
)


def _with_options(plan: Plan | None, options: dict[str, object]) -> Plan:
    if plan is not None and not isinstance(plan, Plan):
        raise PlanError(
            f"plan is a {type(plan).__name__}, not a Plan; read a file with "
            "Plan.from_toml(Path(...))"
        )
    return (plan or Plan()).override(options)


def _one_split(plan: Plan) -> Plan:
    if plan.evaluate.folds > 1:
        raise PlanError(
            f"evaluate.folds is {plan.evaluate.folds}; lists of another system are measured on "
            "one split: leave folds out of the plan"
        )
    return plan


def _read_as(plan: Plan, items: Source | Dataset, reading: ReadOptions) -> Plan:
    """Return the plan with arguments of `read` over it; mappings add to those of the plan."""
    options = {name: value for name, value in reading.items() if value is not None}
    valid = ReadOptions.__annotations__.keys() | EventReading.__annotations__.keys()
    unknown = sorted(options.keys() - valid)
    if unknown:
        suggestion = did_you_mean(unknown[0], (*valid, *_NAMES))
        raise TypeError(f"there is no argument {unknown[0]!r}{suggestion}")
    if options and isinstance(items, Dataset):
        raise PlanError(f"the Dataset is read already: give {', '.join(options)} to read()")
    columns = {role: name or "" for role, name in (reading.get("columns") or {}).items()}
    types = dict(reading.get("event_types") or {})
    changes = {f"data.{name}": value for name, value in options.items() if name != "user_attribute"}
    changes |= {
        "evaluate.user_attribute": reading.get("user_attribute"),
        "data.columns": {**plan.data.columns, **columns} or None,
        "data.event_types": {**plan.data.event_types, **types} or None,
    }
    return plan.override(changes)


def _options(
    protocol: str | None,
    repeats: str | None = None,
    encoder: str | Encoder | None = None,
    scorers: Scorers | None = None,
    rerank: RerankChoice | None = None,
    seed: int | None = None,
    refit: bool | None = None,
    folds: int | None = None,
) -> dict[str, object]:
    names: Sequence[str] | None = None
    tables: dict[str, object] = {}
    if isinstance(scorers, str):
        names = [name.strip() for name in scorers.split(",")]
    elif scorers is not None:
        entries = _by_id(scorers)
        names = list(entries)
        kinds = {name: scorer for name, scorer in entries.items() if isinstance(scorer, str)}
        tables = {f"scorers.{n}": {"kind": kind} for n, kind in kinds.items() if kind != n}
    if encoder is not None and not isinstance(encoder, str):
        encoder = encoder.kind
    return {
        **tables,
        "evaluate.protocol": protocol,
        "evaluate.repeats": repeats,
        "evaluate.seed": seed,
        "evaluate.refit": refit,
        "evaluate.folds": folds,
        "encoder.name": encoder,
        "scorers.names": names,
        "rerank.name": rerank,
    }


def _by_id(scorers: Scorers) -> dict[str, str | Scorer]:
    """Return names of kinds, and scorers, by the ids that they have in the blend."""
    if isinstance(scorers, Mapping):
        return dict(scorers)
    entries: dict[str, str | Scorer] = {}
    for scorer in scorers:
        name = kind = scorer if isinstance(scorer, str) else scorer.kind
        if not isinstance(scorer, str):
            numbers = count(2)
            while name in entries:
                name = f"{kind}-{next(numbers)}"
        entries[name] = scorer
    return entries


def _objects(encoder: str | Encoder | None, scorers: Scorers | None) -> OwnObjects:
    """Return the encoder and the scorers passed as objects."""
    entries = {} if scorers is None or isinstance(scorers, str) else _by_id(scorers)
    return {
        "encoder": None if isinstance(encoder, str) else encoder,
        "scorers": {
            name: scorer for name, scorer in entries.items() if not isinstance(scorer, str)
        },
    }
