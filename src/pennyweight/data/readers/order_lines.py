"""Logs in which some events have one item, and others, such as orders, a list of items."""

from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import has_role
from pennyweight.data.readers.nested import path_claims
from pennyweight.errors import DataError

__all__ = ["join_lines"]


def join_lines(
    frame: pl.DataFrame, chosen: Mapping[str, str | None], findings: Findings, source: str
) -> pl.DataFrame:
    """Return one row for each order line in a log whose other rows have one item.

    A row without an item whose list has lines (``properties.products`` beside
    ``properties.product_id``) becomes a row for each line, with the item of the line. Fields of the
    line, such as a quantity, fill empty columns of the same name.

    Raises
    ------
    DataError
        Where several lists could hold the lines.
    """
    item = _item(frame, chosen)
    if item is None:
        return frame
    lists = {name: field for name in frame.columns if (field := _field(frame[name], item, chosen))}
    empty = frame[item].is_null() | (frame[item].cast(pl.String) == "")
    filled = {n: empty & (frame[n].list.len().fill_null(0) > 0) for n in lists}
    used = [name for name in lists if filled[name].any()]
    if not used:
        return frame
    if len(used) > 1:
        raise DataError(
            f"{source}: rows without {item!r} have items in {used[0]!r} and in "
            f"{used[1]!r}. Leave one of the lists out of the file, or name the field "
            f"of one with --item-column {used[0]}.{lists[used[0]]}, "
            f"columns={{'item': '{used[0]}.{lists[used[0]]}'}}"
        )
    name = used[0]
    numbered = frame.with_row_index("__row")
    orders = numbered.filter(filled[name]).explode(name)
    rest = numbered.filter(~filled[name])
    n_orders = int(filled[name].sum())
    reason = f"{name}: a list in a row without {item}, each element is an event ({n_orders:,} rows)"
    added = orders.height - n_orders
    findings.add("events", reason, added or n_orders, "added" if added else "noted")
    orders = orders.with_columns(_of_lines(orders, name, item, lists[name]))
    both = pl.concat(
        [rest.with_columns(pl.col(item).cast(pl.String)).drop(name), orders.drop(name)]
    )
    return both.sort("__row", maintain_order=True).drop("__row")


def _item(frame: pl.DataFrame, chosen: Mapping[str, str | None]) -> str | None:
    """Return the column with one item a row, None without one or with several."""
    plain = [name for name in frame.columns if "." not in name and has_role([name], "item")]
    claims = [chosen["item"]] if chosen.get("item") else plain or path_claims(frame.columns, "item")
    if len(claims) != 1 or claims[0] not in frame.columns:
        return None
    return None if frame[str(claims[0])].dtype.is_nested() else claims[0]


def _field(column: pl.Series, item: str, chosen: Mapping[str, str | None]) -> str | None:
    """Return the field with the item in a list of lines."""
    inner = getattr(column.dtype, "inner", None)
    if not isinstance(column.dtype, pl.List) or not isinstance(inner, pl.Struct):
        return None
    fields = [field.name for field in inner.fields if not _is_nested(field.dtype)]
    same = item.rpartition(".")[2]
    if same in fields:
        return same
    item_fields = [field for field in fields if has_role([field], "item")]
    return item_fields[0] if len(item_fields) == 1 and not chosen.get("item") else None


def _is_nested(dtype: object) -> bool:
    return isinstance(dtype, pl.DataType) and dtype.is_nested()


def _of_lines(orders: pl.DataFrame, name: str, item: str, field: str) -> list[pl.Expr]:
    """Return the item of each line, and its other fields where their columns are empty."""
    parent = item.rpartition(".")[0]
    values = [pl.col(name).struct.field(field).cast(pl.String).alias(item)]
    inner = orders[name].dtype
    for part in inner.fields if isinstance(inner, pl.Struct) else ():
        sibling = f"{parent}.{part.name}" if parent else part.name
        if part.name == field or sibling not in orders.columns or sibling in (name, item):
            continue
        if _is_nested(part.dtype) or orders[sibling].dtype.is_nested():
            continue
        line = pl.col(name).struct.field(part.name).cast(orders[sibling].dtype, strict=False)
        values.append(pl.coalesce(pl.col(sibling), line).alias(sibling))
    return values
