"""Rates and means of groups of users, against SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pennyweight.evaluation.user_groups import mean, rate, sample_ratio_test


@st.composite
def group(draw, max_users=400):
    users = draw(st.integers(1, max_users))
    return draw(st.integers(0, users)), users


@given(group(100_000))
def test_intervals_of_rates_are_those_of_scipy(sample):
    expected = stats.binomtest(*sample).proportion_ci(method="wilson")
    estimate = rate(*sample)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@given(st.lists(st.integers(0, 50), min_size=2, max_size=40))
def test_means_of_counts_are_those_of_numpy(x):
    a = np.array(x, float)
    estimate = mean(a.sum(), (a * a).sum(), len(a))
    half = stats.norm.ppf(0.975) * a.std(ddof=1) / math.sqrt(len(a))
    assert tuple(estimate) == pytest.approx((a.mean(), a.mean() - half, a.mean() + half), abs=1e-6)


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.floats(0.01, 1)), min_size=2, max_size=8),
)
def test_sample_ratios_are_tested_as_scipy_does(groups):
    users, weights = zip(*groups, strict=True)
    if sum(users) == 0:
        return
    shares = [weight / sum(weights) for weight in weights]
    p = stats.chisquare(users, np.array(shares) * sum(users)).pvalue
    assert sample_ratio_test(users, shares) == pytest.approx(p, abs=1e-9)


def test_where_there_is_nothing_to_compare():
    assert sample_ratio_test([10, 0], [1.0, 0.0]) == 1
    assert sample_ratio_test([10, 1], [1.0, 0.0]) == 0
    assert rate(0, 10).low == 0 and rate(10, 10).high == 1
    assert tuple(mean(3, 9, 1)) == (3, 3, 3)
    for wrong in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no rate"):
            rate(*wrong)
