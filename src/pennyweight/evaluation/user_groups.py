"""Rates and means of groups of users, and a test of the sizes of groups, without a library."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from pennyweight.evaluation.bootstrap import Estimate

__all__ = ["mean", "rate", "sample_ratio_test"]


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


def mean(total: float, squares: float, users: int, *, level: float = 0.95) -> Estimate:
    """Estimate a mean over users from the sum of their values and that of the squares.

    By the normal distribution, so for some dozens of users and more.
    """
    value = total / users
    margin = _z(level) * math.sqrt(_variance(total, squares, users) / users)
    return Estimate(value, value - margin, value + margin)


def sample_ratio_test(users: Sequence[int], shares: Sequence[float]) -> float:
    """Return the p-value of groups having sizes in proportion to their shares.

    Pearson's chi-square test; Fabijan et al., "Diagnosing sample ratio mismatch in online
    controlled experiments", KDD 2019.
    """
    n, total = sum(users), sum(shares)
    expected = [n * share / total for share in shares]
    if min(expected) == 0:
        agrees = all(observed == 0 for observed, e in zip(users, expected, strict=True) if e == 0)
        return 1.0 if agrees else 0.0
    statistic = sum((f - e) ** 2 / e for f, e in zip(users, expected, strict=True))
    return _chi_square_tail(statistic, len(users) - 1)


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


def _variance(total: float, squares: float, users: int) -> float:
    if users < 2:
        return 0.0
    return max(0.0, (squares - total * total / users) / (users - 1))


def _chi_square_tail(statistic: float, freedom: int) -> float:
    """Return the probability of a larger statistic: the upper incomplete gamma function."""
    x, even = statistic / 2, freedom % 2 == 0
    tail, half = (math.exp(-x), 1.0) if even else (math.erfc(math.sqrt(x)), 0.5)
    while half < freedom / 2:
        tail += math.exp(half * math.log(x) - x - math.lgamma(half + 1)) if x else 0.0
        half += 1
    return min(1.0, tail)
