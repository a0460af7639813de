"""Encoder ablation: the gain by the language model, with an interval, and whether to keep it."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.ablation import AblationDifference
from pennyweight.evaluation.bootstrap import paired_tests
from pennyweight.evaluation.compare import holm
from pennyweight.evaluation.user_results import UserResults

__all__ = ["SHORT", "added", "keep"]

SHORT = 5  # maximum length of a short history
FEWEST = 30  # users that a resampled mean needs to be reliable


def added(
    results: UserResults, scorer: str, other: str, *, resamples: int = 1_000, rng: int = 0
) -> tuple[AblationDifference, ...]:
    """Compare two scorers user by user: on all, on items without events, on short histories.

    Parameters
    ----------
    results
        Results of the two scorers, perhaps among others.
    scorer, other
        Their names; the difference is that of the first less that of the second.
    resamples, rng
        Of the intervals and tests, see `paired_tests`.

    Returns
    -------
    tuple[AblationDifference, ...]
        All users first; new items and short histories where they concern at least thirty
        users, and not all.
    """
    columns = [results.scorers.index(name) for name in (scorer, other)]
    differences = []
    for group, targets in _groups(results):
        ndcg = results.part(targets).ndcg[:, columns]
        estimate, p = paired_tests(ndcg[:, :1] - ndcg[:, 1:], resamples=resamples, rng=rng)[0]
        differences.append((group, len(ndcg), estimate, p))
    corrected = holm([p for *_, p in differences])
    return tuple(
        AblationDifference(
            group=group,
            users=users,
            difference=estimate.measured(),
            p_holm=p_holm,
        )
        for (group, users, estimate, _), p_holm in zip(differences, corrected, strict=True)
    )


def _groups(results: UserResults) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    everything = np.ones(len(results.held_out.targets), dtype=bool)
    yield "all users", everything
    for group, targets in (
        ("new items", results.target_events == 0),
        ("short histories", (results.history_length <= SHORT)[results.target_row]),
    ):
        users = len(np.unique(results.target_row[targets]))
        if users >= FEWEST and not targets.all():
            yield group, targets


def keep(differences: Sequence[AblationDifference]) -> bool:
    """Return whether a gain is shown, on all users or on some, and no loss on all."""
    return not differences[0].worse and any(difference.better for difference in differences)
