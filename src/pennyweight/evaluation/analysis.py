"""The analysis behind a report, beyond the means, from one pass over the evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.config.quality import (
    Comparison,
    Exposure,
    GroupExposure,
    ListQuality,
    Measurement,
    Slice,
)
from pennyweight.evaluation import beyond_accuracy
from pennyweight.evaluation.bootstrap import bootstrap_ratios
from pennyweight.evaluation.compare import comparisons, slices
from pennyweight.evaluation.groups import Groups, groups_of
from pennyweight.evaluation.measure import PerUser
from pennyweight.evaluation.user_results import UserResults

__all__ = ["LISTED", "Analysis", "Grouping", "analyze"]

LISTED = 10  # items of each recommendation list
EXPOSED = 10  # maximum number of groups of items
_TOGETHER_BYTES = 64 << 20  # of columns whose users are drawn once
BY_WORDS = "words of the texts"

_Past = tuple[NDArray[np.float64], NDArray[np.bool_]]  # see `_history_popularity`


@dataclass(frozen=True)
class Grouping:
    """The groups of items and users, and the words of the items; None leaves a measure out.

    Attributes
    ----------
    words
        Vectors of the items' words, csr (n_items, n_words), rows of unit length or zero.
    items
        Groups of the items.
    users
        Groups of the evaluated users, in their order.
    """

    words: sparse.csr_matrix | None = None
    items: Groups | None = None
    users: Groups | None = None

    @classmethod
    def of(cls, items: pl.Series | None, users: pl.Series | None) -> "Grouping":
        """Group items and users by a column; `PlanError` for one that holds no groups."""
        return cls(
            items=None if items is None else groups_of(items),
            users=None if users is None else groups_of(users, several=False),
        )


@dataclass(frozen=True)
class Analysis:
    """The parts of a report, named as there."""

    slices: tuple[Slice, ...]
    comparisons: tuple[Comparison, ...]
    lists: ListQuality
    exposure: Exposure | None


def analyze(
    results: UserResults,
    grouping: Grouping,
    *,
    scorer: str = "blend",
    resamples: int = 1_000,
    rng: int = 0,
) -> Analysis:
    """Analyze lists and slices, and compare the scorers.

    Parameters
    ----------
    results
        Results of the scorers, measured with lists (see `measure`).
    grouping
        The groups of items and users, and the words of the items.
    scorer
        The scorer that is tested against each of the others.
    resamples, rng
        Of the intervals and tests, see `bootstrap`.
    """
    facts = beyond_accuracy.item_facts(results.held_out.before)
    largest = None if grouping.items is None else grouping.items.largest(EXPOSED)
    past = _history_popularity(results, facts)
    means: dict[str, dict[str | int, Measurement]] = {}
    waiting: list[_Columns] = []
    for name, per_user in results.by_scorer.items():
        waiting.append(_columns(name, per_user, results, grouping, facts, largest, past))
        # Together, since drawing the users takes longer than averaging over them.
        if sum(columns.values.nbytes for columns in waiting) > _TOGETHER_BYTES:
            means |= _estimates(waiting, resamples, rng)
            waiting = []
    means |= _estimates(waiting, resamples, rng)
    return Analysis(
        slices(results, grouping.users, resamples=resamples, rng=rng),
        comparisons(results, scorer, resamples=resamples, rng=rng),
        _lists(results, grouping, past, means),
        None if largest is None else _exposure(results, largest, means),
    )


@dataclass(frozen=True)
class _Columns:
    """Values to average over the lists of one scorer.

    Attributes
    ----------
    values
        One row a user, float64 (n_users, n).
    ratios
        Metric, or position of a group of items -> (column above, column below); column 0 is
        all ones, and a ratio over it is a mean over all users.
    """

    scorer: str
    values: NDArray[np.float64]
    ratios: dict[str | int, tuple[int, int]]


def _columns(
    name: str,
    per_user: PerUser,
    results: UserResults,
    grouping: Grouping,
    facts: beyond_accuracy.ItemFacts,
    largest: Groups | None,
    past: _Past,
) -> _Columns:
    lists, held_out = per_user.lists, results.held_out
    values: dict[str | int, NDArray[np.float64]] = {
        "novelty": beyond_accuracy.list_mean(lists, facts.surprise),
        "serendipity": beyond_accuracy.serendipity(per_user.ranks, held_out, facts, lists),
        "popularity": beyond_accuracy.list_mean(lists, facts.popularity),
    }
    if _has_words(grouping):
        values["diversity"] = beyond_accuracy.diversity(lists, grouping.words)
    if largest is not None:
        values |= dict(enumerate(beyond_accuracy.group_shares(lists, largest).T))
    columns = [np.ones(len(lists)), *values.values()]
    ratios = {key: (i, 0) for i, key in enumerate(values, 1)}
    if grouping.items is not None:
        distance = beyond_accuracy.miscalibration(lists, held_out.histories, grouping.items)
        calibrated = np.isfinite(distance)
        if calibrated.any():
            ratios["miscalibration"] = (len(columns), len(columns) + 1)
            columns += [np.where(calibrated, distance, 0), calibrated]
    before, old = past
    if old.any():
        ratios["popularity_lift"] = (len(columns), len(columns) + 1)
        columns += [values["popularity"] * old, before]
    return _Columns(name, np.column_stack(columns).astype(np.float64, copy=False), ratios)


def _estimates(
    waiting: Sequence[_Columns], resamples: int, rng: int
) -> dict[str, dict[str | int, Measurement]]:
    """Return scorer -> metric or group -> mean over the same resamples of the users."""
    if not waiting:
        return {}
    starts = np.cumsum([0, *(columns.values.shape[1] for columns in waiting)]).tolist()
    keys, ratios = [], []
    for columns, start in zip(waiting, starts, strict=False):
        keys += [(columns.scorer, key) for key in columns.ratios]
        ratios += [(above + start, below + start) for above, below in columns.ratios.values()]
    values = np.hstack([columns.values for columns in waiting])
    out: dict[str, dict[str | int, Measurement]] = {columns.scorer: {} for columns in waiting}
    estimates = bootstrap_ratios(values, ratios, resamples=resamples, rng=rng)
    for (scorer, key), (value, low, high) in zip(keys, estimates, strict=True):
        baseline = 1 if key == "popularity_lift" else 0  # a lift of 0 is the popularity of before
        out[scorer][key] = Measurement(
            value=value - baseline, low=low - baseline, high=high - baseline
        )
    return out


def _has_words(grouping: Grouping) -> bool:
    return grouping.words is not None and grouping.words.nnz > 0


def _history_popularity(results: UserResults, facts: beyond_accuracy.ItemFacts) -> _Past:
    """Return the mean popularity of each history, 0 without one, and the mask of users with one."""
    histories = results.held_out.histories
    total = np.bincount(histories.row, facts.popularity[histories.item], minlength=len(histories))
    return total / np.maximum(histories.length, 1), histories.length > 0


def _lists(
    results: UserResults,
    grouping: Grouping,
    past: _Past,
    means: Mapping[str, dict[str | int, Measurement]],
) -> ListQuality:
    n_items, (before, old) = results.held_out.before.n_items, past
    return ListQuality(
        k=LISTED,
        scorers={
            name: {key: mean for key, mean in scorer_means.items() if isinstance(key, str)}
            for name, scorer_means in means.items()
        },
        catalog={
            name: {
                "coverage": beyond_accuracy.coverage(per_user.lists, n_items),
                "gini": beyond_accuracy.gini(per_user.lists, n_items),
            }
            for name, per_user in results.by_scorer.items()
        },
        history_popularity=float(before[old].mean()) if old.any() else None,
        diversity_by=BY_WORDS if _has_words(grouping) else None,
        categories=None if grouping.items is None else grouping.items.column,
    )


def _exposure(
    results: UserResults, groups: Groups, means: Mapping[str, dict[str | int, Measurement]]
) -> Exposure:
    items = np.asarray(groups.share.mean(axis=0)).ravel()
    past = beyond_accuracy.history_shares(results.held_out.histories, groups)
    return Exposure(
        attribute=groups.column,
        groups=tuple(
            GroupExposure(
                name=label,
                items=min(1.0, float(items[i])),
                histories=float(past[i]),
                scorers={name: scorer_means[i] for name, scorer_means in means.items()},
            )
            for i, label in enumerate(groups.labels)
        ),
    )
