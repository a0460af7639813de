"""Intervals for means over users, by resampling the users."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.quality import Measurement

__all__ = ["Estimate", "bootstrap", "bootstrap_ratios", "paired_difference", "paired_tests"]

_COUNTS = 1 << 22  # held at a time, 32 MiB
_MULTINOMIAL_COST = 8  # a count of a group against a draw of a user, measured


class Estimate(NamedTuple):
    """A mean over users and the interval around it."""

    value: float
    low: float
    high: float

    def measured(self) -> Measurement:
        """Return the same as a report holds it."""
        return Measurement(**self._asdict())


def bootstrap(
    values: NDArray[np.float64],
    *,
    resamples: int = 1_000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> tuple[Estimate, ...]:
    """Estimate the mean of each metric with a percentile interval over users.

    Users are drawn with replacement (Efron & Tibshirani, "An Introduction to the
    Bootstrap", 1993, chapter 13).

    Parameters
    ----------
    values
        One row a user, float64 (n_users, n_metrics).
    resamples
        Number of resamples of the users.
    level
        Share of resampled means inside the interval.
    rng
        Generator or seed; the same seed draws the same users.

    Returns
    -------
    tuple[Estimate, ...]
        One (value, low, high) a metric.

    Raises
    ------
    ValueError
        When there are no users, or `resamples` or `level` is out of range.
    """
    _check(values, resamples, level)
    resampled = _resampled(values, resamples, np.random.default_rng(rng))
    return _around(values.mean(axis=0), resampled, level)


def paired_difference(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    resamples: int = 1_000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> tuple[Estimate, ...]:
    """Estimate the mean of a - b over the same users, a metric at a time.

    Far narrower than comparing two intervals, since a user who is hard to predict is hard for
    both. Parameters, result and errors as in `bootstrap`; also `ValueError` when `a`
    and `b` have different shapes.
    """
    if a.shape != b.shape:
        raise ValueError(f"a pair needs the same users and metrics: {a.shape} against {b.shape}")
    return bootstrap(a - b, resamples=resamples, level=level, rng=rng)


def bootstrap_ratios(
    values: NDArray[np.float64],
    ratios: Sequence[tuple[int, int]],
    *,
    resamples: int = 1_000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> tuple[Estimate, ...]:
    """Estimate ratios of means, each (column above, column below) of `values`.

    A mean over some of the users is one: their values over their number. Parameters and
    errors as in `bootstrap`; a resample in which the lower mean is zero counts as the
    ratio of the whole.
    """
    _check(values, resamples, level)
    above, below = (np.array(side, np.intp) for side in zip(*ratios, strict=True))

    def divide(means: NDArray[np.float64]) -> NDArray[np.float64]:
        top, bottom = means[..., above], means[..., below]
        out = np.full(bottom.shape, np.nan)
        np.divide(top, bottom, out=out, where=bottom != 0)
        return out

    observed = divide(values.mean(axis=0))
    observed[np.isnan(observed)] = 0
    resampled = divide(_resampled(values, resamples, np.random.default_rng(rng)))
    return _around(observed, np.where(np.isnan(resampled), observed, resampled), level)


def paired_tests(
    differences: NDArray[np.float64],
    *,
    resamples: int = 1_000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> tuple[tuple[Estimate, float], ...]:
    """Estimate each mean difference, and test that it is zero.

    The p-value of the paired bootstrap test: the share of resampled means as far from the
    mean as the mean is from zero, this sample included (Efron & Tibshirani 1993, section
    16.4; for rankings, Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR
    2006). It cannot be below 1 / (resamples + 1).

    Parameters
    ----------
    differences
        Differences of two scorers, user by user, float64 (n_users, n_comparisons).

    Returns
    -------
    tuple of (Estimate, float)
        A comparison each, not corrected for their number.
    """
    _check(differences, resamples, level)
    mean = differences.mean(axis=0)
    resampled = _resampled(differences, resamples, np.random.default_rng(rng))
    # A small tolerance, so that equal distances stay equal after rounding.
    extreme = np.abs(resampled - mean) >= np.abs(mean) * (1 - 1e-9)
    p = (1 + extreme.sum(axis=0)) / (1 + resamples)
    return tuple(zip(_around(mean, resampled, level), map(float, p), strict=True))


def _check(values: NDArray[np.float64], resamples: int, level: float) -> None:
    if values.ndim != 2 or len(values) == 0:
        raise ValueError(f"a bootstrap needs a row for at least one user, not {values.shape}")
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(f"resamples={resamples} must be 1 or more and level={level} within (0, 1)")


def _around(
    value: NDArray[np.float64], resampled: NDArray[np.float64], level: float
) -> tuple[Estimate, ...]:
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return tuple(Estimate(*map(float, row)) for row in zip(value, low, high, strict=True))


def _resampled(
    values: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the mean of each resample, float64 (resamples, n_metrics)."""
    n, values = len(values), np.ascontiguousarray(values)
    # Most users share their row with others (every miss is the same miss), and drawing
    # a count for each distinct row is the same as drawing the users one by one.
    bytes_of_row = values.view(np.dtype((np.void, values.itemsize * values.shape[1])))
    _, where, users = np.unique(bytes_of_row.ravel(), return_index=True, return_counts=True)
    grouped = len(where) * _MULTINOMIAL_COST < n
    if grouped:
        values = values[where]

    def counts(size: int) -> NDArray[np.float64]:
        if grouped:
            return rng.multinomial(n, users / n, size=size).astype(np.float64)
        out = np.empty((size, n))
        for row in out:
            row[:] = np.bincount(rng.integers(0, n, n), minlength=n)
        return out

    step = max(1, _COUNTS // len(values))
    means = [
        counts(min(step, resamples - start)) @ values / n for start in range(0, resamples, step)
    ]
    return np.concatenate(means)
