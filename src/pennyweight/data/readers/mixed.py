"""Fields that hold an object in one row and its id, or one element of a list, in another."""

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

__all__ = ["has_mixed", "unified"]

_JSON_TEXT = r'(?s)^(\{\s*"[^"]*"\s*:.*\}|\[["{\d].*\])$'


def has_mixed(frame: pl.DataFrame) -> bool:
    """Say whether polars wrote objects or lists as text because other rows have plain values."""
    return any(_is_mixed(column) for column in frame.iter_columns())


def _is_mixed(column: pl.Series) -> bool:
    if isinstance(column.dtype, pl.Struct):
        return bool(column.dtype.fields) and has_mixed(column.struct.unnest())
    if isinstance(column.dtype, pl.List):
        return column.dtype.inner in (pl.String, pl.Struct, pl.List) and _is_mixed(column.explode())
    return column.dtype == pl.String and bool(column.str.contains(_JSON_TEXT).any())


def unified(name: str, values: Sequence[Any]) -> list[Any]:
    """Return the values of a field in one form: all objects, or all lists, if possible.

    ``{"user": {"id": 1}}`` and ``{"user": 1}`` mean the same, and so do ``"a"`` and ``["a"]``.
    """
    lists = any(isinstance(value, list) for value in values)
    if lists:
        elements = [part for value in values if isinstance(value, list) for part in value]
        others = [v for v in values if v is not None and not isinstance(v, list)]
        kinds = {isinstance(part, dict) for part in [*elements, *others]}
        if others and (len(kinds) > 1 or any(isinstance(part, list) for part in elements)):
            return list(values)
        values = [v if v is None or isinstance(v, list) else [v] for v in values]
        parts = unified(name, [part for value in values for part in value or ()])
        if all(part is None for part in parts):
            return list(values)
        rest = iter(parts)
        return [None if value is None else [next(rest) for _ in value] for value in values]
    objects = [value for value in values if isinstance(value, dict)]
    if not objects:
        return list(values)
    if any(value is not None and not isinstance(value, dict) for value in values):
        key = _id_of(name, objects)
        if key is None:
            return list(values)
        values = [v if v is None or isinstance(v, dict) else {key: v} for v in values]
    fields = dict.fromkeys(field for value in objects for field in value)
    nested = {f for f in fields for o in objects if isinstance(o.get(f), dict | list)}
    out = [dict(value) if isinstance(value, dict) else None for value in values]
    for field in nested:
        rows = [row for row in out if row is not None and field in row]
        for row, value in zip(rows, unified(field, [row[field] for row in rows]), strict=True):
            row[field] = value
    return out


def _id_of(name: str, objects: Sequence[dict[str, Any]]) -> str | None:
    """Return the id field that can stand for the objects of a field."""
    common = set.intersection(*(set(value) for value in objects))
    single = re.sub(r"[\W_]+", "", name).lower().removesuffix("s")
    id_names = {"id", f"{single}id", "uid" if single == "user" else "id"}
    ids = [key for key in common if re.sub(r"[\W_]+", "", key).lower() in id_names]
    if not ids and all(len(value) == 1 for value in objects):
        ids = list(common)
    return ids[0] if len(ids) == 1 else None
