"""Dates in three columns: the year, the month and the day."""

from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import has_role, name_key
from pennyweight.data.readers.month_names import AmbiguousMonths, month_numbers

__all__ = ["join_date_parts"]

_NAMES = {
    "year": "year jahr anno année annee año ano jaar rok yıl yil год рік 年 년 år vuosi έτος साल",
    "month": "month monat mese mois mes mês maand miesiąc miesiac ay месяц місяць 月 월 måned "
    "månad měsíc kuukausi μήνας महीना",
    "day": "day dayofmonth tag giorno jour día dia dag dzień dzien gün gun день 日 일 päivä "
    "ημέρα दिन",
}
_PART_OF = {name: part for part, names in _NAMES.items() for name in names.split()}
_RANGES = {"year": (1990, 2100), "month": (1, 12), "day": (1, 31)}
_MIN_SHARE = 0.95


def join_date_parts(
    frame: pl.DataFrame, chosen: Mapping[str, str | None], findings: Findings
) -> pl.DataFrame:
    """Return a frame with one column of dates in place of a year, a month and a day.

    A year and a month alone stay: the year may be that of a release. Where another column is named
    like a time, or the values are of something else, the frame stays unchanged.
    """
    parts: dict[str, str] = {}
    for name in frame.columns:
        part = _PART_OF.get(name_key(name))
        if part is not None and parts.setdefault(part, name) != name:
            return frame
    if len(parts) < len(_NAMES) or chosen.get("time") or "time" in chosen:
        return frame
    others = [name for name in frame.columns if name not in parts.values()]
    if has_role(others, "time") or any(name in parts.values() for name in chosen.values()):
        return frame
    values = {part: _numbers(frame[name], part) for part, name in parts.items()}
    if any(column is None for column in values.values()):
        return frame
    joined = " ".join(parts[part] for part in _NAMES)
    digits = [
        column.cast(pl.String).str.zfill(2)
        for part in _NAMES
        if (column := values[part]) is not None
    ]
    date = pl.DataFrame(digits).select(pl.concat_str(pl.all(), separator="-")).to_series()
    findings.add("events", f"the columns {joined} are one: the time", frame.height, "noted")
    return frame.drop(parts.values()).with_columns(date.alias("date"))


def _numbers(column: pl.Series, part: str) -> pl.Series | None:
    """Return the parts of dates as integers, None where they are no such parts."""
    if column.dtype == pl.String and part == "month":
        lower = column.str.strip_chars().str.to_lowercase().str.strip_chars_end(".")
        names = [n for n in lower.drop_nulls().unique().to_list() if not n.isdecimal()]
        try:
            month_of = month_numbers(names) if names else {}
        except AmbiguousMonths:
            return None
        column = lower.replace({name: str(number) for name, number in month_of.items()})
    elif column.dtype != pl.String and not column.dtype.is_integer():
        return None
    numbers = column.cast(pl.Int64, strict=False)
    low, high = _RANGES[part]
    inside = numbers.is_between(low, high).fill_null(value=False)
    if int(inside.sum()) < _MIN_SHARE * max(1, len(numbers)):
        return None
    return numbers.rename(part)
