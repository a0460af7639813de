"""Encoded live items, saved beside the store so that a restart does not encode them again.

Each bundle has a folder of files that never change. A file holds the ids, texts and attributes of
items as cleaned for that bundle, and the rows its scorers made of the texts. An item counts only
as long as the store has it with the same seq. A damaged file is deleted, and its items are
encoded again.
"""

import logging
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pennyweight.data.catalog import Catalog
from pennyweight.errors import BundleError
from pennyweight.machine.machine import release_memory
from pennyweight.serving.live.encoded_items import EncodedItems, from_file, latest, to_file

__all__ = ["ENCODED_ITEMS", "EncodedItemFiles"]

_log = logging.getLogger(__name__)
ENCODED_ITEMS = "encoded-items"  # the folder beside the store
TOGETHER = 4_096  # items in a file, and the most that a kill may lose
SPENT = 5.0  # seconds of encoding that a kill may lose
MANY = 64  # files of a bundle before they are merged into one
SUFFIX = ".safetensors"
DAMAGED = (BundleError, pl.exceptions.PolarsError, ValueError, KeyError)


class EncodedItemFiles:
    """The folder of encoded items.

    Parameters
    ----------
    folder
        Created with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: dict[str, list[EncodedItems]] = {}
        self._spent = 0.0
        self._lock = threading.Lock()

    def queue(self, version: str, encoded: EncodedItems, seconds: float = 0.0) -> None:
        """Queue encoded items to be written; `flush` writes them now.

        Parameters
        ----------
        seconds
            The time spent on encoding; the queue is written once this adds up to `SPENT`.
        """
        with self._lock:
            waiting = self._waiting.setdefault(version, [])
            if len(encoded):
                waiting.append(encoded)
            self._spent += seconds
            if sum(map(len, waiting)) < TOGETHER and self._spent < SPENT:
                return
        self.flush()
        release_memory()

    def flush(self) -> None:
        """Write the queued items."""
        with self._lock:
            waiting, self._waiting, self._spent = self._waiting, {}, 0.0
        for version, parts in waiting.items():
            if parts:
                self.add(version, latest(parts))

    def load(self, version: str, like: Catalog) -> list[EncodedItems]:
        """Return the saved items of a bundle, oldest first.

        Parameters
        ----------
        like
            The catalog of the bundle.
        """
        return [encoded for path in self._files(version) for encoded in _read(path, like)]

    def add(self, version: str, encoded: EncodedItems) -> None:
        """Write encoded items; a failure only costs time at the next start."""
        try:
            folder = self.folder / version
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / _name(encoded)
            if path.exists():  # items that were encoded again beside others
                encoded = latest([*_read(path, encoded.items), encoded])
            to_file(path, encoded)
            if self.count(version) > MANY:
                self._merge(version, encoded.items)
        except OSError as error:
            _log.warning("%d encoded items could not be saved: %s", len(encoded), error)

    def _merge(self, version: str, like: Catalog) -> None:
        """Merge all files into one that has only the last version of each item."""
        before = self._files(version)
        merged = latest(self.load(version, like))
        to_file(self.folder / version / _name(merged), merged)
        for path in before:
            if path.name != _name(merged):
                path.unlink(missing_ok=True)

    def count(self, version: str) -> int:
        """Return the number of files of a bundle."""
        return len(self._files(version))

    def keep_versions(self, versions: Sequence[str]) -> None:
        """Delete the files of all other bundles."""
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name not in versions:
                    shutil.rmtree(path, ignore_errors=True)

    def _files(self, version: str) -> list[Path]:
        return sorted((self.folder / version).glob(f"*{SUFFIX}"))


def _read(path: Path, like: Catalog) -> list[EncodedItems]:
    """Return the items of a file; none of a damaged one, which is deleted."""
    try:
        return [from_file(path, like)]
    except DAMAGED as error:
        _log.warning("%s cannot be used, and its items are encoded again: %s", path, error)
        path.unlink(missing_ok=True)
        return []


def _name(encoded: EncodedItems) -> str:
    return f"{int(encoded.seq.max()):016d}{SUFFIX}"
