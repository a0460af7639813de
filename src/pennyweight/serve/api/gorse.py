"""The routes of Gorse that its clients use most, answered as they expect.

A user of that server moves by changing one address. Labels are columns of the catalogue here,
the comment is the title, and hidden means not available. Users hold nothing but their events, so
that what is told of them besides is not kept, and 0 rows are said to be affected.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import to_json

from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning.feedback import SEEN
from pennyweight.errors import DataError
from pennyweight.serve.api.bodies import Id, Kind, Moment, Text, moment
from pennyweight.serve.api.feeds import Draft, as_items, there
from pennyweight.serve.api.reading import Route
from pennyweight.serve.engine.engine import Engine
from pennyweight.serve.engine.lists import Found, Wanted, similar
from pennyweight.serve.metrics import Metrics
from pennyweight.serve.store.protocol import Event, StoredItem

__all__ = ["gorse_routes"]

NAMES = ("title", "name", "headline", "text")
Places = Annotated[int, Query(ge=1, le=1_000)]
Skipped = Annotated[int, Query(ge=0, le=10_000)]
UserId = Annotated[Id, Path()]
ItemId = Annotated[Id, Path()]


class Feedback(BaseModel):
    """What somebody did with an item."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    FeedbackType: Kind
    UserId: Id
    ItemId: Id
    Value: Annotated[float, Field(ge=-1_000, le=1_000)] = 0.0
    Timestamp: Moment | None = None
    Updated: Moment | None = None
    Comment: str = ""


class Item(BaseModel):
    """An item."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    ItemId: Id
    IsHidden: bool = False
    Categories: list[str] | None = None
    Timestamp: Moment | None = None
    Labels: dict[str, JsonValue] | None = None
    Comment: Text | None = None


class Affected(BaseModel):
    """How many rows were written."""

    RowAffected: int


class Scored(BaseModel):
    """An item of a list."""

    Id: str
    Score: float


def gorse_routes(engine: Engine, metrics: Metrics) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api", tags=["as Gorse"], route_class=Route)

    @router.get("/recommend/{user_id:path}", response_model=list[str] | list[Scored])
    async def recommend(
        user_id: UserId,
        n: Places = 10,
        offset: Skipped = 0,
        category: Annotated[list[Id] | None, Query()] = None,
        x_api_version: Annotated[str, Header()] = "1",
    ) -> Response:
        """Recommend to a user."""
        shelf = engine.arms.of(user_id)
        filter = _filter(shelf.catalog, category or ())
        wanted = Wanted(user=user_id, n=n + offset, filter=filter)
        found: Found = await engine.ask(shelf, wanted)
        engine.give_out(wanted, found, shelf.version)
        metrics.recommended(found.source, shelf.version)
        if x_api_version == "2":
            return _scored(found, offset)
        return _json([item for item, _ in found.items[offset:]])

    @router.post("/session/recommend", response_model=list[Scored])
    async def session(body: list[Feedback], n: Places = 10, offset: Skipped = 0) -> Response:
        """Recommend to a session, of which nothing is kept."""
        told = _in_order(engine, body)
        wanted = Wanted(
            history=tuple(event.item for event in told),
            weights=tuple(event.weight for event in told) or None,
            kinds=tuple(event.kind for event in told) or None,
            n=n + offset,
        )
        shelf = engine.arms.of(engine.make_id())
        found: Found = await engine.ask(shelf, wanted)
        metrics.recommended(found.source, shelf.version)
        return _scored(found, offset)

    @router.get("/item-to-item/{name}/{item_id:path}", response_model=list[Scored])
    async def neighbours(
        name: Annotated[Id, Path()], item_id: ItemId, n: Places = 10, offset: Skipped = 0
    ) -> Response:
        """Give the items nearest to one, whatever the recommender is called."""
        found: Found = await engine.ask(
            engine.arms.first,
            lambda shelf, store: similar(shelf, item_id, n + offset, None, explain=False),
        )
        return _scored(found, offset)

    @router.post("/feedback", response_model=Affected)
    @router.put("/feedback", response_model=Affected)
    async def feedback(body: list[Feedback]) -> Response:
        """Keep what users did; the same of one moment is kept once."""
        found = _in_order(engine, body)
        accepted, erased = await engine.add_events(found)
        duplicate = len(found) - accepted - erased
        metrics.received(accepted=accepted, duplicate=duplicate, erased=erased)
        return _affected(accepted)

    _add_items(router, engine)
    _add_users(router, engine)
    return router


def _add_items(router: APIRouter, engine: Engine) -> None:
    @router.post("/item", response_model=Affected)
    async def put_item(body: Item) -> Response:
        """Make or replace an item."""
        return await _put(engine, [body])

    @router.post("/items", response_model=Affected)
    async def put_items(body: Annotated[list[Item], Field(max_length=1_000)]) -> Response:
        """Make or replace several items."""
        return await _put(engine, body)

    @router.get("/item/{item_id:path}")
    async def item(item_id: ItemId) -> Response:
        """Give an item as it is."""
        found = await there(engine, item_id)
        document = found.document or engine.arms.first.document(item_id)
        return _json({
            "ItemId": item_id,
            "IsHidden": not found.available,
            "Categories": _listed(document.get("categories", document.get("category"))),
            "Timestamp": found.published,
            "Labels": document,
            "Comment": next((document[n] for n in NAMES if n in document), ""),
        })  # fmt: skip

    @router.delete("/item/{item_id:path}", response_model=Affected)
    async def delete(item_id: ItemId) -> Response:
        """Take an item away."""
        found = await there(engine, item_id)
        now = engine.clock()
        gone = StoredItem(item_id, found.document, False, found.published, now, removed=True)
        await engine.put_items([gone])
        return _affected(1)


def _add_users(router: APIRouter, engine: Engine) -> None:
    @router.post("/user", response_model=Affected)
    @router.post("/users", response_model=Affected)
    async def put_user(body: dict[str, JsonValue] | list[dict[str, JsonValue]]) -> Response:
        """Keep nothing: a user is what he or she did."""
        return _affected(0)

    @router.delete("/user/{user_id:path}", response_model=Affected)
    async def erase(user_id: UserId, request: Request) -> Response:
        """Delete all that names a user."""
        key = getattr(request.state, "key", None)
        gone = await engine.erase(user_id, actor="local" if key is None else str(key.name))
        return _affected(gone["events"])

    @router.get("/health/live")
    @router.get("/health/ready")
    async def health() -> Response:
        """Tell whether lists can be given."""
        ready = engine.is_ready
        return Response(to_json({"Ready": ready}), 200 if ready else 503,
                        media_type="application/json")  # fmt: skip


def _json(value: Any) -> Response:  # noqa: ANN401
    return Response(to_json(value), media_type="application/json")


def _scored(found: Found, offset: int) -> Response:
    return _json([{"Id": item, "Score": score} for item, score in found.items[offset:]])


def _affected(n: int) -> Response:
    return _json({"RowAffected": n})


def _filter(catalog: Catalog, categories: Sequence[str]) -> str | None:
    if not categories:
        return None
    for column in ("categories", "category"):
        if column in catalog.attributes.columns:
            named = (f"'{c}'" if '"' in c else f'"{c}"' for c in categories)
            return " and ".join(f"{one} in {column}" for one in named)
    raise DataError("category: the catalogue has no column categories; leave it out")


def _in_order(engine: Engine, body: Sequence[Feedback]) -> list[Event]:
    now, shelf = engine.clock(), engine.arms.first
    events = []
    for one in body:
        shelf.check_type(one.FeedbackType)
        shelf.check_id(one.UserId, "user")
        shelf.check_id(one.ItemId, "item")
        time = now if one.Timestamp is None else moment(one.Timestamp)
        weight = 0.0 if one.FeedbackType == SEEN else one.Value or 1.0
        # Named by what it is, so that it may be sent again.
        name = f"{one.FeedbackType}:{one.UserId}:{one.ItemId}:{time!r}"
        events.append(Event(name, one.UserId, one.ItemId, one.FeedbackType, time, weight))
    return sorted(events, key=lambda event: event.time)


def _listed(value: Any) -> list[str] | None:  # noqa: ANN401
    return [value] if isinstance(value, str) else value


def _categories(catalog: Catalog, item: Item) -> tuple[str, JsonValue]:
    """Return the column of categories, and what it shall hold of an item."""
    given: list[JsonValue] = list(item.Categories or ())
    for name in ("categories", "category"):
        if name in catalog.attributes.columns:
            if isinstance(catalog.attributes[name].dtype, pl.List):
                return name, given
            if len(given) == 1:
                return name, given[0]
            raise DataError(f"item {item.ItemId!r}: the column {name} holds one category an item, "
                            f"and Categories has {len(given)}; send one")  # fmt: skip
    raise DataError(f"item {item.ItemId!r}: the catalogue has no column categories; leave "
                    "Categories out, or fit the bundle to items with such a column")  # fmt: skip


async def _put(engine: Engine, items: Sequence[Item]) -> Response:
    columns = engine.arms.first.catalog.attributes.columns
    title = next((name for name in NAMES if name in columns), "text")
    told = []
    for one in {one.ItemId: one for one in items}.values():  # of one id the last counts
        fields = dict(one.Labels or {})
        if one.Comment and fields.setdefault(title, one.Comment) != one.Comment:
            raise DataError(f"item {one.ItemId!r}: Labels and Comment both give the {title}, and "
                            "differ; leave one of them out")  # fmt: skip
        if one.Categories:
            name, kept = _categories(engine.arms.first.catalog, one)
            fields.setdefault(name, kept)
        since = None if one.Timestamp is None else moment(one.Timestamp)
        available = not one.IsHidden if "IsHidden" in one.model_fields_set else None
        told.append(Draft(one.ItemId, fields, available, since))
    await engine.put_items(await as_items(engine, told))
    return _affected(len(items))
