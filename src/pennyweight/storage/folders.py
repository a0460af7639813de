"""Whole folders: filled beside their place, then renamed into it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pennyweight.storage.files import sync_folder
from pennyweight.storage.locks import locked

__all__ = ["evict_folders", "replace_directory", "staging"]


@contextmanager
def staging(path: Path) -> Iterator[Path]:
    """Yield an empty directory beside `path`, deleted afterwards unless it was renamed."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.new-", dir=path.parent))
    # mkdtemp makes it private; a bundle is as readable as any directory of its owner.
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
    try:
        with locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace_directory(new: Path, path: Path) -> None:
    """Rename `new` to `path`; an old folder stays intact until then and is deleted after."""
    with locked(path.parent):
        old = None
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old-", dir=path.parent))
            os.rename(path, old)  # over the empty directory, which only reserved the name
        try:
            os.rename(new, path)
        except BaseException:
            if old is not None and not path.exists():
                os.rename(old, path)
            raise
        sync_folder(path.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def evict_folders(folder: Path, *, keep: int) -> None:
    """Remove the folders within one that were not used for longest, except those in use."""
    places = sorted(folder.iterdir(), key=lambda place: place.stat().st_mtime, reverse=True)
    for place in places[keep:]:
        with locked(place, wait=False) as had:
            if had:
                shutil.rmtree(place, ignore_errors=True)
