"""Rows of a growing file or of a pipe, with the byte at which each begins."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["RawRow", "RowBuffer"]

CHUNK = 1 << 18
MAX_ROW = 1 << 16  # bytes; a quote that is open for longer was never meant as one


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as it was written.

    Attributes
    ----------
    start, end
        Its first byte, and the byte after it and its line break.
    data
        The row without its line break.
    """

    start: int
    end: int
    data: bytes


class RowBuffer:
    """Cuts what is read into rows; an unfinished row waits for its rest.

    Parameters
    ----------
    read
        Returns up to a number of bytes, none where there are no more now.
    offset
        The byte at which reading begins.

    Attributes
    ----------
    delimiter
        Of a CSV file, whose quoted cells may hold line breaks; None for lines.
    """

    def __init__(self, read: Callable[[int], bytes], offset: int = 0) -> None:
        self._read, self._offset, self._data, self._at = read, offset, b"", 0
        self.delimiter: bytes | None = None

    @property
    def offset(self) -> int:
        """The byte at which the next row begins."""
        return self._offset + self._at

    def take(self, *, final: bool) -> RawRow | None:
        """Return the next row; with `final` also one without a line break at its end."""
        end = self._end_of_row(final)
        if end is None:
            return None
        start = self.offset
        data, self._at = self._data[self._at : end], end
        return RawRow(start, self.offset, data.rstrip(b"\r\n"))

    def _end_of_row(self, final: bool) -> int | None:
        """Return where the next row ends in the data; None while it is unfinished."""
        scanned = 0  # bytes after the start of the row
        while True:
            newline = self._data.find(b"\n", self._at + scanned)
            if newline < 0:
                scanned = len(self._data) - self._at
                if self._more():
                    continue
                if not (final and scanned):
                    return None
                newline = len(self._data) - 1
            row = self._data[self._at : newline + 1]
            if self.delimiter is None or not is_cell_open(row, self.delimiter):
                return newline + 1
            is_last = final and newline == len(self._data) - 1 and not self._more()
            if is_last or len(row) > MAX_ROW:  # the quote is a stray one: the first line alone
                return self._at + (row.find(b"\n") + 1 or len(row))
            scanned = len(row)

    def _more(self) -> bool:
        chunk = self._read(CHUNK)
        if not chunk:
            return False
        self._offset += self._at
        self._data, self._at = self._data[self._at :] + chunk, 0
        return True


def is_cell_open(row: bytes, delimiter: bytes) -> bool:
    """Return whether a row ends within a quoted cell."""
    if row.count(b'"') % 2 == 0:
        return False
    is_open, starts = False, True
    quote, separator = ord('"'), delimiter[0]
    for byte in row:
        if byte == quote and (starts or is_open):
            is_open, starts = not is_open, True  # a doubled quote opens the cell again
        else:
            starts = not is_open and byte == separator
    return is_open
