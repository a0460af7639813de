"""Rows of the tables of items and lists, read as the records of the protocol."""

import json
from collections.abc import Sequence
from typing import Any

from pennyweight.serving.stores.protocol import Recommendation, StoredItem

__all__ = ["item_of", "recommendation_of"]


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
    items = tuple((item, score) for item, score in json.loads(row[6]))
    return Recommendation(row[0], row[1], row[2], row[3], row[4], row[5], items)
