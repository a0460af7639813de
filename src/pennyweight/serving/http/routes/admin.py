"""Routes for operators: users, bundles, outcomes of lists, audits."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic_core import to_json

from pennyweight.responses import (
    AuditLog,
    BundleOverview,
    Consent,
    Erasure,
    ExportedEvent,
    OutcomeReport,
    UserExport,
    UserListing,
)
from pennyweight.serving.http.outcomes import outcomes_out
from pennyweight.serving.http.queries import EventsQuery, FeedbackQuery, PageQuery, UsersQuery
from pennyweight.serving.http.requests import BundleBody, Id, TrafficSplitBody, moment_of_text
from pennyweight.serving.http.routes.experiments import variants_of
from pennyweight.serving.http.routes.ingestion import JSON_LINES
from pennyweight.serving.http.strict_route import Route
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.event_export import export_events
from pennyweight.serving.live.outcome_counter import OutcomeCounter
from pennyweight.serving.live.user_export import export_user
from pennyweight.serving.security.actor import actor
from pennyweight.serving.stores.protocol import Audit

__all__ = ["admin_routes"]

UserId = Annotated[Id, Path(description="Any string, percent-encoded")]


def admin_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited."""
    router = APIRouter(prefix="/v1", route_class=Route)
    _add_users(router, engine)
    _add_bundles(router, engine)

    @router.get(
        "/events:export",
        operation_id="export_events",
        tags=["feeds"],
        response_class=StreamingResponse,
        responses={
            200: {
                "content": {JSON_LINES: {"schema": ExportedEvent.model_json_schema()}},
                "description": "one event a line",
            }
        },
    )
    async def events(options: Annotated[EventsQuery, Query()]) -> Response:
        """Return all live events as JSON lines, each once, in the order of their arrival.

        The header Pennyweight-Position names the last event of the store; its seq as `after` goes
        on from there.
        """
        since = None if options.since is None else moment_of_text(options.since)
        position, lines = await export_events(engine, after=options.after, since=since)
        headers = {"Pennyweight-Position": to_json(position.to_json()).decode()}
        return StreamingResponse(lines, media_type=JSON_LINES, headers=headers)

    counter = OutcomeCounter(engine)

    @router.get("/feedback", response_model=OutcomeReport, tags=["bundles"])
    async def feedback(options: Annotated[FeedbackQuery, Query()]) -> Response:
        """Report the outcomes of lists since the last change of the traffic split."""
        outcomes = await counter.outcomes(options.window)
        return _json(outcomes_out(outcomes, engine.traffic.split.primary.meaning))

    @router.get("/audit", response_model=AuditLog, tags=["bundles"])
    async def audit(page: Annotated[PageQuery, Query()]) -> Response:
        """List the actions of administrators, newest first."""
        entries = await engine.store.read(lambda store: store.audits(page.limit))
        return _json({"entries": [_audit(entry) for entry in entries]})

    return router


def _add_users(router: APIRouter, engine: Engine) -> None:

    @router.get("/users", response_model=UserListing, tags=["users"])
    async def list_users(page: Annotated[UsersQuery, Query()]) -> Response:
        """List users with live events, in order."""
        names = await engine.store.read(lambda store: store.users(page.limit, page.after))
        more = len(names) == page.limit
        return _json({"users": names, "next": names[-1] if more else None})

    @router.get("/users/{user_id:path}", response_model=UserExport, tags=["users"])
    async def get_user(user_id: UserId) -> Response:
        """Return all data about a user: live events, events in the bundles, lists."""
        pieces = await export_user(engine, user_id)
        return StreamingResponse(pieces, media_type="application/json")

    @router.delete("/users/{user_id:path}", response_model=Erasure, tags=["users"])
    async def erase_user(user_id: UserId, request: Request) -> Response:
        """Erase all data about a user, including its bytes on disk.

        Later events of the user are dropped, and later bundles are stripped, until /v1/consents.
        """
        erasure = await engine.users.erase(user_id, actor=actor(request))
        return _json({"user_id": user_id, **erasure})

    @router.post("/consents/{user_id:path}", response_model=Consent, tags=["users"])
    async def readmit_user(user_id: UserId, request: Request) -> Response:
        """Store events of an erased user again, after renewed consent."""
        erased = await engine.users.readmit(user_id, actor=actor(request))
        return _json({"user_id": user_id, "erased_before": erased})


def _add_bundles(router: APIRouter, engine: Engine) -> None:
    @router.get("/bundles", response_model=BundleOverview, tags=["bundles"])
    async def list_bundles() -> Response:
        """List the available and the served bundles."""
        return _json(await asyncio.to_thread(_bundles, engine))

    @router.post("/bundles", response_model=BundleOverview, tags=["bundles"])
    async def add_bundle(body: BundleBody, request: Request) -> Response:
        """Add a bundle from a directory of the server and, by default, serve it.

        One without any item of the served bundle is refused unless `force` is true.
        """
        publishing, user = engine.publishing, actor(request)
        await publishing.changes.run(
            lambda: (
                publishing.publish(body.path, actor=user, force=body.force)
                if body.publish
                else publishing.add(body.path, actor=user)
            )
        )
        return _json(await asyncio.to_thread(_bundles, engine))

    @router.put("/bundles/traffic-split", response_model=BundleOverview, tags=["bundles"])
    async def split_traffic(body: TrafficSplitBody, request: Request) -> Response:
        """Serve one bundle to all users, or start an experiment or change its shares."""
        variants, user, force = variants_of(body.variants), actor(request), body.force
        await engine.publishing.changes.run(
            lambda: engine.experiments.split(variants, actor=user, force=force)
        )
        return _json(await asyncio.to_thread(_bundles, engine))

    @router.delete("/bundles/{bundle_version}", response_model=BundleOverview, tags=["bundles"])
    async def delete_bundle(bundle_version: Annotated[Id, Path()], request: Request) -> Response:
        """Delete a bundle that is neither served nor the previous one."""
        await engine.publishing.changes.run(
            lambda: engine.publishing.drop(bundle_version, actor=actor(request))
        )
        return _json(await asyncio.to_thread(_bundles, engine))

    @router.post("/bundles/rollback", response_model=BundleOverview, tags=["bundles"])
    async def roll_back(request: Request) -> Response:
        """Serve the previous bundles again."""
        await engine.publishing.changes.run(
            lambda: engine.publishing.roll_back(actor=actor(request))
        )
        return _json(await asyncio.to_thread(_bundles, engine))


def _json(value: Any) -> Response:  # noqa: ANN401
    return Response(to_json(value), media_type="application/json")


def _audit(entry: Audit) -> dict[str, Any]:
    return {
        "timestamp": entry.time,
        "actor": entry.actor,
        "action": entry.action,
        "detail": entry.detail,
    }


def _bundles(engine: Engine) -> dict[str, Any]:
    shares = {variant.version: variant.share for variant in engine.traffic.split.variants}
    bundles = []
    for stored in engine.publishing.stored_bundles():
        served = engine.traffic.split.bundles.get(stored.version)
        bundle = None if served is None else served.recommender.bundle
        bundles.append(
            {
                "bundle_version": stored.version,
                "source": stored.source,
                "added": stored.added,
                "share": shares.get(stored.version, 0.0),
                "items": None if served is None else len(served.catalog),
                "created": None if bundle is None else bundle.manifest.created,
                "notes": list(stored.notes),
            }
        )
    previous = [
        {"bundle_version": variant.version, "share": variant.share}
        for variant in engine.publishing.previous()
    ]
    return {"bundles": bundles, "previous": previous, "notes": list(engine.notes.values())}
