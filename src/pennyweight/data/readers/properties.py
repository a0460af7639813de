"""Items whose properties are in rows (item, property, value): one row an item again."""

import re

import polars as pl

from pennyweight.data.columns import has_role
from pennyweight.data.log import Findings
from pennyweight.data.times import parse_times

__all__ = ["find_properties", "pivot_properties"]

_PROPERTY = {"property", "attribute", "attr", "key", "field", "feature", "propertyname",
             "attributename", "variable"}  # fmt: skip
_VALUE = {"value", "val", "propertyvalue", "attributevalue", "attrvalue"}
_TIME = {"timestamp", "time", "date", "datetime", "ts", "updatedat", "createdat", "validfrom"}
_MOST_COLUMNS = 100
_REST = "other_properties"


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def find_properties(frame: pl.DataFrame, id_column: str | None) -> dict[str, str] | None:
    """Return id, property, value and time columns where an items table is in long form."""
    roles: dict[str, str] = {}
    for name in frame.columns:
        key = _key(name)
        if name == id_column or (id_column is None and (key == "id" or has_role([name], "item"))):
            role = "id"
        else:
            known = {"property": _PROPERTY, "value": _VALUE, "time": _TIME}
            role = next((role for role, names in known.items() if key in names), "")
        if not role or role in roles:
            return None
        roles[role] = name
    if not {"id", "property", "value"} <= roles.keys():
        return None
    return roles if frame[roles["id"]].n_unique() < frame.height else None


def pivot_properties(
    frame: pl.DataFrame, roles: dict[str, str], findings: Findings, source: str
) -> pl.DataFrame:
    """Return one row an item, one column a property: the latest value by time, else by row.

    The hundred most frequent properties become columns; the values of the others are joined
    in one.
    """
    item, name, value = (roles[role] for role in ("id", "property", "value"))
    rows = frame.with_columns(pl.col(name, value).cast(pl.String)).with_row_index("__row")
    if "time" in roles:
        rows = rows.with_columns(__time=parse_times(frame[roles["time"]], source).values)
        rows = rows.sort(pl.col("__time").fill_nan(None), nulls_last=False, maintain_order=True)
    whole = rows.filter(pl.col(item).is_not_null() & (pl.col(name) != ""))
    findings.add("items", "missing item id or property name", rows.height - whole.height,
                 "dropped")  # fmt: skip
    latest = whole.unique([item, name], keep="last", maintain_order=True).sort("__row")
    counts = latest[name].value_counts(sort=True)[name].to_list()
    columns, rest = counts[:_MOST_COLUMNS], counts[_MOST_COLUMNS:]
    renamed = {column: f"{column}_" for column in columns if column == item}
    kept = latest.filter(pl.col(name).is_in(columns)).with_columns(pl.col(name).replace(renamed))
    order = whole.sort("__row").select(pl.col(item).unique(maintain_order=True))
    wide = order.join(kept.pivot(name, index=item, values=value), on=item, how="left",
                      maintain_order="left")  # fmt: skip
    if rest:
        joined = latest.filter(~pl.col(name).is_in(columns)).group_by(item)
        texts = joined.agg(pl.col(value).drop_nulls().str.join(", ").alias(_REST))
        wide = wide.join(texts, on=item, how="left", maintain_order="left")
    by = "the latest by " + roles["time"] if "time" in roles else "the last row of each"
    reason = f"rows of ({item}, {name}, {value}) joined into one row an item, {by}"
    shown = [", ".join(map(repr, columns[:8])) + (" …" if len(columns) > 8 else "")]
    findings.add("items", reason, whole.height - wide.height, "merged", shown)
    return wide
