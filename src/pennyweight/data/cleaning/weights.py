"""The weights of events: ratings that count as liking, and ratings that do not."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.event_types import least_certain
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.rating_names import is_grade, is_rating_name
from pennyweight.data.cleaning.ratings import FEW, RatingScale, looks_rated, on_scale, scale_of
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.tables import check_scalars
from pennyweight.errors import DataError, in_list

__all__ = ["BELOW_ZERO", "LOW", "NO_STRENGTH", "EventWeights", "weights"]

LOW = "rating is low: not learned from; it takes back earlier events of the user on the item"
BELOW_ZERO = "weight is below zero: a negative event"
_RATING = (
    r"(?i)^\s*(?P<number>[+-]?\d+(?:[.,]\d{1,2})?)\s*"
    r"(?:(?:/|von|sur|de|di|van)\s*(?P<of>\d+)|out of (?P<out>\d+))?"
    r"\s*(?:%|stars?|sterne?|étoiles?|estrellas?|estrelas?|stell[ae]|sterren|★|⭐|points?|punkte?)?\s*$"
)
_NAMED = r"^\s*(\d(?:[.,]\d)?)\s*[-–—:=.)(]+\s*(\pL[^\d]*?)\)?\s*$"  # 5 - Excellent, 5 (good)
_NOT_RATED = r"(?i)^\s*(un|not[ _-]?(yet[ _-]?)?|no[ _-]?)rat(ed|ing)s?( given)?\s*$"
_MAX_UNREADABLE = 0.2  # largest share of weights that are no numbers
NO_STRENGTH = "weight is 0: ignored"


@dataclass(frozen=True)
class EventWeights:
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
) -> EventWeights:
    """Read the column of weights."""
    none = np.zeros(frame.height, bool)
    if "weight" not in roles:
        return EventWeights(np.ones(frame.height, np.float32), none, none)
    column = frame[roles["weight"]]
    check_scalars(
        column, source, "numbers; leave it out with --weight-column '', columns={'weight': None}"
    )
    column = blanked(column)
    if column.dtype == pl.String:
        column = column.set(column.str.contains(_NOT_RATED).fill_null(False), None)
    missing = column.is_null().to_numpy()
    read = numbers(column)
    _refuse_words(column, read, source)
    weight = np.array(read.cast(pl.Float32).fill_null(np.nan))
    rows.drop("weight is not a finite number (below 3e38)", ~np.isfinite(weight) & ~missing)
    rows.note("weight is missing (1 is used)", missing, "changed")
    weight[missing] = np.nan
    low, liking = _low_ratings(column, weight, min_rating, rows, source)
    weight[np.isnan(weight)] = 1.0
    below = (weight < 0) & ~low
    strength = np.asarray(np.where(low, 0, np.maximum(weight, 0)), np.float32)
    return EventWeights(strength, low, below, liking)


def numbers(column: pl.Series) -> pl.Series:
    """Return a column as numbers; ratings also as ``4,5``, ``4 stars``, ``4/5`` or ``★★★★☆``."""
    values = column.cast(pl.Float64, strict=False)
    if column.dtype != pl.String or values.null_count() == column.null_count():
        return values
    parts = column.str.extract_groups(_RATING).struct
    top = parts.field("of").fill_null(parts.field("out")).cast(pl.Float64)
    written = parts.field("number").str.replace(",", ".").cast(pl.Float64, strict=False)
    tops = top.drop_nulls().unique()
    if len(tops) > 1:  # 7/10 beside 4/5; a number beside them could be of either scale
        if top.null_count() > column.null_count() or not (tops > 0).all():
            return values
        return written / top * tops.max()
    stars = column.str.count_matches("[★⭐]").cast(pl.Float64)
    stars += column.str.contains("½").cast(pl.Float64) / 2
    glyphs = column.str.contains(r"^\s*[★⭐☆✩⯨⯪\x{fe0f}\s]+½?[☆✩\s]*$")
    values = values.fill_null(written).fill_null(stars.set(~glyphs.fill_null(False), None))
    return (
        values.fill_null(_labeled_numbers(column))
        if values.null_count() > column.null_count()
        else values
    )


def _labeled_numbers(column: pl.Series) -> pl.Series:
    """Return the numbers of ``5 - Excellent``, if each number has one name; else nulls."""
    parts = column.str.extract_groups(_NAMED).struct.unnest().rename({"1": "number", "2": "word"})
    number = parts["number"].str.replace(",", ".").cast(pl.Float64, strict=False)
    words = parts["word"].str.strip_chars().str.to_lowercase()
    pairs = pl.DataFrame({"number": number, "word": words}).drop_nulls().unique()
    clear = pairs["number"].is_unique().all() and pairs["word"].is_unique().all()
    return number if clear else number.clear(len(number))


def _stated_top(column: pl.Series) -> float | None:
    """Return the top that ratings such as 4/5 state."""
    if column.dtype != pl.String:
        return None
    parts = column.str.extract_groups(_RATING).struct
    return parts.field("of").fill_null(parts.field("out")).cast(pl.Float64).max()  # type: ignore[return-value]


def _refuse_words(column: pl.Series, read: pl.Series, source: str) -> None:
    """Stop where many weights are no numbers: without them the log would be another one."""
    unreadable = column.filter(read.is_null() & column.is_not_null())
    n_filled = len(column) - column.null_count()
    if not len(unreadable) or (
        len(unreadable) <= _MAX_UNREADABLE * n_filled and len(unreadable) < n_filled
    ):
        return
    names = unreadable.cast(pl.String).unique(maintain_order=True)
    examples = ", ".join(repr(name[:40]) for name in names.head(6))
    name = column.name
    if unreadable.cast(pl.String).str.contains(r"^\s*\S+\s*(/|out of)\s*\d+\D*$").any():
        remedy = "Write all on one scale"
    else:
        first = least_certain(text.strip() for text in names)
        remedy = (
            f"If these are ratings in words, give each a meaning: --weight-column '' "
            f"--type-column {shlex.quote(name)} --event-types "
            f"{shlex.quote(in_list(first) + '=negative')} (or ignore, or a weight), "
            f"columns={{'weight': None, 'type': {name!r}}}, "
            f"event_types={{{first!r}: 'negative'}}; else write numbers"
        )
    raise DataError(
        f"{source}: {len(unreadable):,} of {n_filled:,} values of column {name!r} are no "
        f"numbers, such as {examples}. {remedy}, or leave the column out with "
        "--weight-column '', columns={'weight': None}"
    )


def _ignore_zeros(name: str, weight: NDArray[np.float32], rows: Rows) -> None:
    """Drop rows of weight 0; a column of zeros alone becomes NaN."""
    zero = weight == 0
    if zero.any() and not (weight[rows.alive & ~zero] != 0).any():
        rows.note(f"every weight in {name!r} is 0: each event counts 1", zero, "changed")
        weight[zero] = np.nan
    else:
        rows.drop(NO_STRENGTH, zero)


def _low_ratings(
    column: pl.Series, weight: NDArray[np.float32], chosen: float | None, rows: Rows, source: str
) -> tuple[Mask, float | None]:
    """Return the rows with a low rating, and the lowest rating that counts as liking.

    A weight that is no rating becomes NaN.
    """
    name, none = column.name, np.zeros(len(weight), bool)
    rated = np.isfinite(weight)
    values = weight[rated].astype(np.float64)
    scale = scale_of(name, values, _stated_top(column))
    if scale is None and (chosen is None or set(np.unique(values).tolist()) == {0.0, 1.0}):
        _ignore_zeros(name, weight, rows)
    if scale is not None:
        _clear_unrated(name, weight, scale, rows)
        if chosen != 0:
            _drop_beyond(name, weight, scale, chosen, rows, source)
    alive = int((rated & rows.alive).sum())
    if chosen is not None:
        liked = f"{chosen:g} and above" if chosen else "all ratings"
        rows.findings.add("events", f"{name!r}: {liked} count as liking, as chosen", alive, "noted")
        return (np.asarray(weight < chosen), chosen) if chosen else (none, None)
    if scale is None:
        named = is_rating_name(name) and len(np.unique(values)) > 1
        if named or looks_rated(values):
            resemblance = "is named like ratings" if named else "looks like ratings"
            reason = (
                f"{name!r} {resemblance}, and all count as liking; if low ones do not, "
                "use --min-rating X, min_rating=X"
            )
            rows.findings.add("events", reason, alive, "noted")
        return none, None
    if is_grade(name) and scale.low >= 1 and 5 <= scale.high <= 6:
        raise DataError(
            f"{source}: column {name!r} holds grades, {scale}: is {scale.low:g} or "
            f"{scale.high:g} the best? If the highest is, say which count as liking "
            f"with --min-rating {scale.liking:g}, min_rating={scale.liking:g}; if "
            f"{scale.low:g} is, write {scale.high + scale.low:g} minus the grade, or "
            "leave the column out with --weight-column '', columns={'weight': None}"
        )
    reason = (
        f"{name!r} holds ratings, {scale}: {scale.liked} count as liking, lower ones as "
        "negative (--min-rating X, min_rating=X; 0: all count)"
    )
    rows.findings.add("events", reason, alive, "noted")
    return np.asarray(weight < np.float32(scale.liking)), scale.liking


def _clear_unrated(name: str, weight: NDArray[np.float32], scale: RatingScale, rows: Rows) -> None:
    for value in scale.unrated:
        reason = f"{value:g} in {name!r} means not rated: an event of weight 1"
        rows.note(reason, weight == value, "changed")
        weight[weight == value] = np.nan


def _drop_beyond(
    name: str,
    weight: NDArray[np.float32],
    scale: RatingScale,
    chosen: float | None,
    rows: Rows,
    source: str,
) -> None:
    """Drop the few ratings beyond the scale; ask about many."""
    rated = np.flatnonzero(np.isfinite(weight))
    beyond = np.zeros(len(weight), bool)
    beyond[rated] = ~on_scale(weight[rated].astype(np.float64))
    if beyond.sum() <= max(1.0, FEW * len(rated)):
        rows.drop(f"rating in {name!r} is beyond the scale, {scale}", beyond)
    elif chosen is None:
        min_rating = max(scale.liking, 0.01)
        values = ", ".join(f"{value:g}" for value in np.unique(weight[beyond])[:5].tolist())
        raise DataError(
            f"{source}: column {name!r} holds ratings, {scale}, and {values} in "
            f"{int(beyond.sum()):,} of {len(rated):,} rows. If that means that no rating was "
            "given, leave the value empty (an event of weight 1), or leave these rows out if "
            "there was no event; if it is a rating, say from where on ratings count as liking with "
            f"--min-rating {min_rating:g}, min_rating={min_rating:g} (0: all do)"
        )
