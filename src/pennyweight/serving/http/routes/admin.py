"""Routes for those who run the service: users, bundles, what came of lists, audits."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from pennyweight.serving.http.outcomes import outcomes_out
from pennyweight.serving.http.requests import ArmsBody, Count, Id, ModelBody
from pennyweight.serving.http.responses import (
    AuditOut,
    Consent,
    Erasure,
    FeedbackOut,
    ModelsOut,
    UserOut,
    UsersOut,
)
from pennyweight.serving.http.strict_route import Route
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.outcome_counter import DAY, WINDOW, OutcomeCounter
from pennyweight.serving.live.traffic_split import Variant
from pennyweight.serving.live.users import export_user

__all__ = ["admin_routes"]

LONGEST = 30 * DAY  # lists are not kept longer
UserId = Annotated[Id, Path(description="Any string, percent-encoded")]


def admin_routes(engine: Engine) -> APIRouter:
    """Return the routes; what they change is audited."""
    router = APIRouter(prefix="/v1", route_class=Route)
    _add_users(router, engine)
    _add_models(router, engine)

    counter = OutcomeCounter(engine)

    @router.get("/feedback", response_model=FeedbackOut, tags=["models"])
    async def feedback(window: Annotated[float, Query(gt=0, le=LONGEST)] = WINDOW) -> Response:
        """Tell what came of the lists since the shares of the users last changed."""
        found = await counter.outcomes(window)
        return _json(outcomes_out(found, engine.arms.first.meaning))

    @router.get("/audit", response_model=AuditOut, tags=["models"])
    async def audit(n: Annotated[Count, Query()] = 100) -> Response:
        """List what administrators did, newest first."""
        found = await engine.read(lambda store: store.audits(n))
        return _json({"entries": [asdict(entry) for entry in found]})

    return router


def _add_users(router: APIRouter, engine: Engine) -> None:

    @router.get("/users", response_model=UsersOut, tags=["users"])
    async def users(n: Annotated[Count, Query()] = 100, after: str = "") -> Response:
        """List users of whom events were told live, in order."""
        found = await engine.read(lambda store: store.users(n, after))
        return _json({"users": found, "next": found[-1] if len(found) == n else None})

    @router.get("/users/{user_id:path}", response_model=UserOut, tags=["users"])
    async def user(user_id: UserId) -> Response:
        """Give all that is kept of a user: events told live, events of the bundles, lists."""
        found = await engine.read(lambda store: export_user(engine, store, user_id))
        return Response(found, media_type="application/json")

    @router.delete("/users/{user_id:path}", response_model=Erasure, tags=["users"])
    async def erase(user_id: UserId, request: Request) -> Response:
        """Delete all that is kept of a user, from every byte of its rows on disk.

        Later events of the user are dropped, and later bundles are stripped, until /v1/consents.
        """
        gone = await engine.erase(user_id, actor=_actor(request))
        return _json({"user_id": user_id, **gone})

    @router.post("/consents/{user_id:path}", response_model=Consent, tags=["users"])
    async def consent(user_id: UserId, request: Request) -> Response:
        """Keep what an erased user does from now on, since the user consented anew."""
        erased = await engine.readmit(user_id, actor=_actor(request))
        return _json({"user_id": user_id, "erased_before": erased})


def _add_models(router: APIRouter, engine: Engine) -> None:
    @router.get("/models", response_model=ModelsOut, tags=["models"])
    async def models() -> Response:
        """List the bundles that can be served, and which of them are."""
        return _json(await asyncio.to_thread(_models, engine))

    @router.post("/models", response_model=ModelsOut, tags=["models"])
    async def add(body: ModelBody, request: Request) -> Response:
        """Take over a bundle of this machine, and let it answer unless said otherwise."""
        take = engine.publish if body.publish else engine.add
        await engine.turns.run(lambda: take(body.path, actor=_actor(request)))
        return _json(await asyncio.to_thread(_models, engine))

    @router.put("/models/arms", response_model=ModelsOut, tags=["models"])
    async def arms(body: ArmsBody, request: Request) -> Response:
        """Let one bundle answer all users, or two a share of them each."""
        await _serve(engine, [Variant(arm.model_version, arm.share) for arm in body.arms], request)
        return _json(await asyncio.to_thread(_models, engine))

    @router.delete("/models/{model_version}", response_model=ModelsOut, tags=["models"])
    async def drop(model_version: Annotated[Id, Path()], request: Request) -> Response:
        """Delete a bundle that is neither served nor would be rolled back to."""
        await engine.turns.run(lambda: engine.drop(model_version, actor=_actor(request)))
        return _json(await asyncio.to_thread(_models, engine))

    @router.post("/models/rollback", response_model=ModelsOut, tags=["models"])
    async def roll_back(request: Request) -> Response:
        """Let answer what did before."""
        await engine.turns.run(lambda: engine.roll_back(actor=_actor(request)))
        return _json(await asyncio.to_thread(_models, engine))


def _json(value: Any) -> Response:  # noqa: ANN401
    return Response(to_json(value), media_type="application/json")


def _actor(request: Request) -> str:
    key = getattr(request.state, "key", None)
    return "local" if key is None else str(key.name)


async def _serve(engine: Engine, arms: list[Variant], request: Request) -> None:
    await engine.turns.run(lambda: engine.serve(arms, actor=_actor(request)))


def _models(engine: Engine) -> dict[str, Any]:
    shares = {arm.version: arm.share for arm in engine.arms.arms}
    told = []
    for model in engine.known():
        shelf = engine.arms.shelves.get(model.version)
        bundle = None if shelf is None else shelf.recommender.bundle
        told.append({
            "model_version": model.version,
            "source": model.source,
            "added": model.added,
            "share": shares.get(model.version, 0.0),
            "items": None if shelf is None else len(shelf.catalog),
            "created": None if bundle is None else bundle.manifest.created,
            "notes": list(model.notes),
        })  # fmt: skip
    before = [{"model_version": arm.version, "share": arm.share} for arm in engine.before()]
    return {"models": told, "before": before, "notes": list(engine.notes.values())}
