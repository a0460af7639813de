"""Logs of impressions and histories in the format of MIND."""

import polars as pl

from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import has_role
from pennyweight.data.times import parse_times

__all__ = ["expand_impressions"]

_HEAD = 200
_PATTERN = r"^\S+-[01]( \S+-[01])*$"


def expand_impressions(frame: pl.DataFrame, findings: Findings, source: str) -> pl.DataFrame | None:
    """Return one row for each item shown and each item of a history; None for other logs.

    An item shown (``N1-1`` or ``N2-0``) is a click or an impression at the time of its row. A
    history holds clicks before that: its items are events of the seconds before the first row
    of the user whose history has them, in their order, unless an earlier row has the click
    itself. So a history repeated in each row of a user counts once.

    Parameters
    ----------
    frame
        Columns of a user, a time, ``history`` and ``impressions``, lists separated by spaces.
    findings, source
        Takes the note; the file, for messages.
    """
    names = {name.lower(): name for name in frame.columns}
    if not {"history", "impressions"} <= names.keys():
        return None
    user = next((name for name in frame.columns if has_role([name], "user")), None)
    time = next((name for name in frame.columns if has_role([name], "time")), None)
    head = frame[names["impressions"]].drop_nulls().head(_HEAD)
    if user is None or time is None or head.dtype != pl.String or not len(head):
        return None
    if not head.str.contains(_PATTERN).all():
        return None
    rows = frame.select(
        pl.col(user).cast(pl.String).alias("user_id"),
        pl.Series("timestamp", _seconds(frame[time], source)),
        pl.col(names["history"]).alias("history"),
        pl.col(names["impressions"]).alias("impressions"),
    ).with_row_index("row")
    impressions, before = _impressions(rows), _before(rows)
    added = impressions.height + before.height - frame.height
    findings.add(
        "events",
        "impressions and histories: each item is an event, a click of a history "
        "dated before its first row",
        added,
        "added",
        [f"{impressions.height:,} shown", f"{before.height:,} of histories"],
    )
    return pl.concat([before, impressions]).with_columns(
        pl.from_epoch((pl.col("timestamp") * 1e6).cast(pl.Int64), "us")
    )


def _seconds(times: pl.Series, source: str) -> pl.Series:
    stamps = times.cast(pl.String).str.strptime(pl.Datetime, "%m/%d/%Y %I:%M:%S %p", strict=False)
    if stamps.null_count() == times.null_count():
        return stamps.dt.epoch("s").cast(pl.Float64)
    return pl.Series(parse_times(times, source).values).fill_nan(None)


def _impressions(rows: pl.DataFrame) -> pl.DataFrame:
    column = pl.col("impressions")
    each = rows.select("user_id", "timestamp", column.str.split(" ")).explode("impressions")
    clicked = column.str.ends_with("-1")
    return each.select(
        "user_id",
        column.str.replace("-[01]$", "").alias("item_id"),
        "timestamp",
        pl.when(clicked).then(pl.lit("click")).otherwise(pl.lit("impression")).alias("event_type"),
    )


def _before(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the events of the histories, each in the first row that has it."""
    of_user = ["user_id", "item_id"]
    clicks = (
        rows.select("user_id", "timestamp", pl.col("impressions").str.split(" "))
        .explode("impressions")
        .filter(pl.col("impressions").str.ends_with("-1"))
        .with_columns(pl.col("impressions").str.head(-2).alias("item_id"))
        .group_by(of_user)
        .agg(pl.col("timestamp").min().alias("clicked"))
    )
    # Most rows of a user have the history of the row before.
    fresh = rows.sort("timestamp", maintain_order=True).filter(
        pl.struct("user_id", "history").is_first_distinct()
    )
    each = (
        fresh.with_row_index("rank")
        .select("rank", "user_id", "timestamp", pl.col("history").str.split(" ").alias("item_id"))
        .with_columns(pl.int_ranges(pl.col("item_id").list.len(), 0, -1).alias("back"))
        .explode("item_id", "back")
        .filter(pl.col("item_id").is_not_null() & (pl.col("item_id") != ""))
        .filter(pl.col("rank") == pl.col("rank").min().over(of_user))
        .join(clicks, on=of_user, how="left", maintain_order="left")
        .filter(pl.col("clicked").is_null() | (pl.col("clicked") >= pl.col("timestamp")))
    )
    return each.select(
        *of_user,
        pl.col("timestamp") - pl.col("back"),
        pl.lit("click").alias("event_type"),
    )
