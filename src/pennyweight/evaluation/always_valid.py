"""Comparisons that hold at every look: the mixture sequential probability ratio test.

An effect is estimated with a variance that falls as users come. Under the mixture of normal
distributions with variance `PRIOR` ** 2 over effects, the interval of `margin` covers the true
effect at all times together with probability 1 - alpha, so anyone may look every day and stop at
any look. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of
Mathematical Statistics 1970; Johari, Koomen, Pekelis and Walsh, "Always valid inference: continuous
monitoring of A/B tests", Operations Research 2022; for estimated variances, Waudby-Smith, Arbour,
Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences", Annals of Statistics 2024.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from pennyweight.evaluation.bootstrap import Estimate

__all__ = [
    "ALPHA",
    "PRIOR",
    "RelativeLift",
    "detectable_lift",
    "lift",
    "margin",
    "p_value",
    "share_of_wins",
]

ALPHA = 0.05
PRIOR = 0.1  # standard deviation of log ratios of rates: most changes of a list are below 20 %
SHARE_PRIOR = 0.05  # standard deviation of shares of users who prefer one of two bundles
POWER = 0.8
LIMIT = math.log(1_000)  # intervals of log ratios end there: wider ones say nothing more


def margin(variance: float, alpha: float = ALPHA, prior: float = PRIOR) -> float:
    """Return half the width of an interval that covers an effect at all looks together.

    Parameters
    ----------
    variance
        Of the estimate so far; above zero.
    alpha
        The probability that any of the intervals misses the effect.
    prior
        Standard deviation of the mixture over effects.
    """
    total = variance + prior**2
    return math.sqrt(variance * total / prior**2 * math.log(total / (variance * alpha**2)))


def p_value(effect: float, variance: float, prior: float = PRIOR) -> float:
    """Return the p-value of no effect: below alpha at any look with probability alpha at most.

    It is below alpha exactly where the interval of `margin` excludes zero.
    """
    total = variance + prior**2
    log_ratio = effect**2 * prior**2 / (2 * variance * total) - math.log(total / variance) / 2
    return math.exp(-max(0.0, log_ratio))


@dataclass(frozen=True)
class RelativeLift:
    """The relative difference of two rates: 0.1 for 10 % more.

    Attributes
    ----------
    ratio
        The estimate, with an interval that holds at all looks together.
    p
        Of equal rates, adjusted for the number of comparisons.
    """

    ratio: Estimate
    p: float

    @property
    def is_decided(self) -> bool:
        """Whether the interval excludes equal rates."""
        return not self.ratio.low <= 0 <= self.ratio.high


def lift(control: tuple[int, int], variant: tuple[int, int], comparisons: int = 1) -> RelativeLift:
    """Estimate by how much the rate of a variant exceeds that of the control.

    Works on the logarithm of the ratio, with half a user added to each count (Walter, "The
    distribution of Levin's measure of attributable risk", Biometrika 1975).

    Parameters
    ----------
    control, variant
        (successes, users); `ValueError` where there are no users.
    comparisons
        Comparisons made at once: alpha is divided by their number (Bonferroni).
    """
    for successes, users in (control, variant):
        if not 0 <= successes <= users or users == 0:
            raise ValueError(f"{successes} of {users} users is no rate")
    effect = _log_rate(*variant) - _log_rate(*control)
    variance = _log_variance(*variant) + _log_variance(*control)
    half = margin(variance, ALPHA / comparisons)
    estimate = effect
    if control[0] and variant[0]:
        estimate = math.log(variant[0] / variant[1]) - math.log(control[0] / control[1])
    low = min(estimate, max(effect - half, -LIMIT))
    high = max(estimate, min(effect + half, LIMIT))
    p = min(1.0, comparisons * p_value(effect, variance))
    return RelativeLift(Estimate(math.expm1(estimate), math.expm1(low), math.expm1(high)), p)


def share_of_wins(wins: int, losses: int) -> tuple[Estimate, float]:
    """Estimate a share of wins with an interval that holds at all looks; 1/2: neither is better.

    Returns
    -------
    tuple
        The estimate, and the p-value of one half. `ValueError` without any win or loss.
    """
    n = wins + losses
    if min(wins, losses) < 0 or n == 0:
        raise ValueError(f"{wins} wins and {losses} losses are no share")
    share, variance = wins / n, 1 / (4 * n)  # the largest that a share of n can have
    half = margin(variance, prior=SHARE_PRIOR)
    estimate = Estimate(share, max(0.0, share - half), min(1.0, share + half))
    return estimate, p_value(share - 0.5, variance, SHARE_PRIOR)


def detectable_lift(rate: float, control: float, variant: float, comparisons: int = 1) -> float:
    """Return the smallest relative change that an experiment detects in four of five cases.

    Parameters
    ----------
    rate
        Of the control, above 0 and below 1.
    control, variant
        Users of each at the end.
    comparisons
        As for `lift`.
    """
    if not 0 < rate < 1 or min(control, variant) <= 0:
        raise ValueError(f"a rate of {rate} with {control} and {variant} users is no plan")
    variance = (1 - rate) / rate * (1 / control + 1 / variant)
    spread = NormalDist().inv_cdf(POWER) * math.sqrt(variance)
    return math.expm1(margin(variance, ALPHA / comparisons) + spread)


def _log_rate(successes: int, users: int) -> float:
    return math.log((successes + 0.5) / (users + 0.5))


def _log_variance(successes: int, users: int) -> float:
    # The smallest variance is that of half a user: a rate of 1 is not known without doubt.
    return max(1 / (successes + 0.5) - 1 / (users + 0.5), 1 / (users + 0.5) / (2 * users + 1))
