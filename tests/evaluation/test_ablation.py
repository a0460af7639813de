"""The encoder ablation on tables of ranks made by hand."""

import numpy as np
import pytest

from pennyweight.config.ablation import AblationDifference
from pennyweight.config.quality import Measurement
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.ablation import FEWEST, added, keep
from pennyweight.evaluation.measure import PerUser
from pennyweight.evaluation.metrics import metric_names, per_user
from pennyweight.evaluation.user_results import UserResults

N_ITEMS, OLD, NEW = 4, 0, 3


def table(ranks: dict[str, np.ndarray], lengths: np.ndarray, targets: np.ndarray) -> UserResults:
    """One target a user; every event so far is of item 0, so items 1 to 3 are new."""
    n = len(targets)
    histories = Histories.of([[OLD] * length for length in lengths])
    before = Interactions(
        users=Ids([f"u{i}" for i in range(n)], table="users"),
        n_items=N_ITEMS,
        user=histories.row.astype(np.int32),
        item=histories.item,
        time=histories.time,
        weight=histories.weight,
        kind=np.zeros(len(histories.item), np.uint8),
        kinds=("event",),
        split=np.empty(0, np.uint8),
        real_time=False,
    )
    offsets = np.arange(n + 1, dtype=np.int64)
    users = np.arange(n, dtype=np.int32)
    held_out = HeldOut(users, histories, targets.astype(np.int32), offsets, before)
    by_scorer = {
        name: PerUser(metric_names(), per_user(rank, offsets), rank, np.empty((n, 0), np.int32))
        for name, rank in ranks.items()
    }
    return UserResults(by_scorer, held_out)


def test_differences_are_means_of_paired_ndcg():
    n = 4 * FEWEST
    lengths = np.where(np.arange(n) < 2 * FEWEST, 2, 9)
    targets = np.where(np.arange(n) % 2, NEW, OLD)
    first, second = np.zeros(n, np.int64), np.where(np.arange(n) % 2, 2, 0)
    differences = added(table({"a": first, "b": second}, lengths, targets), "a", "b")
    assert [difference.group for difference in differences] == [
        "all users",
        "new items",
        "short histories",
    ]
    assert [difference.users for difference in differences] == [n, n // 2, n // 2]
    # NDCG@10 of a single target is 1 / log2(rank + 2): 1 at the top, 1/2 in third place.
    assert [difference.difference.value for difference in differences] == pytest.approx(
        [0.25, 0.5, 0.25]
    )
    assert all(difference.better for difference in differences)
    assert keep(differences)


def test_the_sign_is_that_of_the_first():
    n = 2 * FEWEST
    better, worse = np.zeros(n, np.int64), np.ones(n, np.int64)
    results = table({"a": worse, "b": better}, np.full(n, 3), np.full(n, OLD))
    (overall,) = added(results, "a", "b")
    assert overall.difference.value == pytest.approx(1 / np.log2(3) - 1)
    assert overall.worse
    assert not keep((overall,))


def test_equal_scorers_add_nothing():
    n = 2 * FEWEST
    rank = np.arange(n) % 5
    differences = added(table({"a": rank, "b": rank}, np.full(n, 9), np.full(n, OLD)), "a", "b")
    assert differences[0].difference == Measurement(value=0, low=0, high=0)
    assert not keep(differences)


def test_few_users_are_no_group_of_their_own():
    n = 3 * FEWEST
    targets = np.where(np.arange(n) < FEWEST - 1, NEW, OLD)
    rank = np.arange(n) % 5
    differences = added(table({"a": rank, "b": rank}, np.full(n, 9), targets), "a", "b")
    assert [difference.group for difference in differences] == ["all users"]


def test_p_values_are_corrected_for_their_number():
    rng, n = np.random.default_rng(0), 4 * FEWEST
    first, second = rng.integers(6, size=n), rng.integers(6, size=n)
    mixed = table({"a": first, "b": second}, np.where(np.arange(n) % 2, 2, 9), np.full(n, OLD))
    alone = table({"a": first, "b": second}, np.full(n, 9), np.full(n, OLD))
    assert len(added(mixed, "a", "b")) == 2
    assert added(mixed, "a", "b")[0].p_holm >= added(alone, "a", "b")[0].p_holm


@pytest.mark.parametrize(
    ("overall", "new", "keeps"),
    [
        ((0.01, 0.01), (0.0, 1.0), True),  # better for all
        ((0.00, 0.80), (0.1, 0.01), True),  # better for new items, no loss shown
        ((-0.01, 0.01), (0.1, 0.01), False),  # better for new items, a loss for all
        ((0.01, 0.30), (0.1, 0.30), False),  # nothing is shown
    ],
)
def test_the_model_is_kept_for_a_gain_that_is_shown(overall, new, keeps):
    def gain(group, difference, p):
        interval = Measurement(value=difference, low=difference - 1, high=difference + 1)
        return AblationDifference(group=group, users=100, difference=interval, p_holm=p)

    assert keep((gain("all users", *overall), gain("new items", *new))) is keeps
