"""Quotes in a delimited file: around fields, or part of the text."""

from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.readers.records import records, row_shape, row_shapes

__all__ = ["Quotes", "find_quotes", "separators"]

_CHUNK = 1 << 24
_SAMPLE_BYTES = 1 << 23
_SUSPECTS = 5_000  # line ends within quotes that are examined
_QUOTE, _NEWLINE, _RETURN = ord('"'), ord("\n"), ord("\r")


@dataclass(frozen=True)
class Quotes:
    """The use of quotes in a file.

    Attributes
    ----------
    enclose
        Quotes enclose fields; otherwise every line is one record and quotes are text.
    regular
        Every quote is where a sound file has it, and no field swallows rows.
    multiline
        Fields have line ends within quotes.
    absent
        There are no quotes at all.
    """

    enclose: bool
    regular: bool = True
    multiline: bool = False
    absent: bool = False


def find_quotes(data: bytes, start: int, separator: str, width: int) -> Quotes:
    """Decide from the whole file whether quotes enclose fields.

    Both readings are compared from the first irregular place on: quotes as text (one line, one
    record) and quotes as in CSV. The one that loses fewer lines wins; a tie goes to CSV.

    Parameters
    ----------
    data, start
        The contents, and where the rows begin, after the header.
    separator, width
        One ASCII character; fields in a row.
    """
    if b'"' not in data:
        return Quotes(enclose=False, absent=True)
    head = data[start : start + (1 << 18)].decode("utf-8", "replace").split("\n")
    shapes = row_shapes(head, separator, width)
    place, multiline, misplaced = _irregular(data, start, separator, shapes)
    if place is None or width == 1:
        return Quotes(enclose=True, regular=place is None, multiline=multiline)
    marks = (b'\n"', separator.encode() + b'"')
    if all(data.find(mark, max(0, start - 1)) < 0 for mark in marks):
        return Quotes(enclose=False)  # no field begins with a quote: none is enclosed
    as_text, as_csv = _broken(data, place, separator, width, shapes, misplaced)
    lines_win = 2 * as_text < as_csv
    return Quotes(enclose=not lines_win, regular=lines_win, multiline=multiline and not lines_win)


def _irregular(
    data: bytes, start: int, separator: str, shapes: set[tuple[int, str]]
) -> tuple[int | None, bool, bool]:
    """Return the start of the first irregular record.

    Also whether fields have several lines, and whether a quote is in the middle of a field.
    """
    contents = np.frombuffer(data, np.uint8)
    quotes_before, n_examined, multiline = 0, 0, False
    for at in range(start, len(data), _CHUNK):
        chunk = contents[at : at + _CHUNK]
        quotes = np.flatnonzero(chunk == _QUOTE) + at
        if not len(quotes) and quotes_before % 2 == 0:
            continue
        lines = np.flatnonzero(chunk == _NEWLINE) + at
        odd = (np.searchsorted(quotes, lines) + quotes_before) % 2 == 1
        within, begins = lines[odd], lines[~odd]
        multiline |= bool(len(within))
        suspects = [
            int(end)
            for end in within[: _SUSPECTS - n_examined]
            if row_shape(_line(data, int(end) + 1), separator) in shapes
        ]
        n_examined += len(within)
        bad = _misplaced(contents, quotes, quotes_before, ord(separator), start)
        places = [*suspects[:1], *bad[:1].tolist()]
        quotes_before += len(quotes)
        if places:
            before = int(np.searchsorted(begins, min(places)))
            return (int(begins[before - 1]) + 1 if before else start), multiline, len(bad) > 0
    return (None if quotes_before % 2 == 0 else start), multiline, False


def _line(data: bytes, start: int) -> str:
    end = data.find(b"\n", start, start + 4096)
    return data[start : end if end >= 0 else start + 4096].decode("utf-8", "replace")


def _misplaced(
    contents: NDArray[np.uint8], quotes: NDArray[np.int64], before: int, separator: int, start: int
) -> NDArray[np.int64]:
    """Return opening quotes in the middle of a field, and closing ones before its end."""
    opening = (np.arange(len(quotes)) + before) % 2 == 0
    opened, closed = quotes[opening], quotes[~opening]
    ahead = contents[opened - 1]
    bad = ~np.isin(ahead, (separator, _NEWLINE, _QUOTE)) & (opened > start)
    follows = contents[np.minimum(closed + 1, len(contents) - 1)]
    open_end = ~np.isin(follows, (separator, _NEWLINE, _RETURN, _QUOTE)) & (
        closed + 1 < len(contents)
    )
    return np.sort(np.concatenate([opened[bad], closed[open_end]]))


def _broken(
    data: bytes,
    place: int,
    separator: str,
    width: int,
    shapes: set[tuple[int, str]],
    misplaced: bool,
) -> tuple[int, int]:
    """Count broken records from a place on, with quotes as text and with quotes around fields."""
    sample = data[place : place + _SAMPLE_BYTES]
    if place + _SAMPLE_BYTES < len(data):
        sample = sample[: sample.rfind(b"\n") + 1]
    lines = sample.decode("utf-8", "replace").split("\n")
    as_text = as_csv = 0
    reading = records(lines, separator, width=width, shapes=shapes, strict=misplaced)
    for record in islice(reading, 200_000):
        span = lines[record.at : record.at + record.n_lines]
        if not any('"' in line for line in span):
            continue  # the same in both readings
        as_text += sum(line.count(separator) != width - 1 for line in span)
        as_csv += record.n_fields != width
    return as_text, as_csv


def separators(data: bytes, separator: int, *, enclose: bool) -> int:
    """Count the separators, with `enclose` those outside quotes."""
    if not enclose or b'"' not in data:
        return data.count(separator)
    count, quotes = 0, 0
    for start in range(0, len(data), _CHUNK):
        chunk = np.frombuffer(data, np.uint8, min(_CHUNK, len(data) - start), start)
        at = np.flatnonzero(chunk == separator)
        before = np.searchsorted(np.flatnonzero(chunk == _QUOTE), at)
        count += int(((before + quotes) % 2 == 0).sum())
        quotes += int((chunk == _QUOTE).sum())
    return count
