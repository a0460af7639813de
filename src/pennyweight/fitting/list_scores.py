"""Lists of any system, measured by the protocol that `fit` uses; the events to make them from."""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import cast

import numpy as np
import polars as pl

from pennyweight.config.plan import Plan
from pennyweight.config.report import CleaningFinding, Cost, Report
from pennyweight.data.dataset import Dataset
from pennyweight.data.fingerprint import fingerprint
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import parts
from pennyweight.data.tables import Source
from pennyweight.errors import PlanError
from pennyweight.evaluation.analysis import LISTED, analyze
from pennyweight.evaluation.external_lists import measure_lists, read_lists
from pennyweight.evaluation.measure import PerUser, measure
from pennyweight.evaluation.user_results import UserResults
from pennyweight.fitting.measurable import measurable
from pennyweight.fitting.quality import grouping_of, means, word_vectors
from pennyweight.scorers.popularity import Popularity

__all__ = ["Lists", "list_report", "split_frames"]

Lists = Source | Mapping[str, Source]
BASELINE = "popularity"
TRAIN, VALIDATION = 0, 1


def list_report(
    lists: Lists, data: Dataset, plan: Plan, columns: Mapping[str, str] | None
) -> Report:
    """Return the report on lists; see `pennyweight.score_lists`."""
    began = time.perf_counter()
    by_name = _by_name(lists)
    if BASELINE in by_name:
        raise PlanError(f"lists named {BASELINE!r}: the name of the baseline; choose another")
    setting = measurable(data.interactions, plan.evaluate)
    test = setting.split(data.interactions, plan.evaluate).test
    by_scorer: dict[str, PerUser] = {}
    notices = [*setting.notices]
    for name, source in by_name.items():
        ranked = read_lists(source, name, data.interactions.users, data.catalog.ids, columns)
        by_scorer[name], counts = measure_lists(ranked, test, repeats=setting.repeats, k=LISTED)
        notices += counts.notices(name)
    baseline = {BASELINE: Popularity().fit(test.before, data.catalog)}
    by_scorer |= measure(baseline, test, repeats=setting.repeats, k=LISTED)
    results = UserResults(by_scorer, test)
    resamples, seed = plan.evaluate.bootstrap, plan.evaluate.seed
    grouping = replace(grouping_of(data, test, plan.evaluate), words=word_vectors({}, data.catalog))
    analysis = analyze(results, grouping, scorer=next(iter(by_name)), resamples=resamples, rng=seed)
    return Report(
        protocol=setting.protocol,
        users=len(data.interactions.users),
        items=len(data.catalog),
        events=len(data.interactions),
        scorers=means(results.by_scorer, resamples=resamples, seed=seed),
        cost=Cost(seconds={"measure lists": round(time.perf_counter() - began, 3)}),
        data=fingerprint(data.catalog, data.interactions),
        repeats=setting.repeats,
        evidence=setting.evidence,
        notices=tuple(notices),
        seed=seed,
        evaluated_users=len(test),
        slices=analysis.slices,
        comparisons=analysis.comparisons,
        lists=analysis.lists,
        exposure=analysis.exposure,
        cleaning=tuple(CleaningFinding(**asdict(entry)) for entry in data.log.entries),
        columns=data.columns.roles,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def split_frames(data: Dataset, plan: Plan) -> dict[str, pl.DataFrame]:
    """Return the parts as frames; see `pennyweight.split_events`."""
    setting = measurable(data.interactions, plan.evaluate)
    test = setting.split(data.interactions, plan.evaluate).test
    log, ids = data.interactions, data.catalog.ids
    part = parts(log, setting.protocol)
    target_user = np.repeat(test.users, np.diff(test.target_offsets))
    test_frame = pl.DataFrame(
        {
            "user_id": [log.users[code] for code in target_user.tolist()],
            "item_id": [ids[code] for code in test.targets.tolist()],
        }
    )
    return {
        "train": _frame(log.where(part == TRAIN), ids),
        "validation": _frame(log.where(part == VALIDATION), ids),
        "test": test_frame,
    }


def _frame(log: Interactions, ids: Ids) -> pl.DataFrame:
    """Return events with user_id, item_id, timestamp (seconds, or positions) and weight."""
    return pl.DataFrame(
        {
            "user_id": [log.users[code] for code in log.user.tolist()],
            "item_id": [ids[code] for code in log.item.tolist()],
            "timestamp": log.time,
            "weight": log.weight,
        }
    )


def _by_name(lists: Lists) -> dict[str, Source]:
    """Return lists by name; a mapping of columns is one table."""
    if isinstance(lists, Mapping) and not all(map(_is_column, lists.values())):
        return {str(name): cast("Source", table) for name, table in lists.items()}
    return {"lists": cast("Source", lists)}


def _is_column(value: object) -> bool:
    if isinstance(value, list | tuple):
        return not (value and isinstance(value[0], Mapping))
    return isinstance(value, pl.Series | np.ndarray)
