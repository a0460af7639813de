"""Numbers under the name of a time: positions, or durations, hours and days."""

import numpy as np
import polars as pl

from pennyweight.data.cleaning.time_names import DAY_RANK, may_be_position, rank

__all__ = ["are_no_positions"]

_SIXTY, _TEN_YEARS = 60, 3_660  # largest part of a time; longest log in days
_MANY, _REPEATS = 50, 0.2  # rows, or pairs of rows, that decide; share of repeated rows
_IN_ORDER, _NEXT, _UNIQUE, _SPARSE = 0.8, 0.8, 0.99, 5


def are_no_positions(frame: pl.DataFrame, column: str, user: str) -> bool:
    """Say whether numbers under the name of a time are hours, days or seconds of a visit.

    Positions have such a name, hardly ever repeat within a user, and count rows: they follow the
    order of the rows, count the rows of each user, or are unique.
    """
    rows = frame.select(user=user, at=pl.col(column).cast(pl.Float64, strict=False)).drop_nulls()
    values = rows["at"].to_numpy()
    if not may_be_position(column):
        if rank(column) != DAY_RANK or not len(values):
            return rank(column) != DAY_RANK
        n_durations = int(((values % 1 != 0) | (values > _TEN_YEARS)).sum())
        return bool(values.max() <= _SIXTY) or n_durations > _REPEATS * len(values)
    if not len(values) or frame.height < _MANY:
        return False
    repeat_share = float(rows.is_duplicated().mean())  # type: ignore[arg-type]
    if values.max() <= _SIXTY and repeat_share > _REPEATS:
        return True
    return not _count_rows(rows, repeat_share)


def _count_rows(rows: pl.DataFrame, repeat_share: float) -> bool:
    """Say whether numbers rise or fall along the rows, or count all rows or those of a user."""
    for key in (None, "user"):
        steps = pl.col("at").diff() if key is None else pl.col("at").diff().over(key)
        moves = rows.select(steps.sign().alias("at")).to_series()
        moves = moves.filter(moves != 0)
        if key is not None and len(moves) < _MANY:
            return True  # too few to tell, and too few to matter
        if len(moves) and abs(float(moves.sum())) >= (2 * _IN_ORDER - 1) * len(moves):
            return True
    values = rows["at"].to_numpy()
    is_whole = bool((values % 1 == 0).all())
    if is_whole and rows["at"].n_unique() >= _UNIQUE * rows.height:
        return float(np.ptp(values)) <= _SPARSE * rows.height
    ordered = rows.sort("user", "at").select(pl.col("at").diff().over("user")).to_series()
    gaps = ordered.drop_nulls()
    return repeat_share <= _REPEATS and bool(len(gaps)) and bool((gaps == 1).mean() >= _NEXT)  # type: ignore[operator]
