"""The history and recommendations of a user; export and erasure of the user's data."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from pennyweight.formatting import count
from pennyweight.serving.dashboard.forms import actor, read_form, redirect
from pennyweight.serving.dashboard.history import newest_events
from pennyweight.serving.dashboard.lists import listed_items
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import ListRequest
from pennyweight.serving.live.user_export import count_user, export_user

__all__ = ["user_routes"]

USERS_PATH = "/dashboard/users"
USERS, EVENTS, LISTED = 50, 100, 10


def user_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited."""
    router = page_router()

    @router.get(USERS_PATH)
    async def users(request: Request, id: str = "", after: str = "") -> Response:
        return await (_user(request, engine, id) if id else _users(request, engine, after))

    @router.get(f"{USERS_PATH}/export")
    async def export(id: str = "") -> Response:
        return StreamingResponse(
            await export_user(engine, _named(id)),
            media_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="user.json"'},
        )

    @router.get(f"{USERS_PATH}/erase")
    async def confirm(request: Request, id: str = "") -> Response:
        stored = await count_user(engine, _named(id))
        return page(request, "erase.html", {"user": id, "stored": stored})

    @router.post(f"{USERS_PATH}/erase")
    async def erase(request: Request) -> Response:
        user = _named((await read_form(request)).get("id", ""))
        deleted = await engine.users.erase(user, actor=actor(request))
        return redirect(
            USERS_PATH,
            {
                "events": deleted["events"] + deleted["bundle_events"],
                "lists": deleted["recommendations"],
                "bundles": len(deleted["trained_on"]),
            },
        )

    @router.post(f"{USERS_PATH}/consent")
    async def consent(request: Request) -> Response:
        user = _named((await read_form(request)).get("id", ""))
        await engine.users.readmit(user, actor=actor(request))
        return redirect(USERS_PATH, {"id": user})

    return router


async def _users(request: Request, engine: Engine, after: str) -> Response:
    users = await engine.store.read(lambda store: store.users(USERS + 1, after))
    return page(
        request,
        "users.html",
        {"users": users[:USERS], "after": after, "more": len(users) > USERS},
        success=_erased(request.query_params),
    )


async def _user(request: Request, engine: Engine, user: str) -> Response:
    bundle = engine.traffic_split.bundle_for(user)
    ranked = await engine.lists.submit(bundle, ListRequest(user=user, k=LISTED, explain=True))
    events = await engine.lists.submit(
        bundle, lambda bundle, store: newest_events(bundle, store, user)
    )
    return page(
        request,
        "user.html",
        {
            "user": user,
            "bundle": bundle.version,
            "source": ranked.source,
            "items": listed_items(bundle, ranked),
            "events": events,
            "live": sum(event.origin == "live" for event in events),
            "newest": next((event.time for event in events if event.time is not None), None),
            "limit": EVENTS,
            "erased": bool(await engine.store.read(lambda store: store.erased([user]))),
        },
    )


def _named(user: str) -> str:
    if not user:
        raise Refusal(422, "name a user")
    return user


def _erased(query: Mapping[str, str]) -> str:
    """Return the result of an erasure; the query holds numbers alone, and no id."""
    numbers = [query.get(name, "") for name in ("events", "lists", "bundles")]
    if not all(n.isascii() and n.isdigit() and len(n) < 16 for n in numbers):
        return ""
    events, lists, bundles = map(int, numbers)
    text = f"Erased: {count(events, 'event')} and {count(lists, 'list')}."
    if bundles:
        text += (
            f" {count(bundles, 'bundle')} learned from the user: fit again without the user "
            "to remove every trace."
        )
    return text
