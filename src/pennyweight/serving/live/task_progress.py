"""The progress of long tasks: noted by the process that runs one, read by the service.

Refits and backups are other processes, so their progress lies in small files of the folder.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pennyweight.progress.update import ProgressUpdate, ShowProgress

__all__ = ["PROGRESS", "NotedTask", "TaskProgress", "noted_progress", "read_progress", "task_runs"]

NotedTask = Literal["refit", "backup"]
PROGRESS = "progress-"  # prefix of the files
LOCK = "lock.progress-"  # held while the task runs: a process that was killed leaves its note
PAUSE = 1.0  # seconds between two notes of one stage
TRIES, RETRY = 5, 0.02  # a reader may hold the lock for a moment


@dataclass(frozen=True)
class TaskProgress:
    """The state of a task that runs.

    Attributes
    ----------
    began
        Epoch seconds.
    update
        Its stage, and the time left from now on.
    """

    began: float
    update: ProgressUpdate


@contextmanager
def noted_progress(
    folder: Path, task: NotedTask, *, clock: Callable[[], float] = time.time
) -> Iterator[ShowProgress]:
    """Yield a function that notes each update in the folder of a service while the block lasts.

    A folder that cannot be written to, or in which the same task runs already, gets no note.

    Parameters
    ----------
    clock
        Epoch seconds.
    """
    handle = _locked(folder, task)
    if handle is None:
        yield lambda update: None
        return
    path = folder / f"{PROGRESS}{task}.json"
    try:
        with suppress(OSError):
            path.unlink(missing_ok=True)  # of a process that was killed
        yield _Note(path, clock)
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(handle)


def read_progress(folder: Path, task: NotedTask, now: float) -> TaskProgress | None:
    """Return the progress of a task; None where it does not run, or its note cannot be read."""
    if not task_runs(folder, task):
        return None
    try:
        document = json.loads((folder / f"{PROGRESS}{task}.json").read_bytes())
        update = ProgressUpdate(**document["update"])
        began, noted = float(document["began"]), float(document["time"])
        left = update.seconds_left
        if left is not None:
            left = left - (now - noted) if now - noted < left else None
        str(update)  # an error where a number is none
        return TaskProgress(began, replace(update, seconds_left=left))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def task_runs(folder: Path, task: NotedTask) -> bool:
    """Return whether a task runs in the folder of a service, whatever its note says."""
    try:
        handle = os.open(folder / f"{LOCK}{task}", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(handle)


class _Note:
    """Writes updates to a file, at most one a second of each stage."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path, self._clock = path, clock
        self._began = clock()
        self._stage, self._noted = "", 0.0

    def __call__(self, update: ProgressUpdate) -> None:
        now = self._clock()
        if update.stage == self._stage and 0 <= now - self._noted < PAUSE:
            return
        self._stage, self._noted = update.stage, now
        document = {"began": self._began, "time": now, "update": asdict(update)}
        with suppress(OSError):  # a full disk ends the task elsewhere
            _replace(self._path, document)


def _replace(path: Path, document: dict[str, Any]) -> None:
    """Replace a file; not forced to the disk, as nobody reads it after a loss of power."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(json.dumps(document).encode())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _locked(folder: Path, task: NotedTask) -> int | None:
    """Return the handle of the locked file of a task; None where it cannot be had."""
    try:
        handle = os.open(folder / f"{LOCK}{task}", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    for _ in range(TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except OSError:
            time.sleep(RETRY)
    os.close(handle)
    return None
