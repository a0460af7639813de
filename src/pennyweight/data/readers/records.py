"""Records of delimited text, one by one, each with its position and its fault, if any."""

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Record", "records", "row_shape", "row_shapes"]

_SHAPES = 500  # lines whose first fields are the pattern of the beginning of a row
_LONGEST_RECORD = 10_000  # lines, so that an unclosed quote does not swallow the rest of the file


@dataclass(frozen=True)
class Record:
    """One record: the position of its first line, its lines, and its fields or its fault."""

    at: int
    n_lines: int
    fields: Sequence[str] | None
    n_fields: int
    error: str = ""


def records(
    lines: Sequence[str],
    separator: str,
    *,
    width: int,
    shapes: set[tuple[int, str]],
    spaced: bool = False,
    quoted: bool = True,
    strict: bool = False,
) -> Iterator[Record]:
    """Yield the records of lines; after a broken one go on at its next line.

    Fields are given only where quotes had to be interpreted; blank lines are no records. A
    record of several lines that has not `width` fields, or swallows lines with the shapes of
    rows, is broken at its first line: its quote is unpaired. With `strict` a line looks like a
    row if it has as many separators.
    """
    likely = width - 1 if strict else None
    limit = csv.field_size_limit(sys.maxsize)  # the default refuses fields over 128 KiB
    try:
        at = 0
        while at < len(lines):
            line = lines[at]
            if not quoted or '"' not in line:
                if line.strip(" \r") or separator in line:
                    yield Record(at, 1, None, line.count(separator) + 1)
                at += 1
                continue
            rest = (lines[i] + "\n" for i in range(at, min(at + _LONGEST_RECORD, len(lines))))
            reader = csv.reader(rest, delimiter=separator, strict=True, skipinitialspace=spaced)
            try:
                row = next(reader)
            except csv.Error as error:
                yield Record(at, 1, None, 0, str(error))
                at += 1
                continue
            span = lines[at : at + reader.line_num]
            is_unpaired = len(span) > 1 and _has_unpaired_quote(span, separator, shapes, likely)
            if is_unpaired or (len(span) > 1 and len(row) != width):
                yield Record(at, 1, None, 0, "a quote is opened and not closed")
                at += 1
                continue
            yield Record(at, reader.line_num, row, len(row))
            at += reader.line_num
    finally:
        csv.field_size_limit(limit)


def row_shape(line: str, separator: str) -> tuple[int, str]:
    """Return how many separators a line has, and the pattern of its first field."""
    first = re.sub(r"[^\W\d_]+", "a", line.split(separator, 1)[0].strip(' "'))
    return line.count(separator), re.sub(r"\d+", "0", first)


def row_shapes(lines: Sequence[str], separator: str, width: int) -> set[tuple[int, str]]:
    """Return the shapes of the first sound lines without quotes."""
    shapes = {row_shape(line, separator) for line in lines[:_SHAPES] if line and '"' not in line}
    return {shape for shape in shapes if shape[0] == width - 1}


def _has_unpaired_quote(
    lines: Sequence[str], separator: str, shapes: set[tuple[int, str]], n_separators: int | None
) -> bool:
    """Say whether half of a record's later lines look like rows: its quote is unpaired."""
    n_similar = sum(
        line.count(separator) == n_separators or row_shape(line, separator) in shapes
        for line in lines[1:]
    )
    return 2 * n_similar >= len(lines) - 1 > 0
