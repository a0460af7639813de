"""From the shape of a table to one row an item, or one row an event."""

from collections.abc import Mapping

import polars as pl

from pennyweight.data.columns import has_role
from pennyweight.data.readers.change_logs import current_rows
from pennyweight.data.readers.date_parts import join_date_parts
from pennyweight.data.readers.envelopes import open_envelopes
from pennyweight.data.readers.extended_json import is_extended, plain_frame
from pennyweight.data.readers.impressions import expand_impressions
from pennyweight.data.readers.lists import explode_lists
from pennyweight.data.readers.nested import decode_columns, flatten, flatten_values, nested_roles
from pennyweight.data.readers.order_lines import join_lines
from pennyweight.data.readers.properties import find_properties, pivot_properties
from pennyweight.data.readers.result import ReadResult

__all__ = ["reshape"]


def reshape(
    loaded: ReadResult, table: str, columns: Mapping[str, str | None], source: str
) -> ReadResult:
    """Bring a table into shape; changes of its rows are counted in its findings.

    Parameters
    ----------
    loaded
        As read.
    table
        ``"items"`` or ``"events"``.
    columns
        Role -> column, as the user chose them.
    source
        The file, for error messages.
    """
    if is_extended(loaded.frame):
        loaded.frame = plain_frame(loaded.frame)
    loaded.frame = open_envelopes(loaded.frame, table, columns, loaded.findings)
    if table == "items":
        _reshape_items(loaded, columns, source)
    else:
        _reshape_events(loaded, columns, source)
    if loaded.roles:
        roles = ", ".join(f"{role} = {column}" for role, column in loaded.roles.items())
        reason = f"columns of nested fields or lists: {roles}"
        loaded.findings.add(table, reason, loaded.frame.height, "noted")
    return loaded


def _reshape_items(loaded: ReadResult, columns: Mapping[str, str | None], source: str) -> None:
    properties = find_properties(loaded.frame, columns.get("id"))
    if properties is not None:
        loaded.frame = pivot_properties(loaded.frame, properties, loaded.findings, source)
        return
    frame, chosen = loaded.frame, columns.get("id")
    plain = [n for n, dtype in frame.schema.items() if not dtype.is_nested() and "." not in n]
    has_id = has_role(plain, "item") or "id" in map(str.lower, plain)
    if (chosen and chosen not in frame.columns) or not (chosen or has_id):
        loaded.frame = flatten(frame)
        loaded.roles = nested_roles(loaded.frame.columns, columns, "items", source)
    else:
        loaded.frame = flatten_values(frame, columns.get("available"))


def _reshape_events(loaded: ReadResult, columns: Mapping[str, str | None], source: str) -> None:
    expanded = expand_impressions(loaded.frame, loaded.findings, source)
    if expanded is not None:
        loaded.frame = expanded
        return
    frame = flatten(loaded.frame)
    if _lacks_column(frame, columns):
        texts = [n for n, dtype in frame.schema.items() if dtype == pl.String]
        frame = flatten(decode_columns(frame, texts))
    frame = current_rows(frame, columns, source)
    frame = join_lines(frame, columns, loaded.findings, source)
    loaded.frame, roles = explode_lists(frame, columns, loaded.findings, source)
    loaded.frame = join_date_parts(loaded.frame, {**roles, **columns}, loaded.findings)
    chosen = {**roles, **columns}
    loaded.roles = roles | nested_roles(loaded.frame.columns, chosen, "events", source)


def _lacks_column(frame: pl.DataFrame, columns: Mapping[str, str | None]) -> bool:
    """Say whether a chosen column, the user or the item is in no column yet."""
    if any(name and name not in frame.columns for role, name in columns.items() if role != "id"):
        return True
    return any(
        role not in columns and not has_role(frame.columns, role) for role in ("user", "item")
    )
