"""Rows without a time that may be in another order than that of time."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.time_names import (
    is_amount_name,
    is_id_name,
    is_period_name,
    is_position_name,
)
from pennyweight.data.columns import column_option
from pennyweight.data.readers.time_relative import relative_order
from pennyweight.errors import DataError

__all__ = ["NO_TIME", "attribute_of", "refuse_newest_first"]

NO_TIME = (
    "if the rows are in order of time, oldest first, say so with --time-column '', "
    "columns={'time': None}; newest first: --row-order newest-first, row_order='newest-first'"
)
_ROWS, _KEYS = 200_000, 2_000  # rows beyond which a sample of users and items decides
_MAX_LENGTH, _MIN_SHARE = 40, 0.8  # longest text of a time; share of such texts


def refuse_newest_first(
    frame: pl.DataFrame, columns: Sequence[str], others: Mapping[str, str], source: str
) -> None:
    """Stop where a column suggests that the rows are not in order of time, oldest first.

    Parameters
    ----------
    frame
        The rows as read.
    columns
        Those that may say something of the order.
    others, source
        Role -> column, without the time; the file, for messages.

    Raises
    ------
    DataError
        A column falls from row to row, is named like a place in an order or a week, or holds short
        texts with numbers, which may be times in a form that is not known.
    """
    for column in columns:
        reason = _doubt(frame, column, others)
        if reason:
            raise DataError(
                f"{source}: no column is known as the time, and column {column!r} {reason}: the "
                f"newest events may come first. If it gives the order, "
                f"{column_option('time', column)}; {NO_TIME}"
            )


def _doubt(frame: pl.DataFrame, column: str, others: Mapping[str, str]) -> str:
    """Return the sign of another order in a column, or ""."""
    if _counts_back(frame[column]) and not attribute_of(frame, column, others):
        first = frame[column].drop_nulls()[0]
        return f"holds texts such as {first!r}, which count back from an export"
    values = _numbers(frame[column])
    # The years of Winter 2025 and Summer 2025 do not tell these apart.
    if values is None or (is_period_name(column) and len(np.unique(values)) == 1):
        places = _ranks(frame[column])
        if places is not None and _falls(places):
            return "falls from row to row"
        texts = frame[column].drop_nulls().head(1_000) if places is not None else None
        if texts is None or is_id_name(column) or attribute_of(frame, column, others):
            return ""
        period = is_period_name(column) and texts.n_unique() > 1
        if not period and not _may_be_times(texts):
            return ""
        return f"holds texts such as {texts[0]!r}, which may be times of a form not known"
    if _rises(frame, column, others["user"]):
        return ""
    if _falls(values) and not is_amount_name(column):
        return "falls from row to row"
    if is_position_name(column):
        return "is named like a place in an order"
    if is_period_name(column) and not attribute_of(frame, column, others):
        return "is named like a week, a season or another period"
    return ""


def _counts_back(column: pl.Series) -> bool:
    return column.dtype == pl.String and relative_order(column, short=False) is not None


def _may_be_times(texts: pl.Series) -> bool:
    """Say whether texts are short, vary, and have digits beside other characters."""
    signs = texts.str.contains(r"\d") & texts.str.contains(r"\d\s|\s\d|\d[/:.-]\d|\d\pL")
    short = (texts.str.len_chars() <= _MAX_LENGTH) & ~texts.str.contains(r"^\S{21,}$")
    return texts.n_unique() > 2 and int((signs & short).sum()) >= _MIN_SHARE * len(texts)


def attribute_of(
    frame: pl.DataFrame, column: str, others: Mapping[str, str], min_groups: int = 2
) -> str:
    """Return the role of which a column is an attribute, as a birthday or a release is.

    ``"item"`` or ``"user"`` where at least `min_groups` have one value each, else ``""``. The rows
    of one user on one item say nothing: an event stored twice has one value too.
    """
    for role, other in (("item", "user"), ("user", "item")):
        rows = frame.select(key=others[role], value=column, other=others[other]).drop_nulls()
        if rows.height > _ROWS:
            sample = rows["key"].gather_every(rows.height // _KEYS).unique()
            rows = rows.filter(pl.col("key").is_in(sample.implode()))
        groups = (
            rows.lazy()
            .group_by("key")
            .agg(pl.col("other").n_unique().alias("n"), pl.col("value").n_unique().alias("values"))
            .filter(pl.col("n") > 1)
            .select(pl.len(), (pl.col("values") == 1).mean().alias("constant"))
            .collect()
            .row(0)
        )
        if groups[0] >= min_groups and groups[1] is not None and groups[1] >= 0.95:
            return role
    return ""


def _rises(frame: pl.DataFrame, column: str, user: str) -> bool:
    """Say whether a column rises over each user's rows, and so agrees with their order."""
    number = pl.col(column)
    if not frame[column].dtype.is_numeric():
        number = number.str.extract(r"(\d{1,15})\s*$")
    falls = number.cast(pl.Float64).diff().over(user) < 0
    return not bool(frame.select(falls.any()).item())


def _numbers(column: pl.Series) -> NDArray[np.float64] | None:
    if column.dtype == pl.String:
        column = column.str.extract(r"^\D{0,12}(\d{1,15}(?:\.\d+)?)\s*$")
        column = column.cast(pl.Float64, strict=False)
    if not column.dtype.is_numeric():
        return None
    values = column.cast(pl.Float64).drop_nulls().to_numpy()
    return values if len(values) >= 0.95 * len(column) and len(values) > 1 else None


def _ranks(column: pl.Series) -> NDArray[np.float64] | None:
    """Return the ranks of texts with digits, such as dates in an unknown form."""
    if column.dtype != pl.String or not column.head(100).str.contains(r"\d").any():
        return None
    return column.rank("dense").cast(pl.Float64).drop_nulls().to_numpy()


def _falls(values: NDArray[np.float64]) -> bool:
    steps = np.diff(values)
    down, up = int((steps < 0).sum()), int((steps > 0).sum())
    return down >= 5 and up <= 0.02 * down and (down >= 0.2 * len(steps) or not up)
