"""The times of an event log, with the rows that have none."""

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from pennyweight.data.cleaning.rows import Rows
from pennyweight.data.columns import name_key
from pennyweight.data.readers.time_doubts import has_naive_clocks
from pennyweight.data.readers.time_of_day import seconds_of_day
from pennyweight.data.times import (
    PLAIN_FORMS,
    SMALLEST_DATE,
    TimeReading,
    Times,
    moment,
    parse_times,
)

__all__ = ["event_times"]

_YEAR = 366 * 86_400.0
_DAY, _1900 = 86_400.0, -2_208_902_400.0  # 2 January 1900: spreadsheets begin there
_1996 = 845_000_000.0  # October; in seconds since 2001, as Apple counts, this is October 2027
_HALF_DAYS, _HOURS = 50, 8  # events and hours of the day from which on their hours are judged
_AM_PM = r"(?i)\d\s*[ap]\.?\s?m"
_ZONES = re.compile(
    "(event|user|local|client|device)?(timezone|tz|(utc|gmt|tz|timezone)offset)(name|id|hours)?"
)


def event_times(
    frame: pl.DataFrame, roles: Mapping[str, str], reading: TimeReading, rows: Rows, source: str
) -> Times:
    """Return the times of all rows; rows without a usable one are dropped.

    Raises
    ------
    DataError
        The column cannot be read in one way only.
    """
    if "time" not in roles:
        order = "newest" if reading.row_order == "newest-first" else "oldest"
        other = "" if reading.row_order else " (if not, --row-order newest-first)"
        rows.findings.add(
            "events",
            f"no time column: the order of rows stands for time, the {order} first{other}",
            frame.height,
            "noted",
        )
        place = np.arange(frame.height, dtype=np.float64)
        return Times(place[::-1].copy() if reading.row_order == "newest-first" else place, False)
    times = parse_times(frame[roles["time"]], source, time_format=reading.time_format)
    if times.real_time:
        _note_zones(frame, roles["time"], rows)
    if "clock" in roles:
        times = _with_clock(times, frame[roles["clock"]], rows)
    values = times.values
    rows.drop("time is missing or cannot be read", np.isnan(values))
    if times.real_time:
        rows.drop(
            "time stands for a missing one (0, -1, 1970-01-01, 1900-01-01 and the like)",
            (np.abs(values) <= _DAY) | (values <= _1900),
        )
        rows.drop("time is more than a year in the future", values > reading.now + _YEAR)
        rows.note("time is in the future", values > reading.now)
        rows.note("time is before March 1973", values < SMALLEST_DATE)
        _note_half_days(frame[roles["time"]], rows, times)
    _note_forms(rows, times)
    return times


def _note_zones(frame: pl.DataFrame, time: str, rows: Rows) -> None:
    """Note that a column of time zones is not applied to times without one."""
    column = frame[time]
    bare = column.dtype == pl.Datetime and column.dtype.time_zone is None  # type: ignore[attr-defined]
    if not (bare or (column.dtype == pl.String and has_naive_clocks(column))):
        return
    for name in frame.columns:
        if _ZONES.fullmatch(name_key(name)) and frame[name].n_unique() > 1:
            rows.findings.add(
                "events",
                f"{name!r} is not applied: the times are read as UTC. If they "
                "are local, write them with their offset, such as "
                "2025-03-01T09:00:00+09:00",
                frame.height,
                "noted",
            )


def _note_half_days(column: pl.Series, rows: Rows, times: Times) -> None:
    """Note that all times are from 1 to 12 o'clock, as if AM and PM had been lost."""
    values = times.values[rows.alive]
    hours = np.unique(values[np.isfinite(values)] // 3_600 % 24)
    if column.dtype != pl.String or len(values) < _HALF_DAYS or len(hours) < _HOURS:
        return
    if hours.min() >= 1 and hours.max() == 12 and not column.str.contains(_AM_PM).any():
        rows.findings.add(
            "events",
            "all times are from 1 to 12 o'clock: if AM and PM were lost, mornings and afternoons "
            "are mixed up; export the times with 24 hours",
            len(values),
            "noted",
        )


def _with_clock(days: Times, clock: pl.Series, rows: Rows) -> Times:
    seconds = seconds_of_day(clock)
    rows.findings.add(
        "events",
        f"column {clock.name!r} is taken for the time of day",
        len(clock) - seconds.null_count(),
        "noted",
    )
    rows.note(
        "time of day is missing or cannot be read (midnight is used)",
        seconds.is_null().to_numpy(),
        "changed",
    )
    return replace(days, values=days.values + seconds.fill_null(0.0).to_numpy())


def _note_forms(rows: Rows, times: Times) -> None:
    """Note the forms of times that are not plain, and the first and the last of them."""
    values = times.values[rows.alive]
    if times.real_time and len(values) and values.max() < _1996:
        rows.findings.add(
            "events",
            "all times are before October 1996, up to "
            f"{moment(values.max())}: "
            "are they in another unit, or since another day, than 1970? Apple counts "
            "seconds since 2001 (add 978307200)",
            len(values),
            "noted",
        )
    if not times.real_time or (len(times.forms) == 1 and times.form in PLAIN_FORMS):
        return
    if len(values):
        forms = ", ".join(f"{count:,} as {form}" for form, count in times.forms.items())
        many = "in several forms, each read at its moment: " if len(times.forms) > 1 else "read: "
        rows.findings.add(
            "events",
            f"times are {many}{forms}; from {moment(values.min())} to {moment(values.max())}",
            len(values),
            "noted",
        )
