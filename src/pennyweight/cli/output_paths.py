"""Where results go: checked before the work, and described when it is interrupted."""

import os
from dataclasses import dataclass
from pathlib import Path

from pennyweight.errors import DataError

__all__ = ["Place", "bundle_place", "check_folder", "file_place", "folder_place"]


@dataclass(frozen=True)
class Place:
    """A path, and which file or folder was there before."""

    path: Path | None
    before: int | None

    def outcome(self) -> str:
        """Return a sentence on the state of the path."""
        now = None if self.path is None else _inode(self.path)
        if now is None:
            return "nothing was saved"
        if now == self.before:
            return f"nothing was saved; {self.path} is as it was"
        return f"{self.path} was saved whole before that"


def bundle_place(path: Path, *, overwrite: bool) -> Place:
    """Return the place of a bundle; `BundleError` or `DataError` where none can be written."""
    from pennyweight.bundle import check_place

    check_place(path, overwrite=overwrite)
    check_folder(path)
    return Place(path, _inode(path))


def folder_place(path: Path) -> Place:
    """Return the place of a folder; `DataError` where none can be written."""
    check_folder(path)
    return Place(path, _inode(path))


def file_place(path: Path | None, *inputs: Path) -> Place:
    """Return the path of an output file, if given; refuse an input file; errors as above."""
    if path is None:
        return Place(None, None)
    if any(path.exists() and source.exists() and path.samefile(source) for source in inputs):
        raise DataError(f"{path}: is read, so it cannot be written too; name another file")
    if path.is_dir():
        raise DataError(f"{path}: is a directory; name a file")
    check_folder(path)
    return Place(path, _inode(path))


def check_folder(path: Path) -> None:
    """Raise `DataError` where a path cannot be made."""
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise DataError(f"{path}: cannot be written: {folder} is not a folder that may be changed")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
