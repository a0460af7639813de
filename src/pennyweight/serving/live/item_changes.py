"""What of a live change of an item a bundle does not hold already: the columns, one by one."""

from collections.abc import Iterable, Mapping
from typing import Any

from pennyweight.data.catalog import Catalog
from pennyweight.data.documents import document_of
from pennyweight.serving.stores.protocol import StoredItem

__all__ = ["ALL_COLUMNS", "NOW", "column", "document_over", "told_with"]

NOW = 0  # in place of a seq that the store has yet to give
ALL_COLUMNS = "attributes"  # told as a whole; a single one has a name below
_ONE = f"{ALL_COLUMNS}."


def column(name: str) -> str:
    """Return what `StoredItem.told` calls a column."""
    return f"{_ONE}{name}"


def told_with(before: StoredItem, now: Iterable[str]) -> dict[str, int]:
    """Return what changes told of an item, of which one more tells some now."""
    told = before.told
    if told is None:
        whole = ("available", "published", ALL_COLUMNS)[: 2 if before.document is None else 3]
        # A bundle's own item has no seq: nothing was told of it.
        told = dict.fromkeys(whole, before.seq) if before.seq else {}
    return {**told, **dict.fromkeys(now, NOW)}


def document_over(item: StoredItem, own: Catalog, covered: int) -> Mapping[str, Any] | None:
    """Return the columns of an item, those that nobody told as a bundle has them.

    None where all are as the bundle has them.

    Parameters
    ----------
    own
        The items of the bundle.
    covered
        The seq up to which they hold the changes.
    """
    code = int(own.ids.codes([item.item_id])[0])
    if item.document is None or code < 0 or item.tells(ALL_COLUMNS, covered):
        return item.document
    told = [
        name.removeprefix(_ONE)
        for name, seq in (item.told or {}).items()
        if name.startswith(_ONE) and seq > covered
    ]
    if not told:
        return None
    kept = {name: value for name, value in document_of(own, code).items() if name not in told}
    return kept | {name: item.document[name] for name in told if name in item.document}
