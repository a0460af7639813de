"""Routes that give lists: for users, sessions, words, candidates and items."""

import asyncio
import random
import time
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from pennyweight.ranking.query import FALLBACKS
from pennyweight.ranking.request import Boost
from pennyweight.responses import Explanation, ItemList
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.queries import ItemsQuery, ListQuery
from pennyweight.serving.http.requests import (
    Id,
    ListOptions,
    RankBody,
    SearchBody,
    SessionBody,
    UserListOptions,
)
from pennyweight.serving.http.strict_route import Route
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.interleaving import team_draft
from pennyweight.serving.live.lists import (
    ListRequest,
    RankedList,
    explain_list,
    rank_latest,
    rank_similar,
)
from pennyweight.serving.live.micro_batching import Call
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.live.traffic_split import TrafficSplit
from pennyweight.serving.security.scopes import check_user
from pennyweight.serving.stores.protocol import Recommendation, Store

__all__ = ["list_routes"]

UserId = Annotated[Id, Path(description="Any string, percent-encoded")]
ItemId = Annotated[Id, Path(description="Any string, percent-encoded")]


def list_routes(engine: Engine, metrics: Metrics) -> APIRouter:
    """Return the routes; each responds with a list under a new id."""
    router = APIRouter(prefix="/v1", tags=["lists"], route_class=Route)

    async def respond(request: Request, list_request: ListRequest, session: str | None) -> Response:
        check_user(request, list_request.user)
        start = time.perf_counter()
        version, ranked = await _answer(engine, list_request, session or engine.make_id())
        _count_fallback(metrics, list_request, ranked)
        return _response(engine, metrics, list_request, ranked, version, start)

    @router.get("/recommend/{user_id:path}", response_model=ItemList)
    async def recommend(
        request: Request, user_id: UserId, options: Annotated[ListQuery, Query()]
    ) -> Response:
        """Recommend to a user; an unknown one gets the most popular items."""
        # Their fields have the same names, which is the quickest way to convert them.
        return await respond(request, ListRequest(user=user_id, **options.__dict__), user_id)

    @router.post("/recommend/{user_id:path}", response_model=ItemList)
    async def recommend_with_boosts(
        request: Request, user_id: UserId, options: UserListOptions
    ) -> Response:
        """Recommend to a user, with boosts."""
        return await respond(request, _list_request(options, user=user_id), user_id)

    @router.post("/recommend", response_model=ItemList)
    async def recommend_session(request: Request, body: SessionBody) -> Response:
        """Recommend to a session, which is not stored, or to a user."""
        history = tuple(body.items) or tuple(event.item_id for event in body.events)
        weights = tuple(event.weight for event in body.events) or None
        kinds = tuple(event.event_type for event in body.events) or None
        user = body.user_id
        list_request = _list_request(
            body, user=user, history=history, weights=weights, kinds=kinds, text=body.text
        )
        return await respond(request, list_request, user or body.session)

    @router.post("/search", response_model=ItemList)
    async def search(request: Request, body: SearchBody) -> Response:
        """Search items by text; by default also items of the history."""
        exclude_seen = bool(body.exclude_seen)
        list_request = _list_request(
            body, user=body.user_id, text=body.query, exclude_seen=exclude_seen
        )
        return await respond(request, list_request, body.user_id)

    @router.post("/rank", response_model=ItemList)
    async def rank(request: Request, body: RankBody) -> Response:
        """Rank given items: all that are in the catalog and available."""
        list_request = ListRequest(
            user=body.user_id,
            history=tuple(body.items),
            text=body.text,
            k=len(body.candidates),
            candidates=tuple(dict.fromkeys(body.candidates)),
            exclude_seen=False,
            explain=body.explain,
            scenario=body.scenario,
            fields=tuple(body.fields),
            explore=0.0,
        )
        return await respond(request, list_request, body.user_id)

    @router.get("/explain/{recommendation_id}", response_model=Explanation)
    async def explain(recommendation_id: Annotated[Id, Path()]) -> Response:
        """Explain the items of a logged list."""
        recommendation = await engine.store.read(
            lambda store: engine.lists.recommendation(recommendation_id, store)
        )
        note, items = await _explained(engine, recommendation)
        explanation = {
            "recommendation_id": recommendation_id,
            "bundle_version": recommendation.bundle_version,
            "timestamp": recommendation.time,
            "scenario": recommendation.scenario,
            "source": recommendation.source,
            "note": note,
            "items": items,
        }
        return Response(to_json(explanation), media_type="application/json")

    _add_item_lists(router, engine, metrics)
    return router


def _add_item_lists(router: APIRouter, engine: Engine, metrics: Metrics) -> None:
    """Add the lists that are for no user."""

    async def respond(options: ItemsQuery, bundle: ServedBundle, task: Call | None) -> Response:
        start = time.perf_counter()
        request = ListRequest(**options.__dict__)
        ranked: RankedList = await engine.lists.submit(bundle, request if task is None else task)
        return _response(engine, metrics, request, ranked, bundle.version, start)

    @router.get("/popular", response_model=ItemList)
    async def popular_items(options: Annotated[ItemsQuery, Query()]) -> Response:
        """Return the most popular items, as a user without a history gets them."""
        return await respond(options, engine.traffic.split.bundle_for(engine.make_id()), None)

    @router.get("/latest", response_model=ItemList)
    async def latest_items(options: Annotated[ItemsQuery, Query()]) -> Response:
        """Return the items published last, newest first; scores are epoch seconds."""
        k, filter, explain, fields = options.k, options.filter, options.explain, options.fields

        def latest(bundle: ServedBundle, store: Store) -> RankedList:
            return rank_latest(bundle, k, filter, explain=explain, fields=fields)

        return await respond(options, engine.traffic.split.primary, latest)

    @router.get("/similar/{item_id:path}", response_model=ItemList)
    async def similar_items(item_id: ItemId, options: Annotated[ItemsQuery, Query()]) -> Response:
        """Return similar items."""
        k, filter, explain, fields = options.k, options.filter, options.explain, options.fields

        def similar(bundle: ServedBundle, store: Store) -> RankedList:
            return rank_similar(bundle, item_id, k, filter, explain=explain, fields=fields)

        return await respond(options, engine.traffic.split.primary, similar)


def _list_request(options: ListOptions, **fields: Any) -> ListRequest:  # noqa: ANN401
    """Return the request of a body, with further fields of `ListRequest` over it."""
    names = ListQuery.model_fields.keys() & type(options).model_fields
    shared = {name: getattr(options, name) for name in names}
    shared["fields"] = tuple(options.fields)
    boosts = tuple(Boost(boost.filter, boost.weight) for boost in options.boost)
    return ListRequest(**(shared | {"boosts": boosts} | fields))


def _response(
    engine: Engine,
    metrics: Metrics,
    list_request: ListRequest,
    ranked: RankedList,
    version: str,
    start: float,
) -> Response:
    name = engine.lists.record(list_request, ranked, version)
    metrics.recommended(ranked.source, version)
    if ranked.over_budget:
        metrics.fell_back("ranking budget used up")
    head = {
        "recommendation_id": name,
        "bundle_version": version,
        "took_ms": round((time.perf_counter() - start) * 1e3, 3),
    }
    return Response(to_json(head | ranked.as_json()), media_type="application/json")


async def _answer(engine: Engine, list_request: ListRequest, name: str) -> tuple[str, RankedList]:
    """Return the list for a user or a session, and its bundle or the label of two."""
    split = engine.traffic.split
    label = None if split.experiment is None else split.experiment.label
    if label is not None:
        return label, await _interleaved(engine, split, list_request)
    bundle = split.bundle_for(name)
    return bundle.version, await _ranked(engine, bundle, list_request)


async def _ranked(engine: Engine, bundle: ServedBundle, list_request: ListRequest) -> RankedList:
    await engine.queries.prepare(bundle, list_request.text)
    ranked: RankedList = await engine.lists.submit(bundle, list_request)
    return ranked


async def _interleaved(
    engine: Engine, split: TrafficSplit, list_request: ListRequest
) -> RankedList:
    """Return the lists of both bundles of an experiment, merged."""
    first, second = (split.bundles[variant.version] for variant in split.variants)
    lists = await asyncio.gather(
        _ranked(engine, first, list_request), _ranked(engine, second, list_request)
    )
    rng = random.Random(engine.make_id())
    return team_draft(lists, (first.version, second.version), list_request.k, rng)


def _count_fallback(metrics: Metrics, list_request: ListRequest, ranked: RankedList) -> None:
    """Count a list for a user or a query that is not based on it."""
    if ranked.source in FALLBACKS:
        if list_request.text is not None or list_request.history:
            metrics.fell_back("no word known" if list_request.text is not None else "no item known")
        elif ranked.source == "popularity":
            metrics.cold()


async def _explained(
    engine: Engine, recommendation: Recommendation
) -> tuple[str | None, list[dict[str, Any]]]:
    """Return a note, and the items whose bundles are served with their reasons."""
    items: list[dict[str, Any]] = []
    note = "histories of sessions are not kept" if recommendation.user is None else None
    for part in _by_bundle(recommendation):
        bundle = engine.traffic.split.bundles.get(part.bundle_version)
        if bundle is None:
            note = "the bundle that made this list is not served any more"
            continue

        def reasons(
            bundle: ServedBundle, store: Store, part: Recommendation = part
        ) -> list[dict[str, Any]]:
            return _reasons(bundle, store, part)

        items += await engine.lists.submit(bundle, reasons)
    places = {item: place for place, (item, _) in enumerate(recommendation.items)}
    return note, sorted(items, key=lambda item: places[item["item_id"]])


def _by_bundle(recommendation: Recommendation) -> list[Recommendation]:
    """Return an interleaved list as one list for each bundle; another one as it is."""
    drafted_by = recommendation.drafted_by
    if not drafted_by:
        return [recommendation]
    return [
        replace(
            recommendation,
            bundle_version=version,
            items=tuple(
                item
                for item, owner in zip(recommendation.items, drafted_by, strict=True)
                if owner == version
            ),
            drafted_by=(),
        )
        for version in dict.fromkeys(drafted_by)
    ]


def _reasons(
    bundle: ServedBundle, store: Store, recommendation: Recommendation
) -> list[dict[str, Any]]:
    """Return the reasons for the items, by the events stored before the list was made."""
    known_items = [
        (item, score) for item, score in recommendation.items if item in bundle.catalog.ids
    ]
    reasons = explain_list(bundle, store, recommendation)
    return [
        {"item_id": item, "score": score, **asdict(reason)}
        for (item, score), reason in zip(known_items, reasons, strict=True)
    ]
