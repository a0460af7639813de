"""The size of the data, estimated without reading all of it."""

import bz2
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import polars as pl

from pennyweight.data.catalog import Catalog
from pennyweight.data.columns import resolve
from pennyweight.data.dataset import Dataset
from pennyweight.data.decompression import UNREADABLE
from pennyweight.data.delimited import read_delimited
from pennyweight.data.interactions import Interactions
from pennyweight.data.jsonlines import read_json
from pennyweight.data.readers.text_encoding import as_utf8
from pennyweight.data.tables import Source, table_from_memory
from pennyweight.errors import DataError

__all__ = ["Volume", "held", "volume"]

HEAD = 1 << 20  # bytes read from a file
HEAD_ROWS = 10_000  # rows read from a Parquet file
ZSTD = 4  # assumed compression ratio of zstd
_UNPACK: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31)),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", lzma.LZMADecompressor),
    (b"\x5d\x00\x00", lzma.LZMADecompressor),
)


@dataclass(frozen=True)
class Volume:
    """Rows of a catalog and of an event log, and the bytes that they hold.

    Attributes
    ----------
    items, events
        Rows.
    item_bytes, event_bytes
        Of their values as text or in memory, whichever there is.
    users
        Upper bound, where the beginning of the log allows one; otherwise None.
    """

    items: int
    events: int
    item_bytes: int
    users: int | None = None


@dataclass(frozen=True)
class _Table:
    rows: int = 0
    nbytes: int = 0
    head: pl.DataFrame | None = None


def volume(
    items: Source | Dataset,
    events: Source | None,
    *,
    columns: Mapping[str, str | None] | None = None,
) -> Volume:
    """Estimate how much data there is.

    Of files the first megabyte is read, of Parquet the number of rows in the footer. A source
    that cannot be read counts as empty: reading it raises the error.

    Parameters
    ----------
    items, events, columns
        As for `read`.
    """
    if isinstance(items, Dataset):
        return held(items.catalog, items.interactions)
    of_items, of_events = _table(items), _Table() if events is None else _table(events)
    users = _users(of_events, columns)
    return Volume(of_items.rows, of_events.rows, of_items.nbytes, users)


def held(catalog: Catalog, log: Interactions) -> Volume:
    """Return the size of data in memory."""
    texts = sum(map(len, catalog.texts)) + catalog.attributes.estimated_size()
    return Volume(len(catalog), len(log), int(texts), len(log.users))


def _users(events: _Table, columns: Mapping[str, str | None] | None) -> int | None:
    """Return an upper bound on the number of users, if later rows repeat them like the first."""
    if events.head is None or not events.head.height:
        return None
    try:
        user = resolve(events.head.columns, "events", {**(columns or {}), "time": None})["user"]
        n_users = events.head[user].n_unique()
    except (DataError, KeyError, pl.exceptions.PolarsError):
        return None
    return ceil(n_users / events.head.height * events.rows)


def _table(source: Source) -> _Table:
    try:
        if isinstance(source, pl.LazyFrame):
            return _scanned(source)
        if isinstance(source, pl.DataFrame):
            return _Table(source.height, int(source.estimated_size()), source)
        if isinstance(source, str | os.PathLike):
            return _file(Path(source))
        if not hasattr(source, "iloc"):
            return _table(table_from_memory(source, "table"))
        frame: Any = source  # of pandas
        sample = frame.iloc[:HEAD_ROWS]
        a_row = int(sample.memory_usage(deep=True).sum()) / max(1, len(sample))
        return _Table(len(frame), round(a_row * len(frame)))
    except UNREADABLE:
        return _Table()


def _scanned(frame: pl.LazyFrame) -> _Table:
    rows = int(frame.select(pl.len()).collect().item())
    sample = frame.head(HEAD_ROWS).collect()
    return _Table(rows, round(sample.estimated_size() / max(1, sample.height) * rows), sample)


def _file(path: Path) -> _Table:
    with path.open("rb") as file:
        head = file.read(HEAD)
    size = path.stat().st_size
    if head[:4] == b"PAR1":
        return _scanned(pl.scan_parquet(path))
    if head[:4] == b"\x28\xb5\x2f\xfd":
        return _Table(round(size * ZSTD / 100), size * ZSTD)
    if head[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(path) as archive:
            first = archive.infolist()[0]
            size = first.file_size
            with archive.open(first) as inner:
                head = inner.read(HEAD)
    else:
        packed, head = len(head), _unpack(head)
        size = round(size * len(head) / max(1, packed))
    head, size = _narrow(head, size)
    if head.lstrip()[:1] == b"[":  # an array, cut before its end
        return _Table(max(1, round(head.count(b"{") / max(1, len(head)) * size)), size)
    lines = head if len(head) >= size else head[: head.rfind(b"\n") + 1]
    rows = lines.count(b"\n") / max(1, len(lines))
    return _Table(max(1, round(rows * size)), size, _parsed(lines, path))


def _narrow(head: bytes, size: int) -> tuple[bytes, int]:
    """Return the beginning of UTF-16 or UTF-32 as UTF-8, and the size of the whole as UTF-8."""
    aligned = head[: len(head) // 4 * 4]
    narrow, encoding = as_utf8(aligned)
    return (narrow, round(size * len(narrow) / len(aligned))) if encoding else (head, size)


def _parsed(head: bytes, path: Path) -> pl.DataFrame:
    if head.lstrip()[:1] == b"{":
        return read_json(head, str(path)).frame
    return read_delimited(head, str(path), tabs=b"\t" in head[:HEAD_ROWS].split(b"\n")[0]).frame


def _unpack(head: bytes) -> bytes:
    for magic, make in _UNPACK:
        if head.startswith(magic):
            return bytes(make().decompress(head))
    return head
