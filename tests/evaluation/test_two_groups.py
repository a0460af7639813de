"""Rates and means of two groups, against SciPy and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pennyweight.evaluation.two_groups import (
    mean,
    mean_difference,
    rate,
    rate_difference,
    rate_test,
    sample_ratio_test,
)


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


@given(group(), group())
def test_tests_of_rates_are_those_of_scipy(a, b):
    table = np.array([[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]])
    p = rate_test(a, b)
    if table.sum(axis=0).min() == 0:
        assert p == 1
        return
    frequencies = stats.contingency.expected_freq(table)
    p_scipy = (
        stats.fisher_exact(table).pvalue
        if frequencies.min() < 5
        else stats.chi2_contingency(table, correction=False).pvalue
    )
    assert p == pytest.approx(p_scipy, rel=1e-6, abs=1e-12)
    assert p == pytest.approx(rate_test(b, a), rel=1e-6)


def test_an_exact_test_of_many_users_is_quick_and_right():
    a, b = (1, 900_000), (7, 1_000_000)
    table = [[1, 899_999], [7, 999_993]]
    assert rate_test(a, b) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-5)


def test_differences_of_rates_are_those_of_the_paper():
    # Newcombe 1998, table II, method 10.
    for a, b, low, high in (
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 10), (10, 10), 0.6075, 1.0),
    ):
        difference = rate_difference(a, b)
        assert (difference.low, difference.high) == pytest.approx((low, high), abs=1e-4)
        back = rate_difference(b, a)
        assert (back.low, back.high) == pytest.approx((-high, -low), abs=1e-4)


def test_intervals_have_their_nominal_coverage():
    rng = np.random.default_rng(0)
    n, p, q = 300, 0.04, 0.07
    a, b = rng.binomial(n, p, 2_000), rng.binomial(n, q, 2_000)
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    estimates = [rate_difference((x, n), (y, n)) for x, y in pairs]
    inside = sum(estimate.low <= q - p <= estimate.high for estimate in estimates)
    assert 0.93 < inside / 2_000 < 0.98
    halves = zip(a[:1_000].tolist(), a[1_000:].tolist(), strict=True)
    false = sum(rate_test((x, n), (y, n)) < 0.05 for x, y in halves)
    assert false / 1_000 < 0.07


@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=40),
    st.lists(st.integers(0, 50), min_size=2, max_size=40),
)
def test_means_of_counts_are_those_of_numpy(x, y):
    a, b = np.array(x, float), np.array(y, float)
    estimate = mean(a.sum(), (a * a).sum(), len(a))
    half = stats.norm.ppf(0.975) * a.std(ddof=1) / math.sqrt(len(a))
    assert tuple(estimate) == pytest.approx((a.mean(), a.mean() - half, a.mean() + half), abs=1e-6)
    difference = mean_difference((a.sum(), (a * a).sum(), len(a)), (b.sum(), (b * b).sum(), len(b)))
    half = stats.norm.ppf(0.975) * math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    middle = b.mean() - a.mean()
    assert tuple(difference) == pytest.approx((middle, middle - half, middle + half), abs=1e-6)


@given(st.integers(0, 5_000), st.integers(0, 5_000), st.floats(0.01, 0.99))
def test_sample_ratios_are_tested_as_scipy_does(first, second, share):
    if first + second == 0:
        return
    expected = np.array([share, 1 - share]) * (first + second)
    p = stats.chisquare([first, second], expected).pvalue
    assert sample_ratio_test([first, second], [share, 1 - share]) == pytest.approx(p, abs=1e-9)


def test_where_there_is_nothing_to_compare():
    assert sample_ratio_test([10, 0], [1.0, 0.0]) == 1
    assert sample_ratio_test([10, 1], [1.0, 0.0]) == 0
    assert rate_test((0, 0), (3, 5)) == rate_test((0, 5), (0, 5)) == rate_test((5, 5), (5, 5)) == 1
    assert rate(0, 10).low == 0 and rate(10, 10).high == 1
    assert tuple(mean(3, 9, 1)) == (3, 3, 3)
    for wrong in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no rate"):
            rate(*wrong)
