"""All items as JSON lines, read in pieces so that neither memory nor others wait."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store, StoredItem

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine

__all__ = ["export_items", "present_items"]

PIECE = 500  # items

Present = tuple[StoredItem, dict[str, Any]]


def present_items(bundle: ServedBundle, ids: Sequence[str], store: Store) -> list[Present]:
    """Return items of a bundle with their live changes and columns; deleted ones are left out."""
    put = {item.item_id: item for item in store.items_named(ids)}
    items = []
    for item_id in ids:
        item = put.get(item_id)
        if item is not None and bundle.counts(item):
            if item.removed:
                continue
            item = bundle.completed(item)
        else:
            time = bundle.published_at(item_id)
            item = StoredItem(item_id, None, bundle.is_open(item_id), time, 0.0)
        items.append((item, item.document or bundle.document(item_id)))
    return items


def export_items(engine: "Engine", *, after: str | None = None) -> AsyncIterator[bytes]:
    """Return the items of the bundle with the most users as JSON lines, in its order.

    Parameters
    ----------
    after
        Only items after this one; `UnknownIdError` where there is none.
    """
    bundle = engine.traffic.split.primary
    start = 0 if after is None else bundle.catalog.ids.code(after) + 1
    return _pieces(engine, bundle, start)


async def _pieces(engine: "Engine", bundle: ServedBundle, start: int) -> AsyncIterator[bytes]:
    total = len(bundle.catalog)
    for first in range(start, total, PIECE):
        ids = [bundle.catalog.ids[code] for code in range(first, min(first + PIECE, total))]

        def read(store: Store, ids: Sequence[str] = ids) -> bytes:
            items = present_items(bundle, ids, store)
            return b"".join(to_json(_row(*item)) + b"\n" for item in items)

        if piece := await engine.store.read(read):
            yield piece


def _row(item: StoredItem, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "attributes": document,
        "available": item.available,
        "published": item.published,
    }
