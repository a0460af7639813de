"""The routes of Gorse that its clients use, answered as they expect; pages are in `gorse_pages`.

A user of that server moves by changing one address. Labels are columns of the catalog here,
the comment is the title, and hidden means not available. Users have
no other data than their events: other fields are dropped, and the response counts 0 rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote, unquote

import polars as pl
from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field, JsonValue
from pydantic_core import to_json

from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning.feedback import READ
from pennyweight.errors import DataError
from pennyweight.serving.http.bounds import MAX_TEXT, AtMost, Attributes
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.problems import field_refusal
from pennyweight.serving.http.requests import (
    MAX_EVENTS,
    MAX_ITEMS,
    Id,
    ItemChange,
    Kind,
    Moment,
    RequestBody,
    Text,
    moment,
)
from pennyweight.serving.http.routes.gorse_pages import NAMES, gorse_item
from pennyweight.serving.http.routes.ingestion import (
    Draft,
    as_items,
    current_item,
    delete_item,
    event_time,
    patched_item,
)
from pennyweight.serving.http.strict_route import Route
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import ListRequest, RankedList, rank_similar
from pennyweight.serving.readiness import Readiness
from pennyweight.serving.stores.protocol import Event, StoredItem
from pennyweight.serving.worker import Worker

__all__ = ["gorse_routes"]

MAX_CATEGORIES = 100
ZERO_TIME = "0001-01-01T00:00:00"  # of a client in Go that has no time
Places = Annotated[int, Query(ge=1, le=1_000)]
Category = Annotated[str, Field(max_length=512)]
Skipped = Annotated[int, Query(ge=0, le=10_000)]
UserId = Annotated[Id, Path()]
ItemId = Annotated[Id, Path()]


class Feedback(RequestBody):
    """An action of a user on an item."""

    FeedbackType: Kind
    UserId: Id
    ItemId: Id
    Value: Annotated[float, Field(ge=-1_000, le=1_000)] = 0.0
    Timestamp: Moment | None = None
    Updated: Moment | None = None
    Comment: Annotated[str, Field(max_length=MAX_TEXT)] = ""


class Item(RequestBody):
    """An item."""

    ItemId: Id
    IsHidden: bool = False
    Categories: Annotated[list[Category], AtMost(MAX_CATEGORIES)] | None = None
    Timestamp: Moment | None = None
    Labels: Attributes | None = None
    Comment: Text | None = None


class ItemPatch(RequestBody):
    """Changes of an item; null leaves a field as it is."""

    IsHidden: bool | None = None
    Categories: Annotated[list[Category], AtMost(MAX_CATEGORIES)] | None = None
    Timestamp: Moment | None = None
    Labels: Attributes | None = None
    Comment: Text | None = None


FeedbackList = Annotated[list[Feedback], AtMost(MAX_EVENTS)]
Users = Attributes | Annotated[list[Attributes], AtMost(MAX_ITEMS)]


class RowsAffected(BaseModel):
    """How many rows were written."""

    RowAffected: int


class ScoredItem(BaseModel):
    """An item of a list."""

    Id: str
    Score: float


def gorse_routes(
    engine: Engine, metrics: Metrics, worker: Worker, ready_now: Callable[[], Readiness]
) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api", tags=["as Gorse"], route_class=Route)

    @router.get("/recommend/{user_id:path}", response_model=list[str] | list[ScoredItem])
    async def recommend(
        request: Request,
        user_id: UserId,
        n: Places = 10,
        offset: Skipped = 0,
        category: Annotated[Annotated[list[Id], AtMost(MAX_CATEGORIES)] | None, Query()] = None,
        write_back_type: Annotated[str | None, Query(alias="write-back-type")] = None,
        x_api_version: Annotated[str, Header()] = "1",
    ) -> Response:
        """Recommend to a user; a category may follow the id in the path."""
        if write_back_type:
            raise field_refusal(
                "query.write-back-type", "is not supported; send feedback when items are read"
            )
        user_id, in_path = _user_and_category(request, user_id)
        bundle = engine.traffic.split.bundle_for(user_id)
        filter = _filter(bundle.catalog, [*(category or ()), *in_path])
        explore = 0.0 if offset else None  # pages of one list must agree
        ranking_request = ListRequest(user=user_id, k=n + offset, filter=filter, explore=explore)
        ranked: RankedList = await engine.lists.submit(bundle, ranking_request)
        page = replace(ranked, items=ranked.items[offset:])  # the returned page alone
        engine.lists.record(ranking_request, page, bundle.version)
        metrics.recommended(page.source, bundle.version)
        if page.over_budget:
            metrics.fell_back("ranking budget used up")
        if x_api_version == "2":
            return _scored(page, 0)
        return _json([item for item, _ in page.items])

    @router.post("/session/recommend", response_model=list[ScoredItem])
    async def recommend_session(
        body: FeedbackList, n: Places = 10, offset: Skipped = 0
    ) -> Response:
        """Recommend to a session; nothing is stored."""
        events = await worker.run(lambda: _in_order(engine, body))
        ranking_request = ListRequest(
            history=tuple(event.item for event in events),
            weights=tuple(event.weight for event in events) or None,
            kinds=tuple(event.kind for event in events) or None,
            k=n + offset,
            explore=0.0 if offset else None,
        )
        bundle = engine.traffic.split.bundle_for(engine.make_id())
        ranked: RankedList = await engine.lists.submit(bundle, ranking_request)
        metrics.recommended(ranked.source, bundle.version)
        if ranked.over_budget:
            metrics.fell_back("ranking budget used up")
        return _scored(ranked, offset)

    @router.post("/feedback", response_model=RowsAffected)
    @router.put("/feedback", response_model=RowsAffected, operation_id="gorse_put_feedback")
    async def feedback(body: FeedbackList) -> Response:
        """Store feedback; equal feedback of one moment is stored once."""
        events = await worker.run(lambda: _in_order(engine, body))
        counts = await engine.users.add_events(events)
        metrics.received(
            accepted=counts.accepted, duplicate=counts.duplicates, erased=counts.erased
        )
        return _affected(counts.accepted)

    _add_similar(router, engine)
    _add_items(router, engine, worker)
    _add_users(router, engine)
    _add_health(router, engine, ready_now)
    return router


def _add_similar(router: APIRouter, engine: Engine) -> None:
    async def similar(item_id: str, n: int, offset: int) -> Response:
        ranked: RankedList = await engine.lists.submit(
            engine.traffic.split.primary,
            lambda bundle, store: rank_similar(bundle, item_id, n + offset, None, explain=False),
        )
        return _scored(ranked, offset)

    @router.get("/item-to-item/{name}/{item_id:path}", response_model=list[ScoredItem])
    async def similar_items(
        name: Annotated[Id, Path()], item_id: ItemId, n: Places = 10, offset: Skipped = 0
    ) -> Response:
        """Return similar items, for any name of the recommender."""
        return await similar(item_id, n, offset)

    @router.get("/item/{item_id}/neighbors", response_model=list[ScoredItem])
    async def neighbors(item_id: ItemId, n: Places = 10, offset: Skipped = 0) -> Response:
        """Return similar items."""
        return await similar(item_id, n, offset)


def _add_items(router: APIRouter, engine: Engine, worker: Worker) -> None:
    @router.post("/item", response_model=RowsAffected)
    async def put_item(body: Item) -> Response:
        """Create or replace an item."""
        return await _put(engine, worker, [body])

    @router.post("/items", response_model=RowsAffected)
    async def put_items(body: Annotated[list[Item], AtMost(MAX_ITEMS)]) -> Response:
        """Create or replace several items."""
        return await _put(engine, worker, body)

    @router.get("/item/{item_id:path}")
    async def get_item(item_id: ItemId) -> Response:
        """Return an item."""
        stored = await current_item(engine, item_id)
        document = stored.document or engine.traffic.split.primary.document(item_id)
        return _json(gorse_item(stored, document))

    @router.patch("/item/{item_id:path}", response_model=RowsAffected)
    async def change_item(item_id: ItemId, body: ItemPatch) -> Response:
        """Change the given fields of an item."""
        item = Item(ItemId=item_id, **body.model_dump(exclude={"IsHidden"}))
        draft = _draft(engine, item)
        change = ItemChange(
            attributes=dict(draft.attributes),
            available=None if body.IsHidden is None else not body.IsHidden,
            published=body.Timestamp,
        )
        await patched_item(engine, worker, item_id, change)
        return _affected(1)

    @router.delete(
        "/item/{item_id:path}", response_model=RowsAffected, operation_id="gorse_delete_item"
    )
    async def delete(item_id: ItemId) -> Response:
        """Delete an item."""
        await delete_item(engine, item_id)
        return _affected(1)


def _add_users(router: APIRouter, engine: Engine) -> None:
    @router.post("/user", response_model=RowsAffected, operation_id="gorse_put_user")
    @router.post("/users", response_model=RowsAffected)
    async def put_users(body: Users) -> Response:
        """Store nothing: a user is a history of events."""
        return _affected(0)

    @router.delete("/user/{user_id:path}", response_model=RowsAffected)
    async def erase_user(user_id: UserId, request: Request) -> Response:
        """Erase all data about a user."""
        key = getattr(request.state, "key", None)
        erasure = await engine.users.erase(user_id, actor="local" if key is None else str(key.name))
        return _affected(erasure["events"])


def _add_health(router: APIRouter, engine: Engine, ready_now: Callable[[], Readiness]) -> None:
    def answer(ready: bool) -> Response:
        return Response(
            to_json({"Ready": ready}), 200 if ready else 503, media_type="application/json"
        )

    @router.get("/health/live")
    async def live() -> Response:
        """Report whether the service is live."""
        return answer(engine.is_ready)

    @router.get("/health/ready")
    async def ready() -> Response:
        """Report whether the service is ready."""
        return answer(ready_now().is_ready)


def _json(value: Any) -> Response:  # noqa: ANN401
    return Response(to_json(value), media_type="application/json")


def _scored(ranked: RankedList, offset: int) -> Response:
    return _json([{"Id": item, "Score": score} for item, score in ranked.items[offset:]])


def _affected(n: int) -> Response:
    return _json({"RowAffected": n})


def _user_and_category(request: Request, user_id: str) -> tuple[str, list[str]]:
    """Return the user of a path, and the category after it; a / of an id is written %2F."""
    raw = request.scope.get("raw_path") or b""
    root = str(request.scope.get("root_path", "")).encode()
    parts = raw.removeprefix(root).decode("latin-1").split("/")  # "", api, recommend, id, category
    if len(parts) < 5:
        return user_id, []
    return unquote(parts[3]), [unquote(parts[4])] if parts[4] else []


def _filter(catalog: Catalog, categories: Sequence[str]) -> str | None:
    if not categories:
        return None
    for column in ("categories", "category"):
        if column in catalog.attributes.columns:
            named = (f"'{c}'" if '"' in c else f'"{c}"' for c in categories)
            return " and ".join(f"{category} in {column}" for category in named)
    raise DataError("category: the catalog has no column categories; leave it out")


def _in_order(engine: Engine, body: Sequence[Feedback]) -> list[Event]:
    bundle = engine.traffic.split.primary
    events = []
    for feedback in body:
        bundle.check_type(feedback.FeedbackType)
        bundle.check_id(feedback.UserId, "user")
        bundle.check_id(feedback.ItemId, "item")
        no_time = feedback.Timestamp is None or str(feedback.Timestamp).startswith(ZERO_TIME)
        time = event_time(engine.clock(), None if no_time else feedback.Timestamp)
        weight = 0.0 if feedback.FeedbackType == READ else feedback.Value or 1.0
        # The id is made of the contents, so that the same feedback may be sent again.
        parts = (feedback.FeedbackType, feedback.UserId, feedback.ItemId)
        name = ":".join([*(quote(part, safe="") for part in parts), repr(time)])
        events.append(
            Event(name, feedback.UserId, feedback.ItemId, feedback.FeedbackType, time, weight)
        )
    return sorted(events, key=lambda event: event.time)


def _categories(catalog: Catalog, item: Item) -> tuple[str, JsonValue]:
    """Return the column of categories, and its value for an item."""
    categories: list[JsonValue] = list(item.Categories or ())
    for name in ("categories", "category"):
        if name in catalog.attributes.columns:
            if isinstance(catalog.attributes[name].dtype, pl.List):
                return name, categories
            if len(categories) == 1:
                return name, categories[0]
            raise DataError(
                f"item {item.ItemId!r}: the column {name} holds one category an item, "
                f"and Categories has {len(categories)}; send one"
            )
    raise DataError(
        f"item {item.ItemId!r}: the catalog has no column categories; leave "
        "Categories out, or fit the bundle to items with such a column"
    )


async def _put(engine: Engine, worker: Worker, items: Sequence[Item]) -> Response:
    def stored_items() -> list[StoredItem]:
        by_id = {item.ItemId: item for item in items}  # of one id the last counts
        return as_items(engine, [_draft(engine, item) for item in by_id.values()])

    await engine.items.put(await worker.run(stored_items))
    return _affected(len(items))


def _draft(engine: Engine, item: Item) -> Draft:
    columns = engine.traffic.split.primary.catalog.attributes.columns
    title = next((name for name in NAMES if name in columns), "text")
    fields = dict(item.Labels or {})
    if item.Comment and fields.setdefault(title, item.Comment) != item.Comment:
        raise DataError(
            f"item {item.ItemId!r}: Labels and Comment both give the {title}, and "
            "differ; leave one of them out"
        )
    if item.Categories:
        name, categories = _categories(engine.traffic.split.primary.catalog, item)
        fields.setdefault(name, categories)
    since = None if item.Timestamp is None else moment(item.Timestamp)
    available = not item.IsHidden if "IsHidden" in item.model_fields_set else None
    return Draft(item.ItemId, fields, available, since)
