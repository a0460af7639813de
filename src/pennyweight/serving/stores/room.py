"""Check that a folder has room for the writes of a store."""

import errno
import os
import tempfile
from pathlib import Path

from pennyweight.errors import StoreError

__all__ = ["REFUSED", "UNWRITABLE", "unwritable"]

ROOM = 1 << 20  # bytes without which a disk counts as full: a log, an index of it, some events
REFUSED = "the disk refuses to write"
UNWRITABLE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "its folder may not be written to",
    errno.EPERM: "its folder may not be written to",
}


def unwritable(folder: Path) -> str | None:
    """Return why a folder cannot be written to, None where it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(ROOM))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        if error.errno in UNWRITABLE:
            return UNWRITABLE[error.errno]
        raise StoreError(f"{folder}: {error.strerror}; choose another with --data") from error
    return None
