"""Intervals and tests that hold at every look, by hand and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.evaluation.always_valid import detectable_lift, lift, margin, p_value


def test_a_case_by_hand():
    # V = prior^2 = 0.01: sqrt(0.01 * 0.02 / 0.01 * ln(0.02 / (0.01 * 0.05^2))) = sqrt(0.02 ln 800)
    assert (
        margin(0.01)
        == pytest.approx(math.sqrt(0.02 * math.log(800)))
        == pytest.approx(0.36564, abs=1e-5)
    )
    # ln of the likelihood ratio: 0.36564^2 * 0.01 / (2 * 0.01 * 0.02) - ln(2) / 2 = ln 20
    assert p_value(0.365639, 0.01) == pytest.approx(0.05, abs=1e-5)
    assert p_value(0.0, 0.01) == 1


def test_a_lift_by_hand():
    # ln(90.5 / 60.5) = 0.40271; V = 1 / 90.5 + 1 / 60.5 - 2 / 1000.5 = 0.025580
    # half: sqrt(0.025580 * 0.035580 / 0.01 * ln(0.035580 / (0.025580 * 0.0025))) = 0.75850
    result = lift((60, 1_000), (90, 1_000))
    assert result.ratio.value == pytest.approx(0.5)
    assert result.ratio.low == pytest.approx(math.exp(0.40271 - 0.75850) - 1, abs=1e-4)
    assert result.ratio.high == pytest.approx(math.exp(0.40271 + 0.75850) - 1, abs=1e-3)
    assert not result.is_decided


@given(st.floats(1e-6, 1.0), st.floats(-1.0, 1.0), st.sampled_from([0.05, 0.025, 0.01]))
def test_test_and_interval_agree(variance, effect, alpha):
    if abs(abs(effect) - margin(variance, alpha)) > 1e-9:
        assert (p_value(effect, variance) < alpha) == (abs(effect) > margin(variance, alpha))


@st.composite
def group(draw):
    users = draw(st.integers(1, 100_000))
    return draw(st.integers(0, users)), users


@given(group(), group())
def test_intervals_are_ordered_and_turn_with_the_sides(a, b):
    there, back = lift(a, b), lift(b, a)
    assert -1 <= there.ratio.low <= there.ratio.value <= there.ratio.high
    assert there.is_decided == back.is_decided and there.p == pytest.approx(back.p)
    assert lift(a, b, 2).ratio.high >= there.ratio.high and lift(a, b, 2).p >= there.p


def test_equal_rates_are_seldom_called_different_at_any_of_28_looks():
    rng = np.random.default_rng(1)
    different = fixed = 0
    for _ in range(400):
        users = np.cumsum(rng.poisson(40, (2, 28)), axis=1)
        converted = np.array([np.cumsum(rng.binomial(np.diff(n, prepend=0), 0.1)) for n in users])
        looks = [
            lift((int(converted[0, t]), int(users[0, t])), (int(converted[1, t]), int(users[1, t])))
            for t in range(28)
        ]
        different += any(look.is_decided for look in looks)
        rates = converted / users
        spread = np.sqrt((rates * (1 - rates) / users).sum(axis=0))
        fixed += bool((np.abs(rates[1] - rates[0]) > 1.96 * spread).any())
    assert different <= 20  # 5 %
    assert fixed > 80  # the usual test, looked at as often, is wrong in more than one of five


def test_the_detectable_lift_is_detected_in_four_of_five_cases():
    change = detectable_lift(0.1, 10_000, 10_000)
    assert 0.1 < change < 0.3
    rng = np.random.default_rng(2)
    a, b = rng.binomial(10_000, 0.1, 400), rng.binomial(10_000, 0.1 * (1 + change), 400)
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    found = sum(lift((x, 10_000), (y, 10_000)).is_decided for x, y in pairs)
    assert 0.75 < found / 400 < 0.88
    assert detectable_lift(0.1, 40_000, 40_000) < change < detectable_lift(0.1, 10_000, 10_000, 3)


def test_where_there_is_nothing_to_compare():
    for wrong in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no rate"):
            lift((1, 10), wrong)
    for rate, users in ((0.0, 10), (1.0, 10), (0.5, 0)):
        with pytest.raises(ValueError, match="no plan"):
            detectable_lift(rate, 10, users)
    assert not lift((0, 10), (0, 10)).is_decided and not lift((10, 10), (10, 10)).is_decided
