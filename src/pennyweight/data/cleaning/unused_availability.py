"""Columns that call some items closed, sold or hidden, and are not read as availability."""

import re
import shlex
from collections.abc import Collection, Sequence

import polars as pl

from pennyweight.data.cleaning.availability_names import is_vague, key_of, means_unavailable
from pennyweight.data.cleaning.availability_values import (
    distinct_values,
    is_available,
    is_moment,
    read_value,
    unreadable,
    words_in,
)
from pennyweight.data.cleaning.availability_words import CLOSED, HIDING, PIECES, STOCK
from pennyweight.data.cleaning.negations import is_negator, words_of
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import bare
from pennyweight.data.titles import is_title

__all__ = ["is_closed", "note_unused"]

_FEWEST, _MOST = 0.005, 0.6  # of the items that such a column calls closed
_MANY = 20  # different values, from which on a column is none of states
_LONGEST = 3  # words in a state
# Attributes in which such a word has another meaning, and those of texts.
_OTHERS = re.compile(
    r"(main|sub|primary|product|item)?(categor(y|ies|ie)|genres?|tags?|keywords?|topics?|brands?|"
    r"authors?|artists?|colou?rs?|sizes?|materials?|styles?|descriptions?|abstract|body|text|"
    r"content|plot|overview|summary|features?|details|reviews?|lyrics|names?|titles?|labels?|"
    r"publisher|vendor|seller|manufacturer|department|language|country|city|region|type)"
)
# These words close an item wherever they stand in a name, others only at its end.
_STRONG = re.compile(
    r"hidden|delet(ed|e)|blocked|banned|unavailable|unsellable|discontinued|disabled|inactive|"
    r"removed|unlisted|delisted|withdrawn|recalled|suspended|takedown|unpublished|deactivated|"
    r"ausverkauft|geloscht|gesperrt|versteckt|deaktiviert|eliminado|bloqueado|oculto|supprime|"
    r"bloque|masque|bloccato|nascosto|geblokkeerd|verborgen"
)


def note_unused(attributes: pl.DataFrame, used: Collection[str], findings: Findings) -> None:
    """Note the columns that call some of the items closed, which are recommended all the same.

    Parameters
    ----------
    attributes
        One row for each item.
    used
        The columns that are read as availability, or are noted elsewhere.
    findings
        Takes a note of each column, with the number of items.
    """
    for column in attributes.iter_columns():
        if column.name in used or column.dtype.is_nested() or is_title(column.name):
            continue
        word, closed = _closed_items(attributes, column)
        count = int(closed.sum())
        if word is None or not count:
            continue
        name = column.name
        remedy = f"--available-column {shlex.quote(name)}, columns={{'available': {name!r}}}"
        if is_vague(name) and unreadable(column):
            remedy = "make a column 'available' of true and false from it"
        findings.add(
            "items",
            f"{name!r} says {word!r} of these items, which are recommended all the same: if they "
            f"are not to be, {remedy}",
            count,
            "noted",
        )


def _closed_items(attributes: pl.DataFrame, column: pl.Series) -> tuple[str | None, pl.Series]:
    """Return a value of a column that calls an item closed, and the items with such values."""
    none = pl.Series([], dtype=pl.Boolean)
    values = distinct_values(column.head(0) if is_moment(column) else column)
    if not 1 <= len(values) <= _MANY:
        return None, none
    name = column.name
    if is_vague(name):
        key = key_of(name)
        if unreadable(column):
            return _worded(column, values)
        if PIECES.search(key) or STOCK.fullmatch(key):
            return None, none
        closed = pl.Series(~is_available(attributes, name))
        if closed.all():
            return None, none
    elif _hides(name) and all(isinstance(read_value(v, pieces=False), bool) for v in values):
        yes = [value for value in values if read_value(value) is not (not means_unavailable(name))]
        closed = column.is_in(pl.Series(yes, dtype=column.dtype).implode()).fill_null(False)
        if not _FEWEST <= float(closed.sum()) / len(column) <= _MOST:
            return None, none
    elif not _OTHERS.fullmatch(key_of(name)):
        return _worded(column, values)
    else:
        return None, none
    examples = column.filter(closed).unique(maintain_order=True)
    return (_word(examples[0]) if len(examples) else None), closed


def _worded(column: pl.Series, values: Sequence[object]) -> tuple[str | None, pl.Series]:
    """Return a word that calls an item closed, and the items with such words, if some have one."""
    words = [value for value in values if is_closed(value)]
    closed = column.is_in(pl.Series(words, dtype=column.dtype).implode()).fill_null(False)
    if not words or not _FEWEST <= float(closed.sum()) / len(column) <= _MOST:
        return None, closed
    return str(words[0]), closed


def is_closed(value: object) -> bool:
    """Say whether a value is a word for items that are closed, sold or hidden."""
    return len(str(value).split()) <= _LONGEST and words_in(value) in CLOSED


def _hides(name: str) -> bool:
    """Say whether a name is that of a flag of hidden or removed items, in any language."""
    words = [word for word in words_of(bare(name)) if word != "flag"]
    if not words or any(map(is_negator, words)):
        return False
    return HIDING.fullmatch(words[-1]) is not None or any(map(_STRONG.fullmatch, words))


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
