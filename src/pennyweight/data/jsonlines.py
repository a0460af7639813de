"""JSON lines (or one JSON array): polars where every line is sound, else line by line."""

import io
import json
from typing import Any

import polars as pl

from pennyweight.data.delimited import decode
from pennyweight.errors import DataError

__all__ = ["read_json"]


def read_json(data: bytes, source: str) -> tuple[pl.DataFrame, list[str]]:
    """Read one JSON object a line, or an array of objects.

    Returns
    -------
    tuple of (polars.DataFrame, list of str)
        The sound rows, and one sentence with the line number for each broken line.

    Raises
    ------
    DataError
        When the contents are not UTF-8, or an array cannot be parsed.
    """
    if data.lstrip()[:1] == b"[":
        return _frame(_array(decode(data, source), source)), []
    try:
        return pl.read_ndjson(io.BytesIO(data), infer_schema_length=None), []
    except pl.exceptions.PolarsError:
        return _read_careful(decode(data, source))


def _array(text: str, source: str) -> list[dict[str, Any]]:
    try:
        values = _loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: starts like a JSON array but is none: {error}") from None
    if not all(isinstance(value, dict) for value in values):
        raise DataError(f"{source}: the JSON array must hold objects only, one a row")
    return list(values)


def _read_careful(text: str) -> tuple[pl.DataFrame, list[str]]:
    rows: list[dict[str, Any]] = []
    broken: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = _loads(line)
        except ValueError as error:
            broken.append(f"line {number:,}: {error}")
            continue
        except RecursionError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            broken.append(f"line {number:,}: not a JSON object")
    return _frame(rows), broken


def _loads(text: str) -> Any:  # noqa: ANN401
    value = json.loads(text)
    if "\\ud" in text.lower():  # half a surrogate pair is valid JSON but no text
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Build columns one by one; a column of mixed types becomes strings."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])


def _column(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        if all(value is None or isinstance(value, int | float) for value in values):
            return pl.Series(name, values, dtype=pl.Float64, strict=False)
    return pl.Series(name, [_plain(value) for value in values], dtype=pl.String)


def _plain(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
