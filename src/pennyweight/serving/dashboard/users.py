"""The history and recommendations of a user; export and erasure of the user's data."""

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from pennyweight.formatting import count
from pennyweight.serving.dashboard.forms import actor, read_form, redirect
from pennyweight.serving.dashboard.listings import listed_items
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.dashboard.user_history import newest_events, served_lists
from pennyweight.serving.dashboard.user_list import ORDERS, RECENT, bundle_users, live_users
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import ListRequest
from pennyweight.serving.live.user_export import count_user, export_user

__all__ = ["user_routes"]

USERS_PATH = "/dashboard/users"
ROWS, EVENTS, LISTED = 50, 100, 10
SERVED = 10  # lists
LOGS = {"live": "live events", "bundle": "bundle"}


def user_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited."""
    router = page_router()

    @router.get(USERS_PATH)
    async def users(
        request: Request,
        id: str = "",
        prefix: str = "",
        order: str = "id",
        log: str = "live",
        after: str = "",
    ) -> Response:
        if id:
            return await _user(request, engine, id)
        fields = {"prefix": prefix, "order": order, "log": log}
        return await _users(request, engine, fields, after)

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


async def _users(
    request: Request, engine: Engine, fields: Mapping[str, str], after: str
) -> Response:
    prefix, order, log = fields["prefix"], fields["order"], fields["log"]
    if order not in ORDERS or log not in LOGS:
        raise Refusal(422, "order is id, newest or active, and log is live or bundle")
    bundle = engine.traffic.split.primary
    if log == "bundle":
        interactions = bundle.recommender.interactions
        listed = await asyncio.to_thread(bundle_users, interactions, order, prefix, ROWS, after)
    else:
        listed = await engine.store.read(
            lambda store: live_users(store, order, prefix, ROWS, after)
        )
    return page(
        request,
        "users.html",
        {
            "fields": fields,
            "orders": ORDERS,
            "logs": LOGS | {"bundle": f"bundle {bundle.version}"},
            "users": listed.users,
            "recent": RECENT,
            "after": after,
            "first": fields if after else None,
            "next": {**fields, "after": listed.next} if listed.next else None,
        },
        success=_erased(request.query_params),
    )


async def _user(request: Request, engine: Engine, user: str) -> Response:
    bundle = engine.traffic.split.bundle_for(user)
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
            "served": await engine.store.read(
                lambda store: served_lists(bundle, store, user, SERVED)
            ),
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
