"""The routes of Gorse that list users, items and feedback, page by page.

A page ends with a cursor, which is empty after the last one.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic_core import to_json

from pennyweight.errors import DataError, UnknownIdError
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.http.requests import Id, Kind, Text
from pennyweight.serving.http.strict_route import Route
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.item_export import present_items
from pennyweight.serving.live.lists import ListRequest, RankedList
from pennyweight.serving.stores.protocol import Event, StoredItem

__all__ = ["gorse_item", "gorse_page_routes"]

NAMES = ("title", "name", "headline", "text")
PageSize = Annotated[int, Query(ge=1, le=1_000)]
Cursor = Annotated[str, Query(max_length=512)]
UserName = Annotated[Id, Path()]


def gorse_page_routes(engine: Engine) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api", tags=["as Gorse"], route_class=Route)
    _add_feedback(router, engine)
    _add_users(router, engine)

    @router.get("/items")
    async def list_items(
        n: PageSize = 10, cursor: Cursor = "", q: Annotated[Text | None, Query()] = None
    ) -> Response:
        """List items, or search them by text."""
        bundle = engine.traffic.split.primary
        if q is not None:
            await engine.queries.prepare(bundle, q)
            request = ListRequest(text=q, k=n, exclude_seen=False)
            ranked: RankedList = await engine.lists.submit(bundle, request)
            ids, following = [item for item, _ in ranked.items], ""
        else:
            start, total = _position(cursor), len(bundle.catalog)
            ids = [bundle.catalog.ids[code] for code in range(start, min(start + n, total))]
            following = str(start + n) if start + n < total else ""
        items = await engine.store.read(lambda store: present_items(bundle, ids, store))
        return _json({"Cursor": following, "Items": [gorse_item(*item) for item in items]})

    return router


def _add_feedback(router: APIRouter, engine: Engine) -> None:
    @router.get("/feedback")
    async def list_feedback(n: PageSize = 10, cursor: Cursor = "") -> Response:
        """List live feedback in the order of its arrival."""
        after = _position(cursor)
        events = await engine.store.read(lambda store: store.events_after(after, n))
        following = str(events[-1].seq) if len(events) == n else ""
        return _json({"Cursor": following, "Feedback": [_feedback(event) for event in events]})

    @router.get("/user/{user_id}/feedback/{feedback_type}")
    async def feedback_of_user(
        user_id: UserName, feedback_type: Annotated[Kind, Path()]
    ) -> Response:
        """List the live feedback of a user of one type, newest first."""
        events = await engine.store.read(lambda store: store.events_of(user_id))
        return _json([_feedback(event) for event in events if event.kind == feedback_type])

    @router.delete("/feedback/{user_id}/{item_id}")
    async def delete_feedback(user_id: UserName, item_id: Annotated[Id, Path()]) -> Response:
        """Refuse: events are only deleted with their user."""
        raise Refusal(
            422,
            "single events cannot be deleted; send an event of a negative type, such as "
            "remove_from_cart, to cancel those of the item, or erase the user",
        )


def _add_users(router: APIRouter, engine: Engine) -> None:
    @router.get("/users")
    async def list_users(n: PageSize = 10, cursor: Cursor = "") -> Response:
        """List users with live feedback, in order."""
        names = await engine.store.read(lambda store: store.users(n, cursor))
        following = names[-1] if len(names) == n else ""
        return _json({"Cursor": following, "Users": [_user(name) for name in names]})

    @router.get("/user/{user_id:path}")
    async def get_user(user_id: UserName) -> Response:
        """Return a user with live feedback, or events in the bundle."""
        log = engine.traffic.split.primary.recommender.interactions
        events = await engine.store.read(lambda store: store.events_of(user_id, 1))
        if not events and (log is None or user_id not in log.users):
            raise UnknownIdError(f"user {user_id!r} has no events")
        return _json(_user(user_id))


def gorse_item(item: StoredItem, document: dict[str, Any]) -> dict[str, Any]:
    """Return an item with its columns, as Gorse does."""
    categories = document.get("categories", document.get("category"))
    return {
        "ItemId": item.item_id,
        "IsHidden": not item.available,
        "Categories": [categories] if isinstance(categories, str) else categories,
        "Timestamp": None if item.published is None else _time(item.published),
        "Labels": document,
        "Comment": next((document[name] for name in NAMES if name in document), ""),
    }


def _feedback(event: Event) -> dict[str, Any]:
    return {
        "FeedbackType": event.kind,
        "UserId": event.user,
        "ItemId": event.item,
        "Value": event.weight,
        "Timestamp": _time(event.time),
        "Comment": "",
    }


def _user(name: str) -> dict[str, Any]:
    return {"UserId": name, "Labels": None, "Comment": ""}


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise DataError(f"cursor: {cursor[:40]!r} is none; send that of the previous page")
    return int(cursor)


def _time(seconds: float) -> str:
    """Return a time as Gorse writes it; one that no calendar has as the first of all."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return "0001-01-01T00:00:00Z"


def _json(value: Any) -> Response:  # noqa: ANN401
    return Response(to_json(value), media_type="application/json")
