"""The file of an SQLite store: how it is created and checked, and its errors."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from pennyweight.errors import StoreError
from pennyweight.storage.private import narrow

__all__ = ["create_private", "quick_check", "store_errors"]

PROGRESS = 1_000  # steps of a check between looks at the clock


def create_private(path: Path) -> None:
    """Create the file for its owner alone; SQLite gives its log and its index the same mode."""
    try:
        # Only a new one: to close a file drops the locks that SQLite has on it in this process.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except OSError:
        return  # SQLite says why it cannot be opened
    for suffix in ("", "-wal", "-shm"):
        narrow(path.with_name(path.name + suffix))


def quick_check(database: apsw.Connection, seconds: float) -> list[str] | None:
    """Look for damage for some seconds, then close; None where they did not do."""
    end = time.monotonic() + seconds
    try:
        database.set_progress_handler(lambda: time.monotonic() > end, PROGRESS)
        rows = database.execute("PRAGMA quick_check(1)").fetchall()
    except (apsw.InterruptError, apsw.BusyError):
        return None
    except apsw.Error as error:
        return [str(error)]
    finally:
        database.close()
    return [str(row[0]) for row in rows if row[0] != "ok"]


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says into a `StoreError` that names the file."""
    try:
        yield
    except apsw.FullError as error:
        raise StoreError(f"{path}: the disk is full; nothing was stored") from error
    except apsw.NotADBError as error:
        raise StoreError(f"{path}: not a database of this service; move it elsewhere") from error
    except apsw.CantOpenError as error:
        raise StoreError(f"{path}: cannot be opened or created; check its permissions") from error
    except apsw.Error as error:
        raise StoreError(f"{path}: {error}; nothing was stored") from error
