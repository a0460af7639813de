"""An item: what it is, whether it is to be had, and what is near to it."""

import asyncio
from collections.abc import Mapping
from html import escape

import numpy as np
from fastapi import APIRouter, Request, Response

from pennyweight.errors import UnknownIdError
from pennyweight.formatting import count
from pennyweight.html.charts import table
from pennyweight.html.document import facts
from pennyweight.serving.dashboard.components import FLOOR, ask_form, few, when
from pennyweight.serving.dashboard.explanations import reasoned_table
from pennyweight.serving.dashboard.layout import page, page_router, sentence
from pennyweight.serving.dashboard.new_items import fresh, fresh_table
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import rank_similar
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store, StoredItem

__all__ = ["item_routes"]

HERE = "/dashboard/items"
NEAR, LONG = 10, 2_000


def item_routes(engine: Engine) -> APIRouter:
    """Return the routes."""
    router = page_router()

    @router.get(HERE)
    async def items(request: Request, id: str = "") -> Response:
        shelf, form = (
            engine.traffic_split.primary,
            ask_form(HERE, "Id of an item", "id", id, button="Show"),
        )
        if not id:
            new = await asyncio.to_thread(fresh, shelf, engine.clock())
            told = f"{count(len(shelf.catalog), 'item')}, {int(shelf.open.sum()):,} available."
            newest = f"<h2>Fresh items</h2>{fresh_table(new)}" if new.newest else ""
            return page(request, "Items", [form, f"<p>{told}</p>", newest])
        failed = engine.failed_items.get(id, "")
        try:
            parts = await engine.ask(shelf, lambda shelf, store: _item(shelf, store, id, failed))
        except UnknownIdError as error:
            return page(request, "Items", [form], failed=sentence(error), status=404)
        title = parts.pop(0)
        return page(request, title, [form, *parts])

    return router


def _item(shelf: ServedBundle, store: Store, item_id: str, failed: str) -> list[str]:
    """Return the title and the parts of the page; `UnknownIdError` where there is no such item."""
    put = store.item(item_id)
    if put is not None and not shelf.counts(put):
        put = None
    there = item_id in shelf.catalog.ids
    if (put is None or put.document is None) and not there:
        raise UnknownIdError(f"item {item_id!r} is not in the catalog")
    if put is not None:
        put = shelf.as_told(put)
    document = put.document if put is not None else None
    if document is None:
        document = shelf.document(item_id)
    title = shelf.catalog.title(shelf.catalog.ids.code(item_id)) if there else item_id
    near = _near(shelf, item_id) if there else ""
    return [
        title,
        _facts(shelf, item_id, put, there=there),
        f'<p class="told failed">Not on the shelf: {escape(failed)}</p>' if failed else "",
        f"<h2>Attributes</h2>{_attributes(document)}",
        near,
        _events(shelf, item_id) if there else "",
    ]


def _facts(shelf: ServedBundle, item_id: str, put: StoredItem | None, *, there: bool) -> str:
    removed = put is not None and put.removed
    available = put.available if put is not None else shelf.is_open(item_id)
    new = put.published if put is not None else None
    if new is None and there:
        new = shelf.published_at(item_id)
    told = "deleted" if removed else "yes" if available else "no"
    shown = "yes" if there and shelf.is_open(item_id) else "no"
    return facts([
        ("Id", item_id, f"bundle {shelf.version}"),
        ("Available", told, "as it was told"),
        ("On the shelf", shown, "can be recommended now"),
        ("New since", when(new), "where that is known"),
        ("Changed", when(put.changed if put else None), "since the bundle was made"),
    ])  # fmt: skip


def _attributes(document: Mapping[str, object]) -> str:
    rows = [(name, _said(value)[:LONG]) for name, value in document.items()]
    return table("What the item is said to be", ("Attribute", "Value"), rows)


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _near(shelf: ServedBundle, item_id: str) -> str:
    found = rank_similar(shelf, item_id, NEAR, None, explain=True)
    return f"<h2>Neighbours</h2>{reasoned_table(shelf, found, 'The nearest items')}"


def _events(shelf: ServedBundle, item_id: str) -> str:
    log = shelf.recommender.interactions
    if log is None:
        return ""
    code = shelf.catalog.ids.code(item_id)
    kinds = log.kinds or ("event",)
    counts = np.bincount(log.kind[log.item == code], minlength=len(kinds)).tolist()
    rows = [
        (kind or "events", few(n), "of the bundle") for kind, n in zip(kinds, counts, strict=False)
    ]
    note = f"By type. Numbers below {FLOOR} are not told, since they might be one person's."
    return f'<h2>Events</h2><p class="note">{note}</p>{facts(rows)}'
