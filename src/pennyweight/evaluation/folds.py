"""Results of several splits by time, pooled by user."""

from collections.abc import Sequence

import numpy as np

from pennyweight.evaluation.measure import PerUser
from pennyweight.evaluation.user_results import UserResults

__all__ = ["MAX_FOLDS", "fold_cuts", "pooled"]

MAX_FOLDS = 5  # the first fold of five is trained on four tenths of the events
WINDOW = 0.1  # share of the events in a test window, and in the validation window before it


def fold_cuts(folds: int) -> tuple[tuple[float, ...], ...]:
    """Return the cuts of each fold, oldest first, as quantiles of event times (see `split`).

    Each fold has a tenth of the events for the test and the tenth before it for validation, and
    is trained on all events before these. The last fold is the split without folds.
    """
    ends = [round(1 - WINDOW * later, 3) for later in reversed(range(1, folds))]
    earlier = [(round(end - 2 * WINDOW, 3), round(end - WINDOW, 3), end) for end in ends]
    return (*earlier, (0.8, 0.9))


def pooled(folds: Sequence[UserResults]) -> dict[str, PerUser]:
    """Return the results of all folds, a row for each user of any fold.

    A user of several folds has the mean over these, so that users stay independent draws for the
    intervals. Scorers that some fold lacks are left out, and so are ranks and lists.
    """
    users = np.concatenate([fold.held_out.users for fold in folds])
    _, row, count = np.unique(users, return_inverse=True, return_counts=True)
    names = [name for name in folds[-1].scorers if all(name in fold.by_scorer for fold in folds)]
    results = {}
    for name in names:
        metrics = folds[-1].by_scorer[name].names
        values = np.concatenate([fold.by_scorer[name].values for fold in folds])
        sums = [np.bincount(row, column, minlength=len(count)) for column in values.T]
        results[name] = PerUser(
            metrics,
            np.column_stack(sums) / count[:, None],
            ranks=np.empty(0, np.int64),
            lists=np.empty((0, 0), np.int32),
        )
    return results
