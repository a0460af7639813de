"""Routes that take events and items."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic_core import to_json

from pennyweight.data.times import SMALLEST_DATE
from pennyweight.errors import DataError, UnknownIdError
from pennyweight.responses import CatalogItem, EventsStored, ItemsStored, ItemStored
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.queries import ItemsExportQuery
from pennyweight.serving.http.requests import (
    EventBatch,
    EventBody,
    Events,
    Id,
    ItemBatch,
    ItemBody,
    ItemChange,
    moment,
)
from pennyweight.serving.http.strict_route import Route
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.item_changes import column, with_fields
from pennyweight.serving.live.item_export import export_items
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Event, StoredItem
from pennyweight.serving.worker import Worker

__all__ = [
    "Draft",
    "as_items",
    "current_item",
    "delete_item",
    "draft",
    "event_time",
    "events_of",
    "feed_routes",
    "patched_item",
]

T = TypeVar("T")
ItemId = Annotated[Id, Path(description="Any string, percent-encoded")]
JSON_LINES = "application/x-ndjson"
AHEAD = 86_400.0  # seconds by which a clock may be wrong
PATIENCE = 1.0  # seconds to wait for an item to be recommendable
FEW = 64  # items of events, which the event loop has time for


def feed_routes(engine: Engine, metrics: Metrics, worker: Worker) -> APIRouter:
    """Return the routes; after an answer of 2xx the data is on disk."""
    router = APIRouter(prefix="/v1", tags=["feeds"], route_class=Route)

    @router.post("/events", response_model=EventsStored, operation_id="send_events")
    async def events(body: Events) -> Response:
        """Store one or several events.

        Events with a known id are ignored, and events of erased users are dropped.
        """
        bodies = body.events if isinstance(body, EventBatch) else [body]
        is_small = sum(len(event.items) or 1 for event in bodies) <= FEW
        stored = (
            events_of(engine.traffic.split.primary, bodies, engine.clock(), engine.make_id)
            if is_small
            else await worker.run(
                lambda: events_of(
                    engine.traffic.split.primary, bodies, engine.clock(), engine.make_id
                )
            )
        )
        counts = await engine.users.add_events(stored)
        metrics.received(
            accepted=counts.accepted, duplicate=counts.duplicates, erased=counts.erased
        )
        named = (
            _named(engine, stored) if is_small else await worker.run(lambda: _named(engine, stored))
        )
        return _json(counts._asdict() | named)

    @router.put("/items/{item_id:path}", response_model=ItemStored)
    async def put_item(item_id: ItemId, body: ItemBody) -> Response:
        """Create an item, or replace it completely."""
        drafts = [draft(item_id, body)]
        return await _put_response(engine, *await worker.run(lambda: as_items(engine, drafts)))

    @router.patch("/items/{item_id:path}", response_model=ItemStored, operation_id="change_item")
    async def patch_item(item_id: ItemId, body: ItemChange) -> Response:
        """Change attributes or availability of an item."""
        return await _item_response(engine, await patched_item(engine, worker, item_id, body))

    @router.delete("/items/{item_id:path}", response_model=ItemStored, operation_id="delete_item")
    async def delete(item_id: ItemId) -> Response:
        """Delete an item; it stays in the histories of its users."""
        return await _item_response(engine, await delete_item(engine, item_id))

    @router.post("/items", response_model=ItemsStored)
    async def put_items(body: ItemBatch) -> Response:
        """Create or replace several items, all or none."""
        drafts = [draft(item.item_id, item) for item in body.items]
        items = await worker.run(lambda: as_items(engine, drafts))
        stored = await engine.items.put(items)
        indexed = await engine.items.wait_until_indexed(stored, PATIENCE)
        return _json({"accepted": len(stored), "recommendable": indexed})

    @router.get(
        "/items:export",
        operation_id="export_items",
        response_class=StreamingResponse,
        responses={
            200: {
                "content": {JSON_LINES: {"schema": {"$ref": "#/components/schemas/CatalogItem"}}},
                "description": "one item a line",
            }
        },
    )
    async def items(options: Annotated[ItemsExportQuery, Query()]) -> Response:
        """Return all items with their live changes as JSON lines, in the order of the catalog."""
        return StreamingResponse(export_items(engine, after=options.after), media_type=JSON_LINES)

    @router.get("/items/{item_id:path}", response_model=CatalogItem)
    async def get_item(item_id: ItemId) -> Response:
        """Return an item."""
        before = await current_item(engine, item_id)
        document = before.document
        if document is None:
            document = engine.traffic.split.primary.document(item_id)
        return _json(
            {
                "item_id": item_id,
                "attributes": document,
                "available": before.available,
                "published": before.published,
            }
        )

    return router


def _json(value: Any) -> Response:  # noqa: ANN401
    return Response(to_json(value), media_type="application/json")


def _named(engine: Engine, events: Sequence[Event]) -> dict[str, list[str]]:
    """Return the ids of events, and their unknown items and types."""
    bundle = engine.traffic.split.primary
    types, kinds = bundle.rules.types, {event.kind for event in events}
    items = dict.fromkeys(event.item for event in events)
    return {
        "event_ids": list(dict.fromkeys(event.event_id for event in events)),
        "unknown_items": sorted(item for item in items if item not in bundle.catalog.ids),
        "unknown_event_types": sorted(kind for kind in kinds if types.is_unknown(kind)),
    }


def event_time(now: float, timestamp: float | str | None) -> float:
    """Return epoch seconds, now without a timestamp; `DataError` for a time that no event has."""
    time = now if timestamp is None else moment(timestamp)
    if time > now + AHEAD:
        raise DataError(f"timestamp {timestamp!r} is in the future; use epoch seconds")
    if time < SMALLEST_DATE:
        raise DataError(
            f"timestamp {timestamp!r} is before March 1973; leave it out to use the current time"
        )
    return time


def events_of(
    bundle: ServedBundle, bodies: Sequence[EventBody], now: float, make_id: Callable[[], str]
) -> list[Event]:
    """Return the events of some bodies, an event per item; `DataError` for one that is refused."""
    events = list[Event]()
    for body in bodies:
        time = event_time(now, body.timestamp)
        bundle.check_type(body.event_type)
        bundle.check_id(body.user_id, "user")
        name = body.event_id or make_id()
        for at, item in enumerate(body.item_ids):
            bundle.check_id(item, "item")
            kind, origin = body.event_type, body.recommendation_id
            events.append(
                Event(name, body.user_id, item, kind, time, body.weight, origin, position=at)
            )
    return events


@dataclass(frozen=True, slots=True)
class Draft:
    """An item of a request.

    Attributes
    ----------
    item_id, attributes
        Its id, and column -> value.
    available
        Whether it may be recommended; None where the attributes say so.
    published
        Epoch seconds since when it counts as new; None for now.
    """

    item_id: str
    attributes: Mapping[str, Any]
    available: bool | None
    published: float | None


def draft(item_id: str, body: ItemBody) -> Draft:
    """Return the item of a body."""
    since = None if body.published is None else moment(body.published)
    return Draft(item_id, body.attributes, body.available, since)


def as_items(engine: Engine, drafts: Sequence[Draft]) -> list[StoredItem]:
    """Return items to store, published now by default; `DataError` names a bad attribute.

    No id may occur twice. Many columns take long, so do not call this on the event loop.
    """
    bundle = engine.traffic.split.primary
    for draft in drafts:
        bundle.check_id(draft.item_id, "item")
    availability = engine.items.check({draft.item_id: draft.attributes for draft in drafts})
    now = engine.clock()
    return [
        StoredItem(
            draft.item_id,
            dict(draft.attributes),
            available_by_columns if draft.available is None else draft.available,
            now if draft.published is None else draft.published,
            now,
        )
        for draft, available_by_columns in zip(drafts, availability, strict=True)
    ]


async def change_item(
    engine: Engine,
    item_id: str,
    change: Callable[[StoredItem, StoredItem | None], Awaitable[StoredItem]],
) -> StoredItem:
    """Change an existing item and store it; concurrent changes build on each other.

    Parameters
    ----------
    change
        Returns the new item, from the current item and its entry in the store. Called again if
        another change came first.
    """
    while True:
        put = await engine.store.read(lambda store: store.item(item_id))
        changed = await change(_present(engine, item_id, put), put)
        stored = await engine.items.change(changed, put)
        if stored is not None:
            return stored


async def patched_item(
    engine: Engine, worker: Worker, item_id: str, body: ItemChange
) -> StoredItem:
    """Change the given fields of an item and store it; `UnknownIdError` where there is none."""

    async def change(before: StoredItem, put: StoredItem | None) -> StoredItem:
        return await worker.run(lambda: _changed(engine, before, put, body))

    return await change_item(engine, item_id, change)


async def delete_item(engine: Engine, item_id: str) -> StoredItem:
    """Take an item out of all lists; `UnknownIdError` where there is none."""

    async def removed(before: StoredItem, put: StoredItem | None) -> StoredItem:
        return replace(before, removed=True, changed=engine.clock(), field_seqs=None)

    return await change_item(engine, item_id, removed)


async def current_item(engine: Engine, item_id: str) -> StoredItem:
    """Return the current state of an item; `UnknownIdError` where there is none."""
    put = await engine.store.read(lambda store: store.item(item_id))
    return _present(engine, item_id, put)


def _present(engine: Engine, item_id: str, put: StoredItem | None) -> StoredItem:
    bundle = engine.traffic.split.primary
    if put is not None and not bundle.counts(put):
        put = None
    if put is not None and not put.removed:
        return bundle.completed(put)
    if put is not None or item_id not in bundle.catalog.ids:
        raise UnknownIdError(f"item {item_id!r} is not in the catalog")
    return StoredItem(item_id, None, bundle.is_open(item_id), bundle.published_at(item_id), 0.0)


def _changed(
    engine: Engine, before: StoredItem, put: StoredItem | None, body: ItemChange
) -> StoredItem:
    """Return an item with the changes of a body.

    Only the fields of the body count as changed: the rest is as in the bundle, and as in later
    ones. All fields are stored nevertheless, for bundles that do not have the item.

    Parameters
    ----------
    put
        The item in the store, which may have columns that this bundle does not have.
    """
    bundle, fields = engine.traffic.split.primary, [column(name) for name in body.attributes]
    document = None if put is None else put.document
    available = before.available if body.available is None else body.available
    if body.available is not None:
        fields.append("available")
    if body.attributes:
        previous = before.document
        if previous is None:
            previous = bundle.document(before.item_id)
        attributes = {k: v for k, v in {**previous, **body.attributes}.items() if v is not None}
        available_by_columns = bundle.check({before.item_id: attributes})[0]
        if not body.attributes.keys().isdisjoint(bundle.catalog.availability):
            fields.append("available")
            available = available_by_columns if body.available is None else available
        columns = bundle.catalog.attributes.columns or ["text"]
        document = {k: v for k, v in (document or {}).items() if k not in columns} | attributes
    if body.published is not None:
        fields.append("published")
    return replace(
        before,
        document=document,
        available=available,
        published=before.published if body.published is None else moment(body.published),
        changed=engine.clock(),
        field_seqs=with_fields(before if put is None else put, fields),
    )


async def _put_response(engine: Engine, item: StoredItem) -> Response:
    return await _item_response(engine, *await engine.items.put([item]))


async def _item_response(engine: Engine, item: StoredItem) -> Response:
    """Report that an item is on disk, and whether it can be recommended already."""
    indexed = await engine.items.wait_until_indexed([item], PATIENCE)
    return _json({"item_id": item.item_id, "recommendable": indexed == 1})
