"""Which fields of a live change of an item a bundle does not hold already, one by one."""

from collections.abc import Iterable, Mapping
from typing import Any

from pennyweight.data.catalog import Catalog
from pennyweight.data.documents import document_of
from pennyweight.serving.stores.protocol import StoredItem

__all__ = ["ALL_COLUMNS", "NOW", "column", "document_over", "with_fields"]

NOW = 0  # in place of a seq that the store has yet to give
ALL_COLUMNS = "attributes"  # set as a whole; a single one has a name below
_COLUMN_PREFIX = f"{ALL_COLUMNS}."


def column(name: str) -> str:
    """Return the name of a column in `StoredItem.field_seqs`."""
    return f"{_COLUMN_PREFIX}{name}"


def with_fields(before: StoredItem, fields: Iterable[str]) -> dict[str, int]:
    """Return the seqs of the fields set by changes, including a new change of `fields`."""
    seqs = before.field_seqs
    if seqs is None:
        all_fields = ("available", "published", ALL_COLUMNS)[: 2 if before.document is None else 3]
        # A bundle's own item has no seq: no change set anything of it.
        seqs = dict.fromkeys(all_fields, before.seq) if before.seq else {}
    return {**seqs, **dict.fromkeys(fields, NOW)}


def document_over(item: StoredItem, own: Catalog, covered: int) -> Mapping[str, Any] | None:
    """Return the columns of an item; those that no change set are as the bundle has them.

    None where all are as the bundle has them.

    Parameters
    ----------
    own
        The items of the bundle.
    covered
        The seq up to which they hold the changes.
    """
    code = int(own.ids.codes([item.item_id])[0])
    if item.document is None or code < 0 or item.changed_after(ALL_COLUMNS, covered):
        return item.document
    changed = [
        name.removeprefix(_COLUMN_PREFIX)
        for name, seq in (item.field_seqs or {}).items()
        if name.startswith(_COLUMN_PREFIX) and seq > covered
    ]
    if not changed:
        return None
    others = {name: value for name, value in document_of(own, code).items() if name not in changed}
    return others | {name: item.document[name] for name in changed if name in item.document}
