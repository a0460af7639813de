"""Dates whose day and month a spreadsheet exchanged, beside dates that it left as text."""

import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.readers.time_numbers import seconds_of
from pennyweight.data.readers.time_order import DoubtfulTimes

__all__ = ["AS_WRITTEN", "SWAPPED", "check_swapped", "check_year_day_month"]

Floats = NDArray[np.float64]
SWAPPED, AS_WRITTEN = "swapped", "as-written"
_DAY, _TWELVE = 86_400.0, 12
_1900 = -2_208_988_800.0
_TEXT = r"^\s*[0-9]{1,2}[-/. ]\s?[0-9]{1,2}[-/. ]\s?(?:[0-9]{4}|[0-9]{2})(?:\D|$)"
_OF_TEXT = re.compile(r"(day|month)\W(day|month)\W")
# Of all days, 39 % are days up to the twelfth of a month.
_UP_TO_TWELFTH, _CHANCE, _ODD = 0.39, 0.01, 0.05
_YEAR_DAY_MONTH = r"^[0-9]{4}([-/.])(?:1[3-9]|2[0-9]|3[01])[-/.](?:0?[1-9]|1[0-2])(?:\D|$)"
_YEAR_MONTH_DAY = r"^[0-9]{4}[-/.](?:0?[1-9]|1[0-2])[-/.](?:1[3-9]|2[0-9]|3[01])(?:\D|$)"
_FEW = 0.02


def check_swapped(
    text: pl.Series, seconds: Floats, forms: Mapping[str, int], where: str, time_format: str | None
) -> Floats:
    """Return the seconds, with exchanged dates corrected if the format says so.

    A spreadsheet of another country takes 07/01/2022 for a date of July and leaves 26/01/2022 as
    text. Its export then has no date above the twelfth, and no text up to the twelfth.

    Raises
    ------
    DoubtfulTimes
        When the dates have this mark, and `time_format` says nothing about it.
    """
    if time_format == AS_WRITTEN or (
        time_format != SWAPPED and (len(forms) < 2 or not any(map(_OF_TEXT.match, forms)))
    ):
        return seconds
    written = text.str.contains(_TEXT).fill_null(value=False).to_numpy()
    is_time = np.isfinite(seconds)
    dated = is_time & ~written & (np.abs(seconds) > _DAY) & (seconds > _1900)
    year, month, day = _calendar(np.where(dated | (is_time & written), seconds, 0.0))
    if time_format == SWAPPED:
        at = dated & (day <= _TWELVE)
        exchanged = seconds_of(year[at], day[at], month[at]) + seconds[at] % _DAY
        fixed = seconds.copy()
        fixed[at] = exchanged
        return fixed
    late_days, early_days = day[dated] > _TWELVE, day[is_time & written] <= _TWELVE
    n, m = len(late_days), len(early_days)
    if not n or not m or late_days.sum() > _ODD * n or early_days.sum() > _ODD * m:
        return seconds
    if n * np.log(_UP_TO_TWELFTH) + m * np.log(1 - _UP_TO_TWELFTH) > np.log(_CHANCE):
        return seconds
    date_example, text_example = (
        text.filter(pl.Series(dated))[0],
        text.filter(pl.Series(is_time & written))[0],
    )
    raise DoubtfulTimes(
        f"{where}: the {m:,} dates such as {text_example!r} are all after the twelfth of a month, "
        f"and the {n:,} such as {date_example!r} all up to it: a spreadsheet may have exchanged "
        "day and month where it could. If it did, --time-format swapped exchanges them back; if "
        "the dates are right, --time-format as-written (time_format in Python and in [data] of "
        "the plan)"
    )


def check_year_day_month(text: pl.Series, where: str) -> None:
    """Stop where dates with the year first have the day before the month.

    Raises
    ------
    DoubtfulTimes
        When more than a few have a number above twelve where the month would be.
    """
    strange = text.str.contains(_YEAR_DAY_MONTH).fill_null(value=False)
    n = int(strange.sum())
    if not n or n <= max(1, _FEW * (len(text) - text.null_count())):
        return
    plain = int(text.str.contains(_YEAR_MONTH_DAY).sum())
    example = text.filter(strange)[0]
    mark = example[4]
    remedy = f"'%Y{mark}%d{mark}%m{_clock(example)}'"
    if plain:
        raise DoubtfulTimes(
            f"{where}: two orders of day and month are mixed: {n:,} dates are year, day, month "
            f"(e.g. {example!r}) and {plain:,} year, month, day; the others could be either. Write "
            f"them in one form; --time-format {remedy} reads the first only, --time-format iso the "
            "second (time_format in Python and in [data] of the plan)"
        )
    raise DoubtfulTimes(
        f"{where}: {n:,} dates are year, day, month, such as {example!r}, and none is surely year, "
        f"month, day. Read them with --time-format {remedy} (time_format in Python and in [data] "
        "of the plan)"
    )


def _clock(example: str) -> str:
    """Return the pattern of the time of day after a date of up to ten characters."""
    match = re.search(r"([ T])\d{1,2}(:\d{2})?(:\d{2})?(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$", example)
    if match is None:
        return ""
    parts = zip(match.groups(), (None, ":%M", ":%S", "%.f", "%#z"), strict=True)
    return (match[1] + "%H") + "".join(code for part, code in parts if part and code)


def _calendar(seconds: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    days = np.floor(seconds / _DAY).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    return year, month, (days - months).astype(np.int64) + 1
