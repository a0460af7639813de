"""The time of one row, quickly where it is an epoch, ISO 8601 or of a given pattern."""

from datetime import UTC, datetime
from functools import lru_cache

import polars as pl

from pennyweight.data.readers.time_format import UNITS
from pennyweight.data.readers.time_numbers import EPOCHS
from pennyweight.data.times import SMALLEST_DATE, parse_times
from pennyweight.errors import DataError

__all__ = ["time_of"]

LATEST = 4_102_444_800.0  # 2100
REMEMBERED = 1 << 16  # texts in other forms, which take milliseconds to read


def time_of(text: str, time_format: str | None) -> float:
    """Return epoch seconds of a time as `parse_times` reads it alone; NaN where it is none.

    Raises
    ------
    DataError
        It can be read in several ways, or not at all.
    """
    text = text.strip()
    number = _number(text)
    if time_format in (None, "iso"):
        seconds = _iso(text) if number is None else _epoch(number)
        if seconds is not None:
            return seconds
        if number is None:
            raise DataError(
                f"time {text!r:.40} is neither ISO 8601 nor epoch; say how times are written with "
                "--time-format"
            )
    elif time_format in UNITS and number is not None:
        return number / EPOCHS[UNITS[time_format]][0]
    elif "%" in time_format:
        return _of_pattern(text, time_format)
    return _parsed(text, time_format)


@lru_cache(REMEMBERED)
def _parsed(text: str, time_format: str | None) -> float:
    try:
        times = parse_times(pl.Series("time", [text]), time_format=time_format)
    except DataError:
        raise DataError(f"time {text!r:.40} cannot be read in one way only") from None
    return float(times.values[0])


def _of_pattern(text: str, pattern: str) -> float:
    try:
        return _seconds(datetime.strptime(text, pattern))
    except ValueError:
        raise DataError(f"time {text!r:.40} is not as in --time-format {pattern}") from None


def _iso(text: str) -> float | None:
    try:
        return _seconds(datetime.fromisoformat(text))
    except ValueError:
        return None


def _seconds(time: datetime) -> float:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _epoch(number: float) -> float | None:
    for name in UNITS.values():
        units, _, low, high = EPOCHS[name]
        if low <= number < high:
            seconds = number / units
            return seconds if SMALLEST_DATE <= seconds < LATEST else None
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
