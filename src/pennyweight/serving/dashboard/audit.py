"""The audit log: actions of administrators."""

from fastapi import APIRouter, Request, Response

from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.live.engine import Engine

__all__ = ["audit_routes"]

MAX_ENTRIES = 200


def audit_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/audit")
    async def audit(request: Request) -> Response:
        entries = await engine.store.read(lambda store: store.audits(MAX_ENTRIES))
        return page(request, "audit.html", {"entries": entries, "limit": MAX_ENTRIES})

    return router
