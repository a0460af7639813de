from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_user_results import results

from pennyweight.config.quality import Comparison, Measurement
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.bootstrap import bootstrap, bootstrap_ratios, paired_tests
from pennyweight.evaluation.compare import comparisons, holm, popularity_class, slices
from pennyweight.evaluation.groups import groups_of
from pennyweight.evaluation.measure import PerUser
from pennyweight.evaluation.metrics import metric_names, per_user
from pennyweight.evaluation.user_results import UserResults
from world import events


def test_slices_by_hand():
    table = results(blend=[0, 1, 2, 3], b=[1, 0, 50, 0])
    users = groups_of(pl.Series("country", ["FR", "DE", "FR"]), several=False)
    by_name = {(part.by, part.name): part for part in slices(table, users)}
    assert list(by_name) == [
        ("history length", "0 (new)"),
        ("history length", "1-2"),
        ("target popularity", "head"),
        ("target popularity", "tail"),
        ("target popularity", "cold"),
        ("country", "FR"),
        ("country", "DE"),
    ]
    new = by_name["history length", "0 (new)"]
    assert (new.users, new.targets, new.ndcg["blend"].value) == (1, 2, 1)
    cold = by_name["target popularity", "cold"]
    assert (cold.users, cold.targets) == (2, 2)
    assert cold.ndcg["b"].value == pytest.approx(0.5)
    assert by_name["country", "FR"].ndcg["blend"].value == pytest.approx((1 + 1 / np.log2(5)) / 2)
    every = sum(part.users for part in by_name.values() if part.by == "history length")
    assert every == 3


def test_thirds_of_the_events():
    counts = np.array([6, 0, 3, 3, 2, 2, 1, 1])  # 18 events: 6, then 3 + 3, then the rest
    assert popularity_class(counts).tolist() == [0, 3, 1, 1, 2, 2, 2, 2]
    assert popularity_class(np.zeros(3, np.int64)).tolist() == [3, 3, 3]
    assert popularity_class(np.full(3, 5)).tolist() == [0, 0, 0]  # equals stay together


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_between_the_p_and_bonferroni(p):
    for before, after in zip(p, holm(p), strict=True):
        assert before <= after <= min(1, len(p) * before) + 1e-12


def test_p_matches_the_normal_one_and_is_fair():
    rng = np.random.default_rng(5)
    differences = rng.normal(0.06, 1, (1_500, 1))
    ((estimate, p),) = paired_tests(differences, resamples=4_000)
    z = differences.mean() / (differences.std() / np.sqrt(len(differences)))
    normal = 2 * (1 - 0.5 * (1 + _erf(abs(z) / np.sqrt(2))))
    assert p == pytest.approx(normal, abs=0.02)
    assert estimate.value == pytest.approx(differences.mean())
    few = [paired_tests(rng.normal(0, 1, (60, 1)), resamples=99, rng=i)[0][1] for i in range(300)]
    assert np.mean(np.array(few) <= 0.1) == pytest.approx(0.1, abs=0.06)


def _erf(x):
    from math import erf

    return erf(x)


def test_no_difference_at_all():
    ((estimate, p),) = paired_tests(np.zeros((20, 1)))
    assert (tuple(estimate), p) == ((0, 0, 0), 1)


def test_comparisons_are_seeded_and_corrected():
    rng = np.random.default_rng(6)
    ranks = {"blend": rng.integers(0, 3, 4), "a": rng.integers(5, 60, 4), "b": [0, 1, 2, 3]}
    table = results(**ranks)
    tests = comparisons(table)
    assert [test.other for test in tests] == ["a", "b"]
    assert tests == comparisons(table)
    assert holm([test.p for test in tests]) == [test.p_holm for test in tests]
    assert comparisons(results(blend=[0, 0, 0, 0])) == ()


def test_a_blend_that_was_not_refitted_is_compared_with_its_like_alone():
    names = ["blend", "tower", "blend-without-model"]
    ranks = {name: [0, 1, 2, 3] for name in names}
    assert [test.other for test in comparisons(results(**ranks))] == names[1:]
    refitted = results(**ranks, **{"blend-train-only": [0, 1, 2, 3]})
    assert [test.other for test in comparisons(refitted)] == ["tower"]


def test_said_plainly():
    def sentence(value, p):
        ends = Measurement(value=value, low=value - 0.002, high=value + 0.002)
        return str(Comparison(scorer="blend", other="tower", difference=ends, p=p, p_holm=p))

    ends = "[+0.0080 +0.0120], p = 0.004"
    assert sentence(0.01, 0.004) == f"blend is better than tower by 0.0100 NDCG@10 {ends}"
    assert sentence(-0.01, 0.004).startswith("blend is worse than tower by 0.0100 NDCG@10 [-0.0120")
    assert sentence(0.001, 0.2).startswith(
        "no difference is shown between blend and tower: +0.0010"
    )


def test_a_ratio_to_the_number_of_users_is_their_mean():
    rng = np.random.default_rng(7)
    values = rng.random((200, 1))
    (mean,) = bootstrap(values, rng=3)
    ratios = bootstrap_ratios(
        np.hstack([np.ones((200, 1)), values, 2 * values]), [(1, 0), (1, 2), (0, 0)], rng=3
    )
    assert ratios[0] == pytest.approx(mean)
    assert ratios[1] == pytest.approx((0.5, 0.5, 0.5))
    assert ratios[2] == (1, 1, 1)


def test_a_mean_over_some_users():
    selected = np.array([1.0, 0, 0, 1])
    columns = np.column_stack([selected * [3, 9, 9, 5], selected, np.zeros(4)])
    ratios = bootstrap_ratios(columns, [(0, 1), (0, 2)])
    assert ratios[0].value == 4
    assert 3 <= ratios[0].low <= ratios[0].high <= 5
    assert ratios[1] == (0, 0, 0)  # over nobody


def test_slices_by_the_day_of_the_target():
    day, start = 86_400.0, 18_000 * 86_400.0
    times = [[start + d * day for d in days] for days in ([10, 12.1], [12], [3], [])]
    before = events([[0, 1], [2], [3], []], 6, times=times)
    held = HeldOut(
        users=np.arange(4, dtype=np.int32),
        histories=before.histories,
        targets=np.array([2, 3, 4, 5, 0], np.int32),
        target_offsets=np.array([0, 2, 3, 4, 5]),
        before=before,
        # In the evening of the same day, a day later; before midnight; after it; nothing before.
        target_time=start + np.array([12.9, 13.0, 12.999, 4.0, 3.5]) * day,
    )
    ranks = np.array([0, 1, 0, 50, 0])
    blend = PerUser(metric_names(), per_user(ranks, held.target_offsets), ranks, np.empty((4, 0)))
    table = UserResults({"blend": blend}, held)
    assert table.target_same_day.tolist() == [True, False, True, False, False]
    by_name = {o.name: o for o in slices(table) if o.by == "target day"}
    assert (by_name["same as the event before"].users, by_name["later"].users) == (2, 3)
    assert by_name["same as the event before"].ndcg["blend"].value == 1
    positions = replace(held, before=replace(before, real_time=False))
    assert UserResults({"blend": blend}, positions).target_same_day is None
    assert UserResults({"blend": blend}, replace(held, target_time=None)).target_same_day is None
