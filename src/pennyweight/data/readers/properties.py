"""Items in long form, with rows (item, property, value): pivoted to one row an item."""

import re

import polars as pl

from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import has_role
from pennyweight.data.times import parse_times

__all__ = ["find_properties", "pivot_properties"]

_PROPERTY = {
    "property",
    "attribute",
    "attr",
    "key",
    "field",
    "feature",
    "propertyname",
    "k",
    "attributename",
    "variable",
    "prop",
    "propname",
    "attrname",
    "attributecode",
    "propertykey",
    "attributekey",
    "metakey",
    "param",
    "parameter",
    "paramname",
    "characteristic",
    "spec",
    "specname",
    "fieldname",
    "featurename",
}
_VALUE = {
    "value",
    "val",
    "v",
    "propertyvalue",
    "attributevalue",
    "attrvalue",
    "propvalue",
    "metavalue",
    "paramvalue",
    "parametervalue",
    "specvalue",
    "fieldvalue",
    "featurevalue",
}
_TIME = {"timestamp", "time", "date", "datetime", "ts", "updatedat", "createdat", "validfrom"}
_MAX_COLUMNS = 100
_REST = "other_properties"


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def find_properties(frame: pl.DataFrame, id_column: str | None) -> dict[str, str] | None:
    """Return the id, property, value and time columns of an items table in long form.

    Other columns may be there (a row number, a language), if ids occur again and most pairs of id
    and property do not.
    """
    roles: dict[str, str] = {}
    for name in frame.columns:
        if (role := _role(name, id_column)) and role not in roles:
            roles[role] = name
    if "id" not in roles and _key(frame.columns[0]) in ("id", "entityid"):
        roles["id"] = frame.columns[0]
    if not {"id", "property", "value"} <= roles.keys():
        roles = _by_content(frame, roles)
    if not roles or any(frame[column].dtype.is_nested() for column in roles.values()):
        return None
    n_ids = frame[roles["id"]].n_unique()
    n_pairs = frame.select(pl.struct(roles["id"], roles["property"]).n_unique()).item()
    extra = frame.width - len(roles)
    return roles if n_ids < frame.height and (not extra or n_pairs > 1.5 * n_ids) else None


def _by_content(frame: pl.DataFrame, roles: dict[str, str]) -> dict[str, str]:
    """Return the roles by values: few properties, each once an item, with varying values."""
    others = [n for n in frame.columns if n not in (roles.get("id"), roles.get("time"))]
    if "id" not in roles or len(others) != 2 or frame[others[0]].dtype != pl.String:
        return {}
    item, (name, value) = roles["id"], others
    n_ids, n_names = frame[item].n_unique(), frame[name].n_unique()
    if frame.height < 1.5 * n_ids or not 1 < n_names <= min(_MAX_COLUMNS, n_ids):
        return {}
    pairs = frame.select(pl.struct(item, name).n_unique()).item()
    varied = frame.group_by(item).agg(pl.len(), pl.col(value).n_unique().alias("n"))
    varied = varied.filter(pl.col("len") > 1)
    same = float((varied["n"] == 1).mean() or 0.0)  # type: ignore[arg-type]
    if pairs < 0.95 * frame.height or same > 0.2:
        return {}
    return {**roles, "property": name, "value": value}


def _role(name: str, id_column: str | None) -> str:
    key = _key(name)
    if name == id_column or (id_column is None and has_role([name], "item")):
        return "id"
    aliases = {"property": _PROPERTY, "value": _VALUE, "time": _TIME}
    return next((role for role, names in aliases.items() if key in names), "")


def pivot_properties(
    frame: pl.DataFrame, roles: dict[str, str], findings: Findings, source: str
) -> pl.DataFrame:
    """Return one row an item, one column a property: the latest value by time.

    Several texts of one property with the same time or none are joined; of several numbers the last
    row counts. The hundred most frequent properties become columns; the values of the others are
    joined in one.
    """
    item, name, value = (roles[role] for role in ("id", "property", "value"))
    rows = frame.with_columns(pl.col(name, value).cast(pl.String)).with_row_index("__row")
    if "time" in roles:
        times = pl.Series(parse_times(frame[roles["time"]], source).values).fill_nan(None)
        rows = rows.with_columns(__time=times).sort("__time", maintain_order=True)
    complete = rows.filter(pl.col(item).is_not_null() & (pl.col(name) != ""))
    findings.add(
        "items", "missing item id or property name", rows.height - complete.height, "dropped"
    )
    latest = _latest(complete, item, name, value)
    counts = latest[name].value_counts(sort=True)[name].to_list()
    columns, rest = counts[:_MAX_COLUMNS], counts[_MAX_COLUMNS:]
    renamed = {column: f"{column}_" for column in columns if column == item}
    frequent = latest.filter(pl.col(name).is_in(columns)).with_columns(
        pl.col(name).replace(renamed)
    )
    order = complete.sort("__row").select(pl.col(item).unique(maintain_order=True))
    wide = order.join(
        frequent.pivot(name, index=item, values=value), on=item, how="left", maintain_order="left"
    )
    if rest:
        joined = latest.filter(~pl.col(name).is_in(columns)).group_by(item)
        texts = joined.agg(pl.col(value).drop_nulls().str.join(", ").alias(_REST))
        wide = wide.join(texts, on=item, how="left", maintain_order="left")
    rule = "the latest by " + roles["time"] if "time" in roles else "all texts, the last number"
    reason = f"rows of ({item}, {name}, {value}) joined into one row an item, {rule}"
    example = [", ".join(map(repr, columns[:8])) + (" …" if len(columns) > 8 else "")]
    findings.add("items", reason, complete.height - wide.height, "merged", example)
    return wide


def _latest(rows: pl.DataFrame, item: str, name: str, value: str) -> pl.DataFrame:
    """Return one row for each item and property, in the order of the file."""
    if "__time" in rows.columns:
        newest = pl.col("__time").max().over(item, name)
        rows = rows.filter(pl.col("__time").eq_missing(newest) | newest.is_null())
    last = rows.unique([item, name], keep="last", maintain_order=True)
    if last.height == rows.height:
        return last.sort("__row")
    texts = rows.filter(pl.col(value).cast(pl.Float64, strict=False).is_null())
    texts = texts.filter(pl.col(value).is_not_null() & (pl.len().over(item, name) > 1))
    joined = texts.group_by(item, name).agg(
        pl.col(value).unique(maintain_order=True).str.join(", ").alias("__all")
    )
    last = last.join(joined, on=[item, name], how="left", maintain_order="left")
    return last.with_columns(pl.coalesce("__all", value).alias(value)).drop("__all").sort("__row")
