"""Change logs of databases: the state of a row before and after each change."""

import re
import shlex
from collections.abc import Mapping

import polars as pl

from pennyweight.data.columns import name_key
from pennyweight.errors import DataError

__all__ = ["current_rows"]

_SIDE = re.compile(r"((?:.*\.)?)(before|after)\.(.+)")
_DELETED = ("d", "delete", "deleted", "t", "truncate")


def current_rows(
    frame: pl.DataFrame, chosen: Mapping[str, str | None], source: str
) -> pl.DataFrame:
    """Return a frame of changes without the columns of the state before each.

    Raises
    ------
    DataError
        Some rows were deleted, so that the events of others did not last.
    """
    matches = [match for name in frame.columns if (match := _SIDE.fullmatch(name))]
    sides = {(match[1], match[2]) for match in matches}
    top = next((p for p, side in sides if side == "after" and _has_before(frame, p)), None)
    if top is None or any((name or "").startswith(f"{top}before.") for name in chosen.values()):
        return frame
    after = [name for name in frame.columns if name.startswith(f"{top}after.")]
    deleted = frame.select(pl.all_horizontal(pl.col(after).is_null())).to_series()
    op = next(
        (n for n in frame.columns if n.startswith(top) and name_key(n[len(top) :]) == "op"), None
    )
    if op is not None:
        deleted |= frame[op].cast(pl.String).str.to_lowercase().is_in(_DELETED).fill_null(False)
    if deleted.any():
        where = f" ({op!r} is {frame[op].filter(deleted)[0]!r})" if op is not None else ""
        raise DataError(
            f"{source}: these are changes of a table, and {int(deleted.sum()):,} of "
            f"{frame.height:,} delete a row{where}, whose event would stay. Export the table as it "
            "is now, or leave the deletions and the rows that they delete out of the file (those "
            "with the same "
            f"{shlex.quote(f'{top}before')} and {shlex.quote(f'{top}after')})"
        )
    return frame.drop([name for name in frame.columns if name.startswith(f"{top}before.")])


def _has_before(frame: pl.DataFrame, top: str) -> bool:
    return any(name == f"{top}before" or name.startswith(f"{top}before.") for name in frame.columns)
