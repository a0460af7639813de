"""Putting a new directory in the place of an old one, so that a kill loses neither.

A writer's siblings of ``NAME`` are ``.NAME.new-*`` (being filled) and ``.NAME.old-*``
(moved aside for a moment). A lock on the parent directory makes the swap and its repair
exclusive; a lock on the ``new`` directory says that its writer lives. The kernel drops both
when a process dies, however it dies.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pennyweight.bundle.manifest import MANIFEST

__all__ = ["repair", "replace_directory", "staging", "sweep", "sync_directory"]


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a folder's lock; yields whether it was had."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            had = True
        except OSError:  # held by another, or a file system without locks
            had = False
        yield had
    finally:
        os.close(handle)


@contextmanager
def staging(path: Path) -> Iterator[Path]:
    """Yield an empty directory beside `path`, gone afterwards unless it was renamed."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.new-", dir=path.parent))
    # mkdtemp makes it private; a bundle is as readable as any directory of its owner.
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sync_directory(folder: Path) -> None:
    """Force names in a folder to disk, or they may be lost with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_directory(new: Path, path: Path) -> None:
    """Rename `new` to `path`; what was there stays whole until then and is deleted after."""
    with _locked(path.parent):
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
        sync_directory(path.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _siblings(path: Path, kind: str) -> list[Path]:
    prefix = f".{path.name}.{kind}-"
    try:
        return [p for p in path.parent.iterdir() if p.name.startswith(prefix) and p.is_dir()]
    except OSError:
        return []


def repair(path: Path) -> bool:
    """Move an old bundle back that a killed writer left aside; return whether there was one."""
    if path.exists() or not _siblings(path, "old"):
        return False
    try:
        with _locked(path.parent):
            if path.exists():  # it was not killed, only between its two renames
                return True
            whole = [p for p in _siblings(path, "old") if (p / MANIFEST).exists()]
            if whole:
                os.rename(max(whole, key=lambda p: p.stat().st_mtime_ns), path)
            return bool(whole)
    except OSError:  # a place where we may not write
        return False


def sweep(path: Path) -> None:
    """Delete what killed writers left beside `path`; what a living one fills is left alone."""
    repair(path)
    for folder in _siblings(path, "new"):
        with _locked(folder, wait=False) as dead:
            if dead:
                shutil.rmtree(folder, ignore_errors=True)
    with _locked(path.parent):
        if path.exists():
            for folder in _siblings(path, "old"):
                shutil.rmtree(folder, ignore_errors=True)
