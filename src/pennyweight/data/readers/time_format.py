"""Times read as the user says: a strptime pattern, a unit, or positions."""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.readers.time_numbers import epoch, excel_days
from pennyweight.data.readers.time_order import ORDERS
from pennyweight.errors import DataError, did_you_mean

__all__ = ["WORDS", "Given", "read_as"]

_UNITS = {f"epoch-{unit}": f"epoch {unit}" for unit in ("s", "ms", "us", "ns")}
WORDS = (*ORDERS, *_UNITS, "excel", "positions", "iso")


@dataclass(frozen=True)
class Given:
    """Times in the form that was asked for.

    Attributes
    ----------
    seconds
        Epoch seconds or positions, NaN where a value is not of this form, float64 (n,).
    real_time
        Whether these are dates.
    name
        The form.
    """

    seconds: NDArray[np.float64]
    real_time: bool
    name: str


def read_as(column: pl.Series, time_format: str, where: str) -> Given | None:
    """Read a column in one form; None for a word that only settles day and month.

    Raises
    ------
    DataError
        When the form is unknown or no value has it.
    """
    if time_format in ORDERS:
        return None
    if "%" in time_format:
        given = Given(_pattern(column, time_format, where), True, time_format)
    elif time_format in WORDS:
        numbers = column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy().copy()
        numbers[~np.isfinite(numbers)] = np.nan
        if time_format == "excel":
            days = excel_days(numbers, always=True)
            given = Given(numbers if days is None else days, True, "spreadsheet days")
        elif time_format == "positions":
            given = Given(numbers, False, "positions")
        else:
            name = _UNITS[time_format]
            given = Given(epoch(numbers, name), True, name)
    else:
        raise DataError(f"{where}: --time-format {time_format!r} is neither a pattern such as "
                        f"'%d/%m/%Y %H:%M' nor one of {', '.join(WORDS)}"
                        f"{did_you_mean(time_format, WORDS)}")  # fmt: skip
    if not np.isfinite(given.seconds).any():
        some = column.cast(pl.String).drop_nulls().unique(maintain_order=True).head(3)
        examples = ", ".join(map(repr, some)) or "nothing but missing values"
        raise DataError(f"{where}: no value is of --time-format {time_format!r}; "
                        f"it holds {examples}")  # fmt: skip
    return given


def _pattern(column: pl.Series, pattern: str, where: str) -> NDArray[np.float64]:
    text = column.cast(pl.String).str.strip_chars()
    if column.dtype.is_float():
        text = text.str.replace(r"\.0$", "")
    if column.dtype.is_numeric() and re.fullmatch(r"(%[YymdHMS])+", pattern):
        width = sum(4 if code == "Y" else 2 for code in pattern[1::2])
        text = text.str.zfill(width)  # numbers lose the zeros that they begin with
    form = pattern
    if not any(day in pattern for day in ("%d", "%e", "%j", "%D", "%F", "%x", "%c", "%s", "%+")):
        text, form = text + " 01", form + " %d"  # a month begins on its first day
    if any(hour in form for hour in ("%H", "%I", "%k", "%l")) and "%M" not in form:
        text, form = text + " 00", form + " %M"
    try:
        stamps = text.str.to_datetime(form, strict=False, time_unit="us", ambiguous="earliest")
        if stamps.null_count() == len(stamps):
            stamps = text.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise DataError(f"{where}: --time-format {pattern!r} is no pattern of strptime: "
                        f"{error}") from None  # fmt: skip
    seconds = stamps.dt.timestamp("us").cast(pl.Float64) / 1e6
    return seconds.fill_null(np.nan).to_numpy().astype(np.float64)
