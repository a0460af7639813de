"""Locks between processes, on every system; dropped however their holder ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["lock_handle", "locked", "open_lock"]

if sys.platform == "win32":
    import msvcrt

    def lock_handle(handle: int, *, shared: bool = False, wait: bool = True) -> None:
        """Lock an open file; there is no shared lock, so sharers exclude each other."""
        msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

    def open_lock(folder: Path) -> int:
        """Open the file beside a folder that stands for it, as folders cannot be opened."""
        beside = folder.with_name(f".{folder.name}.lock")
        return os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)

else:
    import fcntl

    def lock_handle(handle: int, *, shared: bool = False, wait: bool = True) -> None:
        """Lock an open file or folder.

        Raises
        ------
        OSError
            Another process holds it, or the file system has no locks.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(handle, kind | (0 if wait else fcntl.LOCK_NB))

    def open_lock(folder: Path) -> int:
        """Open the folder, to lock it."""
        return os.open(folder, os.O_RDONLY)


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a folder's lock; yield whether it could be taken."""
    handle = open_lock(folder)
    try:
        try:
            lock_handle(handle, wait=wait)
            taken = True
        except OSError:  # held by another, or a file system without locks
            taken = False
        yield taken
    finally:
        os.close(handle)
