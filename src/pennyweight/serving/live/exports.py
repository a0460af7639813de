"""Exports that another process writes, for which an erasure waits."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["exporting", "wait_for_exports"]

LOCK = "lock.export"
PAUSE = 0.05  # seconds between two looks


@contextmanager
def exporting(folder: Path) -> Iterator[None]:
    """Let erasures in a service's folder wait while its users are written to files."""
    try:
        handle = _open(folder)
    except OSError:  # a copy that cannot be written to: no user is erased there
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def wait_for_exports(folder: Path, seconds: float) -> bool:
    """Wait for the exports that run now, a while at most; return whether they have ended."""
    try:
        handle = _open(folder)
    except OSError:  # the store reports the fault of the disk
        return True
    try:
        for _ in range(max(1, round(seconds / PAUSE))):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                time.sleep(PAUSE)
        return False
    finally:
        os.close(handle)


def _open(folder: Path) -> int:
    return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
