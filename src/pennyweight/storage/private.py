"""Files and folders that only their owner may read, whatever the umask."""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["make_private", "narrow", "narrow_tree", "others_may", "owner_only"]

OTHERS = stat.S_IRWXG | stat.S_IRWXO

_log = logging.getLogger(__name__)


@contextmanager
def owner_only() -> Iterator[None]:
    """Create files with mode 0600 and folders with 0700; of the whole process, so at its start."""
    before = os.umask(OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, or narrow the one that is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    narrow(folder)


def narrow(path: Path) -> None:
    """Take all rights on a file or folder from everybody but its owner; log where that fails."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & OTHERS:
            path.chmod(mode & ~OTHERS)
    except FileNotFoundError:
        pass
    except OSError as error:
        _log.warning("%s: others may read it and it cannot be narrowed: %s", path, error.strerror)


def narrow_tree(folder: Path) -> None:
    """Narrow a folder and all in it.

    A file with several names (hard links) stays unchanged: another name of it may belong to
    another user, and the folder protects this one.
    """
    narrow(folder)
    for place, _, names in os.walk(folder):
        narrow(Path(place))
        for name in names:
            path = Path(place, name)
            if not path.is_symlink() and path.stat().st_nlink == 1:
                narrow(path)


def others_may(path: Path, right: int) -> bool:
    """Return whether the group or anybody has a right: 4 to read, 2 to write, 1 to enter."""
    return bool(stat.S_IMODE(path.stat().st_mode) & (right << 3 | right))
