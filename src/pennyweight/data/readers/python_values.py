"""Values of Python and pandas that no file has, converted to the types of columns."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import chain
from typing import Any
from uuid import UUID

import polars as pl

from pennyweight.errors import DataError

__all__ = ["plain_columns", "plain_durations", "plain_objects", "plain_values"]

_SCALARS = (str, int, float, Decimal, UUID)
_NULLS = ("NoneType", "NAType", "NaTType")


def plain_columns(
    data: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]], table: str
) -> dict[str, Sequence[Any]]:
    """Return rows or columns as lists of values of one type."""
    columns: dict[str, Sequence[Any]]
    if isinstance(data, Mapping):
        columns = {str(name): values for name, values in data.items()}
    else:
        names = dict.fromkeys(chain.from_iterable(data))
        columns = {str(name): [row.get(name) for row in data] for name in names}
    return {
        name: plain_values(values, name, table) if _are_objects(values) else values
        for name, values in columns.items()
    }


def _are_objects(values: Any) -> bool:  # noqa: ANN401
    """Say whether values are Python objects, not an array of one type."""
    return str(getattr(values, "dtype", "object")) == "object" and not isinstance(values, str)


def plain_values(values: Sequence[Any], name: str, table: str) -> list[Any]:
    """Return values of one type: enums by value, ids of mixed types as text.

    Raises
    ------
    DataError
        Moments with and without a time zone stand in one column, or objects that are no values.
    """
    plain = [_plain(value) for value in values]
    kinds = {type(value) for value in plain if value is not None}
    moments = [value for value in plain if isinstance(value, datetime)]
    if moments:
        zoned = sum(value.tzinfo is not None for value in moments)
        if 0 < zoned < len(moments):
            raise DataError(
                f"{table}: column {name!r} holds {zoned:,} datetimes with a time zone "
                f"and {len(moments) - zoned:,} without. Give all of them one, such as "
                "value.replace(tzinfo=ZoneInfo('Europe/Berlin'))"
            )
        if all(isinstance(value, date) or value is None for value in plain):
            return [_moment(value, bool(zoned)) for value in plain]
    if len(kinds) == 1 and not kinds & {UUID}:
        return plain
    if kinds <= {int, float, Decimal, bool}:
        return [None if value is None else float(value) for value in plain]
    if kinds and all(issubclass(kind, _SCALARS) for kind in kinds):
        return [None if value is None else _text(value) for value in plain]
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401
    if value is None or type(value).__name__ in _NULLS:
        return None
    if isinstance(value, Enum):
        return _plain(value.value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()  # of an array too: a cell may hold a list
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return None if isinstance(value, float) and math.isnan(value) else value


def _moment(value: date | None, zoned: bool) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC if zoned else None)
    return value.astimezone(UTC) if zoned else value


def _text(value: Any) -> str:  # noqa: ANN401
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if is_whole else str(value)


def plain_objects(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """Return a frame with columns of Python objects converted to values where possible.

    Raises
    ------
    DataError
        A column holds objects of another kind.
    """
    for name, dtype in frame.schema.items():
        if dtype != pl.Object:
            continue
        values = plain_values(frame[name].to_list(), name, table)
        odd = next((v for v in values if v is not None and not _is_value(v)), None)
        if odd is not None:
            raise DataError(
                f"{table}: column {name!r} holds objects of Python such as {odd!r:.80} "
                f"({type(odd).__name__}), which are no ids, numbers, texts or times. "
                "Write them as text, or leave the column out"
            )
        frame = frame.with_columns(pl.Series(name, values, strict=False))
    return frame


def _is_value(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str | int | float | Decimal | date | timedelta | bytes | list | dict)


def plain_durations(frame: pl.DataFrame, time: str | None = None) -> pl.DataFrame:
    """Return a frame with durations in seconds, except in the column of the times."""
    return frame.with_columns(
        (frame[name].dt.total_microseconds() / 1e6).alias(name)
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Duration) and name != time
    )
