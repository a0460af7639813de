"""The weights of events: ratings that count as liking, and those that do not."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.ratings import looks_rated, scale_of
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.tables import check_scalars

__all__ = ["BELOW_ZERO", "LOW", "NO_STRENGTH", "Weights", "weights"]

LOW = "rating is low: not learnt from; it takes back earlier events of the user on the item"
BELOW_ZERO = "weight is below zero: a negative event"
_RATING = (
    r"(?i)^\s*(?P<number>[+-]?\d+(?:[.,]\d{1,2})?)\s*"
    r"(?:/\s*(?P<of>\d+)|out of (?P<out>\d+)(?:\s*stars?)?|%|stars?|★|⭐|points?)?\s*$"
)
NO_STRENGTH = "weight is 0 where all are 0 or 1: ignored"


@dataclass(frozen=True)
class Weights:
    """The weights of the rows of a log.

    Attributes
    ----------
    weight
        Strengths, not below zero, float32 (n_rows,).
    low, below
        Rows with a low rating; with another weight below zero, bool (n_rows,).
    liking
        The lowest rating that counts as liking; None where the weights are no ratings.
    """

    weight: NDArray[np.float32]
    low: Mask
    below: Mask
    liking: float | None = None


def weights(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    min_rating: float | None,
    rows: Rows,
    source: str,
) -> Weights:
    """Read the column of weights."""
    none = np.zeros(frame.height, bool)
    if "weight" not in roles:
        return Weights(np.ones(frame.height, np.float32), none, none)
    column = frame[roles["weight"]]
    check_scalars(column, source, "numbers; leave it out with --weight-column '', "
                                  "columns={'weight': None}")  # fmt: skip
    column = blanked(column)
    missing = column.is_null().to_numpy()
    weight = np.array(numbers(column).cast(pl.Float32).fill_null(np.nan))
    rows.drop("weight is not a finite number (below 3e38)", ~np.isfinite(weight) & ~missing)
    rows.note("weight is missing (1 is used)", missing, "changed")
    weight[missing] = np.nan
    low, liking = _low(column.name, weight, min_rating, rows)
    weight[np.isnan(weight)] = 1.0
    below = (weight < 0) & ~low
    strength = np.asarray(np.where(low, 0, np.maximum(weight, 0)), np.float32)
    return Weights(strength, low, below, liking)


def numbers(column: pl.Series) -> pl.Series:
    """Return a column as numbers; ratings also as ``4,5``, ``4 stars``, ``4/5`` or ``★★★★☆``."""
    found = column.cast(pl.Float64, strict=False)
    if column.dtype != pl.String or found.null_count() == column.null_count():
        return found
    parts = column.str.extract_groups(_RATING).struct
    tops = pl.concat([parts.field("of"), parts.field("out")]).drop_nulls().unique()
    if len(tops) > 1:  # ratings on several scales cannot be compared
        return found
    written = parts.field("number").str.replace(",", ".").cast(pl.Float64, strict=False)
    stars = column.str.count_matches("[★⭐]").cast(pl.Float64)
    glyphs = column.str.contains(r"^\s*[★⭐☆✩\x{fe0f}\s]+$")
    return found.fill_null(written).fill_null(stars.set(~glyphs.fill_null(False), None))


def _low(
    name: str, weight: NDArray[np.float32], chosen: float | None, rows: Rows
) -> tuple[Mask, float | None]:
    """Return the rows whose rating is low, and from where on it is not.

    What is no rating becomes NaN.
    """
    none = np.zeros(len(weight), bool)
    given = np.isfinite(weight)
    values = weight[given].astype(np.float64)
    if set(np.unique(values).tolist()) == {0.0, 1.0} and scale_of(name, values) is None:
        rows.drop(NO_STRENGTH, weight == 0)
    scale = scale_of(name, values)
    alive = int((given & rows.alive).sum())
    if scale is not None and scale.unrated:
        rows.note(f"0 in {name!r} means not rated: an event of weight 1", weight == 0, "changed")
        weight[weight == 0] = np.nan
    if chosen is not None:
        liked = f"{chosen:g} and above" if chosen else "all ratings"
        rows.found.add("events", f"{name!r}: {liked} count as liking, as chosen", alive, "kept")
        return (np.asarray(weight < chosen), chosen) if chosen else (none, None)
    if scale is None:
        if looks_rated(values):
            reason = (f"{name!r} looks like ratings, and all count as liking; if low ones do not, "
                      "use --min-rating X, min_rating=X")  # fmt: skip
            rows.found.add("events", reason, alive, "kept")
        return none, None
    reason = (f"{name!r} holds ratings, {scale}: {scale.liked} count as liking, lower ones as "
              "negative (--min-rating X, min_rating=X; 0: all count)")  # fmt: skip
    rows.found.add("events", reason, alive, "kept")
    return np.asarray(weight < np.float32(scale.liking)), scale.liking
