from itertools import pairwise

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.evaluation.metrics import CUTOFFS, metric_names, per_user


def named(ranks, offsets):
    values = per_user(np.array(ranks, np.int64), np.array(offsets, np.int64))
    return [dict(zip(metric_names(), row, strict=True)) for row in values]


def test_by_hand():
    second, pair, miss = named([1, 0, 7, 50], [0, 1, 3, 4])
    assert second["ndcg@10"] == pytest.approx(1 / np.log2(3))
    assert second["mrr@10"] == 0.5
    assert second["recall@5"] == second["hit_rate@5"] == 1
    assert pair["recall@5"] == 0.5
    assert pair["recall@10"] == 1
    ideal = 1 + 1 / np.log2(3)
    assert pair["ndcg@5"] == pytest.approx(1 / ideal)
    assert pair["ndcg@10"] == pytest.approx((1 + 1 / np.log2(9)) / ideal)
    assert set(miss.values()) == {0.0}


def test_ideal_is_bounded_by_the_cutoff():
    (user,) = named(list(range(7)), [0, 7])
    assert user["ndcg@5"] == pytest.approx(1)
    assert user["recall@5"] == pytest.approx(5 / 7)


def test_no_users_and_users_without_targets():
    assert per_user(np.empty(0, np.int64), np.zeros(1, np.int64)).shape == (0, 16)
    with pytest.raises(ValueError, match="user 1 of the evaluation has no held-out item"):
        named([3], [0, 1, 1])


@given(st.lists(st.sets(st.integers(0, 80), min_size=1, max_size=12), min_size=1, max_size=8))
def test_bounds_and_monotony(users):
    ranks = np.array([r for u in users for r in sorted(u)], np.int64)
    offsets = np.concatenate([[0], np.cumsum([len(u) for u in users])])
    rows = named(ranks, offsets)
    for row in rows:
        assert all(0 <= v <= 1 + 1e-12 for v in row.values())
        for small, large in pairwise(CUTOFFS):
            for metric in ("recall", "hit_rate", "mrr"):
                assert row[f"{metric}@{small}"] <= row[f"{metric}@{large}"]


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_agrees_with_the_definitions(seed, n_targets):
    order = np.random.default_rng(seed).permutation(60)
    held = order[np.random.default_rng(seed + 1).choice(60, n_targets, replace=False)]
    ranks = np.argsort(order)[held]
    (ours,) = named(ranks, [0, n_targets])
    for k in CUTOFFS:
        for metric, value in naive.accuracy(order.tolist(), set(held.tolist()), k).items():
            assert ours[f"{metric}@{k}"] == pytest.approx(value, abs=1e-12)


def test_agrees_with_trec_eval():
    trec = pytest.importorskip("pytrec_eval")
    rng = np.random.default_rng(4)
    order = rng.permutation(70)
    held = order[[0, 3, 8, 12, 33]]
    run = {"u": {f"i{item}": float(-position) for position, item in enumerate(order)}}
    truth = {"u": {f"i{item}": 1 for item in held}}
    result = trec.RelevanceEvaluator(truth, {"ndcg_cut.5,10,20,50"}).evaluate(run)["u"]
    (ours,) = named([0, 3, 8, 12, 33], [0, 5])
    for k in CUTOFFS:
        assert ours[f"ndcg@{k}"] == pytest.approx(result[f"ndcg_cut_{k}"], abs=1e-6)
