"""Rows of the tables of items and lists, read as the records of the protocol."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from pennyweight.serving.stores.protocol import Recommendation, StoredItem

__all__ = ["CREDITED", "EXPLORED", "MARK", "item_of", "items_text", "recommendation_of"]

DRAFTED, EXPLORED = 2, 3  # the places of the bundle of an item, and of its mark
MARK = ",1]"  # the end of an explored item; scores have a point
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
    drafted_by = tuple(
        part[DRAFTED] for part in parts if len(part) > DRAFTED and part[DRAFTED] is not None
    )
    explored = frozenset(part[0] for part in parts if len(part) > EXPLORED)
    return Recommendation(
        row[0], row[1], row[2], row[3], row[4], row[5], items, drafted_by, explored
    )


def items_text(recommendation: Recommendation) -> str:
    """Return the items of a list as JSON: ids and scores; bundles, marks of explored items.

    The bundles are there where it was interleaved, or null before a mark.
    """
    rows: Sequence[Sequence[object]] = recommendation.items
    if recommendation.drafted_by:
        pairs = zip(recommendation.items, recommendation.drafted_by, strict=True)
        rows = [(*item, version) for item, version in pairs]
    if recommendation.explored:
        rows = [
            (*row[:DRAFTED], row[DRAFTED] if len(row) > DRAFTED else None, 1)
            if row[0] in recommendation.explored
            else row
            for row in rows
        ]
    return to_json(rows).decode()
