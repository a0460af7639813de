"""The state of the service: store, disk, age of the data, last refit and backup, tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request, Response

from pennyweight.formatting import count, size
from pennyweight.html.figures import Fact
from pennyweight.progress.update import ProgressUpdate
from pennyweight.serving.dashboard.page import age, page, page_router
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.last_runs import LastRun, Outcome
from pennyweight.serving.service_state import ServiceState, TaskState, service_state

__all__ = ["status_routes"]

WORDS: Mapping[Outcome, str] = {
    "published": "published a bundle",
    "not-published": "its bundle was not published",
    "nothing-new": "no new events",
    "saved": "saved",
    "failed": "failed",
}
NAMES = {
    "encoding": "Encoding of items",
    "refit": "Refit",
    "backup": "Backup or export",
    "import": "Import",
}
NOW = {"running": "under way", "stopped": "stopped halfway", "idle": "idle"}
LOW = 0.1  # part of a disk that is free, below which the page warns


@dataclass(frozen=True)
class _TaskRow:
    """A task in the table; the share of it that is done, if known, as its bar shows it."""

    name: str
    now: str
    stage: str
    share: float | None
    left: str
    last: str


def status_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/status")
    async def status(request: Request) -> Response:
        state = await service_state(engine)
        return page(
            request,
            "status.html",
            {
                "now": state.time,
                "notes": list(engine.notes.values()),
                "low_disk": state.free_bytes < LOW * state.disk_bytes,
                "free": size(state.free_bytes),
                "numbers": _facts(engine, state),
                "tasks": _rows(engine, state),
            },
        )

    return router


def _facts(engine: Engine, state: ServiceState) -> list[Fact]:
    bundle, newest = engine.traffic.split.primary, state.newest_event
    return [
        Fact("Store", size(state.store_bytes), "on disk, with its log"),
        Fact("Bundles", size(state.bundle_bytes), "on disk"),
        Fact("Free disk", size(state.free_bytes), f"of {size(state.disk_bytes)}"),
        Fact(
            "Events",
            f"{state.events.n:,}{'' if state.events.is_exact else ' or more'}",
            f"{state.event_seq:,} since the store was made",
        ),
        Fact("Items", f"{len(bundle.catalog):,}", "in the served catalog"),
        Fact(
            "Newest event",
            "none" if newest is None else age(state.time - newest),
            "by its own time",
        ),
        Fact("Bundle made", age(state.time - bundle.created), "that of most users"),
        Fact("Writes", "no" if engine.store.refusal else "yes", "whether the disk takes them"),
    ]


def _rows(engine: Engine, state: ServiceState) -> list[_TaskRow]:
    """Return what runs now, and how it ended the last time."""
    tasks = [_row(task, state.time) for task in state.tasks]
    queues = {
        "Lists to rank": engine.lists.batching.waiting,
        "Writes to the store": engine.store.writer.waiting,
    }
    waiting = [_TaskRow(name, f"{n:,}", "-", None, "-", "-") for name, n in queues.items()]
    return [*tasks, *waiting]


def _row(task: TaskState, now: float) -> _TaskRow:
    update, words = task.progress, NOW[task.activity]
    if task.began is not None:
        words += f", began {age(now - task.began)}"
    if task.name == "encoding":
        words = f"{count(task.waiting, 'item')} to encode" if task.progress else words
        last = f"{count(task.failed, 'item')} failed" if task.failed else "-"
    else:
        last = _last(task.last, now)
    if update is None:
        return _TaskRow(NAMES[task.name], words, "-", None, "-", last)
    return _TaskRow(
        NAMES[task.name], words, _stage(update), update.share, update.time_left or "-", last
    )


def _stage(update: ProgressUpdate) -> str:
    """Return the stage, its number and the share of the task, such as ``2/3 copy, 40 %``."""
    return str(replace(update, seconds_left=None)).strip()


def _last(run: LastRun | None, now: float) -> str:
    """Return how a task ended the last time, and when."""
    return "none is known" if run is None else f"{WORDS[run.outcome]}, {age(now - run.time)}"
