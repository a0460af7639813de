"""An attribute of users, read from the event log."""

import polars as pl

from pennyweight.data.ids import Ids
from pennyweight.data.tables import id_strings
from pennyweight.errors import DataError

__all__ = ["user_values"]


def user_values(
    events: pl.DataFrame, user_column: str, column: str, users: Ids, *, source: str
) -> pl.Series:
    """Return each user's most frequent value of a column, in code order.

    Of values that are equally frequent the first in the file wins. A column of text in which every
    value is a number is read as numbers.

    Raises
    ------
    DataError
        When there is no such column, or it holds lists.
    """
    if column not in events.columns:
        raise DataError(
            f"{source}: columns are {', '.join(map(repr, events.columns))}; there is no "
            f"{column!r}, asked for as the user attribute. Correct --user-attribute COLUMN, "
            "evaluate.user_attribute in the plan"
        )
    if events[column].dtype.is_nested():
        raise DataError(
            f"{source}: column {column!r} holds {events[column].dtype}; a user attribute has one "
            "value a row"
        )
    value = events[column].cast(pl.String).str.strip_chars()
    rows = pl.DataFrame({"user": id_strings(events[user_column], source), "value": value})
    rows = rows.with_row_index("row").filter((pl.col("value") != "") & pl.col("user").is_not_null())
    most_frequent = (
        rows.group_by("user", "value")
        .agg(pl.len(), pl.col("row").min())
        .sort("user", "len", "row", descending=[False, True, False])
        .unique("user", keep="first", maintain_order=True)
    )
    values = pl.DataFrame({"user": pl.Series(list(users), dtype=pl.String)}).join(
        most_frequent, on="user", how="left", maintain_order="left"
    )["value"]
    number = values.cast(pl.Float64, strict=False)
    return (number if number.null_count() == values.null_count() else values).alias(column)
