"""Texts that hold lists: ``Action|Drama``, ``red; blue``, ``["a", "b"]``."""

import json
from collections.abc import Sequence

import polars as pl

from pennyweight.data.clean import python_literal

__all__ = ["list_values", "split_list"]

_MARKS = ("|", ";")
# With these names a comma separates values too, where they are as in a vocabulary.
_BY_COMMA = {
    "genre", "genres", "tag", "tags", "category", "categories", "keyword", "keywords", "topic",
    "topics", "subject", "subjects", "labels", "styles", "mechanics", "themes", "features_list",
    "ingredients", "languages", "colors", "colours", "platforms", "studios",
}  # fmt: skip
_LONGEST, _SAMPLE = 40, 5_000  # characters of a value; texts that are looked at


def list_values(column: pl.Series) -> pl.Series | None:
    """Return a column of texts as lists, null where missing; None where it is none of lists.

    Literal lists are recognised by their brackets in each value; lists with separators by
    short values of which most occur again.
    """
    texts = column.drop_nulls()
    if not len(texts):
        return None
    if texts.str.contains(r"^\s*[\[({].*[\])}]\s*$").all():
        return _literal(column)
    marks = (*_MARKS, ",") if column.name.lower() in _BY_COMMA else _MARKS
    for mark in marks:
        if texts.head(_SAMPLE).str.contains(mark, literal=True).any() and _is_vocabulary(
            texts.head(_SAMPLE), mark
        ):
            lists = [None if text is None else split_list(text, mark) for text in column.to_list()]
            return pl.Series(column.name, lists, dtype=pl.List(pl.String))
    return None


def split_list(text: str, mark: str | None = None) -> list[str]:
    """Return the values of a text that are separated by a mark, by default the first it has."""
    mark = mark or next((m for m in _MARKS if m in text), "\n")
    return [part for part in (piece.strip() for piece in text.split(mark)) if part]


def _is_vocabulary(texts: pl.Series, mark: str) -> bool:
    """Say whether the values between marks are short words that occur again and again."""
    parts = texts.str.split(mark).explode().str.strip_chars()
    parts = parts.filter(parts != "")
    if not len(parts) or (parts.str.len_chars() > _LONGEST).any():
        return False
    single = parts.is_unique().sum()
    if 2 * parts.n_unique() > len(parts) or 4 * single > len(parts):
        return False
    return mark != "," or _is_combined(texts)


def _is_combined(texts: pl.Series) -> bool:
    """Say whether values between commas are in several texts: "Shoes, Bags" may be one value."""
    parts = texts.unique().str.split(",").list.eval(pl.element().str.strip_chars()).list.unique()
    values = parts.explode()
    return 2 * int(values.is_duplicated().sum()) >= len(values)


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
