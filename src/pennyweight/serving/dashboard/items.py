"""Items: search by words; attributes, availability, neighbors and events of one."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from fastapi import APIRouter, Request, Response

from pennyweight.errors import DataError, UnknownIdError
from pennyweight.html.figures import Fact, Table
from pennyweight.serving.dashboard.browse_query import given
from pennyweight.serving.dashboard.item_activity import item_activity
from pennyweight.serving.dashboard.item_list import ItemConditions, ItemPage, find_items
from pennyweight.serving.dashboard.listings import ListedItem, listed_items, new_items
from pennyweight.serving.dashboard.page import FLOOR, clip, mask_count, page, page_router, sentence
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import ListRequest, rank_similar
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store, StoredItem

__all__ = ["item_routes", "search_routes"]

NEAR, LONG = 10, 2_000
LISTED, LONGEST = 20, 4_000  # items; characters
ROWS, COLUMNS = 50, 600  # items of a page; characters of the names of attributes


def item_routes(engine: Engine) -> APIRouter:
    """Return the routes."""
    router = page_router()

    @router.get("/dashboard/items")
    async def items(
        request: Request,
        id: str = "",
        words: str = "",
        prefix: str = "",
        available: str = "",
        filter: str = "",
        after: str = "",
    ) -> Response:
        bundle = engine.traffic.split.primary
        if not id:
            conditions = ItemConditions(words, prefix, available, filter)
            return await _list(request, engine, bundle, conditions, after)
        try:
            context = await engine.lists.submit(
                bundle, lambda bundle, store: _context(bundle, store, id)
            )
        except UnknownIdError as error:
            failed = sentence(error)
            return page(
                request, "item.html", {"item": id, "exists": False}, failed=failed, status=404
            )
        not_indexed = engine.items.failures.get(id, "")
        now = engine.clock()
        activity = await engine.store.read(lambda store: item_activity(store, id, now))
        return page(
            request,
            "item.html",
            {"item": id, "exists": True, "error": not_indexed, **context, **activity},
        )

    return router


async def _list(
    request: Request, engine: Engine, bundle: ServedBundle, conditions: ItemConditions, after: str
) -> Response:
    failed, found = "", ItemPage((), 0)
    try:
        found = await asyncio.to_thread(find_items, bundle, conditions, ROWS, after)
    except DataError as error:  # of the filter, which stays in its field
        failed = sentence(error)
    fields = given(**asdict(conditions))
    new = None
    if not fields and not after:
        new = await asyncio.to_thread(new_items, bundle, engine.clock())
    return page(
        request,
        "items.html",
        {
            "fields": asdict(conditions),
            "filtered": bool(fields),
            "columns": clip(", ".join(bundle.catalog.attributes.columns), COLUMNS),
            "total": found.total,
            "available": int(bundle.open.sum()),
            "items": found.items,
            "new_items": new,
            "first": fields if after else None,
            "next": fields | {"after": found.next} if found.next else None,
        },
        failed=failed,
        status=422 if failed else 200,
    )


def _context(bundle: ServedBundle, store: Store, item_id: str) -> Mapping[str, object]:
    """Return the context of the page; `UnknownIdError` where there is no such item."""
    live = store.item(item_id)
    if live is not None and not bundle.counts(live):
        live = None
    in_bundle = item_id in bundle.catalog.ids
    if (live is None or live.document is None) and not in_bundle:
        raise UnknownIdError(f"item {item_id!r} is not in the catalog")
    if live is not None:
        live = bundle.completed(live)
    document = None if live is None else live.document
    if document is None:
        document = bundle.document(item_id)
    return {
        "name": bundle.catalog.title(bundle.catalog.ids.code(item_id)) if in_bundle else item_id,
        "bundle": bundle.version,
        "available": _availability(bundle, item_id, live),
        "recommendable": in_bundle and bundle.is_open(item_id),
        "published": _published(bundle, item_id, live, in_bundle=in_bundle),
        "changed": None if live is None else live.changed,
        "attributes": _attribute_table(document),
        "neighbors": _neighbors(bundle, item_id) if in_bundle else None,
        "events": _event_counts(bundle, item_id) if in_bundle else None,
        "floor": FLOOR,
    }


def _availability(bundle: ServedBundle, item_id: str, live: StoredItem | None) -> str:
    if live is not None and live.removed:
        return "deleted"
    available = bundle.is_open(item_id) if live is None else live.available
    return "yes" if available else "no"


def _published(
    bundle: ServedBundle, item_id: str, live: StoredItem | None, *, in_bundle: bool
) -> float | None:
    published = None if live is None else live.published
    return bundle.published_at(item_id) if published is None and in_bundle else published


def _attribute_table(document: Mapping[str, object]) -> Table:
    rows = [(name, _text(value)[:LONG]) for name, value in document.items()]
    return Table("Attributes of the item", ("Attribute", "Value"), rows)


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _neighbors(bundle: ServedBundle, item_id: str) -> list[ListedItem]:
    return listed_items(bundle, rank_similar(bundle, item_id, NEAR, None, explain=True))


def _event_counts(bundle: ServedBundle, item_id: str) -> list[Fact] | None:
    """Return the number of events by type, small numbers hidden."""
    log = bundle.recommender.interactions
    if log is None:
        return None
    code = bundle.catalog.ids.code(item_id)
    kinds = log.kinds or ("event",)
    counts = np.bincount(log.kind[log.item == code], minlength=len(kinds)).tolist()
    return [
        Fact(kind or "events", mask_count(n), "in the bundle")
        for kind, n in zip(kinds, counts, strict=False)
    ]


def search_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/search")
    async def search(request: Request, q: str = "") -> Response:
        if not q.strip():
            return page(request, "search.html", {"query": q, "items": None})
        bundle = engine.traffic.split.primary
        ranking = ListRequest(text=q[:LONGEST], k=LISTED, exclude_seen=False, explain=True)
        await engine.queries.prepare(bundle, ranking.text)
        ranked = await engine.lists.submit(bundle, ranking)
        return page(
            request,
            "search.html",
            {
                "query": q,
                "is_id": q in bundle.catalog.ids,
                "source": ranked.source,
                "items": listed_items(bundle, ranked),
            },
        )

    return router
