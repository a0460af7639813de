from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.evaluate.metrics import CUTOFFS, metric_names, per_user


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


def test_agrees_with_rectools():
    pd = pytest.importorskip("pandas")
    theirs = pytest.importorskip("rectools.metrics")
    rng = np.random.default_rng(3)
    n_users, n_items = 60, 90
    order = np.array([rng.permutation(n_items) for _ in range(n_users)])
    held = [rng.choice(n_items, rng.integers(1, 15), replace=False) for _ in range(n_users)]
    rank_of = np.argsort(order, axis=1)
    flat = np.concatenate([rank_of[u, held[u]] for u in range(n_users)])
    offsets = np.concatenate([[0], np.cumsum([len(h) for h in held])])
    ours = dict(zip(metric_names(), per_user(flat, offsets).T, strict=True))
    reco = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), n_items),
            "item_id": order.ravel(),
            "rank": np.tile(np.arange(1, n_items + 1), n_users),
        }
    )
    truth = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), np.diff(offsets)),
            "item_id": np.concatenate(held),
        }
    )
    for k in CUTOFFS:
        for name, metric in {
            "ndcg": theirs.NDCG(k=k, divide_by_achievable=True),
            "recall": theirs.Recall(k=k),
            "mrr": theirs.MRR(k=k),
            "hit_rate": theirs.HitRate(k=k),
        }.items():
            expected = metric.calc_per_user(reco, truth).sort_index()
            np.testing.assert_allclose(ours[f"{name}@{k}"], expected, atol=1e-6, err_msg=name)


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
