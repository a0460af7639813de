"""The state of the service: store, disk, age of the data, last refit and backup, tasks."""

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from pennyweight.formatting import count, size
from pennyweight.html.figures import Fact, Table
from pennyweight.serving.dashboard.page import age, page, page_router
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.exports import wait_for_exports
from pennyweight.serving.live.last_runs import BACKUP_RUN, REFIT_RUN, LastRun, Outcome, read_run
from pennyweight.serving.live_folder import REFIT, STORE
from pennyweight.serving.stores.browsing import EventFilter, RowCount
from pennyweight.serving.stores.protocol import Store

__all__ = ["status_routes"]

COUNTED = 10_000
WORDS: Mapping[Outcome, str] = {
    "published": "published a bundle",
    "not-published": "its bundle was not published",
    "nothing-new": "no new events",
    "saved": "saved",
    "failed": "failed",
}
LOW = 0.1  # part of a disk that is free, below which the page warns


@dataclass(frozen=True)
class _StoreState:
    """The newest event (epoch seconds, None without one), and counts."""

    newest: float | None
    events: RowCount
    last_seq: int


@dataclass(frozen=True)
class _DiskState:
    """Bytes of the store, of all bundles, free and of the disk; tasks noted in the folder."""

    store: int
    bundles: int
    free: int
    total: int
    has_refit_work: bool
    is_exporting: bool
    refit: LastRun | None
    backup: LastRun | None


def status_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()
    folder = engine.publishing.bundles.folder.parent

    @router.get("/dashboard/status")
    async def status(request: Request) -> Response:
        disk = await asyncio.to_thread(_disk, folder)
        store = await engine.store.read(_store)
        now = engine.clock()
        return page(
            request,
            "status.html",
            {
                "now": now,
                "notes": list(engine.notes.values()),
                "low_disk": disk.free < LOW * disk.total,
                "free": size(disk.free),
                "numbers": _facts(engine, disk, store, now),
                "tasks": _tasks(engine, disk, now),
            },
        )

    return router


def _store(store: Store) -> _StoreState:
    newest = store.browser.events(EventFilter(), 1).events
    return _StoreState(
        newest[0].time if newest else None,
        store.browser.count_events(EventFilter(), COUNTED),
        store.position("events").seq,
    )


def _disk(folder: Path) -> _DiskState:
    usage = shutil.disk_usage(folder)
    files = (folder / f"{STORE}{suffix}" for suffix in ("", "-wal", "-shm"))
    bundles = (folder / "bundles").rglob("*")
    return _DiskState(
        _nbytes(files),
        _nbytes(bundles),
        usage.free,
        usage.total,
        any((folder / REFIT).glob("*")),
        not wait_for_exports(folder, 0),
        read_run(folder, REFIT_RUN),
        read_run(folder, BACKUP_RUN),
    )


def _nbytes(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue  # deleted meanwhile
    return total


def _facts(engine: Engine, disk: _DiskState, store: _StoreState, now: float) -> list[Fact]:
    items = engine.traffic.split.primary.catalog
    return [
        Fact("Store", size(disk.store), "on disk, with its log"),
        Fact("Bundles", size(disk.bundles), "on disk"),
        Fact("Free disk", size(disk.free), f"of {size(disk.total)}"),
        Fact(
            "Events",
            f"{store.events.n:,}{'' if store.events.is_exact else ' or more'}",
            f"{store.last_seq:,} since the store was made",
        ),
        Fact("Items", f"{len(items):,}", "in the served catalog"),
        Fact(
            "Newest event",
            "none" if store.newest is None else age(now - store.newest),
            "by its own time",
        ),
        Fact("Bundle made", age(now - engine.traffic.split.primary.created), "that of most users"),
        Fact("Writes", "no" if engine.store.refusal else "yes", "whether the disk takes them"),
    ]


def _tasks(engine: Engine, disk: _DiskState, now: float) -> Table:
    """Return what runs now, and how it ended the last time."""
    waiting, failures = engine.items.ingestion.waiting, len(engine.items.failures)
    encoding = f"{count(waiting, 'item')} to encode" if waiting else "idle"
    rows = [
        ("Encoding of items", encoding, f"{count(failures, 'item')} failed" if failures else "-"),
        (
            "Refit",
            "under way, or stopped halfway" if disk.has_refit_work else "idle",
            _last(disk.refit, now),
        ),
        ("Backup or export", "under way" if disk.is_exporting else "idle", _last(disk.backup, now)),
        ("Lists to rank", f"{engine.lists.batching.waiting:,}", "-"),
        ("Writes to the store", f"{engine.store.writer.waiting:,}", "-"),
    ]
    return Table("Each task now, and how it ended last", ("Task", "Now", "Last result"), rows)


def _last(run: LastRun | None, now: float) -> str:
    """Return how a task ended the last time, and when."""
    return "none is known" if run is None else f"{WORDS[run.outcome]}, {age(now - run.time)}"
