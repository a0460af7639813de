"""The shapes of a table in one JSON document."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pennyweight.data.columns import has_role
from pennyweight.data.readers.pages import are_pages, missing_pages, plain_edges
from pennyweight.errors import DataError

__all__ = ["Rows", "rows_of_array", "rows_of_object", "rows_of_pages"]

Rows = list[dict[str, Any]]
_DEEPEST = 4
_NAMES = {"id", "title", "name", "rating", "price", "description"}


def rows_of_array(values: Sequence[Any], source: str, table: str) -> tuple[Rows, str]:
    """Return the rows of an array, and the assumption made, if any.

    Raises
    ------
    DataError
        Where the array holds anything but objects, with the command that converts it.
    """
    if all(isinstance(value, dict) for value in values):
        return rows_of_pages(list(values), source, table) or (list(values), "")
    if values and all(isinstance(value, list) for value in values):
        names = ", ".join(f"column{i}: .[{i}]" for i in range(len(values[0])))
        raise DataError(
            f"{source}: a JSON array of arrays, which has no column names. Convert "
            f"it: jq -c '.[] | {{{names}}}' {shlex.quote(source)} > rows.jsonl, with "
            "names such as user_id and item_id"
        )
    raise DataError(f"{source}: the JSON array must hold objects only, one a row")


def rows_of_pages(values: Rows, source: str, table: str) -> tuple[Rows, str] | None:
    """Return the rows of pages of an API, each an object with one list; None for other rows."""
    if not are_pages(values):
        return None
    tables = [_rows_within(plain_edges(value), source, table) for value in values]
    pages = [page for page in tables if page is not None]
    if len(pages) < len(tables) or len({shape for _, shape in pages}) > 1:
        return None
    rows = [row for page, _ in pages for row in page]
    return rows, f"{len(pages):,} pages, {pages[0][1]} each{_and_more(values, len(rows))}"


def _and_more(pages: Sequence[Mapping[str, Any]], n_rows: int) -> str:
    """Return a warning about missing pages, if there is a sign of them."""
    reason = missing_pages(pages, n_rows)
    if not reason:
        return ""
    return (
        f"; {'one page' if len(pages) == 1 else 'not all pages'} of several ({reason}): fetch the "
        "others too, and write all of them one after the other into the file"
    )


def rows_of_object(value: dict[str, Any], source: str, table: str) -> tuple[Rows, str]:
    """Return the rows in one object, and the recognised shape.

    Recognised are pandas' ``to_json`` in its orients (columns, index, split, table), columns as
    lists, and an object with a single list of objects under any name. Any other object is one row.

    Raises
    ------
    DataError
        Where several lists could be the table; names them and the command that takes one.
    """
    result = _as_table(value, source)
    if result is None:
        plain = plain_edges(value)
        result = _rows_within(plain, source, table)
        if result is not None:
            rows, shape = result
            return rows, shape + _and_more([value], len(rows))
    return result or ([value], "")


def _as_table(value: dict[str, Any], source: str) -> tuple[Rows, str] | None:
    """Return the rows of an object that is a table as a whole."""
    if {"columns", "data"} <= value.keys() <= {"columns", "index", "data"}:
        names, data = value["columns"], value["data"]
        if isinstance(data, list) and all(isinstance(row, list) for row in data):
            rows = [dict(zip(map(str, names), row, strict=False)) for row in data]
            return rows, "pandas' to_json(orient='split')"
    if _is_table_of_lists(value):
        columns = list(value)
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*value.values(), strict=True)]
        return rows, "an object of columns, each a list"
    if value and all(isinstance(inner, dict) for inner in value.values()):
        by_key = _rows_by_key(value)
        if by_key is not None:
            return by_key
    _refuse_ratings(value, source)
    by_user = _by_user(value)
    return None if by_user is None else (by_user, "an object of lists, one a user")


def _refuse_ratings(value: dict[str, Any], source: str) -> None:
    """Raise `DataError` for ratings by user and item, or by item and user: they look alike."""
    inner = [part for rows in value.values() if isinstance(rows, dict) for part in rows.values()]
    numbers = all(isinstance(part, int | float) for part in inner)
    if len(value) > 1 and inner and numbers and all(isinstance(v, dict) for v in value.values()):
        raise DataError(
            f"{source}: one JSON object of objects of numbers. If its keys are users, and theirs "
            "are items with ratings, convert it: jq -c 'to_entries[] | .key as $u | .value | "
            "to_entries[] | {user_id: $u, item_id: .key, rating: .value}' "
            f"{shlex.quote(source)} > rows.jsonl"
        )


def _rows_within(value: dict[str, Any], source: str, table: str) -> tuple[Rows, str] | None:
    """Return the rows of the only list of objects, or of objects by key, within an object."""
    lists = list(_lists(value, "", _DEEPEST))
    if len(lists) > 1:
        fit = [(path, rows) for path, rows in lists if _suits(list(rows[0]), table)]
        lists = fit if len(fit) == 1 else lists
    if len(lists) > 1:
        # pandas' orient='table' has a list of its columns beside that of its rows.
        lists = [(p, rows) for p, rows in lists if _has_ids(list(rows[0]))] or lists
    if len(lists) > 1:
        listing = "; ".join(
            f"{path} ({len(rows):,} of {', '.join(list(rows[0])[:6])})" for path, rows in lists[:5]
        )
        command = f"jq -c {shlex.quote(lists[0][0] + '[]')} {shlex.quote(source)}"
        raise DataError(
            f"{source}: one JSON object with several lists of objects: {listing}. "
            f"Take one of them, such as: {command} > rows.jsonl"
        )
    if _has_ids(list(value)):
        return None
    if lists:
        path, rows = lists[0]
        return rows, f"the list {path} of one JSON object"
    keyed = [(path, t) for path, part in _objects(value, "", _DEEPEST) if (t := _rows_by_key(part))]
    if len(keyed) != 1:
        return None
    path, (rows, shape) = keyed[0]
    return rows, f"{shape}, in {path} of one JSON object"


def _by_user(value: dict[str, Any]) -> Rows | None:
    """Return a row for each event of ``{"u1": [{…}], …}``, or a user of ``{"u1": ["a", "b"]}``.

    The list may also be the only one in an object: ``{"u1": {"events": [{…}]}, …}``.
    """
    inner = [
        [key for key, part in v.items() if isinstance(part, list)]
        for v in value.values()
        if isinstance(v, dict)
    ]
    if inner and len(inner) == len(value) and len({*map(tuple, inner)}) == 1 == len(inner[0]):
        value = {key: part[inner[0][0]] for key, part in value.items()}
    lists = [part for part in value.values() if isinstance(part, list)]
    digits = sum(any(letter.isdecimal() for letter in key) for key in value)
    if len(lists) < max(2, len(value)) or 2 * digits < len(value):
        return None
    values = [element for part in lists for element in part]
    if values and all(isinstance(element, dict) for element in values):
        names = list(dict.fromkeys(name for element in values for name in element))
        if has_role(names, "user") or not has_role(names, "item"):
            return None
        return [{"user_id": key, **element} for key, part in value.items() for element in part]
    if any(isinstance(element, dict | list) for element in values):
        return None
    return [{"user_id": key, "items": part} for key, part in value.items()]


def _suits(names: Sequence[str], table: str) -> bool:
    """Return whether a list with these fields is the table in question, unlike other lists."""
    user, item = has_role(names, "user"), has_role(names, "item")
    return (user and item) if table == "events" else (item or "id" in names) and not user


def _has_ids(names: Sequence[str]) -> bool:
    return has_role(names, "user") or has_role(names, "item")


def _is_table_of_lists(value: Mapping[str, Any]) -> bool:
    lengths = {len(column) if isinstance(column, list) else -1 for column in value.values()}
    scalars = all(
        not isinstance(v, dict | list) for c in value.values() if isinstance(c, list) for v in c[:5]
    )
    named = has_role(list(value), "item") or bool(_NAMES & value.keys())
    return len(value) > 1 and len(lengths) == 1 and min(lengths) > 1 and scalars and named


def _rows_by_key(value: dict[str, dict[str, Any]]) -> tuple[Rows, str] | None:
    """Return the rows of an object of objects: keyed by column, or by row."""
    inner = list(dict.fromkeys(key for part in value.values() for key in part))
    outer = list(value)
    if _as_names(outer) >= _as_names(inner) and _as_names(outer) > 0:
        keys = _row_keys(inner, outer)
        rows = [keys(key) | {name: value[name].get(key) for name in outer} for key in inner]
        return rows, "pandas' to_json() by columns"
    if _as_names(inner) > 0:
        keys = _row_keys(outer, inner)
        rows = [keys(key) | value[key] for key in outer]
        return rows, "an object of rows by key (to_json(orient='index'))"
    return None


def _row_keys(keys: Sequence[str], names: Sequence[str]) -> Callable[[str], dict[str, Any]]:
    """Return the column for the keys of rows, unless they are row numbers."""
    if all(key.isdecimal() for key in keys):
        return lambda _: {}
    # They are ids, unless the rows have their own.
    name = "key" if "id" in names or has_role(names, "item") else "id"
    return lambda key: {name: key}


def _as_names(keys: Sequence[str]) -> int:
    """Count the keys that are named like columns of an items table or an event log."""
    roles = sum(has_role(keys, role) for role in ("user", "item", "time"))
    return roles + len(_NAMES & {key.lower() for key in keys})


def _objects(value: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the objects that hold several objects, with their paths."""
    for key, part in value.items():
        if isinstance(part, dict) and part:
            inner_path = _path(path, key)
            if len(part) > 1 and all(isinstance(inner, dict) for inner in part.values()):
                yield inner_path, part
            elif depth:
                yield from _objects(part, inner_path, depth - 1)


def _path(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'


def _lists(value: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, Rows]]:
    """Yield the lists of objects within an object, with their paths in the syntax of jq."""
    for key, part in value.items():
        inner_path = _path(path, key)
        if isinstance(part, list) and part and all(isinstance(row, dict) for row in part):
            yield inner_path, part
        elif isinstance(part, dict) and depth:
            yield from _lists(part, inner_path, depth - 1)
