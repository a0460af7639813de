"""The state of a service: store, disk, age of the data, and its tasks with their progress."""

import asyncio
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pennyweight.progress.update import ProgressUpdate
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.exports import wait_for_exports
from pennyweight.serving.live.last_runs import BACKUP_RUN, REFIT_RUN, LastRun, read_run
from pennyweight.serving.live.task_progress import read_progress, task_runs
from pennyweight.serving.live_folder import REFIT, STORE
from pennyweight.serving.stores.browsing import EventFilter, RowCount
from pennyweight.serving.stores.protocol import Store

__all__ = ["ServiceState", "TaskState", "service_state"]

COUNTED = 10_000  # events; a store may hold many more, which would take long to count

Activity = Literal["running", "stopped", "idle"]


@dataclass(frozen=True)
class TaskState:
    """A task now, and how it ended the last time.

    Attributes
    ----------
    name
        ``encoding`` of items, ``refit``, ``backup`` or ``import``; an export counts as a backup.
    activity
        ``stopped`` if it died halfway: the next one goes on with its work.
    began
        Epoch seconds; None where it does not run, or began at an unknown time.
    progress
        Its stage and the time left from now on, if known.
    waiting, failed
        Items that wait, and those that failed; 0 for other tasks.
    last
        None where no run is known.
    """

    name: Literal["encoding", "refit", "backup", "import"]
    activity: Activity
    began: float | None = None
    progress: ProgressUpdate | None = None
    waiting: int = 0
    failed: int = 0
    last: LastRun | None = None


@dataclass(frozen=True)
class ServiceState:
    """The state of a service.

    Attributes
    ----------
    time
        When it was measured, epoch seconds.
    store_bytes, bundle_bytes, free_bytes, disk_bytes
        Bytes of the store with its log, of all bundles, free and of the disk.
    events
        Live events; not counted to the end where there are many.
    event_seq
        Events since the store was made.
    newest_event
        Its own time, epoch seconds; None without one.
    tasks
        Encoding, refit, backup and import.
    """

    time: float
    store_bytes: int
    bundle_bytes: int
    free_bytes: int
    disk_bytes: int
    events: RowCount
    event_seq: int
    newest_event: float | None
    tasks: tuple[TaskState, ...]


async def service_state(engine: Engine) -> ServiceState:
    """Measure the state of a service."""
    folder, now = engine.publishing.bundles.folder.parent, engine.clock()
    usage = await asyncio.to_thread(shutil.disk_usage, folder)
    store_bytes, bundle_bytes = await asyncio.to_thread(_sizes, folder)
    events, event_seq, newest = await engine.store.read(_events)
    tasks = await asyncio.to_thread(_tasks, engine, folder, now)
    return ServiceState(
        now,
        store_bytes,
        bundle_bytes,
        usage.free,
        usage.total,
        events,
        event_seq,
        newest,
        tasks,
    )


def _events(store: Store) -> tuple[RowCount, int, float | None]:
    newest = store.browser.events(EventFilter(), 1).events
    return (
        store.browser.count_events(EventFilter(), COUNTED),
        store.position("events").seq,
        newest[0].time if newest else None,
    )


def _sizes(folder: Path) -> tuple[int, int]:
    files = (folder / f"{STORE}{suffix}" for suffix in ("", "-wal", "-shm"))
    return _nbytes(files), _nbytes((folder / "bundles").rglob("*"))


def _nbytes(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue  # deleted meanwhile
    return total


def _tasks(engine: Engine, folder: Path, now: float) -> tuple[TaskState, ...]:
    return _encoding(engine), _refit(folder, now), _backup(folder, now), _import(engine)


def _import(engine: Engine) -> TaskState:
    running = engine.import_progress()
    if running is None:
        return TaskState("import", "idle")
    return TaskState("import", "running", *running)


def _encoding(engine: Engine) -> TaskState:
    ingestion = engine.items.ingestion
    progress, waiting, failed = ingestion.progress, ingestion.waiting, len(engine.items.failures)
    activity: Activity = "idle" if progress is None else "running"
    return TaskState("encoding", activity, None, progress, waiting, failed)


def _refit(folder: Path, now: float) -> TaskState:
    runs, noted = task_runs(folder, "refit"), read_progress(folder, "refit", now)
    halfway: Activity = "stopped" if any((folder / REFIT).glob("*")) else "idle"
    last = read_run(folder, REFIT_RUN)
    if noted is None:
        return TaskState("refit", "running" if runs else halfway, last=last)
    return TaskState("refit", "running", noted.began, noted.update, last=last)


def _backup(folder: Path, now: float) -> TaskState:
    runs, noted = not wait_for_exports(folder, 0), read_progress(folder, "backup", now)
    last = read_run(folder, BACKUP_RUN)
    if noted is None:
        return TaskState("backup", "running" if runs else "idle", last=last)
    return TaskState("backup", "running", noted.began, noted.update, last=last)
