"""Recovery from a writer that was killed between the renames of `storage.folders`.

A writer's siblings of ``NAME`` are ``.NAME.new-*`` (being filled) and ``.NAME.old-*``
(moved aside for a moment). A lock on the parent directory makes the swap and its repair
exclusive; a lock on the ``new`` directory says that its writer lives. The kernel drops both
when a process dies, however it dies.
"""

import os
import shutil
from pathlib import Path

from pennyweight.bundle.manifest import MANIFEST
from pennyweight.storage.locks import locked

__all__ = ["repair", "sweep"]


def _siblings(path: Path, kind: str) -> list[Path]:
    prefix = f".{path.name}.{kind}-"
    try:
        return [p for p in path.parent.iterdir() if p.name.startswith(prefix) and p.is_dir()]
    except OSError:
        return []


def repair(path: Path) -> bool:
    """Move back an old bundle that a killed writer had moved aside; return whether it existed."""
    if path.exists() or not _siblings(path, "old"):
        return False
    try:
        with locked(path.parent):
            if path.exists():  # it was not killed, only between its two renames
                return True
            complete = [p for p in _siblings(path, "old") if (p / MANIFEST).exists()]
            if complete:
                os.rename(max(complete, key=lambda p: p.stat().st_mtime_ns), path)
            return bool(complete)
    except OSError:  # a place where we may not write
        return False


def sweep(path: Path) -> None:
    """Delete the leftovers of killed writers beside `path`, but no folder of a running one."""
    repair(path)
    for folder in _siblings(path, "new"):
        with locked(folder, wait=False) as dead:
            if dead:
                shutil.rmtree(folder, ignore_errors=True)
    with locked(path.parent):
        if path.exists():
            for folder in _siblings(path, "old"):
                shutil.rmtree(folder, ignore_errors=True)
