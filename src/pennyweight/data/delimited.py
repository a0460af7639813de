"""Delimited text: polars where the file is sound, a row-by-row reader where it is not."""

import csv
import io
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from pennyweight.data.packed import PACKED
from pennyweight.errors import DataError

__all__ = ["check_header", "decode", "read_delimited"]

# The longer mark first: the one of UTF-16 begins it.
_WIDE = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16",
         b"\xfe\xff": "UTF-16"}  # fmt: skip
_CHUNK = 1 << 24
_LONGEST_RECORD = 10_000  # lines; an unclosed quote must not swallow the rest of the file


def decode(data: bytes, source: str) -> str:
    """Return the text of UTF-8 bytes.

    Raises
    ------
    DataError
        Naming the first byte that is not UTF-8, its line, and the command that mends it.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{source}: not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start:,}, "
            f"line {line:,}. {_remedy(data, source)}"
        ) from None


def check_header(data: bytes, source: str) -> None:
    """Raise `DataError` where the first line has a NUL, as binary files and UTF-16 do."""
    at = data.find(b"\0", 0, data.find(b"\n") if b"\n" in data else None)
    if at >= 0:
        raise DataError(f"{source}: not UTF-8: byte 0x00 at offset {at:,}, line 1. "
                        + _remedy(data, source))  # fmt: skip


def _remedy(data: bytes, source: str) -> str:
    head = data[:4096]
    encoding = next((name for mark, name in _WIDE.items() if head.startswith(mark)), None)
    if encoding is None and b"\0" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if min(even, odd) or max(even, odd) < len(head) / 4:
            return "It is a binary file, not one of CSV, TSV, JSON lines and Parquet"
        encoding = "UTF-16LE" if odd else "UTF-16BE"
    unpack = "Unpack and convert" if Path(source).suffix in PACKED else "Convert"
    return (f"{unpack} it: iconv -f {encoding or 'WINDOWS-1252'} -t UTF-8 {shlex.quote(source)} "
            "> utf8-file")  # fmt: skip


def read_delimited(data: bytes, source: str, *, tabs: bool) -> tuple[pl.DataFrame, list[str]]:
    """Read delimited text with a header, every field a string, empty fields null.

    Parameters
    ----------
    data
        The contents.
    source
        The file, for error messages.
    tabs
        The separator is the tab if the header has one; otherwise it is told from the header.

    Returns
    -------
    tuple of (polars.DataFrame, list of str)
        The sound rows, and one sentence with the line number for each broken row.
    """
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    # Without its last newline polars misses an empty last field too many.
    if not data.endswith(b"\n") or data.endswith((b"\n\n", b"\n\r\n")):
        data = data.rstrip(b"\r\n") + b"\n"
    header = data[: data.find(b"\n") if b"\n" in data else None]
    tabs = tabs and b"\t" in header
    separator = "\t" if tabs else max(",\t;|", key=lambda c: header.count(c.encode()))
    frame = _read_fast(data, separator)
    if frame is not None:
        return frame, []
    return _read_careful(decode(data, source), separator, source)


def _read_fast(data: bytes, separator: str) -> pl.DataFrame | None:
    """Read with polars; None where it fails or has silently padded short rows."""
    try:
        frame = pl.read_csv(data, separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    if any("_duplicated_" in column for column in frame.columns):
        return None
    width = frame.width
    if width > 1 and _separators(data, ord(separator)) != (frame.height + 1) * (width - 1):
        return None
    return _without_empty(frame)


def _without_empty(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.when(cs.string() != "").then(cs.string()).name.keep())


def _separators(data: bytes, separator: int) -> int:
    """Count the separators outside quotes."""
    if b'"' not in data:
        return data.count(separator)
    count, quotes = 0, 0
    for start in range(0, len(data), _CHUNK):
        chunk = np.frombuffer(data, np.uint8, min(_CHUNK, len(data) - start), start)
        at = np.flatnonzero(chunk == separator)
        before = np.searchsorted(np.flatnonzero(chunk == ord('"')), at)
        count += int(((before + quotes) % 2 == 0).sum())
        quotes += int((chunk == ord('"')).sum())
    return count


def _read_careful(text: str, separator: str, source: str) -> tuple[pl.DataFrame, list[str]]:
    """Keep the sound records, well quoted, for polars; describe the others."""
    lines = text.split("\n")
    broken: list[str] = []
    records = _records(lines, separator, broken)
    _, first, width = next(records, (0, "", 0))
    sound = [first]
    for number, record, fields in records:
        if fields == width:
            sound.append(record)
        else:
            broken.append(f"line {number:,}: {fields} fields where the header has {width}")
    frame = pl.read_csv("\n".join(sound).encode(), separator=separator, infer_schema=False)
    twice = any("_duplicated_" in column for column in frame.columns)
    if twice or any(note.startswith("line 1:") for note in broken[:1]):
        raise DataError(f"{source}: the header {lines[0][:200]!r} is broken or names a column "
                        "twice; give each column its own name")  # fmt: skip
    return _without_empty(frame), broken


def _records(lines: list[str], separator: str, broken: list[str]) -> Iterator[tuple[int, str, int]]:
    """Yield (line number, record, fields); after a broken record go on at its next line."""
    limit = csv.field_size_limit(sys.maxsize)  # the default refuses fields over 128 KiB
    try:
        at = 0
        while at < len(lines):
            line = lines[at]
            if '"' not in line:
                at += 1
                if line and line != "\r":
                    yield at, line, line.count(separator) + 1
                continue
            rest = (lines[i] + "\n" for i in range(at, min(at + _LONGEST_RECORD, len(lines))))
            reader = csv.reader(rest, delimiter=separator, strict=True)
            try:
                row = next(reader)
            except csv.Error as error:
                broken.append(f"line {at + 1:,}: {error}")
                at += 1
                continue
            yield at + 1, _quoted(row, separator), len(row)
            at += reader.line_num
    finally:
        csv.field_size_limit(limit)


def _quoted(row: list[str], separator: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerow(row)
    return text.getvalue()[:-2]
