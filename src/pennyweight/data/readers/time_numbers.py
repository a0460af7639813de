"""Numbers as times: epochs, compact dates and spreadsheet days, each value on its own."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = [
    "EPOCHS",
    "NumberForms",
    "classify",
    "day_numbers",
    "digits_of_dates",
    "epoch",
    "excel_days",
    "months",
    "seconds_of",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NumberForms:
    """Numbers read one by one.

    Attributes
    ----------
    seconds
        Epoch seconds, NaN where a number is no date, float64 (n,).
    form
        Position in `names` of the form of each number, -1 where it has none, int8 (n,).
    names
        The forms.
    plausible
        Whether a number is a moment from 1973 to 2100, bool (n,).
    """

    seconds: Floats
    form: NDArray[np.int8]
    names: tuple[str, ...]
    plausible: NDArray[np.bool_]


# Name, units a second, seconds between the origin and 1970, and the magnitudes of the form.
# The ranges of the clocks of .NET (from 2000 to 2040), Windows and Chrome lie within those of
# nanoseconds (the first months of 1990, of 1974) and microseconds (the years around 2390).
_SINCE_1601, _SINCE_0001 = 11_644_473_600.0, 62_135_596_800.0
EPOCHS = {
    "epoch s": (1.0, 0.0, 1e8, 1e11),
    "epoch ms": (1e3, 0.0, 1e11, 1e14),
    "epoch us": (1e6, 0.0, 1e14, 1e17),
    "epoch ns": (1e9, 0.0, 1e17, np.inf),
    "WebKit microseconds since 1601": (1e6, _SINCE_1601, 1.259e16, 1.386e16),
    "Windows ticks since 1601": (1e7, _SINCE_1601, 1.259e17, 1.386e17),
    ".NET ticks since 0001": (1e7, _SINCE_0001, 6.3082e17, 6.4345e17),
}
_COMPACT = {  # digits -> name, divisor that leaves the date, fields of the clock
    8: ("YYYYMMDD", 1, 0),
    10: ("YYYYMMDDhh", 100, 1),
    12: ("YYYYMMDDhhmm", 10_000, 2),
    14: ("YYYYMMDDhhmmss", 1_000_000, 3),
}
_SHORT = {  # name -> summand for the century, digits with it, and the magnitudes
    "YYMMDDhhmm": (2e11, 12, 1e8, 7e9),
    "YYMMDDhhmmss": (2e13, 14, 1e10, 7e11),
}
_EARLIEST, _LATEST = 1e8, 4_102_444_800.0  # 1973 to 2100
_FIRST_MONTH, _LAST_MONTH = 197_001, 210_012
_1990_IN_DAYS, _2070_IN_DAYS = 32_874, 62_094
_2010_IN_DAYS, _2035_IN_DAYS = 14_610, 23_741
_EXCEL_1970 = 25_569
_JULIAN_1970 = 2_440_587.5
_JULIAN_2000, _JULIAN_2070 = 2_451_544, 2_477_112
_ODD, _MANY = 0.05, 10  # share of numbers that may be errors; numbers from which on one may be


def epoch(values: Floats, name: str) -> Floats:
    """Return epoch seconds of numbers in one unit."""
    scale, origin, _, _ = EPOCHS[name]
    return values / scale - origin


def classify(values: Floats) -> NumberForms:
    """Read every number in the form of its magnitude and digits.

    Numbers below 1e8 are dates only as YYYYMMDD, and these only where at least half of the numbers
    of that size are calendar dates: counters and offsets have such sizes too.
    """
    seconds = np.full(len(values), np.nan)
    form = np.full(len(values), -1, np.int8)
    names = (*EPOCHS, *(name for name, _, _ in _COMPACT.values()), *_SHORT)
    for code, (scale, origin, low, high) in enumerate(EPOCHS.values()):
        inside = (values >= low) & (values < high)
        seconds[inside] = values[inside] / scale - origin
        form[inside] = code
    for code, digits in enumerate(_COMPACT, start=len(EPOCHS)):
        scale = 10.0 ** (digits - 8)
        rows = np.flatnonzero((values >= 19_700_101 * scale) & (values < 21_010_101 * scale))
        read = _compact(values[rows], digits)
        real = np.isfinite(read)
        # Epochs of the years around 2035 have ten digits of this size too.
        distinct = 5 if digits == 10 else 1
        if len(rows) and real.mean() >= 0.5 and len(np.unique(values[rows[real]])) >= distinct:
            seconds[rows], form[rows] = read, np.where(real, code, -1)
    for code, name in enumerate(_SHORT, start=len(EPOCHS) + len(_COMPACT)):
        prefix, digits, low, high = _SHORT[name]
        rows = np.flatnonzero((values >= low) & (values < high))
        # Epochs have these sizes too, of which one in two hundred is such a date by chance.
        for subset in (rows[:1_000], rows):
            read = _compact(values[subset] + prefix, digits)
            if not _nearly_all(np.isfinite(read), values[subset], distinct=5):
                break
        else:
            seconds[rows], form[rows] = read, np.where(np.isfinite(read), code, -1)
    plausible = (seconds >= _EARLIEST) & (seconds <= _LATEST)
    plausible |= form >= len(EPOCHS)
    return NumberForms(seconds, form, names, plausible)


def _compact(values: Floats, digits: int) -> Floats:
    """Read YYYYMMDD with an optional hhmm or hhmmss; NaN for other numbers."""
    _, divisor, fields = _COMPACT[digits]
    integers = values.astype(np.int64)
    date, clock = integers // divisor, integers % divisor
    seconds = _days(date // 10_000, date // 100 % 100, date % 100) * 86_400
    bad = np.asarray(integers != values)
    for field in range(fields):
        part = clock // 100 ** (fields - 1 - field) % 100
        bad |= part > (59 if field else 23)
        seconds += part * (3_600, 60, 1)[field]
    seconds[bad] = np.nan
    return seconds


def _days(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> Floats:
    """Return the days since 1970 of a date, NaN for a day that does not exist."""
    good = (month >= 1) & (month <= 12) & (day >= 1) & (year >= 1) & (year <= 9999)
    start = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    date = start.astype("datetime64[D]") + np.where(good, day - 1, 0)
    good &= date.astype("datetime64[M]") == start
    return np.where(good, date.astype(np.int64), np.nan)


def seconds_of(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> Floats:
    """Return the epoch seconds at the start of a day, NaN for a day that does not exist."""
    return _days(year, month, day) * 86_400


def months(values: Floats) -> Floats | None:
    """Read YYYYMM; None unless nearly all numbers are such months from 1970 to 2100 and vary."""
    integers = values.astype(np.int64)
    month = integers % 100
    good = (integers == values) & (month >= 1) & (month <= 12)
    good &= (values >= _FIRST_MONTH) & (values <= _LAST_MONTH)
    if not _nearly_all(good, values):
        return None
    seconds = seconds_of(integers // 100, np.where(good, month, 1), np.ones_like(integers))
    seconds[~good] = np.nan
    return seconds


def excel_days(values: Floats, *, always: bool = False) -> Floats | None:
    """Read day numbers of spreadsheets (45,246.54 is 16 November 2023, 12:57:36).

    Without `always`, None unless nearly all numbers are days from 1990 to 2070 and vary.
    """
    good = np.full(len(values), always)
    if not always:
        good = (values >= _1990_IN_DAYS) & (values <= _2070_IN_DAYS)
        if not _nearly_all(good, values):
            return None
    # Seconds are rounded: a day has no finite fraction for most of them.
    return np.where(good, np.round((values - _EXCEL_1970) * 86_400, 3), np.nan)


def day_numbers(values: Floats) -> tuple[str, Floats] | None:
    """Read days since 1970, Julian days, and YYYYDDD, a year with the number of the day in it.

    None unless nearly all numbers are such days from 2010 to 2035, from 2000 to 2070, or from 1970
    to 2100, and vary.
    """
    good = (values >= _2010_IN_DAYS) & (values <= _2035_IN_DAYS)
    if _nearly_all(good, values, distinct=3):
        return "days since 1970", np.where(good, np.round(values * 86_400, 3), np.nan)
    good = (values >= _JULIAN_2000) & (values <= _JULIAN_2070)
    if _nearly_all(good, values, distinct=3):
        seconds = np.round((values - _JULIAN_1970) * 86_400, 3)
        return "Julian days", np.where(good, seconds, np.nan)
    integers = values.astype(np.int64)
    year, day = integers // 1_000, integers % 1_000
    good = (integers == values) & (year >= 1970) & (year <= 2100) & (day >= 1) & (day <= 366)
    if _nearly_all(good, values, distinct=3):
        first = np.ones_like(year)
        seconds = seconds_of(np.where(good, year, 1970), first, first) + (day - 1) * 86_400
        return "YYYYDDD", np.where(good, seconds, np.nan)
    return None


def digits_of_dates(values: Floats) -> pl.Series | None:
    """Write numbers such as 18052024, 5182024 and 240518 with separators, as text.

    None unless nearly all have six or eight digits, of which the first may be lost, and are
    dates with the day, the month or a short year first.
    """
    integers = values.astype(np.int64)
    if len(values) and values.min() >= _2010_IN_DAYS and values.max() <= _2035_IN_DAYS:
        return None  # 20202 is no 2 February 2002 where all are days since 1970
    for digits in (8, 6):
        text = pl.Series(integers).cast(pl.String).str.zfill(digits)
        parts = [
            text.str.slice(at, size).cast(pl.Int64, strict=False).fill_null(0).to_numpy()
            for at, size in ((0, 2), (2, 2), (4, digits - 4))
        ]
        size = (integers == values) & (text.str.len_chars() == digits).to_numpy()
        first, second, last = parts
        year = (last >= 1970) & (last <= 2100) if digits == 8 else last >= 0
        good = size & year & np.isfinite(_days(np.full_like(last, 2000), second, first))
        good |= size & year & np.isfinite(_days(np.full_like(last, 2000), first, second))
        if digits == 6:
            good |= size & np.isfinite(_days(np.full_like(last, 2000), second, last))
        if _nearly_all(good, values, distinct=3):
            return text.str.replace(r"^(..)(..)(.*)$", "$1-$2-$3")
    return None


def _nearly_all(good: NDArray[np.bool_], values: Floats, distinct: int = 2) -> bool:
    """Say whether the good values vary, and the others are few enough to be errors."""
    odd = len(good) - int(good.sum())
    return odd <= (_ODD * len(good) if len(good) < _MANY else max(1, _ODD * len(good))) and (
        len(np.unique(values[good])) >= distinct
    )
