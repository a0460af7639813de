"""The time of day in a separate column."""

import polars as pl

__all__ = ["seconds_of_day"]

# The day that spreadsheets and databases write before a time of day without one.
_NO_DAY = (
    r"(?:1899-12-3[01]|1900-01-0[01]|1970-01-01|0001-01-01|(?:12[/.-]30|30[/.-]12)[/.-](?:18)?99)"
)
_CLOCK = (
    rf"^\s*(?:{_NO_DAY}[ T]+)?"
    r"(?P<hour>[0-9]{1,2})[:.h](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2}(?:\.[0-9]+)?))?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?Z?\s*$"
)
_NUMBER = r"^([0-9]{1,6}|0?\.[0-9]+|[0-9.]+[eE]-[0-9]+)(?:\.0)?$"
_FIT = 0.95
_DAY, _EVENING, _SIX_HOURS, _CLOCK_SHARE = 86_400.0, 72_000.0, 21_600.0, 0.1


def seconds_of_day(column: pl.Series) -> pl.Series:
    """Return seconds since midnight of ``21:06:40``, ``9:06 PM``, 210640 and 21, else null.

    Numbers are hours, hhmm, hhmmss, seconds or a fraction of the day, whichever fits nearly all of
    a column. A placeholder day such as 1899-12-30 may come before.
    """
    if column.dtype == pl.Time:
        return column.cast(pl.Int64).cast(pl.Float64) / 1e9
    if column.dtype.is_numeric():
        return _of_digits(column.cast(pl.Float64))
    if column.dtype == pl.Datetime:
        column = column.dt.strftime("%Y-%m-%d %H:%M:%S")
    if column.dtype != pl.String:
        return pl.Series(column.name, [None], dtype=pl.Float64).new_from_index(0, len(column))
    numbers = column.str.strip_chars().str.extract(
        r"^([0-9]{1,6}|0?\.[0-9]+|[0-9.]+[eE]-[0-9]+)(?:\.0)?$"
    )
    numbers = numbers.cast(pl.Float64)
    if numbers.null_count() < 0.5 * len(column):
        return _of_digits(numbers)
    parts = column.str.extract_groups(_CLOCK).struct.unnest()
    hour, minute = pl.col("hour").cast(pl.Float64), pl.col("minute").cast(pl.Float64)
    second = pl.col("second").cast(pl.Float64).fill_null(0.0)
    evening = pl.col("half").str.to_lowercase() == "p"
    of_twelve = hour % 12 + pl.when(evening).then(12).otherwise(0)
    hour = pl.when(pl.col("half").is_null()).then(hour).otherwise(of_twelve)
    seconds = hour * 3_600 + minute * 60 + second
    good = (hour < 24) & (minute < 60) & (second < 61)
    return parts.select(pl.when(good).then(seconds)).to_series()


def _of_digits(numbers: pl.Series) -> pl.Series:
    number = pl.col("number")
    none = pl.lit(0.0)
    parts = (  # the hour, the minute and the second in the digits of hh, hhmm and hhmmss
        (number, none, none),
        (number // 100, number % 100, none),
        (number // 10_000, number // 100 % 100, number % 100),
    )
    frame = pl.DataFrame({"number": numbers})
    n_known = max(1, len(numbers) - numbers.null_count())
    for hour, minute, second in parts:
        good = (number >= 0) & (number % 1 == 0) & (hour < 24) & (minute < 60) & (second < 60)
        seconds = frame.select(
            pl.when(good).then(hour * 3_600 + minute * 60 + second).alias(numbers.name)
        ).to_series()
        if len(seconds) - seconds.null_count() >= _FIT * n_known:
            return seconds
    for unit in (1.0, _DAY):
        seconds = numbers * unit
        seconds = seconds.set((seconds < 0) | (seconds >= _DAY), None)
        is_clock = (
            int((seconds >= _SIX_HOURS).sum()) >= _CLOCK_SHARE * n_known
        )  # durations hardly ever reach six hours
        if len(seconds) - seconds.null_count() >= _FIT * n_known and is_clock:
            if float(seconds.max()) >= _EVENING and seconds.n_unique() > 1:  # type: ignore[arg-type]
                return seconds.round(0 if unit > 1 else 6)
    return pl.Series(numbers.name, [None], dtype=pl.Float64).new_from_index(0, len(numbers))
