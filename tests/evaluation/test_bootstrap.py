import numpy as np
import pytest

from pennyweight.evaluation import bootstrap as module
from pennyweight.evaluation.bootstrap import bootstrap, paired_difference


def test_interval_matches_the_normal_one():
    values = np.random.default_rng(0).normal(3, 2, (5_000, 2))
    first, second = bootstrap(values, resamples=2_000)
    half = 1.96 * values[:, 0].std() / np.sqrt(len(values))
    assert first.value == pytest.approx(values[:, 0].mean())
    assert first.low == pytest.approx(first.value - half, abs=half / 8)
    assert first.high == pytest.approx(first.value + half, abs=half / 8)
    assert second.value != first.value


def test_coverage():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        (e,) = bootstrap(rng.normal(1, 1, (200, 1)), resamples=300, rng=rng)
        inside += e.low <= 1 <= e.high
    assert inside / 400 == pytest.approx(0.94, abs=0.03)


def test_seed_decides_and_blocks_do_not_bias(monkeypatch):
    values = np.random.default_rng(2).random((300, 3))
    assert bootstrap(values, rng=7) == bootstrap(values, rng=7)
    assert bootstrap(values, rng=7) != bootstrap(values, rng=8)
    unblocked = bootstrap(values, rng=7)
    monkeypatch.setattr(module, "_COUNTS", 2_000)
    for a, b in zip(unblocked, bootstrap(values, rng=7), strict=True):
        assert np.allclose(a, b)


def test_pairs_are_narrower_than_two_intervals():
    rng = np.random.default_rng(3)
    hard = rng.random((1_000, 1))
    a, b = hard + 0.01 + rng.normal(0, 0.01, hard.shape), hard
    (difference,) = paired_difference(a, b)
    (alone,) = bootstrap(a)
    assert 0 < difference.low < 0.01 < difference.high
    assert difference.high - difference.low < (alone.high - alone.low) / 5


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_degenerate_values_give_a_point(value):
    (e,) = bootstrap(np.full((50, 1), value))
    assert e == (value, value, value)


def test_one_user():
    (e,) = bootstrap(np.array([[0.25]]))
    assert e == (0.25, 0.25, 0.25)


def test_misuse_is_named():
    with pytest.raises(ValueError, match="at least one user"):
        bootstrap(np.empty((0, 2)))
    with pytest.raises(ValueError, match="level=1"):
        bootstrap(np.ones((2, 1)), level=1)
    with pytest.raises(ValueError, match="resamples=0"):
        bootstrap(np.ones((2, 1)), resamples=0)
    with pytest.raises(ValueError, match="same users and metrics"):
        paired_difference(np.ones((2, 1)), np.ones((3, 1)))


@pytest.mark.parametrize("cost", [0, 10_000])
def test_groups_are_drawn_like_their_users(monkeypatch, cost):
    monkeypatch.setattr(module, "_MULTINOMIAL_COST", cost)
    values = np.repeat([[0.0], [1.0]], [900, 100], axis=0)
    (e,) = bootstrap(values, resamples=4_000)
    half = 1.96 * np.sqrt(0.1 * 0.9 / 1_000)
    assert e.low == pytest.approx(0.1 - half, abs=0.003)
    assert e.high == pytest.approx(0.1 + half, abs=0.003)
