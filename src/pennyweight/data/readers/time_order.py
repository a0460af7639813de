"""Numeric dates such as 03/04/2024: all values together decide the order of day and month."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.readers.time_numbers import seconds_of
from pennyweight.errors import DataError

__all__ = [
    "DAY_FIRST",
    "MONTH_FIRST",
    "ORDERS",
    "YEAR_FIRST",
    "DoubtfulTimes",
    "full_year",
    "read_numeric",
]

Integers = NDArray[np.int64]
DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day-first", "month-first", "year-first"
ORDERS = {
    DAY_FIRST: "day/month/year",
    MONTH_FIRST: "month/day/year",
    YEAR_FIRST: "two-digit year/month/day",
}
_SHORT_YEAR = 69  # as POSIX: 69 to 99 are of the last century
# Days above 12 are 60 % of a month. A smaller share than this may be errors.
_DECISIVE = 0.02


class DoubtfulTimes(DataError):
    """Times that can be read in more than one way."""


def full_year(year: pl.Series) -> Integers:
    """Return years with their century."""
    value = year.cast(pl.Int64).to_numpy()
    short = (year.str.len_chars() == 2).to_numpy()
    return np.where(short, value + np.where(value < _SHORT_YEAR, 2000, 1900), value)


def read_numeric(
    fields: pl.DataFrame, text: pl.Series, where: str, order: str | None
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Read dates of three numbers; all with the same separator have one order.

    Parameters
    ----------
    fields
        Columns a, b, c (the numbers, strings), mark (the separator) and those of the clock.
    text, where, order
        The whole texts, the file and column, and the order if it was given.

    Returns
    -------
    tuple of (numpy.ndarray, numpy.ndarray)
        Epoch seconds of the day, NaN where the calendar has none such; the form of each.
    """
    seconds = np.full(fields.height, np.nan)
    form = np.full(fields.height, "", dtype="<U32")
    kinds = fields.select("mark", short=pl.col("c").str.len_chars() == 2)
    for mark, short in kinds.unique(maintain_order=True).iter_rows():
        rows = kinds.select((pl.col("mark") == mark) & (pl.col("short") == short))
        at = rows.to_series().arg_true()
        group = fields[at]
        if order in (DAY_FIRST, MONTH_FIRST):
            _check_order(group, text.gather(at), where, order)
        chosen = order or _decide(group, text.gather(at), where)
        if chosen == YEAR_FIRST and not short:
            chosen = DAY_FIRST
        seconds[at.to_numpy()] = _read(group, chosen)
        form[at.to_numpy()] = ORDERS[chosen].replace("/", mark)
    return seconds, form


def _read(fields: pl.DataFrame, order: str) -> NDArray[np.float64]:
    day, month, year = {
        DAY_FIRST: ("a", "b", "c"),
        MONTH_FIRST: ("b", "a", "c"),
        YEAR_FIRST: ("c", "b", "a"),
    }[order]
    years = full_year(fields[year].str.zfill(2))
    integers = fields.select(pl.col(day, month).cast(pl.Int64))
    return seconds_of(years, integers[month].to_numpy(), integers[day].to_numpy())


def _check_order(fields: pl.DataFrame, text: pl.Series, where: str, order: str) -> None:
    """Stop where no date supports the chosen order, and more than a few contradict it."""
    other = MONTH_FIRST if order == DAY_FIRST else DAY_FIRST
    matches, against = (np.isfinite(_read(fields, candidate)) for candidate in (order, other))
    wrong = against & ~matches
    if (matches & ~against).any() or wrong.sum() <= max(1, _DECISIVE * len(text)):
        return
    example = text[int(np.flatnonzero(wrong)[0])]
    raise DataError(
        f"{where}: {int(wrong.sum()):,} of {len(text):,} values are not of "
        f"--time-format {order}, such as {example!r}, and none says that it is right. "
        f"Say --time-format {other} (time_format in Python and in [data] of the plan)"
    )


def _decide(fields: pl.DataFrame, text: pl.Series, where: str) -> str:
    orders = [DAY_FIRST, MONTH_FIRST]
    if (fields["c"].str.len_chars() == 2).all():
        # Of two numbers that could be the year, it is the one that hardly varies.
        first, last = fields["a"].n_unique(), fields["c"].n_unique()
        if (fields["a"].cast(pl.Int64) > 31).any() or first < last:
            orders = [YEAR_FIRST]
        elif first == last and fields["a"].str.len_chars().min() == 2:
            orders.append(YEAR_FIRST)
    readings = {order: _read(fields, order) for order in orders}
    valid = {order: np.isfinite(values) for order, values in readings.items()}
    best = max(orders, key=lambda order: int(valid[order].sum()))
    rivals = [
        order
        for order in orders
        if order != best
        and not np.array_equal(readings[order][valid[order]], readings[best][valid[order]])
    ]
    n = len(text)
    for rival in rivals:
        only_best, only_rival = valid[best] & ~valid[rival], valid[rival] & ~valid[best]
        both = valid[best] & valid[rival] & (readings[best] != readings[rival])
        if only_rival.any():
            raise DoubtfulTimes(_mixed(text, {best: only_best, rival: only_rival}, fields, where))
        if fields["mark"][0] == "." and best != YEAR_FIRST and not only_best.any():
            return DAY_FIRST  # where dots are written, the day comes first
        if both.any() and only_best.sum() < _DECISIVE * n:
            raise DoubtfulTimes(
                _ambiguous(text, both, {o: readings[o] for o in (best, rival)}, fields, where)
            )
    return best


def _remedy(fields: pl.DataFrame, orders: list[str]) -> str:
    row = fields.row(0, named=True)
    year = "%y" if len(row["c"]) == 2 else "%Y"
    clock = ""
    if row.get("hour"):
        hour = " %I" if row.get("half") else " %H"
        clock = hour + (":%M" if row.get("minute") else "") + (":%S" if row.get("second") else "")
        clock += " %p" if row.get("half") else ""
    dates = {
        DAY_FIRST: ("%d", "%m", year),
        MONTH_FIRST: ("%m", "%d", year),
        YEAR_FIRST: (year, "%m", "%d"),
    }
    options = [
        f"--time-format {order} (or '{row['mark'].join(dates[order])}{clock}')" for order in orders
    ]
    return (
        f"Say which with {' or '.join(options)}; in Python time_format={orders[0]!r}, "
        f'in the plan [data] time_format = "{orders[0]}"'
    )


def _mixed(
    text: pl.Series, rows_of: dict[str, NDArray[np.bool_]], fields: pl.DataFrame, where: str
) -> str:
    counts = " and ".join(
        f"{int(rows.sum()):,} only as {ORDERS[order]} (e.g. {text[int(np.flatnonzero(rows)[0])]!r})"
        for order, rows in rows_of.items()
        if rows.any()
    )
    return (
        f"{where}: two orders of day and month are mixed: {counts}; the others could be either. "
        f"Write them in one form. {_remedy(fields, list(rows_of))}; times in the other order are "
        "then dropped where they are no dates, and misread where they are"
    )


def _ambiguous(
    text: pl.Series,
    both: NDArray[np.bool_],
    readings: dict[str, NDArray[np.float64]],
    fields: pl.DataFrame,
    where: str,
) -> str:
    row = int(np.flatnonzero(both)[0])
    dates = ", or ".join(
        f"{datetime.fromtimestamp(float(values[row]), UTC):%d %B %Y} as {ORDERS[order]}"
        for order, values in readings.items()
    )
    return (
        f"{where}: dates can be read in two ways and hardly any value decides: {text[row]!r} is "
        f"{dates}. {_remedy(fields, list(readings))}"
    )
