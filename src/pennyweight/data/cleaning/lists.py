"""Texts that hold lists: ``Action|Drama``, ``red; blue``, ``["a", "b"]``."""

import json
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from pennyweight.data.text_cleaning import python_literal

__all__ = ["list_values", "split_list", "text_lists"]

_BAR, _COMMA, _TIGHT, _LINE = map(re.compile, (r"\|", ",", r",(?!\s)", "\n"))
_MARKS = (_BAR, re.compile(";"))
# Columns in which a comma separates values too, if these repeat as in a vocabulary.
_BY_COMMA = {
    "genre",
    "genres",
    "tag",
    "tags",
    "category",
    "categories",
    "keyword",
    "keywords",
    "topic",
    "topics",
    "subject",
    "subjects",
    "labels",
    "styles",
    "mechanics",
    "themes",
    "features_list",
    "ingredients",
    "languages",
    "colors",
    "colours",
    "platforms",
    "studios",
}
# Names of lists, also of values that occur once.
_NAMED = {
    "genres",
    "tags",
    "keywords",
    "labels",
    "mechanics",
    "themes",
    "platforms",
    "languages",
    "ingredients",
    "colors",
    "colours",
    "studios",
    "features_list",
    "styles",
    "topics",
}
_MANY = 100  # number of lists from which on one frame builds them all
_SPACES = 3  # most words in a value
_ODD = 0.02  # of the values, which may be longer: people type tags
_LONGEST, _SAMPLE = 40, 5_000  # characters of a value; texts that are looked at


def list_values(column: pl.Series) -> pl.Series | None:
    """Return a column of texts as lists, null where missing; None where it is none of lists.

    Literal lists are recognised by their brackets in each value; lists with separators by
    short values of which most occur again, by a ``|`` in half of the texts, or by the name of
    the column.
    """
    texts = column.drop_nulls()
    if not len(texts):
        return None
    if texts.str.contains(r"^\s*[\[({].*[\])}]\s*$").all():
        return _literal(column)
    name, sample = column.name.lower(), texts.head(_SAMPLE).to_list()
    marks = (*_MARKS, _comma(sample)) if name in _BY_COMMA else _MARKS
    mark = next((mark for mark in marks if _separates(sample, mark, name)), None)
    if mark is None:
        return None
    lists = [None if text is None else _pieces(text, mark) for text in column.to_list()]
    return pl.Series(column.name, lists, dtype=pl.List(pl.String))


def text_lists(name: str, values: Sequence[Sequence[str | None] | None]) -> pl.Series:
    """Return a column of lists of texts.

    Polars makes a series of each list first, which takes five times as long where there are many.
    """
    if len(values) < _MANY:
        return pl.Series(name, values, dtype=pl.List(pl.String))
    flat = [text for value in values if value for text in value]
    at = np.repeat(np.arange(len(values)), [len(value or ()) for value in values])
    rows = pl.DataFrame({"at": at, "text": pl.Series(flat, dtype=pl.String)})
    lists = rows.group_by("at", maintain_order=True).agg("text")
    empty = pl.Series([value is not None and not len(value) for value in values])
    table = pl.DataFrame({"at": np.arange(len(values)), "empty": empty}).join(
        lists, on="at", how="left", maintain_order="left"
    )
    none = pl.lit([], dtype=pl.List(pl.String))
    return table.select(pl.when("empty").then(none).otherwise("text").alias(name)).to_series()


def split_list(text: str) -> list[str]:
    """Return the values of a text, separated by the first separator in it."""
    mark = next((mark for mark in _MARKS if mark.search(text)), _LINE)
    return _pieces(text, mark)


def _pieces(text: str, mark: re.Pattern[str]) -> list[str]:
    return [part for part in (piece.strip() for piece in mark.split(text)) if part]


def _comma(texts: Sequence[str]) -> re.Pattern[str]:
    """Return the separator of texts with commas; "Tools,Tapes, Glues" has two values."""
    commas = sum("," in text for text in texts)
    return _TIGHT if 2 * sum(_TIGHT.search(text) is not None for text in texts) > commas else _COMMA


def _separates(texts: Sequence[str], mark: re.Pattern[str], name: str) -> bool:
    """Say whether a sign separates the values of lists in these texts."""
    share = sum(mark.search(text) is not None for text in texts) / len(texts)
    parts = [part for text in texts for part in _pieces(text, mark)]
    if not share or not parts or sum(len(p) > _LONGEST for p in parts) > _ODD * len(parts):
        return False
    if name in _NAMED and share >= 0.2:
        return True
    prose = sum(p.count(" ") > _SPACES for p in parts)
    if mark is _BAR and share >= 0.5 and prose <= _ODD * len(parts):
        return True
    counts = Counter(parts)
    single = sum(count == 1 for count in counts.values())
    if 2 * len(counts) > len(parts) or 4 * single > len(parts):
        return False
    return mark is not _COMMA or _is_combined(texts)


def _is_combined(texts: Sequence[str]) -> bool:
    """Say whether values between commas are in several texts: "Shoes, Bags" may be one value."""
    counts = Counter(part for text in set(texts) for part in set(_pieces(text, _COMMA)))
    return 2 * sum(count for count in counts.values() if count > 1) >= counts.total()


def _literal(column: pl.Series) -> pl.Series | None:
    lists: list[Sequence[str] | None] = []
    for text in column.to_list():
        if text is None:
            lists.append(None)
            continue
        value = _parsed(text)
        if not isinstance(value, list | tuple | set) or any(
            not isinstance(part, str | int | float) for part in value
        ):
            return None
        lists.append(list(dict.fromkeys(map(str, value))))
    return pl.Series(column.name, lists, dtype=pl.List(pl.String))


def _parsed(text: str) -> object:
    for parse in (json.loads, python_literal):
        try:
            return parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None
