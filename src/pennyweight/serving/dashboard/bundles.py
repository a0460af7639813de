"""The bundles of a service, and new ones."""

import asyncio

from fastapi import APIRouter, Request, Response

from pennyweight.serving.dashboard.forms import actor, read_form, redirect, required
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.dashboard.publishing import BUNDLES_PATH, PUBLISH
from pennyweight.serving.dashboard.quality import (
    are_comparable,
    comparable_groups,
    describe_bundles,
)
from pennyweight.serving.live.engine import Engine

__all__ = ["bundle_routes"]

MESSAGES = {
    "published": "Published: the bundle answers all users now.",
    "rolled-back": "Rolled back: the previous bundle answers again.",
    "added": "Added: the bundle can be published.",
}


def bundle_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited."""
    router = page_router()

    @router.get(BUNDLES_PATH)
    async def bundles(request: Request, done: str = "") -> Response:
        descriptions = await asyncio.to_thread(describe_bundles, engine)
        before = await asyncio.to_thread(engine.publishing.previous)
        return page(
            request,
            "bundles.html",
            {
                "notes": list(engine.notes.values()),
                "bundles": descriptions,
                "comparable": are_comparable(descriptions),
                "groups": comparable_groups(descriptions),
                "before": before,
                "experiment": engine.traffic.split.experiment,
            },
            success=MESSAGES.get(done, ""),
        )

    @router.post(f"{BUNDLES_PATH}/add")
    async def add(request: Request) -> Response:
        form = await read_form(request)
        user = actor(request)
        path = required(form, "path")
        stored = await engine.publishing.changes.run(
            lambda: engine.publishing.add(path, actor=user)
        )
        if form.get("publish") != "yes":
            return redirect(BUNDLES_PATH, {"done": "added"})
        return redirect(PUBLISH, {"version": stored.version})

    return router
