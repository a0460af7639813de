"""Routes that give lists: for users, sessions, words, candidates and items."""

import time
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from pennyweight.ranking.query import FALLBACKS
from pennyweight.ranking.request import Boost
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.requests import (
    Id,
    ListOptions,
    ListQuery,
    RankBody,
    SearchBody,
    SessionBody,
    SimilarQuery,
)
from pennyweight.serving.http.responses import Explanation, ListOut
from pennyweight.serving.http.strict_route import Route
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import (
    ListRequest,
    RankedList,
    as_json,
    explain_list,
    rank_similar,
)
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.security.authorization import check_user
from pennyweight.serving.stores.protocol import Recommendation, Store

__all__ = ["list_routes"]

UserId = Annotated[Id, Path(description="Any string, percent-encoded")]
ItemId = Annotated[Id, Path(description="Any string, percent-encoded")]


def list_routes(engine: Engine, metrics: Metrics) -> APIRouter:
    """Return the routes; all answer with a list that has an id of its own."""
    router = APIRouter(prefix="/v1", tags=["lists"], route_class=Route)

    async def given(request: Request, wanted: ListRequest, session: str | None) -> Response:
        check_user(request, wanted.user)
        start = time.perf_counter()
        shelf = engine.traffic_split.bundle_for(session or engine.make_id())
        found: RankedList = await engine.ask(shelf, wanted)
        return _answer(engine, metrics, wanted, found, shelf, start)

    @router.get("/recommend/{user_id:path}", response_model=ListOut)
    async def recommend(
        request: Request, user_id: UserId, options: Annotated[ListQuery, Query()]
    ) -> Response:
        """Recommend to a user; somebody unknown gets what is most popular."""
        return await given(request, _wanted(options, user=user_id), user_id)

    @router.post("/recommend/{user_id:path}", response_model=ListOut)
    async def recommend_with(request: Request, user_id: UserId, options: ListOptions) -> Response:
        """Recommend to a user, with boosts."""
        return await given(request, _wanted(options, user=user_id), user_id)

    @router.post("/recommend", response_model=ListOut)
    async def recommend_session(request: Request, body: SessionBody) -> Response:
        """Recommend to a session, of which nothing is kept, or to the user who is named."""
        history = tuple(body.items) or tuple(event.item_id for event in body.events)
        weights = tuple(event.weight for event in body.events) or None
        kinds = tuple(event.event_type for event in body.events) or None
        who = body.user_id
        told = {"user": who, "history": history, "weights": weights, "kinds": kinds}
        wanted = _wanted(body, **told, text=body.text)
        return await given(request, wanted, who or body.session)

    @router.post("/search", response_model=ListOut)
    async def search(request: Request, body: SearchBody) -> Response:
        """Find what words ask for, also what was seen before unless said otherwise."""
        seen = bool(body.exclude_seen)
        wanted = _wanted(body, user=body.user_id, text=body.query, exclude_seen=seen)
        return await given(request, wanted, body.user_id)

    @router.post("/rank", response_model=ListOut)
    async def rank(request: Request, body: RankBody) -> Response:
        """Put the caller's items in order: all that are in the catalog and to be had."""
        wanted = ListRequest(
            user=body.user_id,
            history=tuple(body.items),
            text=body.text,
            k=len(body.candidates),
            candidates=tuple(dict.fromkeys(body.candidates)),
            exclude_seen=False,
            explain=body.explain,
            scenario=body.scenario,
        )
        return await given(request, wanted, body.user_id)

    @router.get("/similar/{item_id:path}", response_model=ListOut)
    async def similar_items(item_id: ItemId, options: Annotated[SimilarQuery, Query()]) -> Response:
        """Give the items nearest to one."""
        start = time.perf_counter()
        k, filter, explain = options.k, options.filter, options.explain
        shelf = engine.traffic_split.primary
        found: RankedList = await engine.ask(
            shelf, lambda shelf, store: rank_similar(shelf, item_id, k, filter, explain=explain)
        )
        return _answer(engine, metrics, ListRequest(), found, shelf, start)

    @router.get("/explain/{recommendation_id}", response_model=Explanation)
    async def explain(recommendation_id: Annotated[Id, Path()]) -> Response:
        """Say why the items of a list were recommended, as far as that is known still."""
        shown = await engine.read(lambda store: engine.recommendation(recommendation_id, store))
        shelf = engine.traffic_split.bundles.get(shown.bundle_version)
        items: list[dict[str, Any]] = []
        note: str | None = "the bundle that made this list is not served any more"
        if shelf is not None:
            note = "histories of sessions are not kept" if shown.user is None else None
            items = await engine.ask(shelf, lambda shelf, store: _reasons(shelf, store, shown))
        told = {
            "recommendation_id": recommendation_id,
            "bundle_version": shown.bundle_version,
            "timestamp": shown.time,
            "scenario": shown.scenario,
            "source": shown.source,
            "note": note,
            "items": items,
        }
        return Response(to_json(told), media_type="application/json")

    return router


def _wanted(options: ListOptions | ListQuery, **more: Any) -> ListRequest:  # noqa: ANN401
    boosts = options.boost if isinstance(options, ListOptions) else []
    told = dict(options.__dict__)  # fields are named alike, and this is the quickest way
    told.pop("boost", None)
    for name in ("items", "events", "text", "session", "query", "user_id"):
        told.pop(name, None)
    told["boosts"] = tuple(Boost(boost.filter, boost.weight) for boost in boosts)
    return ListRequest(**(told | more))


def _answer(
    engine: Engine,
    metrics: Metrics,
    wanted: ListRequest,
    found: RankedList,
    shelf: ServedBundle,
    start: float,
) -> Response:
    name = engine.give_out(wanted, found, shelf.version)
    metrics.recommended(found.source, shelf.version)
    if found.source in FALLBACKS:
        if wanted.text is not None or wanted.history:
            metrics.fell_back("no word known" if wanted.text is not None else "no item known")
        elif found.source == "popularity":
            metrics.cold()
    head = {
        "recommendation_id": name,
        "bundle_version": shelf.version,
        "took_ms": round((time.perf_counter() - start) * 1e3, 3),
    }
    return Response(to_json(head | as_json(found)), media_type="application/json")


def _reasons(shelf: ServedBundle, store: Store, shown: Recommendation) -> list[dict[str, Any]]:
    """Say why, going by the events that were there when the list went out."""
    there = [(item, score) for item, score in shown.items if item in shelf.catalog.ids]
    reasons = explain_list(shelf, store, shown)
    return [
        {"item_id": item, "score": score, **asdict(reason)}
        for (item, score), reason in zip(there, reasons, strict=True)
    ]
