"""Weights that are ratings: their scale, and the lowest rating that counts as liking."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.cleaning.rating_names import has_true_zeros, is_rating_name, is_relevance
from pennyweight.data.columns import name_key

__all__ = ["FEW", "RatingScale", "looks_rated", "on_scale", "scale_of"]

# Columns that are ratings with any distribution, and columns that are none unless chosen.
_RATED = re.compile(
    r"(.*(rating|stars?|grade)s?|overall|(review|user|critic|customer|movie|book|item)score)"
)
_PLAIN = frozenset(
    "weight weights value values eventvalue strength count counts amount price revenue "
    "quantity".split()
)
_VAGUE = frozenset(
    ("score", "scores", "points")
)  # could be of anything, unless its values look like ratings
_TOPS = (5.0, 10.0, 20.0, 100.0)
LIKING = 0.6  # of the top of a scale: 3 of 5 stars, 6 of 10, 60 of 100
_ABOVE_ZERO = 1e-12
_UNRATED = 0.2  # share of zeros from which on they mean "not rated"
FEW = 0.02  # largest share of ratings beyond the scale that are errors


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
        Values without a rating: 0 or -1, or none.
    """

    low: float
    high: float
    step: float
    liking: float
    unrated: tuple[float, ...] = ()

    @property
    def liked(self) -> str:
        """The ratings that count as liking, in words."""
        return "those above 0" if 0 < self.liking < 1e-9 else f"{self.liking:g} and above"

    def __str__(self) -> str:
        step = f" in steps of {self.step:g}" if self.step >= 0.01 else ""
        return f"{self.low:g} to {self.high:g}{step}"


def scale_of(
    name: str, values: NDArray[np.float64], top: float | None = None
) -> RatingScale | None:
    """Return the scale of a column if it holds ratings.

    A name like ratings suffices where the values allow it; without one the values must look like
    ratings; columns such as ``weight`` and ``value`` never do.

    Parameters
    ----------
    name
        Of the column.
    values
        The finite ones, float64 (n,).
    top
        The highest rating that there is, where it is known, as from 4/5.
    """
    key = name_key(name)
    rated = bool(_RATED.fullmatch(key)) or (is_rating_name(name) and key not in _PLAIN | _VAGUE)
    values = values[on_scale(values)]
    if not rated and (key in _PLAIN or not looks_rated(values)):
        return None
    if is_relevance(name):
        return _relevance(values)
    return _scale(values, zeros=not has_true_zeros(name), top=top)


def on_scale(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the values on the scale of nearly all, such as 1 to 5 beside a single 55.

    All values are where no scale stands out: values beyond one must be few, or one or two far above
    all others. Counts are no scale: the smallest of them is the most frequent.
    """
    sizes = np.abs(values)
    everything = np.ones(len(values), dtype=bool)
    for top in (1.0, *_TOPS):
        inside = sizes <= top
        levels, counts = np.unique(sizes[inside & (sizes > 0)], return_counts=True)
        if inside.all():
            return everything
        beyond = 1 - inside.mean()
        if beyond > 0.5 or len(levels) < 2 or levels[-1] < 0.8 * top:
            continue
        if counts[0] > 0.5 * sum(counts) and counts[-1] <= 0.6 * counts[1]:  # counts fall
            continue
        are_few = beyond <= FEW
        if are_few or _is_gap(levels, np.unique(sizes[~inside]), int(inside.sum())):
            return inside
    return everything


def _is_gap(levels: NDArray[np.float64], beyond: NDArray[np.float64], rated: int) -> bool:
    """Say whether a few values are too far above a scale to belong to it."""
    top = levels[-1]
    is_far = beyond[0] > 2 * top or (rated >= 20 and beyond[0] > top + 2 * np.diff(levels).min())
    return bool(len(levels) > 3 and rated >= 5 and len(beyond) <= 2 and is_far)


def looks_rated(values: NDArray[np.float64]) -> bool:
    """Say whether values are few whole or half steps up to 5, 10 or 100, most in the upper half.

    Counts have a long tail instead: most of them are 1.
    """
    rated = values[values != 0]
    levels, counts = np.unique(rated, return_counts=True)
    if len(levels) < 3 or levels[0] < 0.5 or not 3 <= levels[-1] <= 100:
        return False
    steps = bool((levels * 2 == np.round(levels * 2)).all())
    top = next(limit for limit in _TOPS if levels[-1] <= limit)
    upper = float(np.median(rated)) >= 0.5 * top and levels[-1] >= 0.8 * top
    return steps and upper and bool(counts[0] < 0.3 * counts.sum())


def _relevance(values: NDArray[np.float64]) -> RatingScale | None:
    """Return the scale of grades of relevance, of which any above the lowest counts."""
    levels = np.unique(values)
    if len(levels) < 2 or levels[0] < 0 or levels[-1] > 10:
        return _scale(values, zeros=False)
    step = float(np.diff(levels).min())
    liking = _ABOVE_ZERO if step < 1 else 1.0
    return RatingScale(float(levels[0]), float(levels[-1]), step, liking)


def _scale(
    values: NDArray[np.float64], *, zeros: bool, top: float | None = None
) -> RatingScale | None:
    levels, counts = np.unique(values, return_counts=True)
    if len(levels) < 2:
        return None
    unrated: tuple[float, ...] = ()
    if levels[0] == -1 and len(levels) > 4 and levels[1] >= 0 and levels[-1] >= 3:
        unrated, levels, counts = (-1.0,), levels[1:], counts[1:]
    if zeros and _zeros_are_none(levels, counts):
        unrated, levels = (*unrated, 0.0), levels[1:]
    if len(levels) < 2:
        return None
    low, high = float(levels[0]), float(levels[-1])
    step = float(np.diff(levels).min())
    if low < 0:  # the middle of a scale with both signs is 0
        liking = 1.0 if step >= 1 else _ABOVE_ZERO
        return RatingScale(low, high, step, liking, unrated) if liking <= high <= 100 else None
    rated = values[values > 0]
    top = top if top is not None and top >= high else _top(high, len(values))
    long_tail = top is not None and top > 10 and np.median(rated) < 0.3 * high
    if top is None or long_tail:
        return None
    liking = _round_up(LIKING * top, step)
    return RatingScale(low, high, step, liking, unrated) if high >= liking else None


def _top(high: float, ratings: int) -> float | None:
    """Return the top of the scale, given the highest rating."""
    if high <= 1:
        return 1.0
    if (high <= 3 and ratings >= 100) or 5 < high <= 7:
        return high
    return next((limit for limit in _TOPS if high <= limit), None)


def _round_up(threshold: float, step: float) -> float:
    """Return the first whole or half step from a threshold on; finer ratings keep it."""
    grid = 1.0 if step >= 1 else 0.5 if step >= 0.5 else 0.0
    return float(np.ceil(threshold / grid - 1e-9) * grid) if grid else threshold


def _zeros_are_none(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> bool:
    """Say whether zeros mean "not rated": many, or far more than of the next rating."""
    if levels[0] != 0 or len(levels) < 3 or levels[-1] < 3:
        return False
    share = counts[0] / counts.sum()
    return bool(share > _UNRATED or (share > 0.05 and counts[0] > 3 * counts[1]))
