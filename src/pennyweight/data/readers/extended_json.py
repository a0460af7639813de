"""MongoDB's extended JSON: ``{"$date": …}``, ``{"$oid": …}``, ``{"$numberLong": …}``."""

from typing import Any

import polars as pl

__all__ = ["is_extended", "plain_frame", "plain_value"]

_CASTS: dict[str, type[pl.DataType]] = {
    "$numberInt": pl.Int64,
    "$numberLong": pl.Int64,
    "$numberDouble": pl.Float64,
    "$numberDecimal": pl.Float64,
}
_EMBEDDED = r'^\{"\$numberLong": ?"(-?\d+)"\}$'


def is_extended(frame: pl.DataFrame) -> bool:
    """Say whether a column holds extended JSON."""
    return any(dtype.is_nested() and _has_mark(dtype) for dtype in frame.dtypes)


def plain_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with the wrapped values in place of their wrappers."""
    return frame.with_columns(
        _plain(pl.col(name), dtype).alias(name)
        for name, dtype in frame.schema.items()
        if dtype.is_nested() and _has_mark(dtype)
    )


def plain_value(value: Any) -> Any:  # noqa: ANN401
    """Return a parsed value without wrappers."""
    if isinstance(value, list):
        return [plain_value(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "$id" in value:  # a reference to a document of another collection
        return plain_value(value["$id"])
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key in _CASTS:
            return _number(key, inner)
        if key.startswith("$"):
            return plain_value(inner)
    return {key: plain_value(part) for key, part in value.items()}


def _number(key: str, text: Any) -> float | int | None:  # noqa: ANN401
    try:
        return int(text) if _CASTS[key] is pl.Int64 else float(text)
    except (TypeError, ValueError):
        return None


def _has_mark(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.Struct):
        return any(f.name.startswith("$") or _has_mark(_made(f.dtype)) for f in dtype.fields)
    return isinstance(dtype, pl.List) and _has_mark(_made(dtype.inner))


def _made(dtype: Any) -> pl.DataType:  # noqa: ANN401
    return dtype if isinstance(dtype, pl.DataType) else dtype()


def _plain(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List):
        inner = _made(dtype.inner)
        return value.list.eval(_plain(pl.element(), inner)) if _has_mark(inner) else value
    if not isinstance(dtype, pl.Struct) or not dtype.fields:
        return value
    fields = {f.name: _plain(value.struct.field(f.name), _made(f.dtype)) for f in dtype.fields}
    if not all(name.startswith("$") for name in fields):
        parts = [part.alias(name) for name, part in fields.items()]
        return pl.when(value.is_not_null()).then(pl.struct(parts))
    if "$id" in fields:  # a reference to a document of another collection
        return fields["$id"]
    if len(fields) > 1:  # one column with wrappers of several kinds
        return pl.coalesce(part.cast(pl.String) for part in fields.values())
    ((name, part),) = fields.items()
    if name in _CASTS:
        return part.cast(_CASTS[name], strict=False)
    is_text = dtype.fields[0].dtype == pl.String
    return part.str.replace(_EMBEDDED, "$1") if name == "$date" and is_text else part
