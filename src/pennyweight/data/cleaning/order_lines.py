"""Orders of several rows, of which a single one holds the fields of the order."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from pennyweight.data.cleaning.missing import blanked

__all__ = ["copy_to_orders", "order_column", "spread_over_orders"]

_FILLED_SHARE = 0.95  # share of the orders with exactly one filled row
_MAX_COLUMNS = 60
_CHANCE = 0.01


def order_column(frame: pl.DataFrame, roles: Mapping[str, str]) -> tuple[str, bool] | None:
    """Return the column of orders, and whether fields are filled in one row of each alone.

    The column is found by its role; else each of its values has several rows, of which another
    column is filled in exactly one, as in exports of shops.
    """
    excluded = {roles[role] for role in ("user", "item", "time") if role in roles}
    free = [name for name in frame.columns if not frame[name].dtype.is_nested()][:_MAX_COLUMNS]
    filled = {name: blanked(frame[name]).is_not_null() for name in free if name not in excluded}
    sparse = {name: mask for name, mask in filled.items() if 0 < mask.sum() < frame.height}
    keys = [name for name in free if name not in excluded and name not in sparse]
    keys = [roles["order"]] if "order" in roles else keys
    for key in keys:
        orders = frame[key].n_unique()
        for mask in sparse.values():
            if _FILLED_SHARE * orders <= int(mask.sum()) <= orders < frame.height and _filled_once(
                frame[key], mask
            ):
                return key, True
    if "order" in roles:
        return roles["order"], False
    names = [c for c in keys if frame[c].cast(pl.String).str.contains(r"^#\d+\s*$").all()]
    return (names[0], False) if len(names) == 1 else None


def _filled_once(key: pl.Series, filled: pl.Series) -> bool:
    counts = (
        pl.DataFrame({"key": key, "filled": filled})
        .group_by("key")
        .agg(pl.col("filled").sum().alias("n"))["n"]
    )
    return bool((counts <= 1).all()) and int((counts == 1).sum()) >= _FILLED_SHARE * len(counts)


def copy_to_orders(state: pl.Series, key: pl.Series) -> pl.Series | None:
    """Return states copied to all rows of their order, if each order has one in a single row."""
    filled = blanked(state)
    if not 0 < filled.null_count() < len(filled) or not _filled_once(key, filled.is_not_null()):
        return None
    table = pl.DataFrame({"key": key, "state": filled})
    return table.select(pl.col("state").drop_nulls().first().over("key")).to_series()


def spread_over_orders(yes: pl.Series, key: pl.Series, *, sparse: bool) -> pl.Series:
    """Return the rows of orders with a yes in one row, if that yes is about the order.

    It is where orders fill their first row only (`sparse`), or where the yes is in the first row
    more often than by chance.
    """
    table = pl.DataFrame({"key": key, "yes": yes})
    first = pl.col("key").is_first_distinct()
    table = table.with_columns(first.alias("first"))
    if table.filter(pl.col("yes") & ~pl.col("first")).height:
        return yes
    sizes: Sequence[int] = (
        table.filter(pl.col("key").is_in(table.filter("yes")["key"].implode()))
        .group_by("key")
        .len()["len"]
        .to_list()
    )
    chance = -float(np.sum([math.log(size) for size in sizes]))
    if not sparse and chance > math.log(_CHANCE):
        return yes
    return table.select(pl.col("yes").any().over("key")).to_series()
