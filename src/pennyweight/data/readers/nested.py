"""Fields of nested objects as separate columns, named by their path."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from pennyweight.data.columns import bare, column_option, has_role
from pennyweight.data.jsonlines import parsed_value, typed_column
from pennyweight.data.readers.labeled_lines import is_labeled, labeled_lines
from pennyweight.errors import DataError

__all__ = ["decode_columns", "flatten", "flatten_values", "nested_roles", "path_claims", "words"]

_DEEPEST = 4
_HEAD = 100
_FEW_FIELDS = 30
_AVAILABLE = re.compile(r"(?i)\.(is_?)?(availability|available|in_?stock|stock_?status)$")
_REQUIRED = ("user", "item", "time")
_BESIDE = ("type", "weight", "quantity")  # read only beside the item or the user


def flatten(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with a column for each field: ``{"user": {"id": 1}}`` gives ``user.id``."""
    for _ in range(_DEEPEST):
        if not any(isinstance(dtype, pl.Struct) for dtype in frame.dtypes):
            break
        columns: dict[str, pl.Series] = {}
        for column in frame.iter_columns():
            if not isinstance(column.dtype, pl.Struct):
                columns[column.name] = column
                continue
            for part in column.struct.unnest().iter_columns():
                name = f"{column.name}.{part.name}"
                columns.setdefault(name, part.alias(name))
        frame = pl.DataFrame(list(columns.values()))
    return frame


def flatten_values(frame: pl.DataFrame, chosen: str | None = None) -> pl.DataFrame:
    """Return a frame with objects of numbers or truth values as one column a field.

    Objects with a field for the availability of items, or the `chosen` column, are flattened too.
    Objects of texts alone, and those of very many fields, stay one column.
    """
    for name, dtype in frame.schema.items():
        if not isinstance(dtype, pl.Struct):
            continue
        object_ = flatten(frame.select(name))
        fields = [n for n, d in object_.schema.items() if not d.is_nested()]
        has_availability = any(n == chosen or _AVAILABLE.search(n) for n in fields)
        valued = any(object_[n].dtype not in (pl.String, pl.Null) for n in fields)
        if (
            len(fields) <= _FEW_FIELDS
            and (has_availability or valued)
            and not {*fields} & {*frame.columns}
        ):
            frame = pl.concat([frame.drop(name), object_], how="horizontal")
    return frame


def path_claims(columns: Sequence[str], role: str) -> list[str]:
    """Return the dotted columns whose last part is named like a role, or is the id of one.

    ``properties.product_id`` is an item, and so is ``line_items.id``, unless the same lines have a
    ``product_id`` as well.
    """
    dotted = [name for name in columns if "." in name]
    direct = [name for name in dotted if _has(_parts(name)[-1:], role)]
    parents = {_parent(name) for name in direct}
    return [n for n in dotted if n in direct or (_parent(n) not in parents and _is_id(n, role))]


def _parts(name: str) -> list[str]:
    return bare(name).split(".")


def _has(names: Sequence[str], role: str) -> bool:
    return has_role(names, "item" if role == "id" else role)


def _is_id(name: str, role: str) -> bool:
    """Say whether a column is the id or time of an object named like a role."""
    *_, parent, last = _parts(name)
    word = words(parent)[-1:]
    names = [f"{owner}_{last}" for owner in (parent, parent.removesuffix("s"), *word)]
    names += [f"{owner.removesuffix('s')}_{last}" for owner in word]
    return _has(names, role) or (role == "id" and last.strip("_").lower() == "id")


def words(name: str) -> list[str]:
    """Return the words of a name: ``lineItems`` and ``line_items`` have two."""
    return [word for word in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name) if word]


def nested_roles(
    columns: Sequence[str], chosen: Mapping[str, str | None], table: str, source: str
) -> dict[str, str]:
    """Return role -> dotted column for the roles without a plain column.

    Parameters
    ----------
    columns
        All names; those with a dot are fields of objects.
    chosen
        Role -> column, as the user chose them.
    table, source
        ``"items"`` or ``"events"``; the file, for messages.

    Raises
    ------
    DataError
        Where several fields could be the user, the item, the time or the id.
    """
    plain = [name for name in columns if "." not in name]
    roles: dict[str, str] = {}
    for role in ("id",) if table == "items" else _REQUIRED:
        if role in chosen or _is_plain(plain, role):
            continue
        claims = path_claims(columns, role)
        if len(claims) > 1 and role == "time":
            parent = _parent(roles.get("item") or chosen.get("item") or "")
            claims = [name for name in claims if _parent(name) == parent] or claims
        if len(claims) > 1:
            raise DataError(
                f"{source}: {' and '.join(map(repr, claims[:5]))} could each be the "
                f"{role}. Choose one with "
                f"{column_option(role, claims[0])}"
            )
        if claims:
            roles[role] = claims[0]
    parents = {_parent(roles.get(r) or chosen.get(r) or "") for r in ("item", "user")} - {""}
    for role in _BESIDE if table == "events" else ():
        if role not in chosen and not _is_plain(plain, role):
            siblings = [n for n in path_claims(columns, role) if _parent(n) in parents]
            if len(siblings) == 1:
                roles[role] = siblings[0]
    return roles


def _is_plain(names: Sequence[str], role: str) -> bool:
    if role == "id":
        return has_role(names, "item") or any(bare(name).lower() == "id" for name in names)
    return has_role(names, role)


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def decode_columns(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return a frame with columns of JSON in text parsed to objects and lists.

    Order lines with labeled fields are parsed too.
    """
    decoded = [_decoded(frame[name]) for name in names]
    return frame.with_columns(column for column in decoded if column is not None)


def _parser(column: pl.Series) -> Callable[[str], Any] | None:
    """Return the function that parses the values of a column, None for plain values."""
    if column.dtype != pl.String:
        return None
    head = column.drop_nulls().head(_HEAD).str.strip_chars()
    if len(head) and head.str.contains(r"(?s)^(\{.*\}|\[.*\])$").all():
        return parsed_value
    return labeled_lines if is_labeled(head) else None


def _decoded(column: pl.Series) -> pl.Series | None:
    parse = _parser(column)
    if parse is None:
        return None
    values = [None if not text else parse(text) for text in column.to_list()]
    kinds = {type(value) for value in values if value is not None}
    n_read = sum(value is not None for value in values)
    if len(kinds) != 1 or not kinds <= {dict, list} or 2 * n_read < column.count():
        return None
    series = typed_column(column.name, values)
    return series if series.dtype.is_nested() else None
