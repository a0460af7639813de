"""Times in a format chosen by the user: a strptime pattern, a unit, or positions."""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.readers.time_numbers import epoch, excel_days
from pennyweight.data.readers.time_order import ORDERS
from pennyweight.data.readers.time_swapped import AS_WRITTEN, SWAPPED
from pennyweight.data.readers.time_text import english_months
from pennyweight.errors import DataError, did_you_mean

__all__ = ["UNITS", "WORDS", "FormattedTimes", "read_as"]

UNITS = {f"epoch-{unit}": f"epoch {unit}" for unit in ("s", "ms", "us", "ns")}
WORDS = (*ORDERS, *UNITS, "excel", "positions", "iso", SWAPPED, AS_WRITTEN)


@dataclass(frozen=True)
class FormattedTimes:
    """Times read in a chosen format.

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


def read_as(column: pl.Series, time_format: str, where: str) -> FormattedTimes | None:
    """Read a column in one format; None for a word that only settles day and month.

    Raises
    ------
    DataError
        When the form is unknown or no value has it.
    """
    if time_format in (*ORDERS, SWAPPED, AS_WRITTEN):
        return None
    if "%" in time_format:
        times = FormattedTimes(_pattern(column, time_format, where), True, time_format)
    elif time_format in WORDS:
        numbers = column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy().copy()
        numbers[~np.isfinite(numbers)] = np.nan
        if time_format == "excel":
            days = excel_days(numbers, always=True)
            times = FormattedTimes(numbers if days is None else days, True, "spreadsheet days")
        elif time_format == "positions":
            times = FormattedTimes(numbers, False, "positions")
        else:
            name = UNITS[time_format]
            times = FormattedTimes(epoch(numbers, name), True, name)
    else:
        raise DataError(
            f"{where}: --time-format {time_format!r} is neither a pattern such as "
            f"'%d/%m/%Y %H:%M' nor one of {', '.join(WORDS)}"
            f"{did_you_mean(time_format, WORDS)}"
        )
    if not np.isfinite(times.seconds).any():
        samples = column.cast(pl.String).drop_nulls().unique(maintain_order=True).head(3)
        examples = ", ".join(map(repr, samples)) or "nothing but missing values"
        raise DataError(
            f"{where}: no value is of --time-format {time_format!r}; it holds {examples}"
        )
    return times


def _pattern(column: pl.Series, pattern: str, where: str) -> NDArray[np.float64]:
    text = column.cast(pl.String).str.strip_chars()
    if column.dtype.is_float():
        text = text.str.replace(r"\.0$", "")
    if column.dtype.is_numeric() and re.fullmatch(r"(%[YymdHMS])+", pattern):
        width = sum(4 if code == "Y" else 2 for code in pattern[1::2])
        text = text.str.zfill(width)  # numbers lose the zeros that they begin with
    text, form = _completed(text, _strptime(pattern))
    try:
        stamps = _stamps(text, form)
        if ("%B" in form or "%b" in form) and stamps.null_count() > text.null_count():
            english = _stamps(english_months(text, where), form.replace("%B", "%b"))
            stamps = max(english, stamps, key=lambda read: len(read) - read.null_count())
    except DataError:
        raise
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise DataError(
            f"{where}: --time-format {pattern!r} is no pattern of strptime: {_first_line(error)}"
        ) from None
    seconds = stamps.dt.timestamp("us").cast(pl.Float64) / 1e6
    return seconds.fill_null(np.nan).to_numpy().astype(np.float64)


def _strptime(pattern: str) -> str:
    """Return a pattern of C or Python in the syntax of polars."""
    pattern = re.sub(r"%[-_0#](?=[A-Za-z])(?!#?z)", "%", pattern)  # %-d: numbers need no zeros
    return re.sub(r"[.](?=%f)", "", pattern).replace("%f", "%.f")


def _completed(text: pl.Series, form: str) -> tuple[pl.Series, str]:
    """Add the missing day or minutes to a pattern."""
    weeks = ("%V", "%U", "%W")
    days = ("%d", "%e", "%j", "%D", "%F", "%x", "%c", "%s", "%+", "%u", "%w", "%a", "%A", "%v")
    if not any(day in form for day in days if day not in ("%a", "%A") or _has(form, weeks)):
        weekly = _has(form, weeks)  # weeks and months begin on their first day
        text, form = text + (" 1" if weekly else " 01"), form + (" %u" if weekly else " %d")
    if _has(form, ("%H", "%I", "%k", "%l")) and "%M" not in form:
        text, form = text + " 00", form + " %M"
    return text, form


def _has(form: str, codes: tuple[str, ...]) -> bool:
    return any(code in form for code in codes)


def _stamps(text: pl.Series, form: str) -> pl.Series:
    stamps = text.str.to_datetime(form, strict=False, time_unit="us", ambiguous="earliest")
    if stamps.null_count() == len(stamps):
        stamps = text.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    return stamps


def _first_line(error: Exception) -> str:
    """Return the reason without the expression that polars adds."""
    text = str(error)
    if "12-hour" in text:
        return "write %I (hours up to 12) with %p, or %H (hours up to 23) without it"
    return text.partition("\n")[0]
