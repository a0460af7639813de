"""Tables that lose most rows for one reason, a sign that they were misread."""

import math
from collections.abc import Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.feedback import NOT_LIKING
from pennyweight.data.cleaning.repeated_items import AGAIN, EQUAL
from pennyweight.data.cleaning_log import CleaningEntry, Findings, action_counts
from pennyweight.data.readers.picked import NOT_PICKED
from pennyweight.errors import DataError

__all__ = [
    "MAX_DROPPED",
    "NO_ITEM",
    "is_merged",
    "is_slice",
    "max_dropped_advice",
    "refuse_losses",
    "types_without_items",
]

MAX_DROPPED = 0.5
_FEWEST_ROWS = 10  # smaller tables are not checked
NO_ITEM = "event types that are about no item"
_EXEMPT = ("event outside the", "duplicate", "header line", EQUAL, NO_ITEM, NOT_PICKED)
_REMEDIES = {
    "broken row": "Mend the rows, or export the table again",
    "missing user": "If the user is in the first row of several only, as in merged cells of a "
    "spreadsheet, fill the column down; if it is another column, choose it with "
    "--user-column, columns={'user': NAME}",
    "missing item": "If it is another column, choose it with --item-column (events), --id-column "
    "(items), columns={'item': NAME}",
    "time": "Say how times are written with --time-format, time_format=, choose another column "
    "with --time-column, or leave times out with --time-column '', columns={'time': None}, "
    "and where the newest rows come first with --row-order newest-first as well",
    "weight": "Leave the column out with --weight-column '', columns={'weight': None}",
    AGAIN: "If each row is a separate variant, choose its id with --id-column, "
    "columns={'id': NAME}; if rows are parts of one item, write one row an item",
    "split": "Leave the column out with --split-column '', columns={'split': None}",
}


def refuse_losses(
    findings: Findings, table: str, source: str, max_share: float, exempt: Collection[str] = ()
) -> None:
    """Raise `DataError` where one cause drops more than a share of the rows of a table.

    Intended causes do not count: a core, types and ratings that are no liking, duplicates.

    Parameters
    ----------
    findings
        The findings so far.
    table, source
        ``"items"`` or ``"events"``; the file, for messages.
    max_share
        The share of the rows that one cause may drop.
    exempt
        Beginnings or words of more reasons that are choices.
    """
    entries = [entry for entry in findings.entries if entry.table == table]
    rows = findings.rows_read.get(table, 0) + action_counts(entries, table)["added"]
    if rows < _FEWEST_ROWS:
        return
    for entry in entries:
        is_exempt = entry.reason in NOT_LIKING or entry.reason.startswith(_EXEMPT)
        if entry.action != "dropped" or is_exempt or any(word in entry.reason for word in exempt):
            continue
        if entry.count > max_share * rows:
            raise DataError(
                f"{source}: {entry.count:,} of {rows:,} rows would be dropped: "
                f"{_described(entry)}. {_remedy(entry.reason)}. "
                f"{max_dropped_advice(entry.count / rows)}"
            )


def _described(entry: CleaningEntry) -> str:
    examples = f" (e.g. {'; '.join(entry.examples)})" if entry.examples else ""
    return entry.reason + examples


def _remedy(reason: str) -> str:
    remedies = (text for start, text in _REMEDIES.items() if reason.startswith(start))
    return next(remedies, "Mend the values, or choose other columns")


def max_dropped_advice(share: float) -> str:
    """Return the advice for reading a table that loses a share of its rows."""
    enough = min(1.0, math.ceil(share * 100 + 1e-9) / 100)
    return f"To go on without them: --max-dropped {enough:g}, max_dropped={enough:g}"


def types_without_items(without_item: NDArray[np.bool_], types: pl.Series) -> list[str]:
    """Return the types that hardly ever have an item, if they explain the rows without one.

    Logs of a web site have many events, such as the start of a session, about no item.
    """
    frame = pl.DataFrame({"type": types.cast(pl.String), "bare": without_item})
    shares = frame.drop_nulls().group_by("type").agg(pl.col("bare").cast(pl.Int64).sum(), pl.len())
    bare = shares.filter(pl.col("bare") >= 0.95 * pl.col("len")).sort(-pl.col("bare"), "type")
    explained = int(bare["bare"].sum())
    return bare["type"].to_list() if explained >= 0.9 * without_item.sum() > 0 else []


def is_merged(users: pl.Series) -> bool:
    """Say whether each user is named once, with rows without a user below: merged cells."""
    n_named = len(users) - users.null_count()
    return (
        len(users) >= _FEWEST_ROWS
        and n_named > 1
        and users.null_count() > 0.1 * len(users)
        and users[0] is not None
        and users.drop_nulls().n_unique() == n_named
    )


def is_slice(codes: NDArray[np.int32], n_items: int) -> bool:
    """Say whether most items of the catalog have events: the catalog is a part of a larger one."""
    is_small = len(codes) < _FEWEST_ROWS
    return is_small or 2 * len(np.unique(codes[codes >= 0])) >= n_items
