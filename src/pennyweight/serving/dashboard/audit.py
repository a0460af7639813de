"""What administrators did."""

from fastapi import APIRouter, Request, Response

from pennyweight.html.charts import table
from pennyweight.serving.dashboard.components import when
from pennyweight.serving.dashboard.layout import page, page_router
from pennyweight.serving.live.engine import Engine

__all__ = ["audit_routes"]

SHOWN = 200


def audit_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/audit")
    async def audit(request: Request) -> Response:
        found = await engine.read(lambda store: store.audits(SHOWN))
        rows = [(when(one.time), one.actor, one.action, one.detail) for one in found]
        head = ("Time", "Who", "What", "Of what")
        told = table(f"Newest first, {SHOWN} at the most", head, rows)
        note = (
            '<p class="note">Who is the name of a key; local is whoever reaches this machine.</p>'
        )
        return page(request, "Audit", [note, told])

    return router
