"""The bundles of a service: traffic, outcomes, and new bundles."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from pennyweight.serving.dashboard.descriptions import (
    BundleDescription,
    are_comparable,
    comparable_groups,
    describe_bundles,
)
from pennyweight.serving.dashboard.forms import actor, read_form, redirect, required
from pennyweight.serving.dashboard.outcomes import WINDOWS, outcomes_context
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.dashboard.publishing import BUNDLES_PATH, PUBLISH
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.outcome_counter import DAY, WINDOW, OutcomeCounter

__all__ = ["bundle_routes"]

MESSAGES = {
    "published": "Published: the bundle answers all users now.",
    "rolled-back": "Rolled back: the previous bundles answer again.",
    "shared": "Shared: each user stays with one of the two bundles.",
    "added": "Added: the bundle can be published.",
}


def bundle_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited."""
    router = page_router()
    counter = OutcomeCounter(engine)

    @router.get(BUNDLES_PATH)
    async def bundles(request: Request, done: str = "", days: str = "") -> Response:
        descriptions = await asyncio.to_thread(describe_bundles, engine)
        before = await asyncio.to_thread(engine.publishing.previous)
        window = DAY * int(days) if days in map(str, WINDOWS) else WINDOW
        outcomes = await counter.outcomes(window)
        return page(
            request,
            "bundles.html",
            {
                "notes": list(engine.notes.values()),
                "bundles": descriptions,
                "comparable": are_comparable(descriptions),
                "groups": comparable_groups(descriptions),
                "before": before,
                "split": _split(descriptions),
                **outcomes_context(outcomes, engine.traffic_split.primary.meaning),
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


def _split(bundles: Sequence[BundleDescription]) -> tuple[str, str] | None:
    """Return the versions that a traffic split suggests: the busiest and the newest other."""
    if len(bundles) < 2:
        return None
    first = max(bundles, key=lambda bundle: bundle.share)
    other = max(
        (bundle for bundle in bundles if bundle is not first),
        key=lambda bundle: bundle.stored.added,
    )
    return first.version, other.version
