"""Dates and times as text: one pattern for each form, each value on its own."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.readers.month_names import AmbiguousMonths, month_numbers
from pennyweight.data.readers.time_numbers import seconds_of
from pennyweight.data.readers.time_order import DoubtfulTimes, full_year, read_numeric

__all__ = ["TextTimes", "english_months", "read_text"]

Floats = NDArray[np.float64]

# Names of months by their first letters, in English and the neighboring languages.
_MONTHS = {
    1: "jan ene gen янв sty oca",
    2: "feb fev fév фев lut şub",
    3: "mar mär maa mrt мар",
    4: "apr abr avr апр kwi nis",
    5: "may mai mei mag maj май мая",
    6: "jun juin giu июн cze haz",
    7: "jul juil lug июл lip tem",
    8: "aug ago aoû aou авг sie ağu",
    9: "sep set сен wrz eyl",
    10: "oct okt out ott окт paź eki",
    11: "nov ноя lis kas",
    12: "dec dez dic déc дек gru ara",
}
_MONTH_OF = {name: number for number, names in _MONTHS.items() for name in names.split()}
_CLOCK = (
    r"(?:(?:\s*[Tt]|[\s,:;]+(?:(?:at|um|à|om|kl\.?|a las|alle|в)\s+)?|[-_])"
    r"(?P<hour>\d{1,2})(?:[:.hH](?P<minute>\d{2})"
    r"(?:[:.](?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?)?"
    r"(?:\s*(?P<half>[AaPp])\.?\s?[Mm]\.?)?(?:\s*(?:Uhr|uhr))?)?"
)
_ZONE = (
    r"(?:\s*(?P<zone>[Zz]|[A-Za-z]{2,5}|[A-Z][A-Za-z]+/[A-Za-z_/]+)?\s*"
    r"(?P<offset>[+-]\d{1,2}(?::?\d{2})?)?)?(?:\s*[\[(](?P<bracket>[^\])]*)[\])])?$"
)
_WEEKDAY = r"^(?:\pL{2,10}\.?,?\s+)?"
_NAME = r"(?P<name>[\pL\pM]{3,14}|[\p{Devanagari}]{2,14})\.?"
_TH = r"(?:st|nd|rd|th|er|re|º|ª|\.)?"  # after the day
_OF_YEAR = r"(?:\s*(?:г|года|р|r)\b\.?)?"  # after the year
_NUMERIC = "numeric"
_PATTERNS = {
    "ISO 8601": _WEEKDAY
    + r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?"
    + _CLOCK
    + _ZONE,
    _NUMERIC: _WEEKDAY + r"(?P<a>\d{1,2})(?P<mark>[-/. ])\s?(?P<b>\d{1,2})(?:[-/.]\s?|,?\s)"
    r"(?P<c>\d{4}|\d{2})" + _CLOCK + _ZONE,
    "YYYYMMDDThhmmss": r"^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})[Tt\s_-]"
    r"(?P<hour>\d{2}):?(?P<minute>\d{2}):?(?:(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?" + _ZONE,
    "day, name of the month, year": _WEEKDAY
    + r"(?P<day>\d{1,2})"
    + _TH
    + r"[\s/-]*(?:of |del? |d')?"
    + _NAME
    + r",?[\s/-]*(?:del? )?(?P<year>\d{4}|\d{2})"
    + _OF_YEAR
    + _CLOCK
    + _ZONE,
    "name of the month, day, year": _WEEKDAY + _NAME + r"[\s/-]*(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    r"(?:,\s*|[\s/-]+)(?P<year>\d{4})" + _CLOCK + _ZONE,
    "name of the month, day, time, year": _WEEKDAY + _NAME + r"\s+(?P<day>\d{1,2})\s+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?"
    r"(?:\s+(?P<zone>[A-Za-z]{1,5})?(?P<offset>[+-]\d{2}:?\d{2})?)?\s+(?P<year>\d{4})$",
    "name of the month, year": r"^" + _NAME + r"[\s/.,-]*(?P<year>\d{4})$",
    "month, year": r"^(?P<month>\d{1,2})[/.-](?P<year>\d{4})$",
    "year, name of the month, day": r"^(?P<year>\d{4})[.\s/-]+"
    + _NAME
    + r"[\s/-]+(?P<day>\d{1,2})\.?"
    + _CLOCK
    + _ZONE,
}
_UTC = ("", "z", "utc", "gmt", "ut", "am", "pm")


@dataclass(frozen=True)
class TextTimes:
    """Times read from texts.

    Attributes
    ----------
    seconds
        Epoch seconds, NaN where a text is no moment, float64 (n,).
    form
        Position in `names` of the form of each text, -1 where it has none, int8 (n,).
    names
        The forms.
    """

    seconds: Floats
    form: NDArray[np.int8]
    names: tuple[str, ...]


def read_text(text: pl.Series, where: str, order: str | None = None) -> TextTimes:
    """Read every text in the form that it has.

    Parameters
    ----------
    text
        Strings without spaces around them; null and other texts give NaN.
    where
        The file and column, for messages.
    order
        ``day-first``, ``month-first`` or ``year-first`` where the dates alone do not decide.

    Raises
    ------
    DataError
        When dates can be read in two ways and no value decides, or a time is in a named zone.
    """
    seconds = np.full(len(text), np.nan)
    form = np.full(len(text), -1, np.int8)
    names: list[str] = []
    rest = text.is_not_null().arg_true()
    for name, pattern in _PATTERNS.items():
        if not len(rest):
            break
        # ASCII only: polars casts no digits of other scripts.
        pattern = pattern.replace(r"\d", "[0-9]")
        fields = text.gather(rest).str.extract_groups(pattern).struct.unnest()
        matched = fields["c" if name == _NUMERIC else "year"].is_not_null()
        if matched.any():
            rows, fields = rest.filter(matched), fields.filter(matched)
            subset = text.gather(rows)
            if name == _NUMERIC:
                dates, forms = read_numeric(fields, subset, where, order)
            else:
                dates, forms = _calendar(fields, subset, where), np.full(len(rows), name)
            values = dates + _clock(fields) - _offset(fields, subset, where)
            at, read = rows.to_numpy(), np.isfinite(values)
            seconds[at] = values
            for form_name in np.unique(forms[read]).tolist():
                names += [form_name] * (form_name not in names)
                form[at[read & (forms == form_name)]] = names.index(form_name)
            rest = rest.filter(~matched)
    return TextTimes(seconds, form, tuple(names))


def english_months(text: pl.Series, where: str) -> pl.Series:
    """Return texts with month names of other languages as Jan, Feb ...

    Raises
    ------
    DoubtfulTimes
        Where a name is another month in another language.
    """
    words = text.str.to_lowercase().str.extract_all(r"[\pL\pM]{3,}").explode().drop_nulls()
    for word, number in _months(words, text, where).items():
        english = _MONTHS[number].split()[0] if number != 12 else "dec"
        text = text.str.replace(rf"(?i)\b{word}\b\.?", english.capitalize())
    return text


def _months(names: pl.Series, text: pl.Series, where: str) -> dict[str, int]:
    """Return the month of each name; by its first letters if no language knows it."""
    distinct = names.drop_nulls().unique().sort().to_list()
    try:
        numbers = month_numbers(distinct)
    except AmbiguousMonths as error:
        raise DoubtfulTimes(
            f"{where}: the months of dates such as {text.drop_nulls()[0]!r} can be read in two "
            f"ways: {error}. Write them as numbers, such as 2024-02-29"
        ) from None
    by_prefix = {name: _MONTH_OF.get(name[:4]) or _MONTH_OF.get(name[:3]) for name in distinct}
    return {name: m for name, month in by_prefix.items() if (m := numbers.get(name) or month)}


def _integers(fields: pl.DataFrame, name: str, default: int = 0) -> NDArray[np.int64]:
    if name not in fields.columns:
        return np.full(fields.height, default)
    return fields[name].cast(pl.Int64, strict=False).fill_null(default).to_numpy()


def _calendar(fields: pl.DataFrame, text: pl.Series, where: str) -> Floats:
    if "name" in fields.columns:
        name = fields["name"].str.to_lowercase()
        months = _months(name, text, where)
        number = name.replace_strict(months, default=None, return_dtype=pl.Int64)
        month = number.fill_null(0).to_numpy()
    else:
        month = _integers(fields, "month")
    return seconds_of(full_year(fields["year"]), month, _integers(fields, "day", 1))


def _clock(fields: pl.DataFrame) -> Floats:
    hour, minute, second = (_integers(fields, name) for name in ("hour", "minute", "second"))
    bad = (hour > 24) | (minute > 59) | (second > 60) | ((hour == 24) & (minute + second > 0))
    if "half" in fields.columns:
        half = fields["half"].str.to_lowercase()
        morning, evening = ((half == x).fill_null(value=False).to_numpy() for x in "ap")
        hour = np.where(morning & (hour == 12), 0, np.where(evening & (hour < 12), hour + 12, hour))
    seconds = (hour * 3_600 + minute * 60 + second).astype(np.float64)
    if "fraction" in fields.columns and fields["fraction"].null_count() < fields.height:
        seconds += ("0." + fields["fraction"]).cast(pl.Float64).fill_null(0.0).to_numpy()
    seconds[bad] = np.nan
    return seconds


def _offset(fields: pl.DataFrame, text: pl.Series, where: str) -> Floats:
    """Return seconds east of UTC, NaN for a word after the time that is no zone."""
    if "zone" not in fields.columns or "offset" not in fields.columns:
        return np.zeros(fields.height)
    zone = fields["zone"].fill_null("")
    if "bracket" in fields.columns:
        bare = (zone == "") & fields["offset"].is_null()
        zone = zone.zip_with(~bare, fields["bracket"].fill_null(""))
    strange = ~zone.str.to_lowercase().is_in(_UTC) & fields["offset"].is_null()
    named = strange & zone.str.contains(r"^[A-Z]{2,5}$|/")
    if named.any():
        example = text.filter(named)[0]
        raise DoubtfulTimes(
            f"{where}: {int(named.sum()):,} times are in a named zone, such as {example!r}, whose "
            "distance from UTC depends on the date; write UTC or an offset (+01:00) instead, or "
            "read the clock as if it were UTC with %Z for any zone in --time-format, such as "
            "'%Y-%m-%d %H:%M:%S %Z'"
        )
    offset = fields["offset"].str.replace(":", "", literal=True)
    sign = np.where(offset.str.starts_with("-").fill_null(value=False).to_numpy(), -1.0, 1.0)
    digits = offset.str.tail(-1)
    hours = digits.str.head(2).cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    minutes = digits.str.slice(2).cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    east: Floats = sign * (hours * 3_600 + minutes * 60)
    east[strange.to_numpy() | (hours > 18)] = np.nan
    return east
