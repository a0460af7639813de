"""Slices of the evaluation, and tests between scorers."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.quality import Comparison, Slice
from pennyweight.config.report import BEFORE_REFIT, NOT_REFITTED
from pennyweight.evaluation.bootstrap import bootstrap, paired_tests
from pennyweight.evaluation.groups import Groups
from pennyweight.evaluation.measure import PerUser
from pennyweight.evaluation.user_results import PRIMARY_METRIC, UserResults
from pennyweight.scorers.conditional_logit import HISTORY_LENGTHS

__all__ = [
    "DAY",
    "HISTORY_LENGTH",
    "POPULARITY",
    "comparisons",
    "holm",
    "popularity_class",
    "slices",
]

HISTORY_LENGTH, POPULARITY, DAY = "history length", "target popularity", "target day"
LENGTHS = dict(zip(("0 (new)", "1-2", "3-5", "6-10", "11-20", "21+"), HISTORY_LENGTHS, strict=True))
ONLY_NEGATIVE = "0 (negative events only)"
CLASSES = ("head", "middle", "tail", "cold")
_GROUPS = 10


def slices(
    results: UserResults, users: Groups | None = None, *, resamples: int = 1_000, rng: int = 0
) -> tuple[Slice, ...]:
    """Measure each scorer by history length, by popularity and day of the item, and by group.

    Parameters
    ----------
    results
        Results of the scorers.
    users
        Groups of the evaluated users, one row each; the ten largest have a slice each.
    resamples, rng
        Of the intervals, see `bootstrap`.

    Returns
    -------
    tuple[Slice, ...]
        The slices with at least one user.
    """
    measured = []
    for by, name, targets in _slice_targets(results, users):
        part = results.part(targets)
        if len(part.rows):
            means = bootstrap(part.ndcg, resamples=resamples, rng=rng)
            ndcg = {
                scorer: mean.measured() for scorer, mean in zip(results.scorers, means, strict=True)
            }
            size = {"users": len(part.rows), "targets": part.targets}
            measured.append(Slice(by=by, name=name, ndcg=ndcg, **size))
    return tuple(measured)


def _slice_targets(
    results: UserResults, users: Groups | None
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    row, only_negative = results.target_row, results.only_negative
    bins = np.searchsorted(list(LENGTHS.values()), results.history_length, side="right") - 1
    for place, name in enumerate(LENGTHS):
        yield HISTORY_LENGTH, name, ((bins == place) & ~only_negative)[row]
    yield HISTORY_LENGTH, ONLY_NEGATIVE, only_negative[row]
    classes = popularity_class(results.held_out.before.counts)[results.held_out.targets]
    for place, name in enumerate(CLASSES):
        yield POPULARITY, name, classes == place
    same_day = results.target_same_day
    if same_day is not None:
        yield DAY, "same as the event before", same_day
        yield DAY, "later", ~same_day
    if users is not None:
        users = users.largest(_GROUPS)
        for place, name in enumerate(users.labels):
            yield users.column, name, users.members(place)[row]


def popularity_class(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0 head, 1 middle, 2 tail or 3 cold of each item, int64 (n_items,).

    Items are put in the order of their events: the head are those that together had the
    first third of all events, the tail those with the last third; cold ones had none. An
    item at a border belongs to the side on which its events begin; items with equally many
    events belong together.
    """
    levels, where, items = np.unique(-counts, return_inverse=True, return_counts=True)
    events = -levels * items  # of all items with each number of events, most first
    before = np.cumsum(events) - events
    level = np.minimum(3 * before // max(1, int(events.sum())), 2)
    level[levels == 0] = 3
    classes: NDArray[np.int64] = level[where]
    return classes


def comparisons(
    results: UserResults | Mapping[str, PerUser],
    scorer: str = "blend",
    *,
    resamples: int = 1_000,
    rng: int = 0,
) -> tuple[Comparison, ...]:
    """Test one scorer against each of the others, NDCG@10 user by user (see `paired_tests`).

    Beside a refitted blend, blends that were not refitted are left out: they know fewer events.
    """
    by_scorer = results.by_scorer if isinstance(results, UserResults) else results
    left_out = {scorer, *(NOT_REFITTED if BEFORE_REFIT in by_scorer else ())}
    rivals = [name for name in by_scorer if name not in left_out]
    if not rivals:
        return ()
    ndcg = np.column_stack([by_scorer[name].column(PRIMARY_METRIC) for name in rivals])
    scorer_ndcg = by_scorer[scorer].column(PRIMARY_METRIC)
    tests = paired_tests(scorer_ndcg[:, None] - ndcg, resamples=resamples, rng=rng)
    corrected = holm([p for _, p in tests])
    return tuple(
        Comparison(
            scorer=scorer,
            other=name,
            difference=estimate.measured(),
            p=p,
            p_holm=p_holm,
        )
        for name, (estimate, p), p_holm in zip(rivals, tests, corrected, strict=True)
    )


def holm(p: list[float]) -> list[float]:
    """Correct p-values for their number, in their order.

    The smallest of m is multiplied by m, the next by m - 1 and so on; none is below the
    one before it nor above 1 (Holm, "A simple sequentially rejective multiple test
    procedure", 1979).
    """
    order = np.argsort(p, kind="stable")
    factor = np.arange(len(p), 0, -1)
    stepped = np.minimum(np.maximum.accumulate(np.asarray(p, np.float64)[order] * factor), 1)
    out = np.empty(len(p))
    out[order] = stepped
    return [float(value) for value in out]
