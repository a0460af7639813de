"""How much data there is, found out without reading all of it."""

import bz2
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pennyweight.data.dataset import Dataset
from pennyweight.data.tables import Source

__all__ = ["Volume", "volume"]

HEAD = 1 << 20  # bytes of a file that are looked at
HEAD_ROWS = 10_000  # rows of a Parquet file
ZSTD = 4  # times that text is larger unpacked, where it is not tried
_UNPACK: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31)),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", lzma.LZMADecompressor),
    (b"\x5d\x00\x00", lzma.LZMADecompressor),
)


@dataclass(frozen=True)
class Volume:
    """Rows of a catalogue and of an event log, and the bytes that they hold.

    Attributes
    ----------
    items, events
        Rows.
    item_bytes, event_bytes
        Of their values as text or in memory, whichever there is.
    """

    items: int
    events: int
    item_bytes: int
    event_bytes: int


def volume(items: Source | Dataset, events: Source | None) -> Volume:
    """Estimate how much data there is.

    Of files the first megabyte is looked at, of Parquet the number of rows is known. A
    source that cannot be read counts nothing here: reading it says what is wrong.
    """
    if isinstance(items, Dataset):
        catalog = items.catalog
        texts = sum(map(len, catalog.texts)) + catalog.attributes.estimated_size()
        return Volume(len(catalog), len(items.interactions), int(texts), 0)
    of_items, of_events = _table(items), (0, 0) if events is None else _table(events)
    return Volume(of_items[0], of_events[0], of_items[1], of_events[1])


def _table(source: Source) -> tuple[int, int]:
    """Return rows and bytes."""
    if isinstance(source, pl.LazyFrame):
        return _scanned(source)
    if isinstance(source, pl.DataFrame):
        return source.height, int(source.estimated_size())
    if isinstance(source, str | os.PathLike):
        try:
            return _file(Path(source))
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
                pl.exceptions.PolarsError):  # fmt: skip
            return 0, 0
    frame: Any = source  # of pandas
    some = frame.iloc[:HEAD_ROWS]
    a_row = int(some.memory_usage(deep=True).sum()) / max(1, len(some))
    return len(frame), round(a_row * len(frame))


def _scanned(frame: pl.LazyFrame) -> tuple[int, int]:
    rows = int(frame.select(pl.len()).collect().item())
    some = frame.head(HEAD_ROWS).collect()
    return rows, round(some.estimated_size() / max(1, some.height) * rows)


def _file(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        head = file.read(HEAD)
    size = path.stat().st_size
    if head[:4] == b"PAR1":
        return _scanned(pl.scan_parquet(path))
    if head[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(path) as archive:
            first = archive.infolist()[0]
            size = first.file_size
            with archive.open(first) as inner:
                head = inner.read(HEAD)
    elif head[:4] == b"\x28\xb5\x2f\xfd":
        return round(size * ZSTD / 100), size * ZSTD
    else:
        packed, head = len(head), _unpack(head)
        size = round(size * len(head) / max(1, packed))
    row = b"{" if head.lstrip()[:1] == b"[" else b"\n"
    rows = head.count(row) / max(1, len(head))
    return max(1, round(rows * size)), size


def _unpack(head: bytes) -> bytes:
    for magic, make in _UNPACK:
        if head.startswith(magic):
            return bytes(make().decompress(head))
    return head
