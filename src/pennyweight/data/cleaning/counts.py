"""Counts of deeds, such as clicks beside impressions: a row with a count of 0 is no event."""

import re
from collections.abc import Mapping

import numpy as np
import polars as pl

from pennyweight.data.cleaning.constant_columns import constant_of
from pennyweight.data.cleaning.rows import Rows
from pennyweight.data.columns import name_key

__all__ = ["NO_DEED", "drop_idle"]

NO_DEED = "counts of deeds, such as clicks, are 0: ignored"
_COUNTED = re.compile(
    r"(n|num|number(of)?|count(of)?|total|noof)?(click|purchase|conversion|booking|install"
    r"|download|play|listen|open|read|watch|watche|transaction|checkout|addtocart|scrobble|stream"
    r"|view|visit|order)s?(count|num|total)?"
)
_VAGUE = re.compile("view|visit|order")  # may be of a page, or of a user's history
_MIN_ZEROS = 0.05  # smallest share of zeros in counts of events; counts in catalogs hardly have any


def drop_idle(frame: pl.DataFrame, roles: Mapping[str, str], rows: Rows) -> None:
    """Drop the rows in which all counts of deeds are 0, if the log has no types of events."""
    if "type" in roles:
        return
    used = {name for role, name in roles.items() if role != "weight"}
    counts = [c for c in frame.columns if c not in used and _counts(frame, c, roles)]
    idle = np.ones(frame.height, bool)
    for name in counts:
        idle &= frame[name].cast(pl.Float64, strict=False).fill_null(0.0).to_numpy() == 0
    if not [c for c in counts if not _VAGUE.search(name_key(c))] or idle.mean() < _MIN_ZEROS:
        return
    rows.findings.add(
        "events",
        f"{', '.join(map(repr, counts))}: counts of deeds; rows of 0 are no events",
        int(rows.alive.sum()),
        "noted",
    )
    rows.drop(NO_DEED, idle)


def _counts(frame: pl.DataFrame, name: str, roles: Mapping[str, str]) -> bool:
    if not _COUNTED.fullmatch(name_key(name)):
        return False
    if frame[name].dtype.is_nested() or frame[name].dtype in (pl.Boolean, pl.Object, pl.Binary):
        return False
    values = frame[name].cast(pl.Float64, strict=False)
    if values.null_count() > frame[name].null_count():
        return False
    amounts = values.drop_nulls().to_numpy()
    are_counts = (
        len(amounts) > 0 and amounts.min() >= 0 and bool((amounts == np.round(amounts)).all())
    )
    return are_counts and amounts.max() > amounts.min() and constant_of(frame, name, roles) is None
