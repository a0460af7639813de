"""Columns by which an item can be ordered without stock: backorders, untracked inventory.

Beside a column of pieces, such a column makes an item with no piece left available.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.availability_names import is_vague, key_of
from pennyweight.data.cleaning.availability_words import CLEAR, CLEAR_NOT, PIECES, STOCK
from pennyweight.data.cleaning.missing import is_missing

__all__ = [
    "allows_orders",
    "counts_stock",
    "is_policy",
    "orders_allowed",
    "rules_among",
    "rules_of_shops",
    "with_rules",
]

# Whether orders go on without stock.
_BACKORDERS = {
    "inventorypolicy",
    "variantinventorypolicy",
    "backorders",
    "backordersallowed",
    "allowbackorder",
    "allowbackorders",
    "backorderable",
    "isbackorderable",
    "allowbackordersboolean",
    "allowoutofstock",
    "allowoutofstockorders",
    "allowoosp",
    "continueselling",
    "continuesellingwhenoutofstock",
    "sellwhenoutofstock",
    "oversell",
    "allowoversell",
}
_ALLOWED = {"continue", "yes", "y", "true", "1", "1.0", "2", "2.0", "notify", "allow", "allowed"}
# Whether the pieces are counted at all; Shopify leaves the name of the counter blank.
_TRACKED = {
    "managestock",
    "trackinventory",
    "trackquantity",
    "inventorytracked",
    "stockmanaged",
    "inventorytracking",
    "tracked",
}
_COUNTER = {"inventorymanagement", "variantinventorytracker", "inventorytracker"}
_UNTRACKED = {"no", "n", "false", "0", "0.0", "none", "not tracked", "untracked", "off"}
_AGREED = 0.9  # of the items, in which a flag of out of stock is that of no piece left
_CODES = {"0", "1", "2", "0.0", "1.0", "2.0"}


def is_policy(name: str) -> bool:
    """Say whether a name is that of a rule for orders without stock."""
    return key_of(name) in _BACKORDERS | _TRACKED | _COUNTER


def allows_orders(name: str, value: object) -> bool:
    """Say whether a value of a column of such a rule lets orders go on without stock."""
    key, text = key_of(name), "" if value is None else str(value).strip().casefold()
    if key in _COUNTER:
        return is_missing(text) or text in _UNTRACKED
    if key in _TRACKED:
        return text in _UNTRACKED
    if key == "outofstock":
        return text in ("1", "1.0")
    return text in _ALLOWED or text.startswith(("allow ", "notify"))


def rules_of_shops(frame: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return the columns named ``out_of_stock`` that hold PrestaShop's rule for orders.

    Beside the pieces, 0, 1 and 2 stand for no orders, orders and the rule of the shop.
    """
    pieces = [name for name in frame.columns if is_vague(name) and counts_stock(name)]
    return [name for name in columns if pieces and _is_coded(frame, name, pieces[0])]


def with_rules(
    frame: pl.DataFrame, columns: Sequence[str], coded: Sequence[str]
) -> tuple[str, ...]:
    """Return the columns of availability, after those of pieces also the ones of rules."""
    if not any(map(counts_stock, columns)):
        return tuple(columns)
    rules = [n for n in frame.columns if is_policy(n) and not frame[n].dtype.is_nested()]
    return (*columns, *rules, *coded)


def _is_coded(frame: pl.DataFrame, name: str, pieces: str) -> bool:
    if key_of(name) != "outofstock":
        return False
    codes = frame[name].cast(pl.String, strict=False).str.strip_chars()
    if not codes.drop_nulls().is_in(list(_CODES)).all():
        return False
    if codes.is_in(["2", "2.0"]).any():
        return True
    amount = frame[pieces].cast(pl.String, strict=False).cast(pl.Float64, strict=False)
    agree = ((amount <= 0) == codes.is_in(["1", "1.0"])).drop_nulls()
    return bool(len(agree)) and bool(agree.mean() < _AGREED)  # type: ignore[operator]


def counts_stock(name: str) -> bool:
    """Say whether a column holds the pieces of an item."""
    key = key_of(name)
    if key in CLEAR | CLEAR_NOT or is_policy(name):
        return False
    return PIECES.search(key) is not None or STOCK.fullmatch(key) is not None


def orders_allowed(attributes: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Return the items that can be ordered without stock by one of the columns of rules.

    Parameters
    ----------
    columns
        Of availability, those of rules after the one of the pieces.
    """
    allowed = np.zeros(attributes.height, bool)
    for name in rules_among(columns):
        values = attributes[name].unique().to_list()
        open_ = [value for value in values if allows_orders(name, value)]
        column = attributes[name]
        mask = column.is_in(pl.Series(open_, dtype=column.dtype).implode(), nulls_equal=True)
        allowed |= mask.fill_null(False).to_numpy()
    return allowed


def rules_among(columns: Sequence[str]) -> list[str]:
    """Return the columns of rules, which follow that of the pieces."""
    at = next((at for at, name in enumerate(columns) if counts_stock(name)), len(columns))
    return [n for n in columns[at + 1 :] if is_policy(n) or key_of(n) == "outofstock"]
