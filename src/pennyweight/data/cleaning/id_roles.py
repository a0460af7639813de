"""The columns of users and items under names that their values have to confirm."""

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import column_option, has_role
from pennyweight.data.id_names import id_like, may_be_item, may_be_user

__all__ = ["catalog_id", "id_roles"]

_AGREED = 0.5  # of the different ids of events, which the catalog has
_SAMPLE = 100_000  # rows of events, from which on the first ones decide


def id_roles(
    items: Mapping[str, pl.Series],
    events: pl.DataFrame,
    chosen: Mapping[str, str | None],
    findings: Findings,
) -> dict[str, str]:
    """Return the columns of the item, its id and the user, if no known name identifies them.

    A column named like an item (``job_id``, ``Artikelnummer``), or like one of the catalog, is the
    item if the catalog has most of its values as ids. A column named like a user (``Kunde``) is
    the user if no other is.

    Parameters
    ----------
    items
        Name -> column of the catalog.
    events
        The event log.
    chosen
        Role -> column, as the user chose them or other steps found them.
    findings
        Takes a note of each of these columns.
    """
    roles: dict[str, str] = {}
    names = [name for name in events.columns if _is_plain(events[name].dtype)]
    if "item" not in chosen and not has_role(events.columns, "item"):
        roles |= _item_roles(items, events, names, chosen.get("id"))
    if "user" not in chosen and not has_role(events.columns, "user"):
        users = [name for name in names if may_be_user(name) and name != roles.get("item")]
        roles |= {"user": users[0]} if len(users) == 1 else {}
    for role in ("user", "item"):
        if role in roles:
            why = "the catalog has its values as ids" if role == "item" else "it is named like one"
            findings.add(
                "events",
                f"{roles[role]!r} is read as the {role}, since {why} "
                f"({column_option(role, roles[role])})",
                events.height,
                "noted",
            )
    return roles


def _is_plain(dtype: pl.DataType) -> bool:
    return dtype == pl.String or dtype.is_integer() or dtype in (pl.Categorical, pl.Enum)


def _item_roles(
    items: Mapping[str, pl.Series],
    events: pl.DataFrame,
    names: Sequence[str],
    chosen: str | None,
) -> dict[str, str]:
    """Return the columns of the item and of its id, if a single one is confirmed."""
    ids = [name for name in items if name == chosen or not chosen]
    ids = [name for name in ids if _is_id(name, items[name], chosen)]
    catalog = {name: set(_texts(items[name])) for name in ids}
    pairs = [
        (event, id_column)
        for event in names
        for id_column in ids
        if may_be_item(event) or event == id_column
        if _agreement(events[event], catalog[id_column]) >= _AGREED
    ]
    same = [pair for pair in pairs if pair[0] == pair[1]]
    events_named = {event for event, _ in same or pairs}
    if len(events_named) != 1:
        return {}
    item, id_column = (same or pairs)[0]
    return {"item": item, "id": id_column}


def catalog_id(items: Mapping[str, pl.Series], item: pl.Series) -> str | None:
    """Return the column of a catalog that has the items of events, if no known name identifies it.

    Parameters
    ----------
    items
        Name -> column of the catalog.
    item
        The column of events.
    """
    names = list(items)
    if has_role(names, "item") or "id" in map(str.lower, names) or not _is_plain(item.dtype):
        return None
    ids = [name for name in names if _is_id(name, items[name], None)]
    agreeing = [name for name in ids if _agreement(item, set(_texts(items[name]))) >= _AGREED]
    return agreeing[0] if len(agreeing) == 1 else None


def _is_id(name: str, column: pl.Series, chosen: str | None) -> bool:
    """Say whether a column of the catalog may hold ids."""
    if not _is_plain(column.dtype):
        return False
    return name == chosen or has_role([name], "item") or id_like(name)


def _texts(column: pl.Series) -> Collection[str]:
    texts = column.drop_nulls().head(_SAMPLE).cast(pl.String).str.strip_chars().unique()
    return [text for text in texts.to_list() if text]


def _agreement(column: pl.Series, catalog: Collection[str]) -> float:
    """Return the share of the different values that are ids of the catalog."""
    values = _texts(column)
    return sum(value in catalog for value in values) / max(1, len(values))
