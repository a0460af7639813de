"""Rows with lists, such as a user with items or an order with lines: one row an event."""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from pennyweight.data.cleaning.event_types import sense_of_type
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import bare, column_option, has_role
from pennyweight.data.readers.nested import decode_columns, flatten, path_claims, words
from pennyweight.data.readers.picked import is_shown, picked_item
from pennyweight.errors import DataError

__all__ = ["explode_lists"]

# Names of lists of items that are no plural of an item's name.
_SEQUENCES = {
    "history",
    "sequence",
    "itemsequence",
    "itemhistory",
    "basket",
    "cart",
    "clicks",
    "clickhistory",
    "purchases",
    "views",
    "interactions",
    "items",
    "itemlist",
    "itemidlist",
    "productlist",
    "playlist",
    "viewed",
    "bought",
    "liked",
}
_HEAD = 1_000
# Spaces and commas occur within ids, so there the ids must be plain.
_MARKS = {
    "|": r"^[^|]+(\|[^|]+)*$",
    ";": r"^[^;]+(;[^;]+)*$",
    ",": r"^[\w.:-]+(\s*,\s*[\w.:-]+)*$",
    " ": r"^[\w.:-]+( [\w.:-]+)*$",
}
_BESIDE = ("time", "weight", "type")
_TOKENS = re.compile(r":(token|float)_seq$")


def explode_lists(
    frame: pl.DataFrame, chosen: Mapping[str, str | None], findings: Findings, source: str
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return one row for each element of the lists that hold an event's item.

    Lists beside it with as many elements in every row, such as times, are exploded with it; the
    other columns are repeated. An empty list gives a row without an item.

    Parameters
    ----------
    frame
        Events; lists of objects, of values, or their JSON in text.
    chosen
        Role -> column, as the user chose them.
    findings, source
        Takes the note; the file, for messages.

    Returns
    -------
    tuple of (polars.DataFrame, dict)
        The rows; role -> column of lists whose plural name was recognised (``item_ids``).

    Raises
    ------
    DataError
        Where several lists could hold the items, or times and items differ in number.
    """
    frame = _without_braces(_split_tokens(frame, chosen), chosen)
    picked = picked_item(frame, _lists_of_ids, chosen, findings)
    if picked is not None:
        return picked[0], {"item": picked[1]}
    name = _item_list(frame, chosen, source)
    if name is None:
        return frame, {}
    other_lists = [n for n in frame.columns if n in chosen.values() or _is_beside(n)]
    frame = decode_columns(frame, list(dict.fromkeys([name, *other_lists])))
    if _is_sequence(name) and (mark := _mark(frame[name])) is not None:
        frame = _split_text(frame, name, other_lists, mark)
    if not isinstance(frame[name].dtype, pl.List | pl.Array):
        return frame, {}
    lists = [n for n, d in frame.schema.items() if isinstance(d, pl.List | pl.Array)]
    frame = frame.with_columns(_as_list(frame[n]) for n in lists)
    lengths = frame[name].list.len().fill_null(0)
    parallel = [n for n in lists if (frame[n].list.len().fill_null(0) == lengths).all()]
    _check_times(frame, chosen, name, sorted(set(lists) - set(parallel)), source)
    exploded = frame.explode(parallel)
    reason = f"{name}: a list in a row, each element is an event ({frame.height:,} rows)"
    findings.add("events", reason, exploded.height - frame.height, "added")
    if isinstance(exploded[name].dtype, pl.Struct):  # perhaps of sessions, each with its list
        return explode_lists(flatten(exploded), chosen, findings, source)
    roles = {"item": name}
    plain = [n for n in frame.columns if n not in parallel]
    for role in _BESIDE:
        plural = [n for n in parallel if n != name and _is_plural(n, role)]
        if len(plural) == 1 and not has_role(plain, role):
            roles[role] = plural[0]
    return flatten(exploded), {r: n for r, n in roles.items() if r not in chosen}


def _lists_of_ids(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Return the columns of lists of ids, also as text, by their names or types."""
    lists: dict[str, pl.Series] = {}
    for name in frame.columns:
        column = frame[name]
        if column.dtype == pl.String and (is_shown(name) or _is_sequence(name)):
            column = decode_columns(column.to_frame(), [name]).to_series()
            mark = _mark(column)
            column = column if mark is None else _split(column, mark)
        if isinstance(column.dtype, pl.Array):
            column = column.arr.to_list()
        inner = column.dtype.inner if isinstance(column.dtype, pl.List) else None
        if inner == pl.String or (isinstance(inner, pl.DataType) and inner.is_integer()):
            lists[name] = column
    return lists


def _split_tokens(frame: pl.DataFrame, chosen: Mapping[str, str | None]) -> pl.DataFrame:
    """Split RecBole's sequences, recognised by name, where no column has one item a row."""
    names = [name for name in frame.columns if _TOKENS.search(name)]
    single = [name for name in frame.columns if name not in names]
    if not names or (chosen.get("item") not in names and has_role(single, "item")):
        return frame
    return frame.with_columns(pl.col(n).cast(pl.String).str.split(" ") for n in names)


def _without_braces(frame: pl.DataFrame, chosen: Mapping[str, str | None]) -> pl.DataFrame:
    """Return arrays as Postgres writes them, ``{p1,p2}``, as ids with commas between."""
    texts = [
        n
        for n, dtype in frame.schema.items()
        if dtype == pl.String and (_is_sequence(n) or n in chosen.values() or _is_beside(n))
    ]
    arrays = [
        n
        for n in texts
        if frame[n].is_not_null().any()
        and frame[n].drop_nulls().str.contains(r"^\{[^{}:']*\}$").all()
    ]
    inner = (pl.col(n).str.slice(1, pl.col(n).str.len_chars() - 2) for n in arrays)
    inner = (text.str.replace_all('"', "", literal=True) for text in inner)
    return frame.with_columns(pl.when(text != "").then(text).name.keep() for text in inner)


def _split_text(frame: pl.DataFrame, name: str, other_lists: list[str], mark: str) -> pl.DataFrame:
    """Split the items of a row, and other texts of the same number of parts."""
    texts = [n for n in (name, *other_lists) if frame[n].dtype == pl.String]
    parts = {n: _split(frame[n], mark) for n in dict.fromkeys(texts)}
    lengths = parts[name].list.len()
    return frame.with_columns(p for p in parts.values() if p.list.len().equals(lengths))


def _split(column: pl.Series, mark: str) -> pl.Series:
    """Split texts at a separator, with optional spaces around it and one optional at the end."""
    parts = _trimmed(column, mark).str.split(mark)
    return parts.list.eval(pl.element().str.strip_chars())


def _trimmed(column: pl.Series, mark: str) -> pl.Series:
    return column.str.strip_chars().str.strip_suffix(mark).str.strip_chars()


def _as_list(column: pl.Series) -> pl.Series:
    """Return a column with null for empty lists, which explode to a row without an item too."""
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    return column.set(column.list.len() == 0, None)


def _item_list(frame: pl.DataFrame, chosen: Mapping[str, str | None], source: str) -> str | None:
    """Return the column whose lists hold the items, None where every row has one item."""
    named = chosen.get("item")
    if named:
        if named in frame.columns:
            return named
        parents = [n for n in frame.columns if named.startswith(n + ".")]
        return max(parents, key=len) if parents else None
    plain = [name for name in frame.columns if "." not in name and has_role([name], "item")]
    if plain:
        return plain[0] if len(plain) == 1 else None
    if len(path_claims(frame.columns, "item")) > 0:
        return None
    candidates = [n for n in frame.columns if _has_items(frame[n])]
    if not candidates:
        candidates = [n for n in frame.columns if _is_sequence(n) and _may_hold(frame[n])]
    if len(candidates) > 1:
        raise DataError(
            f"{source}: the lists {' and '.join(map(repr, candidates[:5]))} could each hold "
            "the items. Choose one with "
            f"{column_option('item', candidates[0])}"
        )
    if candidates:
        _refuse_other_deeds(frame, candidates[0], source)
    return candidates[0] if candidates else None


def _refuse_other_deeds(frame: pl.DataFrame, name: str, source: str) -> None:
    """Raise `DataError` where other lists hold more events or negative feedback."""
    others = [
        other
        for other in frame.columns
        if other != name
        and not _is_beside(other)
        and not _is_empty(frame[other])
        and sense_of_type(other.rpartition(".")[2]) not in ("unknown", "doubtful")
        and _is_list(frame[other])
    ]
    if others:
        raise DataError(
            f"{source}: {', '.join(map(repr, [name, *others][:6]))} are lists of deeds "
            "of several kinds. Write a row for each user, item and event_type, such as "
            f"{others[0]!r}; or {column_option('item', name)} "
            "reads that list alone"
        )


def _is_empty(column: pl.Series) -> bool:
    """Say whether each list of a column is empty, such as the refunds of orders without any."""
    if isinstance(column.dtype, pl.List):
        return not (column.list.len() > 0).any()
    return column.dtype == pl.String and bool((column.str.strip_chars() == "[]").all())


def _is_list(column: pl.Series) -> bool:
    """Say whether a column holds lists of ids, or such lists as text."""
    if isinstance(column.dtype, pl.List | pl.Array):
        return not isinstance(column.dtype.inner, pl.Struct)
    return column.dtype == pl.String and _may_hold(column)


def _has_items(column: pl.Series) -> bool:
    """Say whether a column has lists of objects with a field named like an item."""
    column = decode_columns(column.to_frame(), [column.name]).to_series()
    return _holds_items(column.dtype, column.name)


def _holds_items(dtype: Any, name: str) -> bool:  # noqa: ANN401 - fields have types or classes
    if not isinstance(dtype, pl.List | pl.Array) or not isinstance(dtype.inner, pl.Struct):
        return False
    fields = {field.name: field.dtype for field in dtype.inner.fields}
    if has_role(list(fields), "item") or (_is_sequence(name) and "id" in fields):
        return True
    return any(
        _holds_items(inner, n) or (isinstance(inner, pl.List) and _is_sequence(n))
        for n, inner in fields.items()
    )


def _is_beside(name: str) -> bool:
    return any(_is_plural(name, role) for role in _BESIDE)


def _is_plural(name: str, role: str) -> bool:
    name = _TOKENS.sub("", name).rpartition(".")[2]
    return has_role([name, re.sub(r"(_?list|s)$", "", name)], role)


def _is_sequence(name: str) -> bool:
    """Say whether a name is the plural of an item's (``item_ids``, ``viewedProducts``)."""
    parts = words(bare(_TOKENS.sub("", name)).rpartition(".")[2])
    if "".join(parts).lower() in _SEQUENCES:
        return True
    if parts and parts[-1].lower() == "list":
        parts[-1:] = []
    elif parts and parts[-1].lower().endswith("s"):
        parts[-1] = parts[-1][:-1]
    else:
        return False
    tails = ["_".join(parts[start:]) for start in range(len(parts))]
    return has_role([*tails, *(f"{tail}_id" for tail in tails)], "item")


def _may_hold(column: pl.Series) -> bool:
    if _mark(column) is not None:
        return True
    column = decode_columns(column.to_frame(), [column.name]).to_series()
    return isinstance(column.dtype, pl.List | pl.Array)


def _mark(column: pl.Series) -> str | None:
    """Return the separator of the ids in a column of text, None without one."""
    if column.dtype != pl.String:
        return None
    texts = column.drop_nulls().head(_HEAD)
    for mark, pattern in _MARKS.items():
        head = _trimmed(texts, mark)
        several = head.filter(head.str.contains(mark, literal=True))
        if len(several) and head.str.contains(pattern).all():
            return mark
    return None


def _check_times(
    frame: pl.DataFrame,
    chosen: Mapping[str, str | None],
    name: str,
    others: list[str],
    source: str,
) -> None:
    """Raise `DataError` where lists of times do not fit the lists of items."""
    for other in others:
        if other == (chosen.get("time") or other) and _is_plural(other, "time"):
            differs = frame[other].list.len().fill_null(0) != frame[name].list.len().fill_null(0)
            row = int(differs.arg_true()[0])
            raise DataError(
                f"{source}: row {row + 1:,} has {frame[name].list.len()[row] or 0} elements in "
                f"{name!r} and {frame[other].list.len()[row] or 0} in {other!r}: each item needs "
                "its time. Mend the row, or leave the times out with --time-column '', "
                "columns={'time': None}"
            )
