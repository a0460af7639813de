"""Columns of pieces and of money in an event log, also below zero."""

import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.negations import words_of
from pennyweight.data.cleaning.rows import Mask
from pennyweight.data.cleaning.signed_columns import MAX_BELOW, is_signed_quantity, names_pieces
from pennyweight.data.cleaning.signed_numbers import signed_numbers
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import ALIASES, bare, column_option, name_key

__all__ = [
    "is_known_quantity",
    "money_below_zero",
    "note_zeros",
    "paid_for",
    "quantity_columns",
]

_KEYS = [name_key(alias) for alias in ALIASES["events"]["quantity"]]
# Beside the English names of the role; without case and accents.
_FOREIGN = re.compile(
    r"(menge|anzahl|stuckzahl|bestellmenge|cantidad|quantite|quantita|quantidade|aantal|unidades"
    r"|betrag|umsatz|gesamtbetrag|importe|montant|importo|bedrag|gesamt|summe)"
)
# Pieces that arrived, and money that was paid in the end.
_ARRIVED = frozenset("shipped delivered fulfilled dispatched accepted received sent kept".split())
_PAID = frozenset("net amount total revenue sales paid subtotal betrag umsatz montant".split())
_BESIDES = frozenset(
    "tax discount discounts shipping refund refunded fee fees tip points weight score".split()
)


def quantity_columns(frame: pl.DataFrame, roles: Mapping[str, str]) -> list[str]:
    """Return the columns of pieces or money without a role, usual names first.

    Columns of other names that hold a word for pieces or money are some where a part of their
    numbers is below zero.
    """
    names = [
        name
        for name in frame.columns
        if name not in roles.values()
        and not frame[name].dtype.is_nested()
        and (is_known_quantity(name) or is_signed_quantity(frame, name, roles))
    ]
    keys = [name_key(bare(name)) for name in names]
    place = {
        name: _KEYS.index(key) if key in _KEYS else len(_KEYS)
        for name, key in zip(names, keys, strict=True)
    }
    return sorted(place, key=lambda name: place[name])


def is_known_quantity(name: str) -> bool:
    """Say whether a column has a usual name of pieces or money."""
    known = name_key(bare(name)) in _KEYS
    return known or _FOREIGN.fullmatch("".join(words_of(name))) is not None


def money_below_zero(frame: pl.DataFrame, roles: Mapping[str, str]) -> Mask:
    """Return the rows with pieces above zero and money below, as some returns have."""
    below = np.zeros(frame.height, bool)
    for name in quantity_columns(frame, roles):
        negative = (signed_numbers(frame[name]) < 0).fill_null(False).to_numpy()
        if negative.sum() <= MAX_BELOW * len(negative):
            below |= negative
    return below


def note_zeros(frame: pl.DataFrame, roles: Mapping[str, str], findings: Findings) -> None:
    """Note the rows with nothing delivered or paid, by columns that are not read."""
    for name in frame.columns:
        words = {*words_of(name)}
        arrived = names_pieces(name) and not words.isdisjoint(_ARRIVED)
        paid = not names_pieces(name) and not words.isdisjoint(_PAID) and words.isdisjoint(_BESIDES)
        if name in roles.values() or frame[name].dtype.is_nested() or not (arrived or paid):
            continue
        numbers = signed_numbers(frame[name])
        zeros, above = int((numbers == 0).sum()), int((numbers > 0).sum())
        if 0 < zeros <= above:
            remedy = (
                f"if nothing was delivered, {column_option('quantity', name)}"
                if arrived
                else "if it was returned or canceled, leave these rows out of the file"
            )
            findings.add(
                "events",
                f"{name!r} is 0, and the row counts as bought: {remedy}",
                zeros,
                "noted",
            )


def paid_for(
    frame: pl.DataFrame, roles: Mapping[str, str], quantity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the money of each row, 0 where it is not known."""
    paid = np.zeros(frame.height)
    named = [roles["quantity"]] if "quantity" in roles else []
    pieces = quantity if named and names_pieces(named[0]) else np.ones_like(quantity)
    for name in [*named, *quantity_columns(frame, roles)]:
        if not names_pieces(name):
            money = np.nan_to_num(signed_numbers(frame[name]).fill_null(0.0).to_numpy())
            each = np.maximum(pieces, 1.0) if "price" in name.casefold() else 1.0
            paid = np.maximum(paid, money * each)
    return paid
