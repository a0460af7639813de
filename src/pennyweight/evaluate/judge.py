"""Everything that a report says beyond the means, from one pass over the evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.evaluate import beyond
from pennyweight.evaluate.bootstrap import Estimate, bootstrap_ratios
from pennyweight.evaluate.compare import comparisons, slices
from pennyweight.evaluate.groups import Groups, groups_of
from pennyweight.evaluate.measure import PerUser
from pennyweight.evaluate.outcomes import Outcomes
from pennyweight.spec.quality import (
    Comparison,
    Exposed,
    Exposure,
    ListQuality,
    Measured,
    Slice,
)

__all__ = ["LISTED", "Judged", "Lens", "judge"]

LISTED = 10  # items of each ranking that are looked at
EXPOSED = 10  # groups of items that are told apart
BY_WORDS = "words of the texts"


@dataclass(frozen=True)
class Lens:
    """What items and users are told apart by; None leaves a measure out.

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
    def of(cls, items: pl.Series | None, users: pl.Series | None) -> "Lens":
        """Group items and users by a column; `PlanError` for one that holds no groups."""
        return cls(
            items=None if items is None else groups_of(items),
            users=None if users is None else groups_of(users, several=False),
        )


@dataclass(frozen=True)
class Judged:
    """The parts of a report, named as there."""

    slices: tuple[Slice, ...]
    comparisons: tuple[Comparison, ...]
    lists: ListQuality
    exposure: Exposure | None


def judge(outcomes: Outcomes, lens: Lens, *, resamples: int = 1_000, rng: int = 0) -> Judged:
    """Look at the lists, the slices and the scorers side by side.

    Parameters
    ----------
    outcomes
        What the scorers achieved; measured with lists (see `measure`).
    lens
        What items and users are told apart by.
    resamples, rng
        Of the intervals and tests, see `bootstrap`.
    """
    facts = beyond.item_facts(outcomes.held_out.before)
    few = None if lens.items is None else lens.items.largest(EXPOSED)
    means: dict[str, dict[str, Measured]] = {}
    exposed: dict[str, tuple[Measured, ...]] = {}
    for name, found in outcomes.found.items():
        columns, ratios = _columns(found, outcomes, lens, facts)
        metrics = len(ratios)
        if few is not None:
            shares = beyond.group_shares(found.lists, few)
            ratios |= {f"{i}": (columns.shape[1] + i, 0) for i in range(shares.shape[1])}
            columns = np.hstack([columns, shares])
        estimates = bootstrap_ratios(columns, list(ratios.values()), resamples=resamples, rng=rng)
        means[name] = dict(zip(ratios, map(_measured, estimates[:metrics]), strict=False))
        exposed[name] = tuple(map(_measured, estimates[metrics:]))
        if lift := means[name].get("popularity_lift"):
            change = {key: value - 1 for key, value in lift.model_dump().items()}
            means[name]["popularity_lift"] = Measured(**change)
    return Judged(
        slices(outcomes, lens.users, resamples=resamples, rng=rng),
        comparisons(outcomes, resamples=resamples, rng=rng),
        _lists(outcomes, lens, facts, means),
        None if few is None else _exposure(outcomes, few, exposed),
    )


def _columns(
    found: PerUser, outcomes: Outcomes, lens: Lens, facts: beyond.ItemFacts
) -> tuple[NDArray[np.float64], dict[str, tuple[int, int]]]:
    """Return columns, float64 (n_users, n), and each metric's (column above, column below).

    Column 0 is all ones: what stands above it is a mean over all users.
    """
    lists, held_out = found.lists, outcomes.held_out
    values = {
        "novelty": beyond.list_mean(lists, facts.surprise),
        "serendipity": beyond.serendipity(found.ranks, held_out, facts, lists),
        "popularity": beyond.list_mean(lists, facts.popularity),
    }
    if lens.words is not None and lens.words.nnz:
        values["diversity"] = beyond.diversity(lists, lens.words)
    columns = [np.ones(len(lists)), *values.values()]
    ratios = {name: (i, 0) for i, name in enumerate(values, 1)}
    if lens.items is not None:
        distance = beyond.miscalibration(lists, held_out.histories, lens.items)
        known = np.isfinite(distance)
        if known.any():
            ratios["miscalibration"] = (len(columns), len(columns) + 1)
            columns += [np.where(known, distance, 0), known]
    before, old = _history_popularity(outcomes, facts)
    if old.any():
        ratios["popularity_lift"] = (len(columns), len(columns) + 1)
        columns += [values["popularity"] * old, before]
    return np.column_stack(columns).astype(np.float64, copy=False), ratios


def _history_popularity(
    outcomes: Outcomes, facts: beyond.ItemFacts
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the mean popularity of each history, (n_users,), 0 without one; who has one."""
    histories = outcomes.held_out.histories
    total = np.bincount(histories.row, facts.popularity[histories.item], minlength=len(histories))
    return total / np.maximum(histories.length, 1), histories.length > 0


def _lists(
    outcomes: Outcomes,
    lens: Lens,
    facts: beyond.ItemFacts,
    means: Mapping[str, dict[str, Measured]],
) -> ListQuality:
    n_items = outcomes.held_out.before.n_items
    before, old = _history_popularity(outcomes, facts)
    return ListQuality(
        k=LISTED,
        scorers=dict(means),
        catalogue={
            name: {
                "coverage": beyond.coverage(found.lists, n_items),
                "gini": beyond.gini(found.lists, n_items),
            }
            for name, found in outcomes.found.items()
        },
        history_popularity=float(before[old].mean()) if old.any() else None,
        diversity_by=BY_WORDS if lens.words is not None and lens.words.nnz else None,
        categories=None if lens.items is None else lens.items.column,
    )


def _exposure(
    outcomes: Outcomes, groups: Groups, exposed: Mapping[str, tuple[Measured, ...]]
) -> Exposure:
    items = np.asarray(groups.share.mean(axis=0)).ravel()
    past = beyond.history_shares(outcomes.held_out.histories, groups)
    return Exposure(
        attribute=groups.column,
        groups=tuple(
            Exposed(
                name=label,
                items=min(1.0, float(items[i])),
                histories=float(past[i]),
                scorers={name: found[i] for name, found in exposed.items()},
            )
            for i, label in enumerate(groups.labels)
        ),
    )


def _measured(estimate: Estimate) -> Measured:
    return Measured(value=estimate.value, low=estimate.low, high=estimate.high)
