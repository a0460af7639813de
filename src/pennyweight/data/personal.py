"""Personal data in texts and ids: found by format, checksum and context, masked on request.

A number alone is no evidence, catalogs are full of them: a phone number needs its
international form, a word such as "tel", or the grouping of a country; a card number its
grouping or such a word, and the issuer's prefix and the check digit. The name of a column
counts as context, see `pennyweight.data.detection.columns`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import polars as pl

from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.detection.addresses import ADDRESS, NAME
from pennyweight.data.detection.columns import NOWHERE, ColumnName, column_of
from pennyweight.data.detection.email import EMAIL
from pennyweight.data.detection.identity import BIRTH, NATIONAL_ID
from pennyweight.data.detection.network import IP, LINK
from pennyweight.data.detection.payment import ACCOUNT, CARD, IBAN, has_luhn
from pennyweight.data.detection.phones import PHONE
from pennyweight.data.detection.text import Detector, Span, folded

__all__ = [
    "KINDS",
    "find",
    "has_luhn",
    "mask",
    "mask_catalog",
    "mask_column",
    "named_texts",
    "suspects",
]

# In this order: a later kind does not search the spans that an earlier one masked.
KINDS: Mapping[str, Detector] = {
    "link with user data": LINK,
    "e-mail address": EMAIL,
    "IBAN": IBAN,
    "card number": CARD,
    "IP address": IP,
    "national id": NATIONAL_ID,
    "date of birth": BIRTH,
    "bank account": ACCOUNT,
    "phone number": PHONE,
    "postal address": ADDRESS,
    "person's name": NAME,
}


def find(text: str, kind: str, column: ColumnName = NOWHERE) -> Iterator[Span]:
    """Yield the places of one kind of personal data in a text, as start and end."""
    return KINDS[kind].spans(folded(text), column)


def mask(text: str, column: ColumnName = NOWHERE) -> str:
    """Return the text with every piece of personal data replaced by its kind in brackets."""
    for kind in KINDS:
        parts, end = [], 0
        for start, stop in sorted(find(text, kind, column)):
            if start >= end:
                parts += [text[end:start], f"[{kind}]"]
            end = max(end, stop)
        text = "".join([*parts, text[end:]])
    return text


def suspects(texts: pl.Series, kind: str, column: ColumnName | None = None) -> pl.Series:
    """Return the positions of the texts with this kind of personal data.

    The name of the series gives the kind of column, unless one is given.
    """
    column = column_of(texts.name) if column is None else column
    possible = texts.is_not_null()
    if column.kind != kind:
        if not KINDS[kind].hints:
            return pl.Series(texts.name, [], dtype=pl.UInt32)
        for hint in KINDS[kind].hints:
            possible &= texts.str.contains(hint)
        possible |= texts.str.contains(r"[^\x00-\x7F]")  # may fold to it
    rows = possible.fill_null(False).arg_true()
    candidates = zip(rows.to_list(), texts.gather(rows).to_list(), strict=True)
    hits = [row for row, text in candidates if any(True for _ in find(text, kind, column))]
    return pl.Series(texts.name, hits, dtype=pl.UInt32)


def named_texts(values: pl.Series) -> pl.Series:
    """Return numbers and dates as texts where the name of the column is of personal data."""
    if column_of(values.name).kind and (values.dtype.is_numeric() or values.dtype.is_temporal()):
        return values.cast(pl.String)
    return values


def mask_column(texts: pl.Series) -> tuple[pl.Series, int]:
    """Return texts or lists of texts without personal data, and the number of changed rows.

    A column of numbers with a name of personal data, such as ``phone``, becomes one of texts.
    """
    column = column_of(texts.name)
    if texts.dtype == pl.List(pl.String):
        hits = _rows_with_data(texts.list.join("\n", ignore_nulls=True))
        if not len(hits):
            return texts, 0
        lists = texts.to_list()
        for row in hits.to_list():
            lists[row] = [text and mask(text, column) for text in lists[row]]
        return pl.Series(texts.name, lists, dtype=texts.dtype), len(hits)
    plain = named_texts(texts)
    if plain.dtype != pl.String:
        return texts, 0
    hits = _rows_with_data(plain)
    if not len(hits):
        return texts, 0
    values = plain.to_list()
    for row in hits.to_list():
        values[row] = mask(values[row], column)
    # A new series: one that was changed in place would carry the old bytes into files.
    return pl.Series(texts.name, values, dtype=pl.String), len(hits)


def mask_catalog(catalog: Catalog, findings: Findings) -> Catalog:
    """Return the catalog without personal data in texts and attributes; ids stay."""
    columns = []
    for column in catalog.attributes.iter_columns():
        masked, changed = mask_column(column)
        columns.append(masked)
        findings.add("items", f"{column.name}: personal data masked", changed, "changed")
    texts, _ = mask_column(pl.Series("text", catalog.texts, dtype=pl.String))
    return replace(catalog, texts=tuple(texts), attributes=pl.DataFrame(columns))


def _rows_with_data(texts: pl.Series) -> pl.Series:
    return pl.concat([suspects(texts, kind) for kind in KINDS]).unique().sort()
