"""Routes for monitoring."""

from collections.abc import Callable
from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic_core import to_json

from pennyweight.responses import Health, ServiceStatus, ServiceVersion
from pennyweight.serving.http.metrics import CONTENT_TYPE, Metrics
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.readiness import Readiness
from pennyweight.serving.service_state import TaskState, service_state

__all__ = ["health_routes"]

PUBLIC = {
    "damaged": "the bundle that should answer is damaged; another answers in its place",
    "start": "the bundle named at the start cannot be used; the one before it answers",
}


def health_routes(
    engine: Engine, metrics: Metrics, ready_now: Callable[[], Readiness]
) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["health"])
    package = version("pennyweight")  # looked up in files, so once

    @router.get("/health/live", response_model=Health)
    async def live() -> Response:
        """Return 200 as long as the process responds."""
        return _json({"status": "live"})

    @router.get("/health/ready", response_model=Health, responses={503: {"model": Health}})
    async def ready() -> Response:
        """Return 200 while clients should send requests, otherwise 503 and the reason.

        `loading`: no bundle yet. `damaged`: the store is. `stuck`: a thread works on the same
        for seconds. `full`: more comes than is answered in time.
        """
        now = ready_now()
        body: dict[str, object] = {"status": now.status, "notes": _notes(engine)}
        if now.reason is not None:
            body["reason"] = now.reason
        return Response(to_json(body), 200 if now.is_ready else 503, media_type="application/json")

    @router.get("/metrics", response_class=PlainTextResponse, operation_id="metrics")
    def measured() -> Response:
        """Return all metrics in the text format of Prometheus."""
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    @router.get("/v1/status", response_model=ServiceStatus, operation_id="status")
    async def status() -> Response:
        """Return the state of store and disk, and the tasks with their progress."""
        return _json(await _status(engine))

    @router.get("/v1/version", response_model=ServiceVersion, operation_id="version")
    async def running() -> Response:
        """Return the version of the package and of the bundles."""
        versions = [variant.version for variant in engine.traffic.split.variants]
        return _json({"pennyweight": package, "bundle_versions": versions})

    return router


async def _status(engine: Engine) -> dict[str, object]:
    state, bundle = await service_state(engine), engine.traffic.split.primary
    return {
        "timestamp": state.time,
        "store_bytes": state.store_bytes,
        "bundle_bytes": state.bundle_bytes,
        "free_bytes": state.free_bytes,
        "disk_bytes": state.disk_bytes,
        "event_seq": state.event_seq,
        "newest_event": state.newest_event,
        "items": len(bundle.catalog),
        "bundle_created": bundle.created,
        "is_writable": engine.store.refusal is None,
        "notes": list(engine.notes.values()),
        "tasks": [_task(task) for task in state.tasks],
    }


def _task(task: TaskState) -> dict[str, object]:
    update, last = task.progress, task.last
    return {
        "task": task.name,
        "state": task.activity,
        "began": task.began,
        "stage": update and update.stage,
        "number": update and update.number,
        "stages": update and update.stages,
        "share": update and update.share,
        "seconds_left": update and update.seconds_left,
        "waiting": task.waiting,
        "outcome": last and last.outcome,
        "ended": last and last.time,
    }


def _notes(engine: Engine) -> list[str]:
    # Needs no key, so it reveals no more; `/v1/bundles` names bundles and files.
    return [text for about, text in PUBLIC.items() if about in engine.notes]


def _json(value: object) -> Response:
    return Response(to_json(value), media_type="application/json")
