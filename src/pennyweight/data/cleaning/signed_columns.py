"""Columns of pieces or money of other names, recognised by their words and numbers below zero."""

import re
from collections.abc import Collection, Mapping

import polars as pl

from pennyweight.data.cleaning.constant_columns import constant_of
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.negations import is_undone, words_of
from pennyweight.data.cleaning.order_states import is_state_name
from pennyweight.data.cleaning.rating_names import is_rating_name
from pennyweight.data.cleaning.reversal_columns import undoing_kind
from pennyweight.data.cleaning.signed_numbers import signed_numbers
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import column_option

__all__ = ["MAX_BELOW", "is_signed_quantity", "names_pieces", "note_signed"]

MAX_BELOW = 0.5  # share of the numbers from which on those below zero may be debits
_MIN_NUMBERS = 0.95  # share of the values that are numbers
_SAMPLE = 10_000  # values that decide whether a column may hold numbers
_LISTED = 3  # columns in a note

# Words for pieces, without case and accents; the long ones also within a word.
_PIECES = re.compile(
    r"quantit|qty|units|menge|anzahl|stuck|cantidad|quantidade|aantal|unidades|pieces|mennyiseg"
    r"|mnozstvi|количеств|ποσοτητα|数量|數量|件数|件數|個数|个数|수량|개수|الكمية"
)
_PIECE = re.compile(
    r"qte|qnt|qtd|qta|pcs|stk|szt|adet|miktar|antal|ilosc|sztuk|колво|darab|maara|kpl|kusu"
    r"|cantitate|kolicina|jumlah|soluong|kwmeng|lfimg|fkimg"
)
# Words for the money of a sale.
_MONEY = re.compile(
    r"sales?|amount|amt|revenue|turnover|subtotal|price|spend|netto|brutto|importe|ventas?"
    r"|montant|prix|precio|importo|prezzo|valor|preco|vendas?|bedrag|prijs|omzet|kwota|cena"
    r"|wartosc|belopp|belob|summa|hinta|tutar|fiyat|сумма|цена|стоимость|выручка"
    r"|\w*(umsatz|erlose?|betrag|summe|preis)|netwr|dmbtr|kbetr"
)
_MONEY_SIGNS = re.compile(
    "金額|金额|价格|價格|価格|売上|销售额|銷售額|合計|合计|小計|小计|매출|금액|가격"
)
# Words that mean money beside others of an order only.
_WEAK = re.compile(r"value|total|net|gross|price|paid")
_OF_SALES = re.compile(
    r"orders?|lines?|items?|products?|transactions?|txn|trans|invoice|basket|cart|purchase|sold"
    r"|units?|incl|excl|inc|ex|in|of|base|usd|eur|gbp|local|currency|total|the"
)
# Words beside which numbers below zero are no returns.
_ELSE = re.compile(
    r"discounts?|tax|taxes|vat|mwst|ust|shipping|freight|fees?|tip|coupon|voucher|promo(tion)?"
    r"|rebate|rabatt|remise|sconto|descuento|points|profits?|margin|gain|loss|balance|saldo"
    r"|changes?|deltas?|diff|difference|adjust(ed|ment|ments)?|growth|variance|scores?|rank|stock"
    r"|inventory|hand|onhand|available|availability|remaining|left|index|idx|norm|normali[sz]ed"
    r"|scaled?|std|standardi[sz]ed|zscore|z|logs?|lag|trend|pct|percent|percentage|ratio|rate|yoy"
    r"|mom|deviation|residual|forecast|pred|predicted|expected|errors?|embedding|feature|temp"
    r"|offset|position|time|seconds|days|hours|minutes|duration|costs?|credits?|loyalty|rewards?"
    r"|cumulative|votes?|likes|weight|uplift|effect|shap|advantage|target|budget|quota|range|level"
)
# Measures that are below zero in the usual case.
_MEASURE = re.compile(
    r"lat|latitude|lon|lng|long|longitude|geo\w*|coord\w*|x|y|z|temp|temperature|celsius|altitude"
    r"|elevation|tz|timezone|utc|gmt|offset|emb\d*|embeddings?|vec(tor)?|pca|pc|scores?|sentiment"
    r"|polarity|logits?|logprob|prob|log|norm|normali[sz]ed|scaled?|standardi[sz]ed|zscore|rank"
    r"|position|pos|index|idx|ids?|no|nr|f\d+|v\d+|feature|feat|discounts?|profits?|margin"
)


def names_pieces(name: str) -> bool:
    """Say whether a column is named after a number of pieces, in one of several languages."""
    words = words_of(name)
    joined = "".join(words)
    return _PIECES.search(joined) is not None or any(map(_PIECE.fullmatch, [*words, joined]))


def is_signed_quantity(frame: pl.DataFrame, name: str, roles: Mapping[str, str]) -> bool:
    """Say whether a column holds pieces or money of sales, by its name, some of them below zero."""
    words = words_of(name)
    if any(_ELSE.fullmatch(word) or is_undone(word) for word in words) or not (
        names_pieces(name) or _names_money(name, words)
    ):
        return False
    return _below_zero(frame, name, roles) > 0


def note_signed(
    frame: pl.DataFrame, roles: Mapping[str, str], used: Collection[str], findings: Findings
) -> None:
    """Note the columns of numbers that are not read although some are below zero.

    Those below zero in the usual case, such as a latitude, and those of users or items, are not.

    Parameters
    ----------
    used
        More columns that are read.
    """
    numbers_below: dict[str, int] = {}
    for name in frame.columns:
        words = words_of(name)
        if name in roles.values() or name in used or is_state_name(name) or undoing_kind(name):
            continue
        if any(map(_MEASURE.fullmatch, words)) or is_rating_name(name):
            continue
        below = _below_zero(frame, name, roles)
        if below:
            numbers_below[name] = below
    if numbers_below:
        listed = ", ".join(f"{name!r} ({n:,})" for name, n in [*numbers_below.items()][:_LISTED])
        more = f" and {len(numbers_below) - _LISTED:,} more" if len(numbers_below) > _LISTED else ""
        findings.add(
            "events",
            f"numbers below zero in columns that are not read: {listed}{more}; if these are "
            f"returns, {column_option('quantity', next(iter(numbers_below)))}",
            max(numbers_below.values()),
            "noted",
        )


def _below_zero(frame: pl.DataFrame, name: str, roles: Mapping[str, str]) -> int:
    """Return how many numbers are below zero; 0 if most are, and for columns of users or items."""
    numbers = _numbers(frame[name])
    if numbers is None:
        return 0
    below, above = int((numbers < 0).sum()), int((numbers > 0).sum())
    is_some = 0 < below <= MAX_BELOW * (below + above)
    return below if is_some and constant_of(frame, name, roles) is None else 0


def _names_money(name: str, words: list[str]) -> bool:
    if any(map(_MONEY.fullmatch, words)) or _MONEY_SIGNS.search(name):
        return True
    weak = [word for word in words if _WEAK.fullmatch(word)]
    return bool(weak) and all(_OF_SALES.fullmatch(word) for word in words if word not in weak)


def _numbers(column: pl.Series) -> pl.Series | None:
    """Return the numbers of a column, None where it holds anything else."""
    if not (column.dtype.is_numeric() or column.dtype == pl.String):
        return None
    for part in (column.head(_SAMPLE), column):
        numbers = signed_numbers(part)
        filled = len(part) - blanked(part).null_count()
        if len(numbers) - numbers.null_count() < _MIN_NUMBERS * filled:
            return None
    return numbers
