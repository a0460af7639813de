"""The shop of the playground, for a person: the list of a reader, whose clicks are events."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from pennyweight.data.documents import fields_of
from pennyweight.demo.readers import reader_name
from pennyweight.serving.dashboard.forms import read_form, redirect, required
from pennyweight.serving.dashboard.listings import listed_items
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.dashboard.user_history import newest_events
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import ListRequest, RankedList
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Event

__all__ = ["SHOP", "storefront_routes"]

SHOP = "/playground"
SCENARIO = "storefront"
LISTED, HISTORY, SAMPLES = 10, 12, 12
KINDS = {"view": "View", "read": "Read", "like": "Like", "dislike": "Not for me"}
DETAILS = ("author", "year", "description")
NEWCOMER = "newcomer"  # without a history


@dataclass(frozen=True)
class _Book:
    """A book of the list, with its reason; details are empty where the catalog has none."""

    id: str
    title: str
    reason: str
    author: str = ""
    year: int | None = None
    description: str = ""


def storefront_routes(engine: Engine) -> APIRouter:
    """Return the routes: a reader's page, whose list is logged as one of a shop, and events."""
    router = page_router()

    @router.get(SHOP)
    async def shop(request: Request, reader: str = "", sent: str = "") -> Response:
        readers = [*map(reader_name, range(SAMPLES)), NEWCOMER]
        if not reader:
            return page(request, "shop.html", {"reader": "", "readers": readers})
        bundle = engine.traffic.split.bundle_for(reader)
        wanted = ListRequest(user=reader, k=LISTED, explain=True, scenario=SCENARIO)
        ranked: RankedList = await engine.lists.submit(bundle, wanted)
        history = await engine.lists.submit(
            bundle, lambda bundle, store: newest_events(bundle, store, reader)
        )
        return page(
            request,
            "shop.html",
            {
                "reader": reader,
                "readers": readers,
                "recommendation": engine.lists.record(wanted, ranked, bundle.version),
                "bundle": bundle.version,
                "source": ranked.source,
                "books": await asyncio.to_thread(_books, bundle, ranked),
                "kinds": KINDS,
                "history": history[:HISTORY],
                "events": len(history),
            },
            success=f"Sent: {KINDS[sent].lower()}. The list counts it." if sent in KINDS else "",
        )

    @router.post(f"{SHOP}/event")
    async def event(request: Request) -> Response:
        form = await read_form(request)
        reader, item = required(form, "reader"), required(form, "item")
        kind = required(form, "type")
        bundle = engine.traffic.split.bundle_for(reader)
        if kind not in KINDS or item not in bundle.catalog.ids:
            raise Refusal(422, "no such event: reload the page")
        bundle.check_id(reader, "user")
        origin = form.get("recommendation") or None
        event = Event(engine.make_id(), reader, item, kind, engine.clock(), 1.0, origin)
        await engine.users.add_events([event])
        return redirect(SHOP, {"reader": reader, "sent": kind})

    return router


def _books(bundle: ServedBundle, ranked: RankedList) -> Sequence[_Book]:
    items = listed_items(bundle, ranked)
    catalog = bundle.catalog
    columns = [name for name in DETAILS if name in catalog.attributes.columns]
    codes = [catalog.ids.code(item.id) for item in items]
    details = fields_of(catalog, codes, columns) if columns else [{} for _ in items]
    return [
        _Book(item.id, item.title, item.reason, **fields)
        for item, fields in zip(items, details, strict=True)
    ]
