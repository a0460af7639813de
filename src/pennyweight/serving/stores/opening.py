"""Opening the store, also where the disk is full or read-only: then for reading alone."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import apsw

from pennyweight.errors import StoreError
from pennyweight.serving.stores.protocol import ReadOnlyError
from pennyweight.serving.stores.room import unwritable
from pennyweight.serving.stores.schema import STEPS, migrate
from pennyweight.serving.stores.sqlite import SQLiteStore
from pennyweight.serving.stores.sqlite_file import quick_check, store_errors
from pennyweight.serving.stores.tombstones import Tombstones

__all__ = ["ReadOnlyStore", "open_store"]

_log = logging.getLogger(__name__)


def open_store(path: Path) -> SQLiteStore:
    """Open a store; where it cannot be written, its contents can still be read."""
    reason = unwritable(path.parent)
    if reason is None:
        return SQLiteStore(path)
    _log.error(
        "%s: %s; lists are served, but no event, item or bundle is taken, until there is "
        "room and the service is started again",
        path.parent,
        reason,
    )
    return ReadOnlyStore(path, reason)


class ReadOnlyStore(SQLiteStore):
    """A store that is read as it lies on the disk, its log included; empty where there is none.

    No file is made beside it: the index of the log is held in memory, and nothing is locked,
    since the folder belongs to one service.

    Parameters
    ----------
    path
        The file.
    reason
        Why nothing can be written.

    Raises
    ------
    StoreError
        No database, or one whose tables would have to be changed first.
    """

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self._vfs, self.refusal = Path(path), None, reason
        with store_errors(self.path):
            self._database = _connect(self.path)
            self._tombstones = Tombstones(self._database)
            if self._database.pragma("user_version") != len(STEPS):
                raise StoreError(
                    f"{path}: tables of another version, and {reason}; free some space"
                )
            self._database.pragma("query_only", True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Raise `ReadOnlyError`."""
        raise self._refused()
        yield

    def reader(self) -> Self:
        """Return a store over the same file with its own connection."""
        assert self.refusal is not None
        return type(self)(self.path, self.refusal)

    def quick_check(self, seconds: float) -> list[str] | None:
        """Look for damage through a separate connection; None where the time ran out."""
        return quick_check(_connect(self.path), seconds)

    def _write(self, sql: str, values: Sequence[Any]) -> int:
        raise self._refused()

    def _refused(self) -> ReadOnlyError:
        return ReadOnlyError(
            f"{self.refusal}, as it was when the service started: nothing of "
            "this was stored; free some space and restart the service"
        )


def _connect(path: Path) -> apsw.Connection:
    if not path.is_file() or not path.stat().st_size:
        database = apsw.Connection(":memory:")
        migrate(database, str(path))
        return database
    log = path.with_name(path.name + "-wal")
    if log.is_file() and log.stat().st_size:
        # Without locks, and as the only one in its own eyes, so that it needs no shared index.
        database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs="unix-none")
        database.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        database.pragma("locking_mode", "exclusive")
        return database
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"file:{quote(str(path.absolute()))}?immutable=1", flags=flags)
