"""Weights that are ratings: their scale, and from where on a rating counts as liking."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RatingScale", "looks_rated", "scale_of"]

# Columns that hold ratings whatever their distribution, and those that never do unless asked.
_RATED = re.compile(
    r"(.*(rating|stars?|grade)s?|overall|(review|user|critic|customer|movie|book|item)score)"
)
_PLAIN = frozenset(
    "weight weights value values eventvalue strength count counts amount price revenue "
    "quantity".split()
)
_TOPS = (5.0, 10.0, 20.0, 100.0)
LIKING = 0.6  # of the top of a scale: 3 of 5 stars, 6 of 10, 60 of 100
_ABOVE_ZERO = 1e-12
_UNRATED = 0.2  # share of zeros from which on they mean "not rated"


@dataclass(frozen=True)
class RatingScale:
    """A scale of ratings.

    Attributes
    ----------
    low, high, step
        The lowest and the highest rating given, and the smallest difference of two.
    liking
        The lowest rating that counts as liking.
    unrated
        Whether 0 means that no rating was given.
    """

    low: float
    high: float
    step: float
    liking: float
    unrated: bool

    @property
    def liked(self) -> str:
        """The ratings that count as liking, in words."""
        return "those above 0" if 0 < self.liking < 1e-9 else f"{self.liking:g} and above"

    def __str__(self) -> str:
        step = f" in steps of {self.step:g}" if self.step >= 0.01 else ""
        return f"{self.low:g} to {self.high:g}{step}"


def scale_of(name: str, values: NDArray[np.float64]) -> RatingScale | None:
    """Return the scale of a column if it holds ratings.

    Columns named like ratings do where their values allow it; columns of other names do
    where their values look so; columns such as ``weight`` and ``value`` do not.

    Parameters
    ----------
    name
        Of the column.
    values
        The finite ones, float64 (n,).
    """
    key = re.sub(r"[\W_]+", "", name).casefold()
    rated = bool(_RATED.fullmatch(key))
    if not rated and (key in _PLAIN or not looks_rated(values)):
        return None
    return _scale(values)


def looks_rated(values: NDArray[np.float64]) -> bool:
    """Say whether values are few whole or half steps up to 5, 10 or 100, most in the upper half.

    Counts have a long tail: most of them are 1.
    """
    given = values[values != 0]
    levels, counts = np.unique(given, return_counts=True)
    if len(levels) < 3 or levels[0] < 0.5 or not 3 <= levels[-1] <= 100:
        return False
    steps = bool((levels * 2 == np.round(levels * 2)).all())
    top = next(one for one in _TOPS if levels[-1] <= one)
    upper = float(np.median(given)) >= 0.5 * top and levels[-1] >= 0.8 * top
    return steps and upper and bool(counts[0] < 0.3 * counts.sum())


def _scale(values: NDArray[np.float64]) -> RatingScale | None:
    levels, counts = np.unique(values, return_counts=True)
    if len(levels) < 2:
        return None
    unrated = _zeros_are_none(levels, counts)
    given = levels[1:] if unrated else levels
    if len(given) < 2:
        return None
    low, high = float(given[0]), float(given[-1])
    step = float(np.diff(given).min())
    if low < 0:  # the middle of a scale with both signs is 0
        liking = 1.0 if step >= 1 else _ABOVE_ZERO
        return RatingScale(low, high, step, liking, unrated) if liking <= high <= 100 else None
    top = (
        1.0 if high <= 1 else high if (high <= 3 and len(values) >= 100) or 5 < high <= 7 else None
    )
    if top is None:
        top = next((one for one in _TOPS if high <= one), None)
    rated = values[values > 0]
    long_tail = top is not None and top > 10 and np.median(rated) < 0.3 * high
    if top is None or long_tail:
        return None
    liking = _round_up(LIKING * top, step)
    return RatingScale(low, high, step, liking, unrated) if high >= liking else None


def _round_up(threshold: float, step: float) -> float:
    """Return the first whole or half step from a threshold on; finer ratings keep it."""
    grid = 1.0 if step >= 1 else 0.5 if step >= 0.5 else 0.0
    return float(np.ceil(threshold / grid - 1e-9) * grid) if grid else threshold


def _zeros_are_none(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> bool:
    """Say whether zeros are no ratings: many, or far more than of the next rating."""
    if levels[0] != 0 or len(levels) < 3 or levels[-1] < 3:
        return False
    share = counts[0] / counts.sum()
    return bool(share > _UNRATED or (share > 0.05 and counts[0] > 3 * counts[1]))
