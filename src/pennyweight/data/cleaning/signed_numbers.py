"""Numbers as accounts write them, also those below zero: ``(2)``, ``2-``, ``minus 2``, ``2 CR``."""

import polars as pl

__all__ = ["has_credits", "signed_numbers"]

_MINUS = r"^\s*(?i:minus|moins|meno|menos|negative)\s+"
_OF_PACKS = r"^\s*([-−–]?\d+)\s*[xX×*]\s*\d.*$"
_TIMES = r"^\s*(?:[xX×*]\s*)?([-−–]?\d[\d.,]*)\s*(?:\(\s*\pL[^)]*\)\s*)?$"
_CREDITED = r"^([\d.]*\d)(CR|Cr)\.?$"
_CURRENCY = r"(?:[A-Z]{3}|kr\.?|Fr\.?|Rs\.?|Rp\.?|RM|zł|Kč|Ft|lei|US|HK|[RSACU]|\p{Sc})"


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
