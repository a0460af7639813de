"""Records in an envelope: documents of Elasticsearch, resources of JSON:API."""

from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import has_role

__all__ = ["open_envelopes"]

_OF_SEARCH = {"sort", "fields", "highlight", "inner_hits", "matched_queries"}
_OF_RESOURCE = {"id", "type", "attributes", "relationships", "links", "meta", "documentId"}


def open_envelopes(
    frame: pl.DataFrame, table: str, chosen: Mapping[str, str | None], findings: Findings
) -> pl.DataFrame:
    """Return the records of envelopes, with the id of the envelope where they have none.

    If a column of the envelope was chosen, such as ``_source.user_id``, the frame stays.
    """
    for name, columns in (("_source", _of_search), ("attributes", _of_resource)):
        if not isinstance(frame.schema.get(name), pl.Struct):
            continue
        if any((column or "").startswith(f"{name}.") for column in chosen.values()):
            continue
        record = frame[name].struct.unnest()
        envelope_ids = columns(frame, record, table)
        if envelope_ids is not None:
            findings.add(table, f"the fields of {name!r} are the columns", frame.height, "noted")
            return record.with_columns(c for c in envelope_ids if c.name not in record.columns)
    return frame


def _of_search(frame: pl.DataFrame, record: pl.DataFrame, table: str) -> list[pl.Series] | None:
    """Return the ids of Elasticsearch documents; None for other rows."""
    others = [name for name in frame.columns if not name.startswith("_")]
    if not {*others} <= _OF_SEARCH or frame.width == 1:
        return None
    has_id = has_role(record.columns, "item") or "id" in map(str.lower, record.columns)
    if table == "events" or has_id or "_id" not in frame.columns:
        return []
    return [frame["_id"].alias("id")]


def _of_resource(frame: pl.DataFrame, record: pl.DataFrame, table: str) -> list[pl.Series] | None:
    """Return ids, related ids and varying types of JSON:API resources; None for other rows."""
    if "id" not in frame.columns or not {*frame.columns} <= _OF_RESOURCE:
        return None
    ids_and_type = [frame["id"]]
    if "type" in frame.columns and frame["type"].n_unique() > 1:
        ids_and_type.append(frame["type"])
    if isinstance(frame.schema.get("relationships"), pl.Struct):
        for related in frame["relationships"].struct.unnest().iter_columns():
            ids = _field(_field(related, "data"), "id")
            if ids is not None:
                ids_and_type.append(ids.alias(f"{related.name}_id"))
    return ids_and_type


def _field(column: pl.Series | None, name: str) -> pl.Series | None:
    dtype = None if column is None else column.dtype
    if column is None or not isinstance(dtype, pl.Struct):
        return None
    return column.struct.field(name) if name in {f.name for f in dtype.fields} else None
