"""The time of day in a column of its own, beside one with the day."""

import polars as pl

__all__ = ["seconds_of_day"]

_CLOCK = (
    r"^\s*(?P<hour>[0-9]{1,2})[:.h](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2}(?:\.[0-9]+)?))?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?\s*$"
)


def seconds_of_day(column: pl.Series) -> pl.Series:
    """Return seconds since midnight of ``21:06:40``, ``9:06 PM`` and the like, else null."""
    if column.dtype == pl.Time:
        return column.cast(pl.Int64).cast(pl.Float64) / 1e9
    if column.dtype != pl.String:
        return pl.Series(column.name, [None], dtype=pl.Float64).new_from_index(0, len(column))
    parts = column.str.extract_groups(_CLOCK).struct.unnest()
    hour, minute = pl.col("hour").cast(pl.Float64), pl.col("minute").cast(pl.Float64)
    second = pl.col("second").cast(pl.Float64).fill_null(0.0)
    evening = pl.col("half").str.to_lowercase() == "p"
    of_twelve = hour % 12 + pl.when(evening).then(12).otherwise(0)
    hour = pl.when(pl.col("half").is_null()).then(hour).otherwise(of_twelve)
    seconds = hour * 3_600 + minute * 60 + second
    good = (hour < 24) & (minute < 60) & (second < 61)
    return parts.select(pl.when(good).then(seconds)).to_series()
