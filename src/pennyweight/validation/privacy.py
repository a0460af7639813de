"""Personal data in the texts and attributes of items, and in ids."""

import re
from collections.abc import Sequence

import polars as pl

from pennyweight.data.dataset import Dataset
from pennyweight.data.detection.columns import ColumnName, column_of
from pennyweight.data.personal import KINDS, has_luhn, mask, named_texts, suspects
from pennyweight.validation.columns import plain
from pennyweight.validation.findings import Finding, finding

__all__ = ["check_personal", "check_user_ids"]

_CARD_ID = r"^(?:4[0-9]{15}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|6011[0-9]{12}|3[47][0-9]{13})$"
MIN_CARDS = 3
IDS = ColumnName(is_code=True)  # numbers in ids look like anything


def check_personal(data: Dataset) -> list[Finding]:
    """Count personal data by kind and place; examples show the place, never the data."""
    findings: list[Finding] = []
    ids = data.catalog.ids
    for column in data.catalog.attributes.iter_columns():
        texts = plain(named_texts(column))
        if texts is None:
            continue
        column_name = column_of(column.name)
        for kind in KINDS:
            rows = suspects(texts, kind, column_name).to_list()
            examples = [f"{ids[row]}: {_around(texts[row], kind, column_name)}" for row in rows[:3]]
            findings += finding(
                "personal-text",
                f"{kind} in column {column.name!r}",
                len(rows),
                len(ids),
                "items",
                examples,
                warn=True,
            )
    return findings + _in_ids("items", ids) + check_user_ids(data)


def check_user_ids(data: Dataset) -> list[Finding]:
    """Count personal data in ids of users."""
    return _in_ids("users", data.interactions.users)


def _around(text: str, kind: str, column: ColumnName) -> str:
    masked = mask(text, column)
    position = max(0, masked.find(f"[{kind}]"))
    end = position + len(kind) + 22
    ellipsis = ("…" if position > 40 else ""), ("…" if end < len(masked) else "")
    return f"{ellipsis[0]}{masked[max(0, position - 40) : end]}{ellipsis[1]}"


def _in_ids(table: str, ids: Sequence[str]) -> list[Finding]:
    names = pl.Series(list(ids), dtype=pl.String)
    findings: list[Finding] = []
    for kind in KINDS:
        rows = suspects(names, kind, IDS).to_list()
        findings += finding(
            "personal-id",
            f"{kind} in ids of {table}",
            len(rows),
            len(names),
            table,
            [names[row] for row in rows[:3]],
            warn=True,
        )
    # A bare number is no evidence, for one in ten has the check digit; most of many are.
    shaped = names.filter(names.str.contains(_CARD_ID)).to_list()
    cards = [name for name in shaped if has_luhn(name)]
    if len(cards) >= MIN_CARDS and len(cards) > 0.5 * len(shaped):
        findings += finding(
            "personal-id",
            f"card numbers as ids of {table}",
            len(cards),
            len(names),
            table,
            [re.sub(r"\d(?=\d{4})", "•", c) for c in cards[:3]],
            warn=True,
        )
    return findings
