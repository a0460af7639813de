"""Imports of a service: an uploaded file is read, looked at, and stored once it is confirmed."""

import asyncio
import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from pennyweight.errors import BusyError, DataError, PennyweightError, UnknownIdError
from pennyweight.progress.update import ProgressUpdate
from pennyweight.serving.http.deadline import DEADLINE
from pennyweight.serving.http.requests import EventBody, NewItem
from pennyweight.serving.http.routes.ingestion import as_items, draft, events_of
from pennyweight.serving.imports.report import ImportReport
from pennyweight.serving.imports.settings import REPORT, ROWS, ImportSettings
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live_folder import discard_imports, imports_folder
from pennyweight.serving.stores.protocol import Event
from pennyweight.storage.private import owner_only

__all__ = ["ImportState", "Imports"]

AT_ONCE = 4  # imports that wait for a confirmation
KEPT = 3_600.0  # seconds for a confirmation
BATCH = 500  # rows stored at once
TOKEN_BYTES = 12
DIED = "the process that read it ended with code {}; split the file"

Stage = Literal["reading", "read", "storing", "stored", "failed"]


@dataclass
class ImportState:
    """An import.

    Attributes
    ----------
    token
        Its name.
    settings
        How it is read.
    work
        The folder of its files.
    stage
        ``reading`` the file, ``read`` (waits for a confirmation), ``storing``, ``stored`` or
        ``failed``.
    began
        Epoch seconds.
    report
        Of the file, once it is read.
    error
        Why it failed.
    done, stored, repeated, erased
        Rows that are through; new, stored before, of erased users.
    """

    token: str
    settings: ImportSettings
    work: Path
    began: float
    stage: Stage = "reading"
    report: ImportReport | None = None
    error: str = ""
    done: int = 0
    stored: int = 0
    repeated: int = 0
    erased: int = 0
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)
    began_storing: float = 0.0

    def progress(self, now: float) -> ProgressUpdate | None:
        """Return the progress of an import that runs."""
        if self.stage == "reading":
            return ProgressUpdate("read", 1, 2)
        if self.stage != "storing" or self.report is None:
            return None
        share = self.done / max(1, self.report.kept)
        spent = now - self.began_storing
        left = spent * (1 - share) / share if share else None
        return ProgressUpdate("store", 2, 2, share=share, stage_share=share, seconds_left=left)


class Imports:
    """Reads uploaded files in other processes, and stores their rows in the background.

    Parameters
    ----------
    engine
        The running service.
    received
        Called with the numbers of accepted, duplicate and erased events.
    """

    def __init__(
        self,
        engine: Engine,
        received: Callable[[int, int, int], None] = lambda accepted, duplicate, erased: None,
    ) -> None:
        self._engine, self._received = engine, received
        self._live = engine.publishing.bundles.folder.parent
        self._states: dict[str, ImportState] = {}
        with suppress(OSError):  # a disk that refuses this refuses uploads too
            discard_imports(self._live)  # of a service that was killed
        engine.import_progress = self._progress

    def states(self) -> Sequence[ImportState]:
        """Return the imports, newest first; those that waited for too long are forgotten."""
        now = self._engine.clock()
        for state in list(self._states.values()):
            if state.stage not in ("reading", "storing") and now - state.began > KEPT:
                self.forget(state.token)
        return list(self._states.values())[::-1]

    def begin(self, settings: ImportSettings) -> ImportState:
        """Return a new import, whose folder is ready for the file.

        Raises
        ------
        BusyError
            Too many wait for a confirmation.
        """
        waiting = [one for one in self.states() if one.stage in ("reading", "read", "storing")]
        if len(waiting) >= AT_ONCE:
            raise BusyError(f"{AT_ONCE} imports wait; confirm or discard one of them first")
        token = secrets.token_hex(TOKEN_BYTES)
        work = imports_folder(self._live) / token
        with owner_only():
            work.mkdir(parents=True, mode=0o700)
        state = ImportState(token, settings, work, self._engine.clock())
        self._states[token] = state
        return state

    def get(self, token: str) -> ImportState:
        """Return an import; `UnknownIdError` where there is none."""
        if token not in self._states or not self._states[token].work.is_dir():
            raise UnknownIdError("this import is gone: a restart, an hour or an erasure deletes it")
        return self._states[token]

    def forget(self, token: str) -> None:
        """Delete an import with its files; one that runs is stopped."""
        state = self._states.pop(token, None)
        if state is None:
            return
        if state.task is not None:
            state.task.cancel()
        shutil.rmtree(state.work, ignore_errors=True)

    def read(self, state: ImportState) -> None:
        """Read the file of an import in the background."""
        state.task = asyncio.create_task(self._read(state))

    def confirm(self, token: str, *, actor: str) -> ImportState:
        """Store the rows of an import in the background; `DataError` if it is not read."""
        state = self.get(token)
        if state.stage in ("storing", "stored"):
            return state  # the button was pressed twice
        if state.stage != "read" or state.report is None or not state.report.kept:
            raise DataError("this import has no rows to store")
        state.stage, state.began_storing = "storing", time.monotonic()
        state.task = asyncio.create_task(self._store(state, actor))
        return state

    async def settle(self, state: ImportState, seconds: float) -> None:
        """Wait until the work on an import ends, for some seconds at most."""
        if state.task is not None:
            await asyncio.wait([state.task], timeout=seconds)

    async def _read(self, state: ImportState) -> None:
        command = state.settings.command(self._live, state.work)
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            out, _ = await asyncio.to_thread(process.communicate)
            answer = json.loads(out) if out.strip() else {"error": DIED.format(process.returncode)}
            if "error" not in answer:
                report = (state.work / REPORT).read_bytes()
                state.report, state.stage = ImportReport.from_json(report), "read"
                return
            state.error = str(answer["error"])
        except (OSError, ValueError, KeyError) as error:
            state.error = f"its report cannot be read: {error}"
        finally:
            if process.poll() is None:  # the service stops, or the import is discarded
                process.kill()
        state.stage = "failed"

    async def _store(self, state: ImportState, actor: str) -> None:
        DEADLINE.set(None)  # nobody waits for an answer
        store = self._store_events if state.settings.kind == "events" else self._store_items
        try:
            with (state.work / ROWS).open(encoding="utf-8") as rows:
                while batch := list(islice(rows, BATCH)):
                    began = time.monotonic()
                    await store(state, batch)
                    state.done += len(batch)
                    await asyncio.sleep(time.monotonic() - began)  # lists have the other half
            state.stage = "stored"
        except (OSError, ValueError, PennyweightError) as error:
            state.stage, state.error = "failed", str(error)
        counts = f"{state.stored} stored, {state.repeated} stored before, {state.erased} erased"
        detail = f"{state.settings.kind}: {counts}" + (f"; {state.error}" if state.error else "")
        await asyncio.to_thread(self._engine.store.audit, actor, "import", detail)

    async def _store_events(self, state: ImportState, batch: Sequence[str]) -> None:
        engine = self._engine

        def events() -> list[Event]:
            bodies = [EventBody.model_validate_json(line) for line in batch]
            bundle = engine.traffic.split.primary
            return events_of(bundle, bodies, engine.clock(), engine.make_id)

        made = await asyncio.to_thread(events)
        counts = await engine.users.add_events(made)
        self._received(*counts)
        state.stored += counts.accepted
        state.repeated += counts.duplicates
        state.erased += counts.erased

    async def _store_items(self, state: ImportState, batch: Sequence[str]) -> None:
        engine = self._engine
        drafts = [draft(body.item_id, body) for body in map(NewItem.model_validate_json, batch)]
        items = await asyncio.to_thread(lambda: as_items(engine, drafts))
        state.stored += len(await engine.items.put(items))

    def _progress(self) -> tuple[float, ProgressUpdate] | None:
        """Return when the newest import that runs began, and its progress."""
        for state in self.states():
            update = state.progress(time.monotonic())
            if update is not None:
                return state.began, update
        return None
