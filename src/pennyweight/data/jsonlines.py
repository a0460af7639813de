"""JSON: lines (by polars where every line is sound), arrays, documents, rows of Python."""

import io
import json
import re
from typing import Any

import polars as pl

from pennyweight.data.delimited import decode
from pennyweight.data.readers.extended_json import plain_value
from pennyweight.data.readers.json_shapes import (
    Rows,
    rows_of_array,
    rows_of_object,
    rows_of_pages,
)
from pennyweight.data.readers.literals import python_value, without_calls
from pennyweight.data.readers.mixed import has_mixed, unified
from pennyweight.data.readers.pages import may_be_pages
from pennyweight.data.readers.result import ReadResult
from pennyweight.errors import DataError

__all__ = ["parsed_value", "read_json", "typed_column"]

_DECODER = json.JSONDecoder()
_HINT = (
    ". Rows must be JSON, with names and texts in double quotes: write them with JSON.stringify "
    "(JavaScript), json.dumps (Python) or jq -c"
)
_BLANK_LINE = re.compile(rb"^[ \t\r]*\n", re.MULTILINE)


def read_json(data: bytes, source: str, *, table: str = "table") -> ReadResult:
    """Read JSON lines, an array of objects, a document that holds a table, or Python literals.

    Returns
    -------
    Loaded
        The sound rows, and one sentence with the line number for each broken one.

    Raises
    ------
    DataError
        When the contents are not UTF-8, or have a shape that holds no table or several.
    """
    if data.lstrip()[:1] == b"[":
        return _document(_array(decode(data, source), source), source, table)
    try:
        frame = pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        frame = None
    is_complete = frame is not None and frame.height > 1 and frame.height == _count_lines(data)
    is_plain = frame is not None and is_complete and not may_be_pages(frame.columns)
    if frame is not None and is_plain and not has_mixed(frame):
        return ReadResult(frame, frame.height)
    text = decode(data, source)
    if "ObjectId(" in text or "ISODate(" in text:
        text = without_calls(text)
    first, _, rest = text.lstrip().partition("\n")
    if rest.strip() and _is_row(first):
        return _lines(text, source, table)
    return _objects(text, source, table) or _lines(text, source, table)


def _is_row(line: str) -> bool:
    try:
        return isinstance(_parsed(line), dict)
    except ValueError:
        return False


def _count_lines(data: bytes) -> int:
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    return lines - len(_BLANK_LINE.findall(data))


def _array(text: str, source: str) -> list[Any]:
    try:
        value = _loads(text)
    except (ValueError, RecursionError) as error:
        value = _pages(without_calls(text)) or python_value(text)
        if not isinstance(value, list):
            raise DataError(f"{source}: starts like a JSON array but is none: {error}") from None
    return list(value)


def _pages(text: str) -> list[Any] | None:
    """Return the elements of consecutive arrays; None where there is anything else."""
    values: list[Any] = []
    at = _next(text, 0)
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
            _check_surrogates(text[at:end], value)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, list):
            return None
        values.extend(value)
        at = _next(text, end)
    return values


def _document(value: list[Any] | dict[str, Any], source: str, table: str) -> ReadResult:
    """Return the rows of a file that is one JSON value."""
    if isinstance(value, dict):
        rows, shape = rows_of_object(value, source, table)
    else:
        rows, shape = rows_of_array(value, source, table)
    loaded = ReadResult(_frame(rows), len(rows))
    if shape:
        loaded.findings.add(table, f"read as {shape}", len(rows), "noted")
    return loaded


def _joined(rows: Rows, source: str, table: str) -> ReadResult | None:
    """Return the records of pages; None where the rows are no pages."""
    pages = rows_of_pages(rows, source, table)
    if pages is None:
        return None
    loaded = ReadResult(_frame(pages[0]), len(pages[0]))
    loaded.findings.add(table, f"read as {pages[1]}", len(pages[0]), "noted")
    return loaded


def _objects(text: str, source: str, table: str) -> ReadResult | None:
    """Read one document, or consecutive objects of several lines each.

    None where the first is no object.
    """
    rows: Rows = []
    broken: list[str] = []
    at = _next(text, 0)
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
            _check_surrogates(text[at:end], value)
        except (ValueError, RecursionError) as error:
            if not rows:
                return None
            broken.append(f"line {text.count(chr(10), 0, at) + 1:,}: {error}")
            # The next object begins on a new line.
            following = re.compile(r"^\{", re.MULTILINE).search(text, at + 1)
            at = following.start() if following else len(text)
            continue
        if not isinstance(value, dict):
            return None
        rows.append(value)
        at = _next(text, end)
    if len(rows) == 1 and not broken:
        return _document(rows[0], source, table)
    if not broken and (joined := _joined(rows, source, table)) is not None:
        return joined
    loaded = ReadResult(_frame(rows), len(rows) + len(broken), broken)
    loaded.findings.add(table, "read as JSON objects over several lines each", len(rows), "noted")
    return loaded


def _next(text: str, at: int) -> int:
    """Return the position of the next value, after spaces and a comma."""
    while at < len(text) and (text[at].isspace() or text[at] == ","):
        at += 1
    return at


def _lines(text: str, source: str, table: str) -> ReadResult:
    rows: Rows = []
    broken: list[str] = []
    literals = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = _parsed(line)
        except ValueError as error:
            row = python_value(line)
            literals += isinstance(row, dict)
            if row is None:
                broken.append(f"line {number:,}: {error}")
                continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            broken.append(f"line {number:,}: not a JSON object")
    if broken and not rows:
        broken[0] += _HINT
    if not broken and (joined := _joined(rows, source, table)) is not None:
        return joined
    loaded = ReadResult(_frame(rows), len(rows) + len(broken), broken)
    loaded.findings.add(table, "row is a Python literal, not JSON", literals, "changed")
    return loaded


def parsed_value(text: str) -> Any:  # noqa: ANN401
    """Return the value of JSON or of a Python literal, None where it is neither."""
    try:
        return plain_value(_loads(text))
    except (ValueError, RecursionError):
        return plain_value(python_value(text))


def _parsed(line: str) -> Any:  # noqa: ANN401
    try:
        return _loads(line.strip().removesuffix(","))
    except RecursionError:
        return []


def _loads(text: str) -> Any:  # noqa: ANN401
    value = json.loads(text)
    _check_surrogates(text, value)
    return value


def _check_surrogates(text: str, value: object) -> None:
    if "\\ud" in text.lower():  # half a surrogate pair is valid JSON, but not valid text
        json.dumps(value, ensure_ascii=False).encode()


def _frame(rows: Rows) -> pl.DataFrame:
    """Build columns one by one; a column of mixed types becomes strings."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = ([row.get(name) for row in rows] for name in names)
    return pl.DataFrame(
        typed_column(name, [plain_value(v) if isinstance(v, dict | list) else v for v in column])
        for name, column in zip(names, columns, strict=True)
    )


def typed_column(name: str, values: list[Any]) -> pl.Series:
    """Return parsed values as a column of one type: strings where the types are mixed."""
    if any(isinstance(value, dict | list) for value in values):
        return _nested(name, unified(name, values))
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        if all(value is None or isinstance(value, int | float) for value in values):
            return pl.Series(name, values, dtype=pl.Float64, strict=False)
    return pl.Series(name, [_plain(value) for value in values], dtype=pl.String)


def _nested(name: str, values: list[Any]) -> pl.Series:
    """Return objects or lists; polars infers fields from all of them only as text."""
    kinds = {type(value) for value in values if value is not None}
    try:
        lines = "\n".join(json.dumps({name: value}, allow_nan=False) for value in values)
        if len(kinds) == 1:
            return pl.read_ndjson(io.StringIO(lines), infer_schema_length=None)[name]
    except (ValueError, RecursionError, pl.exceptions.PolarsError):
        pass
    return pl.Series(name, [_plain(value) for value in values], dtype=pl.String)


def _plain(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
