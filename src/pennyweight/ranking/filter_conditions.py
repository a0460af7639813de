"""Conditions on one column, as polars expressions that are true or false, never null."""

import operator
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
from polars import selectors

__all__ = [
    "OPERATORS",
    "Mismatch",
    "UnorderedColumn",
    "Value",
    "among",
    "check_date",
    "compare",
    "contains",
    "holds",
    "missing",
]

Value = str | int | float | bool

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


_ISO_DATE = re.compile(r"\d{4}-\d\d(-\d\d([T ]\d\d:\d\d.*)?)?")


class Mismatch(Exception):
    """A value or an operation does not suit the type of a column."""


class UnorderedColumn(Mismatch):
    """A column of text is compared as if it held numbers.

    Parameters
    ----------
    column
        Its name.
    """

    def __init__(self, column: str) -> None:
        super().__init__(f"column {column!r} is text, which has no order of numbers")
        self.column = column


def compare(
    name: str, dtype: pl.DataType, symbol: str, value: Value, *, ignore_case: bool = False
) -> pl.Expr:
    """Compare a column with a value; a missing entry is only ``!=`` to it."""
    if symbol == "!=":
        return ~compare(name, dtype, "==", value, ignore_case=ignore_case)
    family = _family(dtype)
    if family == "empty":
        return _never(name)
    if isinstance(dtype, pl.List | pl.Array):
        raise Mismatch(f"column {name!r} holds lists; ask whether one has a value with contains")
    if family == "truth" and symbol != "==":
        raise Mismatch(f"column {name!r} is true or false; compare it with == or !=")
    if family == "text" and symbol != "==" and not _orders_text(value):
        raise UnorderedColumn(name)
    column, literal = _column(name, dtype), _literal(name, family, value)
    if ignore_case:
        if family != "text" or symbol != "==":
            raise Mismatch(f"column {name!r}: ignore case is for text, and for == != in contains")
        column, literal = column.str.to_lowercase(), literal.str.to_lowercase()
    condition: pl.Expr = OPERATORS[symbol](column, literal)
    return condition.fill_null(False)


def _orders_text(value: Value) -> bool:
    """Return whether texts may be ordered by a value: by words or by ISO dates."""
    if not isinstance(value, str):
        return False
    return _ISO_DATE.fullmatch(value) is not None or not any(map(str.isdigit, value))


def check_date(name: str, value: Value) -> None:
    """Raise `Mismatch` unless a value is as the ISO dates of a column of texts are."""
    if not isinstance(value, str) or _ISO_DATE.fullmatch(value) is None:
        raise Mismatch(
            f"column {name!r} holds dates; it needs one in quotes, such as "
            f'"2024-01-31", not {value!r}'
        )


def among(
    name: str, dtype: pl.DataType, values: Sequence[Value], *, ignore_case: bool = False
) -> pl.Expr:
    """Return whether a column equals one of the values."""
    if not values:
        return _never(name)
    return pl.any_horizontal(
        [compare(name, dtype, "==", value, ignore_case=ignore_case) for value in values]
    )


def contains(name: str, dtype: pl.DataType, value: Value, *, ignore_case: bool = False) -> pl.Expr:
    """Return whether a list has an element, or a text a piece, capitals or not."""
    family = _family(dtype)
    if family == "empty":
        return _never(name)
    if isinstance(dtype, pl.List | pl.Array):
        return _has(name, dtype, value, ignore_case)
    if family != "text":
        raise Mismatch(f"column {name!r} is neither list nor text ({dtype}); compare it with ==")
    if not isinstance(value, str):
        raise Mismatch(f"column {name!r} is text; put the value in quotes")
    texts = _column(name, dtype).str.to_lowercase()
    return texts.str.contains(value.lower(), literal=True).fill_null(False)


def _has(name: str, dtype: pl.List | pl.Array, value: Value, ignore_case: bool) -> pl.Expr:
    inner = _family(pl.Series(dtype=dtype.inner).dtype)  # an instance, were it a class
    if inner == "empty":
        return _never(name)
    literal = _literal(name, inner, value)
    kind = {"text": pl.String(), "number": pl.Float64(), "truth": pl.Boolean()}.get(inner)
    if kind is None:
        raise Mismatch(f"column {name!r} holds lists of {dtype.inner}, which are not searched")
    if inner == "number":
        literal = literal.cast(pl.Float64)
    elements = selectors.by_name(name).as_expr().cast(pl.List(kind))
    if ignore_case:
        if inner != "text":
            raise Mismatch(f"column {name!r}: ignore case is for text")
        elements = elements.list.eval(pl.element().str.to_lowercase())
        literal = literal.str.to_lowercase()
    return elements.list.contains(literal).fill_null(False)


def missing(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return whether a column has no value; NaN is none."""
    return _column(name, dtype).is_null()


def holds(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return whether a column of truth values is true."""
    if _family(dtype) != "truth":
        raise Mismatch(f"column {name!r} is not true or false by itself ({dtype}); compare it")
    return _column(name, dtype).fill_null(False)


def _family(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "text"
    if dtype.is_numeric():
        return "number"
    families = {pl.Boolean: "truth", pl.Null: "empty", pl.Date: "date", pl.Datetime: "date"}
    return next((name for kind, name in families.items() if isinstance(dtype, kind)), "other")


def _column(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column in the form in which it is compared; by_name takes no patterns."""
    column = selectors.by_name(name).as_expr()
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if isinstance(dtype, pl.Decimal):
        return column.cast(pl.Float64)
    if dtype.is_float():
        return column.fill_nan(None)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.cast(pl.Datetime("us")) if _family(dtype) == "date" else column


def _literal(name: str, family: str, value: Value) -> pl.Expr:
    if family == "text" and isinstance(value, str):
        return pl.lit(value, pl.String)
    if family == "truth" and isinstance(value, bool):
        return pl.lit(value, pl.Boolean)
    if family == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return pl.lit(value, pl.Int64 if isinstance(value, int) else pl.Float64)
    if family == "date" and isinstance(value, str):
        return pl.lit(_moment(name, value), pl.Datetime("us"))
    needed = {
        "text": "text in quotes",
        "truth": "true or false",
        "number": "a number",
        "date": 'a date in quotes, such as "2024-01-31"',
    }
    if family not in needed:
        raise Mismatch(f"column {name!r} is of a type that is not compared; try has, or is null")
    raise Mismatch(f"column {name!r} needs {needed[family]}, not {value!r}")


def _moment(name: str, text: str) -> datetime:
    """Read an ISO date or time; without a zone it is UTC, as the columns are taken."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise Mismatch(f'column {name!r} needs a date such as "2024-01-31", not {text!r}') from None


def _never(name: str) -> pl.Expr:
    """Return false for each row; made of the column so that it has its length."""
    return selectors.by_name(name).as_expr().is_null() & pl.lit(False)
