"""Variants and offers of an item: available where one of them is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from pennyweight.data.cleaning.availability import available_items
from pennyweight.data.cleaning.availability_names import is_vague, key_of, means_unavailable
from pennyweight.data.cleaning.availability_values import read_field
from pennyweight.data.cleaning.availability_words import CLEAR, CLEAR_NOT, REMOVED_AT
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.order_policy import allows_orders, counts_stock, is_policy
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.jsonlines import parsed_value

__all__ = ["mechanical_columns", "read_variants", "share_availability"]

_LISTS = re.compile(
    r"(product|item|child)?(variants?|varianten|variantes|varianti|offers?|angebote|skus?|editions?|"
    r"listings?|sellers?|stocks?|inventory|inventories|inventorylevels|warehouses?|availability|"
    r"availabilities|stores?|locations?|sizes|options|children|products|purchaseoptions|sources?|"
    r"sourceitems|quantities)"
)
_CLUE = re.compile(
    r"""["'][\w@]*(availab|in_?stock|inventory|stock|quantity|qty|sold_?out|for_?sale)""", re.I
)
# Fields of an offer that are no words about the item.
_MECHANICS = re.compile(
    r"@?(type|context|id)|(.*(policy|management|tracker|service|unit|currency|sku|barcode|ean|gtin|"
    r"upc|mpn|id|url|link|src|at|date|until|price|status|state|condition|seller|location|warehouse|branch))"
)


def read_variants(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with a column ``variants.available`` for lists of variants or offers.

    Lists of objects, and objects or lists of them as JSON in text, are read where a field
    says which are available. Of the other fields the words about the item remain.
    """
    for name, dtype in frame.schema.items():
        target = f"{name}.available"
        if target in frame.columns or not _may_list(name):
            continue
        values = _objects(frame[name], dtype)
        if values is None:
            continue
        states = [_state(value) for value in values]
        says = any(state is not None for state in states)
        if not says and not any(_has_policy(value) for value in values):
            continue
        leaves = [None if v is None else list(dict.fromkeys(_words_of(v))) for v in values]
        frame = frame.with_columns(pl.Series(name, leaves, dtype=pl.List(pl.String)))
        if says:
            at = frame.columns.index(name) + 1
            frame = frame.insert_column(at, _typed(target, states))
    return frame


def _may_list(name: str) -> bool:
    return any(_LISTS.fullmatch(key_of(part)) for part in name.split("."))


def _objects(column: pl.Series, dtype: pl.DataType) -> list[Any] | None:
    """Return the objects in a column; None for a column without any."""
    if isinstance(dtype, pl.Struct) or (
        isinstance(dtype, pl.List | pl.Array) and isinstance(dtype.inner, pl.Struct)
    ):
        return column.to_list()
    if dtype != pl.String:
        return None
    texts = blanked(column).str.strip_chars()
    head = texts.drop_nulls().head(100)
    if not len(head) or not head.str.contains(r"(?s)^(\{.*\}|\[.*\])$").all():
        return None
    if not any(_CLUE.search(text) for text in head):
        return None
    values = [None if text is None else parsed_value(text) for text in texts.to_list()]
    n_read = sum(isinstance(value, dict | list) for value in values)
    return values if 2 * n_read > texts.count() else None


def _typed(name: str, states: Sequence[bool | str | None]) -> pl.Series:
    """Return states as truth values; as texts, to be refused, where one cannot be read."""
    if any(isinstance(state, str) for state in states):
        texts = [None if s is None else s if isinstance(s, str) else str(s) for s in states]
        return pl.Series(name, texts, dtype=pl.String)
    return pl.Series(name, states, dtype=pl.Boolean)


def _state(value: object) -> bool | str | None:
    """Return whether an offer, or one of several, is available; a text that cannot be read."""
    if isinstance(value, list | tuple):
        states = [_state(part) for part in value]
        return next((state for state in (True, *_texts(states), False) if state in states), None)
    if not isinstance(value, Mapping):
        return None
    allowed = _is_allowed(value)
    states = [_field_state(name, part, allowed) for name, part in value.items()]
    return next((state for state in (*_texts(states), False, True) if state in states), None)


def _texts(states: Sequence[bool | str | None]) -> list[str]:
    return [state for state in states if isinstance(state, str)]


def _is_allowed(value: Mapping[str, object]) -> bool:
    """Say whether a variant can be ordered without stock."""
    inner = value.get("inventory_item") or value.get("inventoryItem")
    fields = {**(inner if isinstance(inner, Mapping) else {}), **value}
    return any(is_policy(name) and allows_orders(name, part) for name, part in fields.items())


def _field_state(name: str, value: object, allowed: bool) -> bool | str | None:
    if isinstance(value, Mapping | list | tuple):
        return _state(value)
    key = key_of(name)
    clear = key in CLEAR | CLEAR_NOT
    if value is None or value == "" or is_policy(name) or not (clear or is_vague(name)):
        return None
    if REMOVED_AT.fullmatch(key):
        return False
    meaning = read_field(name, value)
    if meaning is None:
        return str(value) if clear else None
    available = meaning is not means_unavailable(name)
    return True if allowed and counts_stock(name) else available


def _has_policy(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(is_policy(name) or _has_policy(part) for name, part in value.items())
    return isinstance(value, list | tuple) and any(map(_has_policy, value))


def _words_of(value: object, name: str = "") -> Iterator[str]:
    """Yield the texts in an offer but for those of its mechanics."""
    if isinstance(value, Mapping):
        for field, part in value.items():
            yield from _words_of(part, field)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _words_of(part, name)
    elif isinstance(value, str) and value and not _is_mechanical(name):
        yield value


def _is_mechanical(name: str) -> bool:
    key = key_of(name)
    known = key in CLEAR | CLEAR_NOT or is_vague(name) or is_policy(name)
    return known or REMOVED_AT.fullmatch(key) is not None or bool(_MECHANICS.fullmatch(key))


def mechanical_columns(names: Sequence[str]) -> list[str]:
    """Return the fields of offers that are no words about the item: ``offers.@type``."""
    paths = [name.rpartition(".") for name in names]
    return [
        name
        for name, (parent, _, field) in zip(names, paths, strict=True)
        if parent and _may_list(parent) and _is_mechanical(field)
    ]


def share_availability(
    frame: pl.DataFrame, ids: pl.Series, columns: Sequence[str], findings: Findings
) -> pl.DataFrame:
    """Return a frame in which the rows of an item agree on its availability.

    An item of several rows, such as one for each size, is available if one of them is: all have
    the values of the first such row. A blank is filled from the first row with a value.

    Parameters
    ----------
    frame
        The rows without the column of ids.
    ids
        An id for each row.
    columns
        Those of availability.
    findings
        Takes a note of the items whose rows differ.
    """
    names = [name for name in columns if not frame[name].dtype.is_nested()]
    if not names or not ids.is_duplicated().any():
        return frame
    rows = frame.select(names).with_columns(ids.alias("__id"))
    filled = rows.with_columns(_filled(rows[name]) for name in names).with_columns(
        pl.coalesce(name, pl.col(name).drop_nulls().first().over("__id")) for name in names
    )
    available = pl.Series("__available", available_items(filled, names))
    places = (
        filled.select("__id")
        .with_columns(available)
        .with_row_index("__row")
        .with_columns(
            best=pl.coalesce(
                pl.col("__row").filter(pl.col("__available")).first().over("__id"),
                pl.col("__row").first().over("__id"),
            ),
            differs=(pl.col("__available").n_unique() > 1).over("__id"),
        )
    )
    differing = ids.filter(places["differs"]).unique(maintain_order=True)
    unlike = filled.group_by("__id").agg(pl.col(names).n_unique()).select(pl.col(names).max() > 1)
    named = ", ".join(repr(name) for name in names if unlike[name][0])
    findings.add(
        "items",
        f"rows of one item differ in {named}: it is available if one of its rows is",
        len(differing),
        "noted",
        map(repr, differing.head(3)),
    )
    shared, repeated = filled[places["best"].to_numpy()], ids.is_duplicated()
    return frame.with_columns(
        pl.when(repeated).then(shared[name]).otherwise(frame[name]).alias(name) for name in names
    )


def _filled(column: pl.Series) -> pl.Series:
    """Return a column with null for each word of a missing value."""
    return blanked(column) if column.dtype == pl.String else column
