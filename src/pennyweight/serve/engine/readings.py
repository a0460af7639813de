"""What items that came live were read as, kept beside the store so that a start reads none again.

A folder a bundle; in it files, each written once and whole: ids, texts and attributes of some
items as they were cleaned for that bundle, and the rows its scorers made of the texts. An item
counts only as long as the store has it with the same seq. A damaged file is deleted: what was in
it is read again.
"""

import logging
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version as version_of
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.disk.arrays import read_arrays, write_arrays
from pennyweight.disk.packed import Packed
from pennyweight.errors import BundleError
from pennyweight.recommender.later import ReadAlready
from pennyweight.score.rows import Terms, TextRows, stacked

__all__ = ["ReadItems", "Readings", "alive", "latest"]

_log = logging.getLogger(__name__)
FORMAT = 1
TOGETHER = 4_096  # items in a file: those that a kill may cost
SPENT = 5.0  # seconds of reading that a kill may cost
SUFFIX = ".safetensors"
DAMAGED = (BundleError, pl.exceptions.PolarsError, ValueError, KeyError)


@dataclass(frozen=True)
class ReadItems:
    """Items as a bundle reads them.

    Attributes
    ----------
    items
        Cleaned, with the columns of the bundle.
    seq
        That of the store, int64 (n,).
    read
        What the scorers read in those of the texts that were new then.
    """

    items: Catalog
    seq: NDArray[np.int64]
    read: ReadAlready

    def __len__(self) -> int:
        return len(self.seq)

    @classmethod
    def none(cls, like: Catalog) -> "ReadItems":
        """Return no items, of a catalogue."""
        items = replace(like, ids=Ids((), "items"), texts=(), attributes=like.attributes.head(0))
        return cls(items, np.empty(0, np.int64), ReadAlready(np.empty(0, np.int64), {}))

    def take(self, keep: NDArray[np.bool_]) -> "ReadItems":
        """Return some of the items."""
        if keep.all():
            return self
        at = np.flatnonzero(keep)
        ids, texts = ([part[i] for i in at.tolist()] for part in (self.items.ids, self.items.texts))
        rows = self.items.attributes[at] if self.items.attributes.width else pl.DataFrame()
        items = replace(self.items, ids=Ids(ids, "items"), texts=texts, attributes=rows)
        held = np.flatnonzero(keep[self.read.at])
        place = np.searchsorted(at, self.read.at[held]).astype(np.int64)
        return ReadItems(items, self.seq[at], ReadAlready(place, self.read.take(held)))

    @classmethod
    def joined(cls, parts: Sequence["ReadItems"]) -> "ReadItems":
        """Return several as one; no item may be in two of them."""
        if len(parts) == 1:
            return parts[0]
        items = replace(
            parts[0].items,
            ids=Ids((item for part in parts for item in part.items.ids), "items"),
            texts=[text for part in parts for text in part.items.texts],
            attributes=_below(part.items.attributes for part in parts),
        )
        starts = np.cumsum([0, *(len(part) for part in parts[:-1])]).tolist()
        at = [part.read.at + start for part, start in zip(parts, starts, strict=True)]
        full = [part.read.rows for part in parts if len(part.read.at)]
        read = {name: stacked([rows[name] for rows in full]) for name in (full[0] if full else {})}
        seq = np.concatenate([part.seq for part in parts])
        return cls(items, seq, ReadAlready(np.concatenate(at), read))


def _below(tables: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return tables one below the other; whole numbers of one may be others in the next."""
    some = [table for table in tables if table.width]
    if not some:
        return pl.DataFrame()
    alike = all(table.schema == some[0].schema for table in some)
    return pl.concat(some, how="vertical" if alike else "vertical_relaxed").rechunk()


def latest(parts: Sequence[ReadItems]) -> ReadItems:
    """Return several as one, of each item what was read last."""
    last = {
        item: seq
        for part in parts
        for item, seq in zip(part.items.ids, part.seq.tolist(), strict=True)
    }
    return ReadItems.joined([alive(part, last) for part in parts])


def alive(some: ReadItems, last: Mapping[str, int]) -> ReadItems:
    """Return the items whose last seq is that with which they were read."""
    own = zip(some.items.ids, some.seq.tolist(), strict=True)
    return some.take(np.array([last.get(item) == seq for item, seq in own], bool))


class Readings:
    """The folder of what was read.

    Parameters
    ----------
    folder
        Made when there is something to keep.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: dict[str, list[ReadItems]] = {}
        self._spent = 0.0
        self._lock = threading.Lock()

    def note(self, version: str, some: ReadItems, seconds: float = 0.0) -> None:
        """Keep what was read, together with more that comes; `flush` keeps it now.

        Parameters
        ----------
        seconds
            What reading took: after much of it nothing waits any more.
        """
        with self._lock:
            waiting = self._waiting.setdefault(version, [])
            if len(some):
                waiting.append(some)
            self._spent += seconds
            if sum(map(len, waiting)) < TOGETHER and self._spent < SPENT:
                return
        self.flush()

    def flush(self) -> None:
        """Keep what waits."""
        with self._lock:
            waiting, self._waiting, self._spent = self._waiting, {}, 0.0
        for version, parts in waiting.items():
            if parts:
                self.add(version, latest(parts))

    def load(self, version: str, like: Catalog) -> list[ReadItems]:
        """Return what is kept of a bundle, the oldest first; each seq is in one of them.

        Parameters
        ----------
        like
            The catalogue of the bundle.
        """
        found = []
        for path in self._files(version):
            try:
                found.append(_from_file(path, like))
            except DAMAGED as error:
                _log.warning("%s cannot be used, and its items are read again: %s", path, error)
                path.unlink(missing_ok=True)
        return found

    def add(self, version: str, some: ReadItems) -> None:
        """Keep what was read; a disk that takes nothing costs time at the next start only."""
        try:
            folder = self.folder / version
            folder.mkdir(parents=True, exist_ok=True)
            _to_file(folder / f"{int(some.seq.max()):016d}{SUFFIX}", some)
        except OSError as error:
            _log.warning("what was read in %d items is not kept: %s", len(some), error)

    def replace(self, version: str, whole: ReadItems) -> None:
        """Keep one file in the place of all."""
        before = self._files(version)
        if len(whole):
            self.add(version, whole)
        name = f"{int(whole.seq.max(initial=0)):016d}{SUFFIX}"
        for path in before:
            if path.name != name:
                path.unlink(missing_ok=True)

    def count(self, version: str) -> int:
        """Return how many files are kept of a bundle."""
        return len(self._files(version))

    def keep_versions(self, versions: Sequence[str]) -> None:
        """Delete what is kept of bundles that are not here any more."""
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name not in versions:
                    shutil.rmtree(path, ignore_errors=True)

    def _files(self, version: str) -> list[Path]:
        return sorted((self.folder / version).glob(f"*{SUFFIX}"))


def _to_file(path: Path, some: ReadItems) -> None:
    names = pl.DataFrame({"id": list(some.items.ids), "text": list(some.items.texts)})
    arrays: dict[str, NDArray[Any]] = {
        "seq": some.seq,
        "at": some.read.at,
        "names": _table_bytes(names),
        "attributes": _table_bytes(some.items.attributes),
    }
    widths: dict[str, int] = {}
    for name, rows in some.read.rows.items():
        if isinstance(rows, Terms):
            arrays |= {f"{name}.{key}": value for key, value in rows.arrays().items()}
            widths[name] = int(rows.matrix.shape[1])
        else:
            arrays |= rows.arrays(name)
    made_by = {"format": FORMAT, "pennyweight": version_of("pennyweight")}
    write_arrays(path, arrays, made_by | {"widths": widths, "parts": list(some.read.rows)})


def _from_file(path: Path, like: Catalog) -> ReadItems:
    arrays, settings = read_arrays(path)
    if (settings.get("format"), settings.get("pennyweight")) != (FORMAT, version_of("pennyweight")):
        raise ValueError("made by another version of pennyweight")
    names, attributes = (_table(arrays[name]) for name in ("names", "attributes"))
    if list(attributes.columns) != list(like.attributes.columns):
        raise ValueError("its columns are not those of the bundle")
    ids = Ids(names["id"].to_list(), "items")
    items = replace(like, ids=ids, texts=names["text"].to_list(), attributes=attributes)
    rows: TextRows = {
        name: _part(arrays, name, settings["widths"].get(name)) for name in settings["parts"]
    }
    return ReadItems(items, arrays["seq"], ReadAlready(arrays["at"], rows))


def _part(arrays: Mapping[str, NDArray[Any]], name: str, width: int | None) -> Packed | Terms:
    if width is None:
        return Packed.from_arrays(arrays, name)
    data, indices, indptr = (arrays[f"{name}.{key}"] for key in ("data", "indices", "indptr"))
    shape = (len(indptr) - 1, width)
    return Terms(sparse.csr_matrix((data, indices, indptr), shape=shape))


def _table_bytes(table: pl.DataFrame) -> NDArray[np.uint8]:
    out = BytesIO()
    if table.width:
        table.rechunk().write_ipc(out, compression="uncompressed")
    return np.frombuffer(out.getvalue(), np.uint8)


def _table(data: NDArray[np.uint8]) -> pl.DataFrame:
    return pl.read_ipc(BytesIO(data.tobytes())) if len(data) else pl.DataFrame()
