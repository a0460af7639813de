"""Single items, as JSON has them, for an existing catalog."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import polars as pl

from pennyweight.data.catalog import Catalog, is_iso_date
from pennyweight.data.cleaning.availability_values import is_moment, unreadable
from pennyweight.data.cleaning.lists import split_list, text_lists
from pennyweight.data.cleaning.missing import is_missing
from pennyweight.data.cleaning.order_policy import rules_among
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.ids import Ids
from pennyweight.data.items import choose_text_columns, clean_items
from pennyweight.errors import DataError, did_you_mean

__all__ = ["Document", "document_of", "documents", "drop_unsuitable", "fields_of"]

Document = Mapping[str, Any]


def documents(items: Mapping[str, Document], like: Catalog) -> Catalog:
    """Clean items like those of a catalog.

    Parameters
    ----------
    items
        Id -> column -> value; a column that is not named is empty. A catalog without
        columns takes the text alone, as ``text``.
    like
        Whose columns the items have, and of which of them texts are made.

    Raises
    ------
    DataError
        An unknown column, or a value that does not suit one; names the item and the column.
    """
    ids = Ids(items, "items")
    if not like.attributes.width:
        texts = [_only_text(item_id, fields) for item_id, fields in items.items()]
        frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
        return Catalog(ids, clean_items(ids, frame, ("text",), Findings()).texts)
    for item_id, fields in items.items():
        _refuse_unknown(item_id, fields, list(like.attributes.columns))
        _refuse_undated(item_id, fields, like.dated)
    columns = []
    for name, dtype in like.attributes.schema.items():
        read = _reading(name, dtype)
        values = [read(item_id, fields.get(name)) for item_id, fields in items.items()]
        if dtype == pl.List(pl.String):
            columns.append(text_lists(name, values))
            continue
        kind = pl.Float64() if any(type(v) is float for v in values) else dtype
        columns.append(pl.Series(name, values, kind if dtype.is_numeric() else dtype))
    # A catalog without text columns gets those that `read` would choose.
    chosen = like.text_columns or choose_text_columns(like.attributes, None, "items")
    catalog = clean_items(ids, pl.DataFrame(columns), chosen, Findings(), infer=False)
    rules = rules_among(like.availability)
    for name in (name for name in like.availability if name not in rules):
        unknown = unreadable(catalog.attributes[name])
        if not unknown or is_moment(like.attributes[name]):
            continue
        known = set(unreadable(like.attributes[name]))
        if unknown := [value for value in unknown if value not in known]:
            raise DataError(
                f"{name!r} says whether an item is available, but {unknown[0]!r} cannot be read as "
                "yes or no: write true or false, or in stock or out of stock"
            )
    return replace(catalog, availability=like.availability)


def drop_unsuitable(items: Mapping[str, Document], like: Catalog) -> dict[str, dict[str, Any]]:
    """Leave out the fields for which a catalog has no column, or none that can hold the value.

    For items that were sent to a service with another catalog.
    """
    schema = like.attributes.schema or pl.Schema({"text": pl.String()})
    readers = {name: _reading(name, dtype) for name, dtype in schema.items()}

    def suits(name: str, value: Any) -> bool:  # noqa: ANN401
        if name not in readers or (name in like.dated and not is_iso_date(value)):
            return False
        try:
            readers[name]("", value)
        except DataError:
            return False
        return True

    return {
        item_id: {name: value for name, value in fields.items() if suits(name, value)}
        for item_id, fields in items.items()
    }


def document_of(catalog: Catalog, code: int) -> dict[str, Any]:
    """Return an item as `documents` takes it; columns without a value are left out."""
    if not catalog.attributes.width:
        return {"text": catalog.texts[code]}
    row = catalog.attributes.row(code, named=True)
    return {name: _plain(value) for name, value in row.items() if value is not None}


def fields_of(
    catalog: Catalog, codes: Sequence[int], fields: Sequence[str]
) -> list[dict[str, Any]]:
    """Return some columns of items, by name; columns without a value are left out.

    Raises
    ------
    DataError
        The catalog has no such column; names the nearest.
    """
    columns = catalog.attributes.columns or ["text"]
    for name in fields:
        if name not in columns:
            raise DataError(
                f"fields: no column {name!r}{did_you_mean(name, columns)} "
                f"(columns: {', '.join(columns)})"
            )
    if not catalog.attributes.width:
        return [{"text": catalog.texts[code]} if fields else {} for code in codes]
    rows = catalog.attributes.select(fields)[list(codes)].to_dicts()
    return [{name: _plain(v) for name, v in row.items() if v is not None} for row in rows]


def _plain(value: Any) -> Any:  # noqa: ANN401
    return value.isoformat() if isinstance(value, date | datetime) else value


def _only_text(item_id: str, fields: Document) -> str:
    _refuse_unknown(item_id, fields, ["text"])
    return str(_reading("text", pl.String())(item_id, fields.get("text")) or "")


def _refuse_unknown(item_id: str, fields: Document, columns: list[str]) -> None:
    for name in fields:
        if name not in columns:
            raise DataError(
                f"item {item_id!r}: no column {name!r}{did_you_mean(name, columns)} "
                f"(columns: {', '.join(columns)})"
            )


def _refuse_undated(item_id: str, fields: Document, dated: Collection[str]) -> None:
    """Raise `DataError` for a word in a column of dates: it would break filters on the dates."""
    for name in dated:
        value = fields.get(name)
        if isinstance(value, str) and not (is_iso_date(value) or is_missing(value)):
            raise DataError(
                f'item {item_id!r}: {name!r} is a date such as "2024-01-31", as in '
                f"all other items, not {_excerpt(value)}; leave it out where there is "
                "none"
            )


def _reading(name: str, dtype: pl.DataType) -> Callable[[str, Any], Any]:
    """Return a function that reads a value of a column, given the item's id; None stays None.

    The type is looked up once, not for each value.
    """
    if isinstance(dtype, pl.List | pl.Array):
        return _reading_lists(name, dtype)
    expected, suits = _suiting(dtype)
    is_moment = dtype == pl.Date or isinstance(dtype, pl.Datetime)

    def read(item_id: str, value: Any) -> Any:  # noqa: ANN401
        if value is None:
            return None
        if not suits(value):
            raise DataError(f"item {item_id!r}: {name!r} is {expected}, not {_excerpt(value)}")
        return _moment(item_id, name, value, dtype) if is_moment else value

    return read


def _reading_lists(name: str, dtype: pl.List | pl.Array) -> Callable[[str, Any], Any]:
    read_value = _reading(name, pl.Series(dtype=dtype.inner).dtype)

    def read(item_id: str, value: Any) -> Any:  # noqa: ANN401
        if value is None:
            return None
        if isinstance(value, str) and "," not in value:
            value = split_list(value)
        if not isinstance(value, list | tuple):
            raise DataError(f"item {item_id!r}: {name!r} is a list of values, not {value!r}")
        return [read_value(item_id, each) for each in value]

    return read


def _suiting(dtype: pl.DataType) -> tuple[str, Callable[[Any], bool]]:
    """Return the name of a type in messages, and a function that checks a value for it."""
    if dtype.is_numeric():
        return "a number between -9.2e18 and 9.2e18", _is_number
    if dtype == pl.Boolean:
        return "true or false", lambda value: isinstance(value, bool)
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return 'a date such as "2024-01-31"', lambda value: isinstance(value, str)
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "text", lambda value: isinstance(value, str)
    return f"of the type {dtype}, which cannot be given here", lambda value: False


def _is_number(value: Any) -> bool:  # noqa: ANN401
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < 2**63


def _moment(item_id: str, name: str, text: str, dtype: pl.DataType) -> date | datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(
            f'item {item_id!r}: {name!r} is a date such as "2024-01-31", not {_excerpt(text)}'
        ) from None
    if dtype == pl.Date:
        return moment.date()
    zone = getattr(dtype, "time_zone", None)
    return moment if (moment.tzinfo is None) == (zone is None) else moment.replace(tzinfo=None)


def _excerpt(value: Any) -> str:  # noqa: ANN401
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
