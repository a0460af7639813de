"""The column of ratings, where no column is named like the weight."""

import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.constant_columns import constant_of, note_if_constant
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.rating_names import is_grade, is_rating_name, rating_rank
from pennyweight.data.cleaning.ratings import looks_rated, on_scale, scale_of
from pennyweight.data.cleaning.weights import numbers
from pennyweight.data.cleaning_log import Findings
from pennyweight.errors import DataError

__all__ = ["rating_roles"]

_MAX_WORDS, _LONGEST = 12, 20  # distinct ratings in words, and their letters
_SUMMARY = re.compile(
    "average|avg|mean|count|num|quant|qty|size|page|rank|impress|click|view|visit"
    "|order|price|amount|day|hour|month|week|year|age|step|depth|level|position|time|dur"
)
_MIN_NUMBERS = 0.8  # share of values that are numbers
_MIN_ROWS = 20  # smallest log in which values can look like ratings


def rating_roles(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    overrides: Mapping[str, str | None],
    source: str,
    findings: Findings,
) -> dict[str, str]:
    """Return the roles with the column of ratings as the weight, unless one was chosen.

    Columns with one value a user or an item, such as the average in a catalog, are no ratings of
    events, whatever their name.

    Raises
    ------
    DataError
        Several columns could be it.
    """
    roles = dict(roles)
    if "weight" in overrides:
        return roles
    named = roles.get("weight")
    if named is not None and _rates(frame[named]) and _is_constant(frame, named, roles, findings):
        del roles["weight"]
    elif named is not None and _is_of_item(frame, named, roles):
        del roles["weight"]
        findings.add(
            "events",
            f"{named!r} has one value an item, such as its mass or price: not used "
            f"as the strength of events (--weight-column {named!r} does)",
            frame.height,
            "noted",
        )
    free = [name for name in frame.columns if name not in roles.values() and name != named]
    ranked = {name: at for name in free if (at := rating_rank(name)) is not None}
    fit = [name for name in ranked if _rates(frame[name])]
    fit = [name for name in fit if not _is_constant(frame, name, roles, findings)]
    best = [name for name in fit if ranked[name] == min(ranked[other] for other in fit)]
    if "weight" in roles:
        _note_other(frame, roles["weight"], best, findings)
    elif len(best) > 1:
        raise DataError(
            f"{source}: the columns {', '.join(map(repr, best[:6]))} could each hold the ratings "
            f"of the events. Choose one with --weight-column {best[0]!r}, "
            f"columns={{'weight': {best[0]!r}}}; --weight-column '' counts every row as liking"
        )
    elif best:
        roles["weight"] = best[0]
        findings.add(
            "events",
            f"{best[0]!r} is taken for the ratings of the events "
            "(--weight-column '' counts every row as liking)",
            frame.height,
            "noted",
        )
    else:
        _note_candidates(frame, [name for name in free if name not in ranked], roles, findings)
    return roles


def _is_constant(
    frame: pl.DataFrame, name: str, roles: Mapping[str, str], findings: Findings
) -> bool:
    return note_if_constant(frame, name, roles, findings, "ratings of events", "--weight-column")


def _is_of_item(frame: pl.DataFrame, name: str, roles: Mapping[str, str]) -> bool:
    """Say whether numbers of several values are one for each item."""
    if frame[name].dtype.is_nested() or frame[name].dtype in (pl.Binary, pl.Object):
        return False
    if not frame[name].dtype.is_numeric() and _numbers(frame[name])[1] < _MIN_NUMBERS:
        return False
    return frame[name].drop_nulls().n_unique() > 1 and constant_of(frame, name, roles) == "item"


def _rates(column: pl.Series) -> bool:
    """Say whether values under the name of ratings may be ratings."""
    if column.dtype.is_nested() or column.dtype in (pl.Boolean, pl.Binary, pl.Object):
        return False
    if column.dtype.is_temporal():
        return False
    values, share = _numbers(column)
    if share >= _MIN_NUMBERS:
        return scale_of(column.name, values) is not None
    words = blanked(column).cast(pl.String).drop_nulls()
    distinct = words.unique()
    if not 2 <= len(distinct) <= min(_MAX_WORDS, len(words) / 3):
        return False
    longest = 2 if is_grade(column.name) else _LONGEST
    return is_rating_name(column.name) and not (distinct.str.len_chars() > longest).any()


def _numbers(column: pl.Series) -> tuple[NDArray[np.float64], float]:
    """Return the finite numbers of a column, and their share of the values."""
    column = blanked(column)
    read = numbers(column).drop_nulls().to_numpy()
    read = read[np.isfinite(read)]
    return read, len(read) / max(1, len(column) - column.null_count())


def _note_other(frame: pl.DataFrame, weight: str, best: list[str], findings: Findings) -> None:
    if best and not is_rating_name(weight):
        findings.add(
            "events",
            f"{weight!r} is taken for the weight, and {best[0]!r}, which is named "
            f"like ratings, is not used (--weight-column {best[0]!r} does)",
            frame.height,
            "noted",
        )


def _note_candidates(
    frame: pl.DataFrame, free: list[str], roles: Mapping[str, str], findings: Findings
) -> None:
    """Note columns of other names whose values look like ratings."""
    if frame.height < _MIN_ROWS:
        return
    for name in free:
        if _SUMMARY.search(name.casefold()):
            continue
        if not (frame[name].dtype.is_numeric() or frame[name].dtype == pl.String):
            continue
        values, share = _numbers(frame[name])
        values = values[on_scale(values)]
        if share < _MIN_NUMBERS or not len(values) or values.max() > 10 or not looks_rated(values):
            continue
        if constant_of(frame, name, roles) is None:
            findings.add(
                "events",
                f"{name!r} looks like ratings and is not used: all rows count as "
                f"liking (--weight-column {name!r} reads it)",
                frame.height,
                "noted",
            )
