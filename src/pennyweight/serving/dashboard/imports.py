"""Imports: a file is uploaded, its report looked at, and its rows stored after a confirmation."""

import asyncio
import shutil
from pathlib import Path
from typing import get_args

from fastapi import APIRouter, Request, Response

from pennyweight.formatting import count
from pennyweight.machine.machine import total_memory
from pennyweight.serving.dashboard.forms import actor, read_form, redirect, required
from pennyweight.serving.dashboard.multipart import read_file_form
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.http.uploads import UPLOAD, UPLOAD_BYTES
from pennyweight.serving.imports.imports import Imports, ImportState
from pennyweight.serving.imports.settings import UPLOAD as UPLOADED
from pennyweight.serving.imports.settings import ImportKind, ImportSettings
from pennyweight.serving.live.engine import Engine

__all__ = ["import_routes"]

PATIENCE = 3.0  # seconds for which a page waits for the work on a file
ROLES = {"events": ("user", "item", "time", "weight", "type"), "items": ("id",)}
ROOM = 4  # times the size of a file that must be free on the disk
STAGES = {
    "reading": "is being read",
    "read": "waits for your confirmation",
    "storing": "is being stored",
    "stored": "is stored",
    "failed": "failed",
}


def import_routes(engine: Engine, metrics: Metrics) -> APIRouter:
    """Return the routes; what is stored is audited."""
    router = page_router()

    def received(accepted: int, duplicate: int, erased: int) -> None:
        metrics.received(accepted=accepted, duplicate=duplicate, erased=erased)

    imports = Imports(engine, received)
    live = engine.publishing.bundles.folder.parent

    @router.get(UPLOAD)
    async def show(request: Request, token: str = "") -> Response:
        if not token:
            context = {
                "imports": imports.states(),
                "stages": STAGES,
                "megabytes": UPLOAD_BYTES >> 20,
                "roles": ROLES,
            }
            return page(request, "import.html", context)
        state = imports.get(token)
        await imports.settle(state, PATIENCE)
        return page(request, "import_file.html", _context(engine, state))

    @router.post(UPLOAD)
    async def upload(request: Request) -> Response:
        length = int(request.headers.get("content-length") or 0)
        if shutil.disk_usage(live).free < ROOM * length:
            raise Refusal(503, "the disk has no room for the file; free some space")
        state = imports.begin(ImportSettings("events", ""))
        try:
            form, name = await read_file_form(request, state.work / UPLOADED)
            state.settings = _settings(form, name)
        except BaseException:
            imports.forget(state.token)
            raise
        imports.read(state)
        return redirect(UPLOAD, {"token": state.token})

    @router.post(f"{UPLOAD}/confirm")
    async def confirm(request: Request) -> Response:
        form = await read_form(request)
        state = imports.confirm(required(form, "token"), actor=actor(request))
        return redirect(UPLOAD, {"token": state.token})

    @router.post(f"{UPLOAD}/discard")
    async def discard(request: Request) -> Response:
        form = await read_form(request)
        await asyncio.to_thread(_check_idle, imports, required(form, "token"))
        imports.forget(required(form, "token"))
        return redirect(UPLOAD)

    return router


def _check_idle(imports: Imports, token: str) -> None:
    if imports.get(token).stage == "storing":
        raise Refusal(409, "the rows are being stored; wait until they are")


def _settings(form: dict[str, str], name: str) -> ImportSettings:
    kinds: tuple[ImportKind, ...] = get_args(ImportKind)
    kind = next((kind for kind in kinds if kind == form.get("kind")), None)
    if kind is None:
        raise Refusal(422, "choose whether the rows are events or items")
    columns = {
        role: form[f"{role}_column"].strip()
        for role in ROLES[kind]
        if form.get(f"{role}_column", "").strip()
    }
    return ImportSettings(
        kind,
        Path(name).name,
        columns,
        form.get("event_type", "").strip() or None,
        form.get("time_format", "").strip() or None,
        total_memory() // 4,
    )


def _context(engine: Engine, state: ImportState) -> dict[str, object]:
    report = state.report
    progress = engine.import_progress() if state.stage in ("reading", "storing") else None
    return {
        "state": state,
        "stage": STAGES[state.stage],
        "report": report,
        "n_dropped": 0 if report is None else report.read - report.kept,
        "stored": count(state.stored, state.settings.kind[:-1]),
        "rows": "" if report is None else count(report.kept, state.settings.kind[:-1]),
        "progress": None if progress is None else progress[1],
    }
