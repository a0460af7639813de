"""Since when items count as new: read from the columns of a catalog, and written to them."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.times import parse_times
from pennyweight.errors import DataError

__all__ = ["PUBLISHED", "published_times", "with_published"]

PUBLISHED = ("published", "published_at", "timestamp", "created_at", "date", "release_date")
ZONED = r"T.*(?:Z|[+-]\d\d:?\d\d)$"
UNITS = (1.0, 1e3, 1e6, 1e9)  # of epochs, in a second

Times = NDArray[np.float64]


def published_times(attributes: pl.DataFrame, n: int) -> Times:
    """Return the times of the first column that holds any, epoch seconds (n,), NaN for none."""
    for name in PUBLISHED:
        times = _times(attributes, name)
        if times is not None:
            return times
    return np.full(n, np.nan)


def with_published(attributes: pl.DataFrame, times: Times) -> pl.DataFrame:
    """Return columns from which `published_times` reads the given times; others stay.

    Parameters
    ----------
    times
        Epoch seconds, NaN for no change.
    """
    now = published_times(attributes, attributes.height)
    changed = ~np.isnan(times) & ~(np.abs(times - now) < 1e-6)
    if not changed.any():
        return attributes
    for name in PUBLISHED:  # the first that can hold them: it is read before all others
        if name not in attributes.columns:
            new = pl.Series(name, [], pl.String)
            return attributes.with_columns(_written(new, np.where(changed, times, now)))
        current = _times(attributes, name)
        if current is not None:
            column = attributes[name]
            rewritten = _written(column, np.where(changed, times, current))
            if rewritten.dtype != column.dtype:  # the whole column takes the new type
                return attributes.with_columns(rewritten)
            return attributes.with_columns(rewritten.zip_with(pl.Series(changed), column))
    raise DataError(
        f"the catalog has columns {', '.join(PUBLISHED)} of other meanings; rename one "
        "and fit again: there is no column for live times of publication"
    )


def _times(attributes: pl.DataFrame, name: str) -> Times | None:
    if name not in attributes.columns:
        return None
    try:
        times = parse_times(attributes[name], "items")
    except DataError:
        return None
    return times.values if times.real_time else None


def _written(column: pl.Series, times: Times) -> pl.Series:
    """Return times in the form of a column, where that can hold them."""
    if column.dtype.is_numeric():
        raw = column.cast(pl.Float64).to_numpy()
        seconds = parse_times(column, "items").values
        ratio = float(np.nanmedian(raw / seconds))
        unit = min(UNITS, key=lambda candidate: abs(candidate - ratio))
        exact = abs(unit - ratio) < 1e-9 * unit  # else days of spreadsheets and the like
        numbers = pl.Series(column.name, times * (unit if exact else 1.0), nan_to_null=True)
        as_integers = column.dtype.is_integer() and exact and unit > 1
        return numbers.round().cast(column.dtype) if as_integers else numbers
    texts = column.drop_nulls() if column.dtype == pl.String else column.head(0)
    zoned = not len(texts) or bool(texts.str.contains(ZONED).any())
    return pl.Series(column.name, [_iso(time, zoned=zoned) for time in times.tolist()], pl.String)


def _iso(time: float, *, zoned: bool) -> str | None:
    if np.isnan(time):
        return None
    try:
        moment = datetime.fromtimestamp(time, UTC)
    except (OverflowError, ValueError, OSError):  # a year that cannot be written
        return None
    return (moment if zoned else moment.replace(tzinfo=None)).isoformat()
