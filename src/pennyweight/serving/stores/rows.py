"""Rows of the tables of items and lists, read as the records of the protocol."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from pennyweight.serving.stores.protocol import Recommendation, StoredItem

__all__ = ["CREDITED", "item_of", "items_text", "recommendation_of"]

DRAFTED = 2  # the place of the bundle of an item
# The bundle that an event e on an item of a list r counts for; an item that was not in an
# interleaved list counts for none.
CREDITED = (
    "CASE WHEN instr(r.bundle_version, '+') THEN coalesce((SELECT part.value ->> 2 "
    "FROM json_each(r.items) part WHERE part.value ->> 0 = e.item), r.bundle_version) "
    "ELSE r.bundle_version END"
)


def item_of(row: Sequence[Any]) -> StoredItem:
    """Return the item of a row."""
    item_id, document, available, published, changed, removed, seq, field_seqs = row
    fields, changes = (
        None if part is None else json.loads(part) for part in (document, field_seqs)
    )
    return StoredItem(
        item_id, fields, bool(available), published, changed, bool(removed), seq, changes
    )


def recommendation_of(row: Sequence[Any]) -> Recommendation:
    """Return the list of a row."""
    parts = json.loads(row[6])
    items = tuple((item, score) for item, score, *_ in parts)
    drafted_by = tuple(part[2] for part in parts if len(part) > DRAFTED)
    return Recommendation(row[0], row[1], row[2], row[3], row[4], row[5], items, drafted_by)


def items_text(recommendation: Recommendation) -> str:
    """Return the items of a list as JSON: ids, scores, and bundles where it was interleaved."""
    rows: Sequence[Sequence[object]] = recommendation.items
    if recommendation.drafted_by:
        pairs = zip(recommendation.items, recommendation.drafted_by, strict=True)
        rows = [(*item, version) for item, version in pairs]
    return to_json(rows).decode()
