"""Times in any usual form -> epoch seconds, or positions where they cannot be dates."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.errors import DataError

__all__ = ["SMALLEST_DATE", "Times", "parse_times"]

# A median below this (March 1973 in seconds) is a position, not a date.
SMALLEST_DATE = 1e8
_UNITS = (("s", 1e11, 1.0), ("ms", 1e14, 1e3), ("us", 1e17, 1e6), ("ns", np.inf, 1e9))
_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M%#z",
)


@dataclass(frozen=True)
class Times:
    """Parsed times.

    Attributes
    ----------
    values
        Epoch seconds (UTC where the source gives no zone) or positions, NaN where missing
        or unparseable, float64 (n,).
    real_time
        Whether the values are dates.
    form
        What they were taken for, e.g. ``"epoch ms"``, ``"ISO 8601"``, ``"positions"``.
    """

    values: NDArray[np.float64]
    real_time: bool
    form: str


def parse_times(column: pl.Series, source: str = "events") -> Times:
    """Parse a column of times.

    Accepts epoch seconds, milli-, micro- and nanoseconds (told apart by the median),
    ISO 8601 dates and datetimes with or without a zone, whole numbers such as 20220224,
    and polars dates and datetimes. Numbers whose median is below 1e8 are positions.

    Raises
    ------
    DataError
        When the type cannot hold times, or not one value can be parsed.
    """
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime):
        epoch = column.dt.timestamp("us").cast(pl.Float64) / 1e6
        return Times(_array(epoch), True, "datetime")
    if dtype == pl.Date:
        return Times(_array(column.cast(pl.Int32).cast(pl.Float64) * 86_400), True, "date")
    if dtype.is_numeric():
        return _numbers(column, source)
    if not isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null):
        raise DataError(f"{source}: column {column.name!r} holds {dtype}, not times; write "
                        "ISO 8601 or epoch seconds, or leave it out with --time-column '', "
                        "columns={'time': None}")  # fmt: skip
    text = column.cast(pl.String)
    numbers = text.str.strip_chars().cast(pl.Float64, strict=False)
    numeric = numbers.is_finite().sum()
    if numeric and numeric >= (len(text) - text.null_count()) / 2:
        return _numbers(numbers, source)
    values = _array(_iso(text))
    if not np.isfinite(values).any():
        some = text.drop_nulls().unique(maintain_order=True).head(3)
        shown = ", ".join(map(repr, some)) or "nothing but missing values"
        raise DataError(
            f"{source}: no time in column {column.name!r} can be read: {shown}. Write epoch "
            "seconds or ISO 8601 (2022-02-24T10:30:00Z), or leave it out with "
            "--time-column '', columns={'time': None}"
        )
    return Times(values, True, "ISO 8601")


def _array(column: pl.Series) -> NDArray[np.float64]:
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)


def _numbers(column: pl.Series, source: str) -> Times:
    values = _array(column)
    values[~np.isfinite(values)] = np.nan
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise DataError(f"{source}: column {column.name!r} holds no number that could be a time; "
                        "leave it out with --time-column '', columns={'time': None}")  # fmt: skip
    dates = _compact_dates(finite)
    if dates is not None:
        values[np.isfinite(values)] = dates
        return Times(values, True, "YYYYMMDD")
    median = float(np.median(np.abs(finite)))
    if median < SMALLEST_DATE:
        return Times(values, False, "positions")
    name, _, scale = next(unit for unit in _UNITS if median < unit[1])
    return Times(values / scale, True, f"epoch {name}")


def _compact_dates(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Read every value as YYYYMMDD; None unless all of them are such dates since 1970."""
    if values.min() < 19_700_101 or values.max() > 21_001_231:
        return None
    whole = values.astype(np.int64)
    month, day = whole // 100 % 100, whole % 100
    if (whole != values).any() or month.min() < 1 or month.max() > 12 or day.min() < 1:
        return None
    start = (whole // 10_000 - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    date = (start + (month - 1)).astype("datetime64[D]") + (day - 1)
    if (date.astype("datetime64[M]") != start + (month - 1)).any():
        return None
    return date.astype("datetime64[s]").astype(np.float64)


def _iso(text: pl.Series) -> pl.Series:
    """Epoch seconds of ISO strings, null where a string is none."""
    seconds = _first_match(text)
    rest = (seconds.is_null() & text.is_not_null()).arg_true()
    if not len(rest):
        return seconds
    # 2022/2/24, a space for the T, a comma before the fraction, UTC spelt out.
    usual = (
        text.gather(rest)
        .str.strip_chars()
        .str.replace(r"^(\d{4})[/.](\d{1,2})[/.]", "$1-$2-")
        .str.replace(r"^(\S+) +(\d)", "${1}T$2")
        .str.replace(",", ".", literal=True)
        .str.replace(r"(?i) *(UTC|GMT|Z)$", "Z")
        .str.replace(r" +([+-]\d)", "$1")
    )
    return seconds.scatter(rest, _first_match(usual))


def _first_match(text: pl.Series) -> pl.Series:
    seconds = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(text))
    sample = text.drop_nulls().head(100)  # a format that fails costs as much as one that fits
    for form in sorted(_FORMATS, key=lambda form: _epoch(sample, form).null_count()):
        rest = (seconds.is_null() & text.is_not_null()).arg_true()
        if len(rest):
            seconds = seconds.scatter(rest, _epoch(text.gather(rest), form))
    return seconds


def _epoch(text: pl.Series, form: str) -> pl.Series:
    if form == "%Y-%m-%d":
        return text.str.to_date(form, strict=False).cast(pl.Int32).cast(pl.Float64) * 86_400
    stamps = text.str.to_datetime(form, strict=False, time_unit="us")
    return stamps.dt.timestamp("us").cast(pl.Float64) / 1e6
