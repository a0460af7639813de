"""Files and standard input as sources of rows: followed while they grow, across rotation."""

import csv
import os
from pathlib import Path
from typing import BinaryIO

from pennyweight.errors import DataError
from pennyweight.ingestion.checkpoint import SentUpTo
from pennyweight.ingestion.mapping import EventMapping, delimiter_of
from pennyweight.ingestion.raw_rows import RawRow, RowBuffer
from pennyweight.storage.files import digest

__all__ = ["LogFile"]

BOM = b"\xef\xbb\xbf"
COMPRESSED = "is compressed; unpack it to a pipe, as by `zcat FILE | pennyweight ingest LIVE -`"
UTF16 = "is UTF-16; convert it to a pipe, as by `iconv -f UTF-16 FILE | pennyweight ingest LIVE -`"
UNREADABLE = {  # the first bytes of a file -> the remedy
    b"\x1f\x8b": COMPRESSED,
    b"\x28\xb5\x2f\xfd": COMPRESSED,
    b"BZh": COMPRESSED,
    b"\xff\xfe": UTF16,
    b"\xfe\xff": UTF16,
}


class LogFile:
    """One generation of a file, from its first byte to the rotation; or a pipe.

    Attributes
    ----------
    inode
        Its number on the disk.
    buffer
        The rows that are left.
    mapping
        How they are read; None until the first row came.
    first_row
        The checksum of the first row, with the header of a CSV file.
    continues_row
        Whether the next row is the end of one that was read before it was whole.
    """

    def __init__(self, file: BinaryIO, mapping: EventMapping) -> None:
        self.file, self.inode, self._template = file, os.fstat(file.fileno()).st_ino, mapping
        self.buffer = RowBuffer(lambda n: os.read(file.fileno(), n))
        self.mapping: EventMapping | None = None
        self.first_row = ""
        self.continues_row = False
        self._header: RawRow | None = None
        self._queue: list[RawRow] = []

    @classmethod
    def opened(cls, path: Path, mapping: EventMapping) -> "LogFile":
        """Open a file; `DataError` where there is none."""
        try:
            return cls(path.open("rb"), mapping)
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; name a file, or - for a pipe") from None

    @property
    def changed(self) -> int:
        """When it was last written, in nanoseconds."""
        return os.fstat(self.file.fileno()).st_mtime_ns

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def take(self, *, final: bool) -> RawRow | None:
        """Return the next row that is no header and not blank; None where none is complete."""
        if self.mapping is None and not self._begin(final):
            return None
        while True:
            row = self._queue.pop() if self._queue else self.buffer.take(final=final)
            if row is None or row.data.strip():
                return row

    def go_on(self, state: SentUpTo) -> bool:
        """Skip the rows that were sent; return whether this is the file that they came from."""
        if not state.offset:
            return state.inode in (0, self.inode)
        if not self._begin(final=False) or self.first_row != state.first_row:
            return False
        size = os.fstat(self.file.fileno()).st_size
        if size < state.offset:
            return False
        os.lseek(self.file.fileno(), state.offset - 1, os.SEEK_SET)
        is_cut = os.read(self.file.fileno(), 1) != b"\n"
        delimiter = self.buffer.delimiter
        self._queue.clear()
        self.buffer = RowBuffer(lambda n: os.read(self.file.fileno(), n), state.offset)
        self.buffer.delimiter = delimiter
        self.continues_row = is_cut
        return True

    def _begin(self, final: bool) -> bool:
        """Read header and first row, which name the file; return whether they are there."""
        if self.mapping is not None:
            return True
        while self._header is None or not self._header.data.strip(b" \t\r\n" + BOM):
            self._header = self.buffer.take(final=final)
            if self._header is None:
                return False
        for start, remedy in UNREADABLE.items():
            if self._header.data.startswith(start):
                raise DataError(f"{self._template.source}: {remedy}")
        text = self._header.data.removeprefix(BOM)
        if text.lstrip()[:1] == b"[":
            raise DataError(
                f"{self._template.source}: is a JSON array; write one object a line (jq -c '.[]')"
            )
        if text.lstrip()[:1] == b"{":
            self._name(self._header, self._header.data, None, None)
            self._queue.append(self._header)
            return True
        header = text.decode("utf-8", "replace")
        delimiter = delimiter_of(header)
        self.buffer.delimiter = delimiter.encode()
        first = self.buffer.take(final=final)
        if first is None:
            return False
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
        self._name(first, self._header.data + b"\n" + first.data, delimiter, names)
        self._queue.append(first)
        return True

    def _name(
        self, first: RawRow, named: bytes, delimiter: str | None, header: list[str] | None
    ) -> None:
        self.first_row = digest(named)
        template = self._template
        self.mapping = EventMapping(
            template.source,
            template.overrides,
            template.time_format,
            template.event_type,
            delimiter,
            header,
            self.first_row,
        )

    def is_replaced(self, path: Path) -> bool:
        """Return whether the path names another file now, or this one was cut."""
        try:
            stat = path.stat()
        except FileNotFoundError:
            return False  # between two names
        return stat.st_ino != self.inode or stat.st_size < self.buffer.offset
