"""Columns of pieces and of money in an event log, also below zero."""

import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.negations import words_of
from pennyweight.data.cleaning.rows import Mask
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import ALIASES, bare, column_option, name_key

__all__ = [
    "MAX_BELOW",
    "has_credits",
    "is_pieces",
    "money_below_zero",
    "note_zeros",
    "paid_for",
    "quantity_columns",
    "signed_numbers",
]

MAX_BELOW = 0.5  # share of negative numbers from which on they may be debits
_PIECES = re.compile(
    r"quantity|qty|units|menge|anzahl|stuck|cantidad|quantite|quantita|quantidade|aantal|unidades"
    r"|pieces"
)
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

_MINUS = r"^\s*(?i:minus|moins|meno|menos|negative)\s+"
_OF_PACKS = r"^\s*([-−–]?\d+)\s*[xX×*]\s*\d.*$"
_TIMES = r"^\s*(?:[xX×*]\s*)?([-−–]?\d[\d.,]*)\s*(?:\(\s*\pL[^)]*\)\s*)?$"
_CREDITED = r"^([\d.]*\d)(CR|Cr)\.?$"
_CURRENCY = r"(?:[A-Z]{3}|kr\.?|Fr\.?|Rs\.?|Rp\.?|RM|zł|Kč|Ft|lei|US|HK|[RSACU]|\p{Sc})"


def quantity_columns(frame: pl.DataFrame, roles: Mapping[str, str]) -> list[str]:
    """Return the columns of pieces or money without a role, usual names first."""
    keys = [name_key(alias) for alias in ALIASES["events"]["quantity"]]
    place = {
        name: keys.index(key) if key in keys else len(keys)
        for name in frame.columns
        if name not in roles.values()
        and not frame[name].dtype.is_nested()
        and ((key := name_key(bare(name))) in keys or _FOREIGN.fullmatch("".join(words_of(name))))
    }
    return sorted(place, key=lambda name: place[name])


def is_pieces(name: str) -> bool:
    """Say whether a column is named after a number of pieces."""
    return _PIECES.search("".join(words_of(name))) is not None


def signed_numbers(column: pl.Series) -> pl.Series:
    """Return texts as numbers, also negative ones: ``(2)``, ``2-``, ``minus 2``, ``2 CR``."""
    numbers = column.cast(pl.Float64, strict=False)
    if column.dtype != pl.String or numbers.null_count() == column.null_count():
        return numbers
    text = column.str.replace(r'^\s*=?"(.*)"\s*$', "$1")  # as spreadsheets protect texts
    text = text.str.replace(_OF_PACKS, "$1").str.replace(_TIMES, "$1")  # 2 x 500 g, x2, 2 (pair)
    text = text.str.replace(_MINUS, "-").str.replace_all(r"(\d)['’](\d)", "${1}${2}")
    text = text.str.replace(r"(\d)[.,][-–—]{1,2}(\D*)$", "${1}${2}")  # 5.- francs
    text = text.str.replace_all(r"\.(\d{3}),", "${1},")  # 1.000,50
    text = text.str.replace(r",(\d{1,2})(\D*)$", ".${1}${2}")
    text = text.str.replace_all(r"[\s,$€£¥]", "").str.replace_all("[−–]", "-")
    text = text.str.replace(_CREDITED, "-${1}")
    text = text.str.replace(r"^([-+(]*)" + _CURRENCY, "${1}")
    text = text.str.replace(r"^(.*\d)\pL{1,8}\.?$", "$1")  # 2 pcs
    text = text.str.replace(r"^\((.*)\)\pL*$", "-$1").str.replace(r"^([\d.]+)-$", "-$1")
    sign = text.str.contains(r"^-.*\d").cast(pl.Float64) * -1.0
    return numbers.fill_null(text.cast(pl.Float64, strict=False)).fill_null(
        sign.set(sign == 0, None)
    )


def has_credits(column: pl.Series) -> bool:
    """Say whether numbers end in ``CR``, as credits do in the books of banks."""
    return column.dtype == pl.String and bool(column.str.contains(r"\d\s*(CR|Cr)\.?\s*$").any())


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
        arrived = is_pieces(name) and not words.isdisjoint(_ARRIVED)
        paid = not is_pieces(name) and not words.isdisjoint(_PAID) and words.isdisjoint(_BESIDES)
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
    pieces = quantity if named and is_pieces(named[0]) else np.ones_like(quantity)
    for name in [*named, *quantity_columns(frame, roles)]:
        if not is_pieces(name):
            money = np.nan_to_num(signed_numbers(frame[name]).fill_null(0.0).to_numpy())
            each = np.maximum(pieces, 1.0) if "price" in name.casefold() else 1.0
            paid = np.maximum(paid, money * each)
    return paid
