"""Rates and means of two groups of users: intervals, differences and tests, without a library."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from pennyweight.evaluation.bootstrap import Estimate

__all__ = [
    "mean",
    "mean_difference",
    "rate",
    "rate_difference",
    "rate_test",
    "sample_ratio_test",
]

EXPECTED = 5.0  # users in each of the four cells, below which the normal distribution is no guide
TIE = 1 + 1e-7  # tables count as equally likely within this factor


def rate(successes: int, users: int, *, level: float = 0.95) -> Estimate:
    """Estimate the share of users who did something, with the score interval.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    `ValueError` where there are no users.
    """
    if not 0 <= successes <= users or users == 0:
        raise ValueError(f"{successes} of {users} users is no rate")
    z, share = _z(level), successes / users
    center = (share + z * z / (2 * users)) / (1 + z * z / users)
    margin = (
        z / (1 + z * z / users) * math.sqrt(share * (1 - share) / users + (z / (2 * users)) ** 2)
    )
    # Rounding would leave a hair between the end of the scale and a rate of 0 or 1.
    low = 0.0 if successes == 0 else max(0.0, center - margin)
    high = 1.0 if successes == users else min(1.0, center + margin)
    return Estimate(share, low, high)


def rate_difference(a: tuple[int, int], b: tuple[int, int], *, level: float = 0.95) -> Estimate:
    """Estimate the rate of `b` less that of `a`, each (successes, users).

    The interval combines the score intervals of both, which holds where rates are low and
    groups small; Newcombe, "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 1998, method 10.
    """
    first, second = rate(*a, level=level), rate(*b, level=level)
    difference = second.value - first.value
    below = math.hypot(second.value - second.low, first.high - first.value)
    above = math.hypot(second.high - second.value, first.value - first.low)
    return Estimate(difference, max(-1.0, difference - below), min(1.0, difference + above))


def rate_test(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return the two-sided p-value of two rates, each (successes, users), being equal.

    The pooled z-test; Fisher's exact test where few users did it, or few did not.
    """
    successes, users = a[0] + b[0], a[1] + b[1]
    if min(a[1], b[1]) == 0 or successes in (0, users):
        return 1.0
    min_expected = min(a[1], b[1]) * min(successes, users - successes) / users
    if min_expected < EXPECTED:
        return _fisher(a, b)
    pooled = successes / users
    spread = math.sqrt(pooled * (1 - pooled) * (1 / a[1] + 1 / b[1]))
    return _two_sided((b[0] / b[1] - a[0] / a[1]) / spread)


def mean(total: float, squares: float, users: int, *, level: float = 0.95) -> Estimate:
    """Estimate a mean over users from the sum of their values and that of the squares.

    By the normal distribution, so for some dozens of users and more.
    """
    value = total / users
    margin = _z(level) * math.sqrt(_variance(total, squares, users) / users)
    return Estimate(value, value - margin, value + margin)


def mean_difference(
    a: tuple[float, float, int], b: tuple[float, float, int], *, level: float = 0.95
) -> Estimate:
    """Estimate the mean of `b` less that of `a`, each (sum, sum of squares, users)."""
    value = b[0] / b[2] - a[0] / a[2]
    margin = _z(level) * math.sqrt(_variance(*a) / a[2] + _variance(*b) / b[2])
    return Estimate(value, value - margin, value + margin)


def sample_ratio_test(users: Sequence[int], shares: Sequence[float]) -> float:
    """Return the p-value of two groups having sizes in proportion to their shares.

    Pearson's chi-square test with one degree of freedom; Fabijan et al., "Diagnosing sample
    ratio mismatch in online controlled experiments", KDD 2019.
    """
    n, total = sum(users), sum(shares)
    expected = [n * share / total for share in shares]
    if min(expected) == 0:
        agrees = all(observed == 0 for observed, e in zip(users, expected, strict=True) if e == 0)
        return 1.0 if agrees else 0.0
    statistic = sum((f - e) ** 2 / e for f, e in zip(users, expected, strict=True))
    return math.erfc(math.sqrt(statistic / 2))


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))


def _variance(total: float, squares: float, users: int) -> float:
    if users < 2:
        return 0.0
    return max(0.0, (squares - total * total / users) / (users - 1))


def _fisher(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return the share of tables with the same sums that are as unlikely as this one."""
    successes, users = a[0] + b[0], a[1] + b[1]

    def log_likelihood(x: int) -> float:
        return _log_choose(a[1], x) + _log_choose(b[1], successes - x)

    log_tables = _log_choose(users, successes)
    possible = range(max(0, successes - b[1]), min(successes, a[1]) + 1)
    likely = [math.exp(log_likelihood(x) - log_tables) for x in possible]
    bound = likely[a[0] - possible.start] * TIE
    return min(1.0, sum(p for p in likely if p <= bound))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
