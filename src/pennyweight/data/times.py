"""Times in all common forms, as epoch seconds, or as positions where they cannot be dates."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.readers.time_doubts import refuse_lost_digits, refuse_mixed_zones
from pennyweight.data.readers.time_east_asian import plain_signs
from pennyweight.data.readers.time_format import read_as
from pennyweight.data.readers.time_numbers import (
    EPOCHS,
    classify,
    day_numbers,
    digits_of_dates,
    excel_days,
    months,
)
from pennyweight.data.readers.time_order import ORDERS, DoubtfulTimes
from pennyweight.data.readers.time_relative import relative_order
from pennyweight.data.readers.time_swapped import AS_WRITTEN, check_swapped, check_year_day_month
from pennyweight.data.readers.time_text import read_text
from pennyweight.errors import DataError

__all__ = ["PLAIN_FORMS", "RowOrder", "TimeReading", "Times", "moment", "parse_times"]

Floats = NDArray[np.float64]
# Before this (March 1973 in seconds) a number is a position, not a date.
SMALLEST_DATE = 1e8
ISO, POSITIONS, MONTHS, EXCEL = "ISO 8601", "positions", "YYYYMM", "spreadsheet days"
# Unambiguous forms.
PLAIN_FORMS = (ISO, POSITIONS, "date", "datetime", "YYYYMMDD", *list(EPOCHS)[:4])
_MISSING = (0.0, -1.0, -9.0, -99.0, -999.0, -9999.0)
_MAX_SMALL, _MAX_IMPLAUSIBLE = 0.05, 0.2  # largest shares of numbers that are no dates
_YEAR = 366 * 86_400.0
_YEAR_100 = -59_011_459_200.0
# Years that the calendars of Iran, Islam and Thailand give to our time; and of how many dates.
_OTHER_CALENDARS = ((1300, 1500, "Persian or Islamic"), (2400, 2700, "Buddhist"))
_MIN_SHARE = 0.5
_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M%#z",
)
# Digits of full width and of the Arabic, Persian, Devanagari and Bengali scripts.
_DIGITS = {
    chr(zero + digit): str(digit)
    for zero in (0xFF10, 0x660, 0x6F0, 0x966, 0x9E6)
    for digit in range(10)
} | {"\uff0f": "/", "\uff1a": ":", "\uff0d": "-", "\u2212": "-", "\u3000": " "}
# 20231115021322Z as in directories (LDAP), 2023-11-15 02:13:22 +0000 UTC as Go prints times.
_STAMP = r"^(?:(\d{14})(?:\.\d+)?Z|(.*\d [+-]\d{4}) [A-Z]{2,5}(?: m=.*)?)$"
_WEEK = r"^(\d{4})-?[Ww](\d{2})$"
_GAP = r"[ ,.'\x{a0}\x{202f}\x{2009}]"
_CLOCK_FIRST = (
    r"^(\d{1,2}[:h]\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[AaPp]\.?[Mm]\.?)?)[\s,]+(\S*\d{1,4}[-/.\s].*)$"
)
_NO_COLUMN = "--time-column '', columns={'time': None}"
_LEAVE_OUT = (
    f"leave it out with {_NO_COLUMN}: the rows then count as in order of time, oldest first; where "
    "the newest come first, add --row-order newest-first, row_order='newest-first'"
)


RowOrder = Literal["oldest-first", "newest-first"]


@dataclass(frozen=True)
class TimeReading:
    """The settings for reading the times of an event log.

    Attributes
    ----------
    now
        Epoch seconds after which a time lies in the future.
    time_format
        How they are written, see `parse_times`.
    row_order
        The order of the rows where there is no time; None: not said.
    seed
        Of the draw that orders events of one user at one moment.
    """

    now: float
    time_format: str | None = None
    row_order: RowOrder | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.row_order not in (None, "oldest-first", "newest-first"):
            raise DataError(
                f"row_order is {self.row_order!r}; it must be 'oldest-first' or 'newest-first'"
            )


@dataclass(frozen=True)
class Times:
    """Parsed times.

    Attributes
    ----------
    values
        Epoch seconds (UTC where the source gives no zone) or positions, NaN where missing
        or unreadable, float64 (n,).
    real_time
        Whether the values are dates.
    forms
        The forms that were read and how many values have each, the most frequent first.
    """

    values: Floats
    real_time: bool
    forms: dict[str, int] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """The most frequent form, e.g. ``"epoch ms"``, ``"ISO 8601"``, ``"positions"``."""
        return next(iter(self.forms), POSITIONS)


def moment(seconds: float) -> str:
    """Return epoch seconds as a readable date; an impossible year as a number."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s"


def parse_times(
    column: pl.Series, source: str = "events", *, time_format: str | None = None
) -> Times:
    """Parse a column of times, each value in the form that it has.

    Accepts epochs in any unit (distinguished by magnitude, value by value), ISO 8601, dates with
    the day or the month first, with names of months, RFC 2822, compact dates such as 20220224,
    days of spreadsheets, and polars dates and datetimes. Small numbers are positions.

    Parameters
    ----------
    column
        The values as read.
    source
        The file, for messages.
    time_format
        How to read them: a strptime pattern, or a word of `time_format.WORDS`.

    Raises
    ------
    DataError
        When the type cannot hold times, not one value can be read, or values can be read in
        two ways and nothing decides.
    """
    where = f"{source}: column {column.name!r}"
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime) or dtype == pl.Date:
        stamps = column.cast(pl.Datetime("us")).dt.timestamp("us").cast(pl.Float64) / 1e6
        name = "date" if dtype == pl.Date else "datetime"
        return Times(_array(stamps), True, {name: len(column)})
    if isinstance(dtype, pl.Duration):  # since an unknown origin
        seconds = column.dt.total_microseconds().cast(pl.Float64) / 1e6
        return Times(_array(seconds), False, {POSITIONS: len(column)})
    if not (
        dtype.is_numeric() or isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null)
    ):
        raise DataError(
            f"{where} holds {dtype}, not times; write ISO 8601 or epoch seconds, or {_LEAVE_OUT}"
        )
    if time_format is not None and time_format != "iso":
        formatted = read_as(column, time_format, where)
        if formatted is not None:
            if formatted.real_time:
                _check_calendar(formatted.seconds, column, where)
            return Times(
                formatted.seconds, formatted.real_time, {formatted.name: _count(formatted.seconds)}
            )
    order = time_format if time_format in ORDERS else None
    if dtype.is_numeric():
        numbers = _array(column)
        text = np.full(len(numbers), np.nan)
        return _join_times(numbers, text, {}, column, where, order)
    return _of_text(column, where, time_format, order)


def _of_text(column: pl.Series, where: str, time_format: str | None, order: str | None) -> Times:
    """Read texts: numbers as numbers, the others as dates."""
    strings = _bare(column.cast(pl.String))
    refuse_lost_digits(strings, where)
    if time_format != AS_WRITTEN:
        refuse_mixed_zones(strings, where)
    numbers = _array(strings.cast(pl.Float64, strict=False))
    if time_format == "iso":
        numbers[:] = np.nan
    rest = strings.set(pl.Series(np.isfinite(numbers)), None)
    if time_format not in ("iso", AS_WRITTEN):
        check_year_day_month(rest, where)
    text, forms = _read_dates(rest, where, order)
    times = _join_times(numbers, text, forms, column, where, order)
    if not times.real_time:
        return times
    at = check_swapped(strings, times.values, times.forms, where, time_format)
    return replace(times, values=at)


def _array(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)


def _count(values: Floats) -> int:
    return int(np.isfinite(values).sum())


def _bare(text: pl.Series) -> pl.Series:
    """Return texts without the wrappers that exports add around times and within numbers."""
    text = text.str.strip_chars()
    if text.str.contains(r"[^\x00-\x7F]").any():
        text = plain_signs(text.str.replace_many(list(_DIGITS), list(_DIGITS.values())))
    sample = text.drop_nulls().head(1_000)
    if sample.str.contains(_WEEK).any():
        weeks = text.str.replace(_WEEK, "$1-W$2-1").str.to_date("%G-W%V-%u", strict=False)
        text = weeks.cast(pl.String).fill_null(text)  # the Monday
    if sample.str.contains(_STAMP).any():
        text = text.str.replace(_STAMP, "$1$2")
    if not sample.str.contains(
        r"""^(?:["'\[/]|ISODate|Timestamp|\d{1,3}(?:[ ,.'\x{a0}\x{202f}\x{2009}]\d{3}){2,}$|"""
        r"""\d{4,},\d+$|\d{1,2}[:h]\d{2}.*[\s,]\S)"""
    ).any():
        return text
    return (
        text.str.replace(r"^(?:ISODate|Timestamp)?\(?[\"']?(.*?)[\"']?\)?$", "$1")
        .str.replace(r"^/Date\((-?\d+)(?:[+-]\d{4})?\)?/$", "$1")
        .str.replace(r"^\[(.*)\]$", "$1")
        .str.replace(r"^(\d{4,}),(\d+)$", "$1.$2")
        .str.replace(_CLOCK_FIRST, "$2 $1")
        .str.replace_all(
            rf"^(\d{{1,3}}){_GAP}(\d{{3}}){_GAP}(\d{{3}})"
            rf"(?:{_GAP}(\d{{3}}))?(?:{_GAP}(\d{{3}}))?(?:{_GAP}(\d{{3}}))?$",
            "$1$2$3$4$5$6",
        )
    )


def _read_dates(text: pl.Series, where: str, order: str | None) -> tuple[Floats, dict[str, int]]:
    """Read dates as text: ISO 8601 with a fast parser, all other forms by pattern."""
    seconds = _array(_first_match(text))
    iso = _count(seconds)
    rest = (text.is_not_null() & pl.Series(np.isnan(seconds))).arg_true()
    forms = {ISO: iso} if iso else {}
    if len(rest):
        read = read_text(text.gather(rest), where, order)
        seconds[rest.to_numpy()] = read.seconds
        for code, name in enumerate(read.names):
            forms[name] = forms.get(name, 0) + int((read.form == code).sum())
    return seconds, {name: count for name, count in forms.items() if count}


def _join_times(
    numbers: Floats,
    text: Floats,
    forms: dict[str, int],
    column: pl.Series,
    where: str,
    order: str | None,
) -> Times:
    """Join the times from numbers and from texts, and decide whether they are dates at all."""
    numeric = np.flatnonzero(np.isfinite(numbers))
    if len(numeric):
        values, real, number_forms = _numbers(
            numbers[numeric], text[np.isfinite(text)], where, order
        )
        text[numeric] = values
        forms = forms | number_forms
    else:
        real = True
    if not np.isfinite(text).any():
        samples = column.cast(pl.String).drop_nulls().unique(maintain_order=True).head(3)
        examples = ", ".join(map(repr, samples)) or "nothing but missing values"
        _refuse_relative(column.cast(pl.String), examples, where)
        raise DataError(
            f"{where}: no time can be read: {examples}. Write epoch seconds or ISO 8601 "
            f"(2022-02-24T10:30:00Z), say how to read them with --time-format, or {_LEAVE_OUT}"
        )
    if real:
        _check_calendar(text, column, where)
    ranked = sorted(forms.items(), key=lambda pair: -pair[1])
    return Times(text, real, dict(ranked))


def _refuse_relative(texts: pl.Series, examples: str, where: str) -> None:
    """Stop where times count back from an export, and name the order of the rows."""
    order = relative_order(texts)
    if order is None:
        return
    both = (
        f"{_NO_COLUMN} where the oldest come first, and with --row-order newest-first, "
        "row_order='newest-first' as well where the newest do"
    )
    by_row_order = f"{_NO_COLUMN} and --row-order {order}, row_order={order!r}: so they are here"
    raise DataError(
        f"{where}: {examples} count back from an export, and the day of it is not known. "
        "Export the table with dates, or let the order of the rows stand for the time: "
        f"{by_row_order if order else both}"
    )


def _check_calendar(seconds: Floats, column: pl.Series, where: str) -> None:
    """Stop where most dates are of another calendar."""
    dates = seconds[np.isfinite(seconds)]
    years = np.floor(dates / (365.2425 * 86_400)) + 1970
    for first, last, name in _OTHER_CALENDARS:
        inside = (years >= first) & (years <= last)
        if inside.sum() > _MIN_SHARE * len(dates) and len(np.unique(dates[inside])) > 2:
            row = np.flatnonzero(np.isfinite(seconds))[inside][0]
            raise DataError(
                f"{where}: {int(inside.sum()):,} of {len(dates):,} dates are of the "
                f"years {first} to {last}, such as {str(column[int(row)])!r}: the "
                f"{name} calendar? Write them in the Gregorian calendar (ISO 8601), "
                f"or {_LEAVE_OUT}"
            )


def _numbers(
    values: Floats, dates: Floats, where: str, order: str | None
) -> tuple[Floats, bool, dict[str, int]]:
    """Read numbers beside dates in text: as dates, or all as positions."""
    read = classify(values)
    seconds, form, names = read.seconds, read.form.astype(np.int64), [*read.names]
    filler = np.isin(values, _MISSING)
    small = ~filler & (form < 0)
    implausible = (form >= 0) & ~read.plausible
    plausible = np.concatenate([dates, seconds[read.plausible]])
    if not len(plausible) and not implausible.any():
        return _small_numbers(values, filler, where, order)
    if len(plausible) and small.any():
        _read_spreadsheet_days(values, seconds, form, names, small, plausible)
        small &= form < 0
    n = len(plausible) + int(small.sum() + implausible.sum())
    if len(plausible) and (
        small.sum() > max(1, _MAX_SMALL * n) or implausible.sum() > max(1, _MAX_IMPLAUSIBLE * n)
    ):
        raise DoubtfulTimes(_mixed_kinds(values, seconds, small | implausible, names, form, where))
    seconds[filler] = 0.0
    counts = np.bincount(form[form >= 0], minlength=len(names))
    return seconds, True, {n: int(c) for n, c in zip(names, counts, strict=True) if c}


def _small_numbers(
    values: Floats, filler: NDArray[np.bool_], where: str, order: str | None
) -> tuple[Floats, bool, dict[str, int]]:
    real = values[~filler]
    for name, read in ((MONTHS, months(real)), (EXCEL, excel_days(real))):
        if read is not None:
            seconds = np.zeros(len(values))
            seconds[~filler] = read
            return seconds, True, {name: int(np.isfinite(read).sum())}
    days = day_numbers(real)
    if days is not None:
        seconds = np.zeros(len(values))
        seconds[~filler] = days[1]
        return seconds, True, {days[0]: int(np.isfinite(days[1]).sum())}
    written = digits_of_dates(real)
    if written is not None:  # a date without separators, whose order its values decide
        read_as_text = read_text(written, where, order)
        seconds = np.zeros(len(values))
        seconds[~filler] = read_as_text.seconds
        return (
            seconds,
            True,
            {
                f"{name} without separators": int((read_as_text.form == code).sum())
                for code, name in enumerate(read_as_text.names)
            },
        )
    return values, False, {POSITIONS: len(values)}


def _read_spreadsheet_days(
    values: Floats,
    seconds: Floats,
    form: NDArray[np.int64],
    names: list[str],
    small: NDArray[np.bool_],
    plausible: Floats,
) -> None:
    """Read spreadsheet months and days that fall among the dates of the other forms."""
    low, high = plausible.min() - _YEAR, plausible.max() + _YEAR
    rows = np.flatnonzero(small)
    for name, read in (
        (MONTHS, months(values[rows])),
        (EXCEL, excel_days(values[rows], always=True)),
    ):
        if read is not None:
            inside = (read >= low) & (read <= high)
            if inside.mean() >= 0.5:
                seconds[rows[inside]], form[rows[inside]] = read[inside], len(names)
                names.append(name)
                return


def _mixed_kinds(
    values: Floats,
    seconds: Floats,
    others: NDArray[np.bool_],
    names: list[str],
    form: NDArray[np.int64],
    where: str,
) -> str:
    dated = np.flatnonzero(~others & (form >= 0))
    other = "dates written as text"
    option = "iso"
    if len(dated):
        name = names[int(np.bincount(form[dated]).argmax())]
        row = dated[form[dated] == names.index(name)][0]
        other = f"{len(dated):,} that could be {name} ({values[row]:.15g} = {moment(seconds[row])})"
        option = name.replace(" ", "-") if name in list(EPOCHS)[:4] else name
    row = np.flatnonzero(others)[0]
    return (
        f"{where} holds numbers of two kinds: {int(others.sum()):,} that are no dates of our time "
        f"(such as {values[row]:.15g}) and {other}. Choose one: --time-format positions, "
        f"or --time-format {option}, which drops all others (time_format in Python and "
        f"in [data] of the plan); or {_LEAVE_OUT}"
    )


def _first_match(text: pl.Series) -> pl.Series:
    seconds = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(text))
    sample = text.drop_nulls().head(100)  # trying a format costs as much as parsing
    for form in sorted(_FORMATS, key=lambda form: _epoch(sample, form).null_count()):
        if _epoch(sample, form).null_count() == len(sample):
            break
        rest = (seconds.is_null() & text.is_not_null()).arg_true()
        if len(rest):
            seconds = seconds.scatter(rest, _epoch(text.gather(rest), form))
    return seconds


def _epoch(text: pl.Series, form: str) -> pl.Series:
    if form == "%Y-%m-%d":
        days = text.str.to_date(form, strict=False)
        seconds = days.cast(pl.Int32).cast(pl.Float64) * 86_400
    else:
        stamps = text.str.to_datetime(form, strict=False, time_unit="us")
        seconds = stamps.dt.timestamp("us").cast(pl.Float64) / 1e6
    if (seconds < _YEAR_100).any():  # 22-01-07 is no date of the year 22
        seconds = seconds.set((seconds < _YEAR_100) & ~text.str.contains(r"^[0-9]{4}"), None)
    return seconds
