"""What items that came live were read as, kept beside the store so that a start reads none again.

A folder a bundle; in it files, each written once and whole: ids, texts and attributes of some
items as they were cleaned for that bundle, and the rows its scorers made of the texts. An item
counts only as long as the store has it with the same seq. A damaged file is deleted: what was in
it is read again.
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
from pennyweight.serving.live.encoded_items import ReadItems, from_file, latest, to_file

__all__ = ["EncodedItemFiles"]

_log = logging.getLogger(__name__)
TOGETHER = 4_096  # items in a file: those that a kill may cost
SPENT = 5.0  # seconds of reading that a kill may cost
MANY = 64  # files from which on one is made of them
SUFFIX = ".safetensors"
DAMAGED = (BundleError, pl.exceptions.PolarsError, ValueError, KeyError)


class EncodedItemFiles:
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
        release_memory()

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
            The catalog of the bundle.
        """
        found = []
        for path in self._files(version):
            try:
                found.append(from_file(path, like))
            except DAMAGED as error:
                _log.warning("%s cannot be used, and its items are read again: %s", path, error)
                path.unlink(missing_ok=True)
        return found

    def add(self, version: str, some: ReadItems) -> None:
        """Keep what was read; a disk that takes nothing costs time at the next start only."""
        try:
            folder = self.folder / version
            folder.mkdir(parents=True, exist_ok=True)
            to_file(folder / _name(some), some)
            if self.count(version) > MANY:
                self._merge(version, some.items)
        except OSError as error:
            _log.warning("what was read in %d items is not kept: %s", len(some), error)

    def _merge(self, version: str, like: Catalog) -> None:
        """Make one file of all, with the last of each item alone."""
        before = self._files(version)
        whole = latest(self.load(version, like))
        to_file(self.folder / version / _name(whole), whole)
        for path in before:
            if path.name != _name(whole):
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


def _name(some: ReadItems) -> str:
    return f"{int(some.seq.max()):016d}{SUFFIX}"
