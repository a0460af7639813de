"""Refunds and cancellations of whole orders: rows that name an order and no item."""

import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.event_types import EventTypes
from pennyweight.data.cleaning.missing import blanked, few_texts
from pennyweight.data.cleaning.negations import is_undone, words_of
from pennyweight.data.cleaning.order_lines import order_column
from pennyweight.data.cleaning.order_states import is_part, state_of
from pennyweight.data.cleaning.quantities import quantity_columns
from pennyweight.data.cleaning.reversal_columns import says_yes, undoing_kind
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.cleaning.signed_columns import names_pieces
from pennyweight.data.cleaning.signed_numbers import signed_numbers
from pennyweight.data.columns import ALIASES, name_key

__all__ = ["OF_ORDER", "PART_OF_ORDER", "undone_orders"]

OF_ORDER = "refund or cancellation of an order as a whole: it takes back the lines of the order"
PART_OF_ORDER = "refund or discount of a part of an order that names no item: the purchases stay"
NOWHERE = "refund or cancellation that names neither an item nor an order of this file: no effect"

_FULL_SHARE = 0.5  # share of the money of an order from which on a refund is a full one
_MAX_KINDS = 40
_ORDER = re.compile(
    r"(order|purchase|receipt|bestell|auftrags?|commande|pedido|ordine|bestelling|zamowienie"
    r"|transaction|invoice|bon|beleg|rechnungs?)(s?)(id|no|nr|num|number|nummer|ref|reference|name|key)?"
)
_OTHER_ORDER = re.compile(
    r"(refund(ed)?|returned|cancell?ed|original|orig|parent|related|source|ref|linked|initial|root)"
    r"(order|transaction|invoice|purchase|sale)?(id|no|number|nr|name|reference)?"
)
_EACH = re.compile(r"unit|^price$|preis")  # of a piece, not of the returned ones
_TOTAL = re.compile(r"total|order|gesamt|summe|grand")


def undone_orders(
    frame: pl.DataFrame, roles: Mapping[str, str], types: EventTypes, rows: Rows
) -> Mask:
    """Return the lines of orders that were undone as a whole by rows without an item.

    These rows are dropped and counted.

    Parameters
    ----------
    types
        The meaning of each event type.
    """
    none = np.zeros(frame.height, bool)
    if frame[roles["item"]].dtype.is_nested():
        return none
    bare = blanked(frame[roles["item"]]).is_null().to_numpy()
    if not bare.any() or bare.all():
        return none
    undone = bare & (_says_undone(frame, roles, types, bare) | _other_orders(frame, roles, bare))
    below = bare & _below_zero(frame, roles)
    if not (undone | below).any():
        return none
    key = _order_key(frame, roles)
    keys = (
        _keys(frame[key]) if key is not None else pl.Series([None] * frame.height, dtype=pl.String)
    )
    order_ids = keys.filter(pl.Series(~bare)).drop_nulls().unique()
    named = _named_orders(frame, keys, order_ids, roles)
    undone |= below & named.is_not_null().to_numpy()
    full, part = _refunded_orders(frame, roles, keys, named, undone, bare)
    unmatched = undone & ~named.is_in(order_ids.implode()).fill_null(False).to_numpy()
    partial = undone & named.is_in(part.implode()).fill_null(False).to_numpy() & ~unmatched
    rows.drop(OF_ORDER, undone & ~unmatched & ~partial)
    rows.drop(PART_OF_ORDER, partial)
    rows.drop(NOWHERE, unmatched)
    lines: Mask = keys.is_in(full.implode()).fill_null(False).to_numpy() & ~bare
    rows.findings.add(
        "events",
        f"lines of orders ({key!r}) that were refunded or canceled as a whole are taken back",
        int(lines.sum()),
        "noted",
    )
    return lines


def _order_key(frame: pl.DataFrame, roles: Mapping[str, str]) -> str | None:
    """Return the column of orders: by its role, its name or the end of its path, or its values."""
    if "order" in roles:
        return roles["order"]
    aliases = {name_key(alias) for alias in ALIASES["events"]["order"]}
    excluded = {roles[role] for role in ("user", "item", "time") if role in roles}
    for name in frame.columns:
        end = name_key(name.rpartition(".")[2])
        if name not in excluded and (end in aliases or _ORDER.fullmatch(end)):
            if not frame[name].dtype.is_nested():
                return name
    candidate = order_column(frame, roles)
    return None if candidate is None else candidate[0]


def _keys(column: pl.Series) -> pl.Series:
    return blanked(column.cast(pl.String)).str.strip_chars().str.replace(r"\.0+$", "")


def _named_orders(
    frame: pl.DataFrame, keys: pl.Series, order_ids: pl.Series, roles: Mapping[str, str]
) -> pl.Series:
    """Return the order of each row, which another column may name."""
    named = keys
    for name in _links(frame, roles):
        other = _keys(frame[name])
        named = other.zip_with(other.is_in(order_ids.implode()).fill_null(False), named)
    return named


def _links(frame: pl.DataFrame, roles: Mapping[str, str]) -> list[str]:
    return [
        name
        for name in frame.columns
        if name not in roles.values()
        and not frame[name].dtype.is_nested()
        and _OTHER_ORDER.fullmatch(name_key(name.rpartition(".")[2]))
    ]


def _other_orders(frame: pl.DataFrame, roles: Mapping[str, str], bare: Mask) -> Mask:
    """Return the rows that name the refunded order in a separate column."""
    refunds = np.zeros(frame.height, bool)
    for name in _links(frame, roles):
        filled = blanked(frame[name]).is_not_null().to_numpy()
        if any(map(is_undone, words_of(name))) and not (filled & ~bare).any():
            refunds |= filled
    return refunds


def _says_undone(
    frame: pl.DataFrame, roles: Mapping[str, str], types: EventTypes, bare: Mask
) -> Mask:
    """Return the rows whose type, state or kind is a return or cancellation."""
    undone = np.zeros(frame.height, bool)
    excluded = {roles[role] for role in ("user", "item", "time", "order") if role in roles}
    bare_rows = frame.filter(pl.Series(bare))
    for name in frame.columns:
        if name in excluded or frame[name].dtype.is_nested():
            continue
        kind = undoing_kind(name)
        if kind is not None and kind != "reason":
            undone |= says_yes(frame[name], kind).to_numpy()
            continue
        values = few_texts(bare_rows[name], _MAX_KINDS)
        undone_values = [
            value for value in values if _is_undone(value, types, name == roles.get("type"))
        ]
        if undone_values:
            texts = blanked(frame[name]).cast(pl.String).str.strip_chars()
            undone |= texts.is_in(undone_values).fill_null(False).to_numpy()
    return undone


def _is_undone(value: str, types: EventTypes, typed: bool) -> bool:
    if typed and value in types:
        return types.clear_meaning(value) == "negative"
    return state_of(value) == "undone" or (
        typed and any(map(is_undone, words_of(value))) and any(map(is_part, words_of(value)))
    )


def _below_zero(frame: pl.DataFrame, roles: Mapping[str, str]) -> Mask:
    below = np.zeros(frame.height, bool)
    for name in _money(frame, roles):
        below |= (signed_numbers(frame[name]) < 0).fill_null(False).to_numpy()
    return below


def _money(frame: pl.DataFrame, roles: Mapping[str, str]) -> list[str]:
    named = [roles["quantity"]] if "quantity" in roles else []
    columns = [*named, *quantity_columns(frame, roles)]
    return [c for c in columns if not names_pieces(c) and not frame[c].dtype.is_nested()]


def _refunded_orders(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    keys: pl.Series,
    named: pl.Series,
    undone: Mask,
    bare: Mask,
) -> tuple[pl.Series, pl.Series]:
    """Return the orders that were refunded in full, and those refunded in part.

    Refunds of an unknown amount are in full.
    """
    refunds = _refunded(frame, roles)
    partial = _partial_refunds(frame, roles, undone)
    money = np.where(refunds > 0, refunds, np.where(partial, 0.0, np.inf))
    table = pl.DataFrame({"order": named, "money": money}).filter(pl.Series(undone)).drop_nulls()
    sums = table.group_by("order").agg(pl.col("money").sum())
    sums = sums.join(_totals(frame, roles, keys, bare), on="order", how="left")
    enough = pl.col("money") >= _FULL_SHARE * pl.col("total").fill_null(0.0)
    full = sums.filter(enough & (pl.col("money") > 0))["order"]
    return full, sums.filter(~pl.col("order").is_in(full.implode()))["order"]


def _partial_refunds(frame: pl.DataFrame, roles: Mapping[str, str], undone: Mask) -> Mask:
    """Return the rows whose type or state is a partial refund: ``partially_refunded``."""
    parts = np.zeros(frame.height, bool)
    for name in {roles[role] for role in ("type", "status") if role in roles}:
        values = few_texts(frame.filter(pl.Series(undone))[name], _MAX_KINDS)
        called = [value for value in values if any(map(is_part, words_of(value)))]
        texts = blanked(frame[name]).cast(pl.String).str.strip_chars()
        parts |= texts.is_in(called).fill_null(False).to_numpy() & undone
    return parts


def _refunded(frame: pl.DataFrame, roles: Mapping[str, str]) -> NDArray[np.float64]:
    """Return the refunded money of each row, 0 without a refund."""
    columns = [
        name
        for name in frame.columns
        if undoing_kind(name) == "count"
        and not names_pieces(name)
        and not frame[name].dtype.is_nested()
    ]
    refunds = np.zeros(frame.height)
    others = [name for name in _money(frame, roles) if _EACH.search(name.casefold()) is None]
    for name in [*columns, *others]:
        money = np.abs(np.nan_to_num(signed_numbers(frame[name]).fill_null(0.0).to_numpy()))
        refunds = np.where(refunds > 0, refunds, money)
    return refunds


def _totals(
    frame: pl.DataFrame, roles: Mapping[str, str], keys: pl.Series, bare: Mask
) -> pl.DataFrame:
    """Return the money of each order: the total that its lines repeat, or the sum of the lines."""
    names = _money(frame, roles)
    names.sort(key=lambda name: _TOTAL.search(name.casefold()) is None)
    if not names:
        return pl.DataFrame(schema={"order": pl.String, "total": pl.Float64})
    name = names[0]
    money = np.nan_to_num(signed_numbers(frame[name]).fill_null(0.0).to_numpy())
    repeated = _TOTAL.search(name.casefold()) is not None and "line" not in name.casefold()
    counts = next(
        (c for c in frame.columns if names_pieces(c) and "price" in name.casefold()), None
    )
    if counts is not None and not frame[counts].dtype.is_nested():
        money = money * np.maximum(signed_numbers(frame[counts]).fill_null(1.0).to_numpy(), 1.0)
    table = pl.DataFrame({"order": keys, "total": money}).filter(pl.Series(~bare)).drop_nulls()
    total = pl.col("total").max() if repeated else pl.col("total").clip(0.0).sum()
    return table.group_by("order").agg(total)
