"""Folds by time, and their results pooled by user, computed by hand."""

from dataclasses import replace

import numpy as np
import pytest

from pennyweight.data.split import HeldOut
from pennyweight.evaluation.folds import fold_cuts, pooled
from pennyweight.evaluation.measure import PerUser
from pennyweight.evaluation.user_results import UserResults


def results(users: list[int], **ndcg: list[float]) -> UserResults:
    """Return results of one metric, by scorer."""
    codes = np.array(users, np.int32)
    held_out = HeldOut(codes, None, codes, np.arange(len(codes) + 1), None)  # type: ignore[arg-type]
    found = {
        name: PerUser(
            ("ndcg@10",),
            np.array(values)[:, None],
            np.zeros(len(values), np.int64),
            np.zeros((len(values), 1), np.int32),
        )
        for name, values in ndcg.items()
    }
    return UserResults(found, held_out)


def test_windows_follow_each_other_and_the_last_is_the_split_without_folds():
    assert fold_cuts(1) == ((0.8, 0.9),)
    assert fold_cuts(3) == ((0.6, 0.7, 0.8), (0.7, 0.8, 0.9), (0.8, 0.9))
    assert fold_cuts(5)[0] == (0.4, 0.5, 0.6)


def test_a_user_of_several_folds_counts_once_with_the_mean():
    first = results([1, 4, 7], blend=[0.2, 1.0, 0.0], popularity=[0.0, 0.5, 0.5])
    second = results([4, 9], blend=[0.0, 0.4], popularity=[0.25, 0.0])
    both = pooled([first, second])
    # Users 1, 4, 7, 9; user 4 is in both folds.
    assert both["blend"].column("ndcg@10").tolist() == [0.2, 0.5, 0.0, 0.4]
    assert both["popularity"].column("ndcg@10").tolist() == [0.0, 0.375, 0.5, 0.0]
    estimate = both["blend"].estimates()["ndcg@10"]
    assert estimate.value == pytest.approx(1.1 / 4)
    assert estimate.low < estimate.value < estimate.high


def test_scorers_that_a_fold_lacks_are_left_out():
    first = results([0, 1], blend=[0.0, 1.0], popularity=[0.0, 0.5])
    second = replace(first, by_scorer={"blend": first.by_scorer["blend"]})
    assert list(pooled([first, second])) == ["blend"]
    assert list(pooled([second, first])) == ["blend"]
