"""The column of the time in an event log, by its name or its values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pennyweight.data.cleaning.clock_column import clock_of
from pennyweight.data.cleaning.positions import are_no_positions
from pennyweight.data.cleaning.row_order import NO_TIME, attribute_of, refuse_newest_first
from pennyweight.data.cleaning.time_names import (
    OTHER_RANK,
    SYSTEM_RANK,
    TIME_LIKE_RANK,
    is_id_name,
    rank,
)
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import column_list, column_option, resolve
from pennyweight.data.readers.time_order import DoubtfulTimes
from pennyweight.data.times import EXCEL, TimeReading, Times, moment, parse_times
from pennyweight.errors import DataError

__all__ = ["event_roles"]

_SAMPLE = 5_000
_1990, _YEAR, _DAY = 631_152_000.0, 366 * 86_400.0, 86_400.0
_1902 = -24_837.0  # in days
_MONTH, _MONTHS = 30 * _DAY, 12
_FEW = 5  # items with several users from which on one moment each is an attribute
_ASK = "--time-column NAME, columns={'time': NAME}"


@dataclass(frozen=True)
class _Candidate:
    """A column that may hold the time, read on a sample of its rows."""

    name: str
    rank: int | None
    times: Times | None  # None: there are times, but how to read them is doubtful
    filled: float
    read: float

    @property
    def real(self) -> bool:
        return self.times is None or self.times.real_time

    @property
    def varies(self) -> bool:
        return self.times is None or self.distinct > 1

    @property
    def distinct(self) -> int:
        if self.times is None:
            return 2
        return len(np.unique(self.times.values[np.isfinite(self.times.values)]))

    @property
    def is_clock(self) -> bool:
        """Whether all moments are of one day at the start of a calendar, as times of day are."""
        values = self.times.values if self.times is not None else np.empty(0)
        days = np.unique(values[np.isfinite(values)] // _DAY)
        return len(days) == 1 and self.varies and bool(days[0] <= _1902)

    @property
    def span(self) -> float:
        """Seconds between the first and the last moment without outliers; 0 without moments."""
        values = self.times.values if self.times is not None else np.empty(0)
        values = values[values > _1990]
        return float(np.ptp(np.quantile(values, [0.01, 0.99]))) if len(values) else 0.0


def event_roles(
    frame: pl.DataFrame,
    overrides: Mapping[str, str | None],
    reading: TimeReading,
    *,
    source: str,
    findings: Findings,
) -> dict[str, str]:
    """Find the column of each role of an event log, that of the time also by its values.

    Parameters
    ----------
    frame
        The rows as read.
    overrides
        Role -> column as for `columns.resolve`.
    reading
        The present, for times of columns of unknown names, and the order of rows if given.
    source, findings
        The file, for messages; takes the notes.

    Raises
    ------
    DataError
        As of `columns.resolve`; several columns could be the time; or none is, and something
        suggests that the newest events may come first.
    """
    if "time" in overrides:
        roles = resolve(frame.columns, "events", overrides, source=source)
        return _with_clock(frame, roles, reading, source, findings)
    others = resolve(frame.columns, "events", {**overrides, "time": None}, source=source)
    free = [column for column in frame.columns if column not in others.values()]
    time = _by_name(frame, free, others, reading, source, findings)
    if time is None:
        time = _by_content(frame, free, others, source, findings, reading)
    if time is None:
        time = _unreadable(frame, free, reading, source)
    if time is None and reading.row_order is None:
        order = [others["order"]] if "order" in others else []
        refuse_newest_first(frame, [*free, *order], others, source)
    if time is None and reading.time_format is not None:
        raise DataError(
            f"{source}: --time-format {reading.time_format!r} is given, and no column "
            f"is known as the time. Name it with {_ASK}"
        )
    roles = resolve(frame.columns, "events", {**overrides, "time": time}, source=source)
    return _with_clock(frame, roles, reading, source, findings)


def _with_clock(
    frame: pl.DataFrame,
    roles: dict[str, str],
    reading: TimeReading,
    source: str,
    findings: Findings,
) -> dict[str, str]:
    """Add the column with the time of day where the time is only a day."""
    used = {*roles.values()}
    free = [column for column in frame.columns if column not in used]
    if "time" not in roles or not _is_day(frame, roles["time"], reading, source):
        return roles
    clock = clock_of(frame, free, roles, findings)
    return roles if clock is None else {**roles, "clock": clock}


def _is_day(frame: pl.DataFrame, time: str, reading: TimeReading, source: str) -> bool:
    days = _read_candidate(frame, time, source, reading)
    return (
        days is not None
        and days.times is not None
        and days.real
        and not (days.times.values % _DAY > 0).any()
    )


def _by_name(
    frame: pl.DataFrame,
    free: Sequence[str],
    others: Mapping[str, str],
    reading: TimeReading,
    source: str,
    findings: Findings,
) -> str | None:
    named = [column for column in free if (r := rank(column)) is not None and r < OTHER_RANK]
    read = [_read_candidate(frame, column, source, reading) for column in named]
    usable = _not_local([c for c in read if c is not None and _is_time(c, frame, others)])
    usable = _with_days(usable)
    if not usable:
        return None
    unnamed = _unnamed(frame, [c for c in free if rank(c) is None], others, source, reading)
    if any(c.real and (c.rank or 0) < SYSTEM_RANK for c in usable):
        usable = [c for c in usable if c.real]  # a date says more than a position
    if any(c.real and c.varies for c in [*usable, *unnamed]):
        usable = [c for c in usable if c.varies or not c.real]  # the time of an export says nothing
    if not usable:
        return None
    first = min(c.rank or 0 for c in usable)
    chosen = _finest([c for c in usable if (c.rank or 0) == first], source)
    rest = [c for c in usable if c is not chosen and c.real]
    _ask_between(frame, chosen, rest, unnamed, others, source)
    if rest or unnamed or first >= SYSTEM_RANK:
        rivals = f"; also named like times: {column_list([c.name for c in rest])}" if rest else ""
        rivals += f"; times too: {column_list([c.name for c in unnamed])}" if unnamed else ""
        findings.add(
            "events",
            f"column {chosen.name!r} is taken for the time{rivals} (--time-column chooses)",
            frame.height,
            "noted",
        )
    return chosen.name


def _not_local(columns: list[_Candidate]) -> list[_Candidate]:
    """Leave out local times where another column has those in UTC."""
    universal = [c for c in columns if c.real and re.search(r"(?i)utc|gmt", c.name)]
    local = [c for c in columns if re.search(r"(?i)(^|[\W_])local([\W_]|$|(?-i:[A-Z]))", c.name)]
    return [c for c in columns if c not in local] if universal and local != columns else columns


def _with_days(columns: list[_Candidate]) -> list[_Candidate]:
    """Leave out times of day, which have a day such as 1899-12-30, where others have days."""
    clocks = [c for c in columns if c.times is not None and c.real and c.is_clock]
    return (
        [c for c in columns if c not in clocks]
        if any(c.real and c not in clocks for c in columns)
        else columns
    )


def _unnamed(
    frame: pl.DataFrame,
    columns: Sequence[str],
    others: Mapping[str, str],
    source: str,
    reading: TimeReading,
) -> list[_Candidate]:
    """Return the columns of any name that hold moments, not those of a user or an item."""
    read = [
        _read_candidate(frame, c, source, reading) for c in columns if _may_be_moments(frame[c])
    ]
    return [
        c
        for c in read
        if c is not None
        and c.times is not None
        and _holds_moments(frame, c, reading.now)
        and not _of_spreadsheet(c)
        and not attribute_of(frame, c.name, others)
    ]


def _may_be_moments(column: pl.Series) -> bool:
    """Say whether a column is of dates, of texts with digits, or of numbers as large as epochs."""
    if column.dtype == pl.String:
        sample = column.drop_nulls().head(100)
        number = sample.str.strip_chars().cast(pl.Float64, strict=False)
        return bool((sample.str.contains(r"[0-9]") & (number.is_null() | (number > _1990))).any())
    if column.dtype.is_numeric():
        return bool((column.head(100) > _1990).any())
    return column.dtype.is_temporal() and column.dtype not in (pl.Time, pl.Duration)


def _ask_between(
    frame: pl.DataFrame,
    chosen: _Candidate,
    named: Sequence[_Candidate],
    unnamed: Sequence[_Candidate],
    others: Mapping[str, str],
    source: str,
) -> None:
    """Stop where another column may rather be the time of the events.

    A column of any name may be if the chosen name is of another moment, or if the chosen one spans
    a day, as the times of a load do, and it spans a month or more.
    """
    rivals = [c for c in unnamed if (chosen.rank or 0) >= TIME_LIKE_RANK or not chosen.real]
    if chosen.times is not None and chosen.distinct <= _MONTHS:  # such as a few exports
        rivals += [c for c in unnamed if c.distinct >= 10 * chosen.distinct and c not in rivals]
    if chosen.real and chosen.span <= _DAY:
        rivals += [c for c in (*named, *unnamed) if c.span >= _MONTH and c not in rivals]
    if (chosen.rank or 0) < TIME_LIKE_RANK and attribute_of(frame, chosen.name, others, _FEW):
        rivals += [c for c in (*named, *unnamed) if c not in rivals]
    rivals = [c for c in rivals if not _agree(chosen, c)]
    if rivals:
        raise DataError(_ambiguity([chosen, *rivals], source))


def _is_time(column: _Candidate, frame: pl.DataFrame, others: Mapping[str, str]) -> bool:
    if column.filled < 0.5 or column.read < 0.5:
        return False
    if column.rank == TIME_LIKE_RANK and not column.real:
        return False
    # Accounts and items are created and updated too, with their dates in each row.
    if (column.rank or 0) >= TIME_LIKE_RANK and column.varies:
        if attribute_of(frame, column.name, others):
            return False
    elif column.real and column.varies and attribute_of(frame, column.name, others, _FEW) == "item":
        return False  # a release; all events of a user at one moment may be a basket
    return column.real or not are_no_positions(frame, column.name, others["user"])


def _unreadable(
    frame: pl.DataFrame, free: Sequence[str], reading: TimeReading, source: str
) -> str | None:
    """Return a column named like a time with unreadable values: reading it raises the error."""
    named = [c for c in free if rank(c) not in (None, TIME_LIKE_RANK, OTHER_RANK)]
    if not named or reading.row_order is not None:
        return None
    best = min(named, key=lambda column: rank(column) or 0)
    candidate = _read_candidate(frame, best, source, reading)
    if candidate is None or (candidate.real and (candidate.filled < 0.5 or candidate.read < 0.5)):
        return best
    option = column_option("time", best)
    if candidate.real:
        raise DataError(
            f"{source}: column {best!r} has one value a user or an item, as the date "
            "of a registration or a release has. If it is the time of the events, "
            f"{option}; {NO_TIME}"
        )
    raise DataError(
        f"{source}: column {best!r} is named like a time and holds small numbers, "
        "such as hours, days of a month, weeks or seconds of a visit. If they order "
        f"the events, {option}; if another column has the time, name it in the same "
        f"way; {NO_TIME}"
    )


def _finest(columns: Sequence[_Candidate], source: str) -> _Candidate:
    """Return the finest of columns that agree to the day."""
    for flag in ("real", "varies"):
        good = [c for c in columns if getattr(c, flag)]
        columns = good or columns
    columns = sorted(columns, key=lambda c: -c.distinct)
    best = columns[0]
    for other in columns[1:]:
        if not _agree(best, other):
            raise DataError(_ambiguity(columns, source))
    return best


def _ambiguity(columns: Sequence[_Candidate], source: str) -> str:
    names = " and ".join(repr(c.name) for c in columns)
    examples = "; ".join(f"{c.name!r} begins {_example(c)}" for c in columns[:4])
    return f"{source}: {names} could each be the time ({examples}). Choose one with {_ASK}"


def _agree(first: _Candidate, second: _Candidate) -> bool:
    if first.times is None or second.times is None:
        return False
    gap = np.abs(first.times.values - second.times.values)
    gap = gap[np.isfinite(gap)]
    return bool(len(gap)) and bool((gap <= (_DAY if first.real and second.real else 0)).all())


def _example(column: _Candidate) -> str:
    if column.times is None:
        return "with times in a doubtful form"
    values = column.times.values[np.isfinite(column.times.values)]
    return moment(values[0]) if column.real else f"{values[0]:g}"


def _by_content(
    frame: pl.DataFrame,
    free: Sequence[str],
    others: Mapping[str, str],
    source: str,
    findings: Findings,
    reading: TimeReading,
) -> str | None:
    unnamed = [c for c in free if rank(c) is None or rank(c) == OTHER_RANK]
    read = [_read_candidate(frame, c, source, reading) for c in unnamed]
    dated = [c for c in read if c is not None and _holds_moments(frame, c, reading.now)]
    rejected = [c for c in dated if attribute_of(frame, c.name, others)]
    fit = [c for c in dated if c not in rejected and c.rank is None and not _of_spreadsheet(c)]
    doubtful = [c.name for c in dated if c not in fit]
    if fit:
        chosen = _finest(fit, source)
        values = chosen.times.values if chosen.times is not None else np.empty(0)
        values = values[np.isfinite(values)]
        span = f", from {moment(values.min())} to {moment(values.max())}" if len(values) else ""
        findings.add(
            "events",
            f"no column is known by name as the time; {chosen.name!r} is taken, "
            f"the only one that holds times{span} (--time-column chooses)",
            frame.height,
            "noted",
        )
        return chosen.name
    if reading.row_order is None and [
        c for c in doubtful if not (rank(c) == OTHER_RANK and c in [r.name for r in rejected])
    ]:
        raise DataError(
            f"{source}: no column is known as the time; {column_list(doubtful)} "
            f"{'holds' if len(doubtful) == 1 else 'hold'} dates that may be of "
            f"something else. Name the time with {_ASK}; {NO_TIME}"
        )
    return None


def _of_spreadsheet(column: _Candidate) -> bool:
    """Say whether numbers are dates only as spreadsheet days, a size that prices have too."""
    return column.times is not None and column.times.form == EXCEL


def _read_candidate(
    frame: pl.DataFrame, column: str, source: str, reading: TimeReading
) -> _Candidate | None:
    """Read a sample of a column; None where it holds no times."""
    n = frame.height
    rows = np.unique(np.linspace(0, n - 1, min(n, _SAMPLE)).astype(np.int64))
    sample = frame[column].gather(rows)
    if sample.dtype == pl.String:
        sample = sample.set(sample.str.strip_chars() == "", None)
    filled = 1 - sample.null_count() / max(1, len(sample))
    if not filled:
        return None
    try:
        times = parse_times(sample, source, time_format=reading.time_format)
    except DoubtfulTimes:
        return _Candidate(column, rank(column), None, filled, 1.0)
    except DataError:
        return None
    read = float(np.isfinite(times.values).sum()) / max(1, len(sample) - sample.null_count())
    return _Candidate(column, rank(column), times, filled, read)


def _holds_moments(frame: pl.DataFrame, column: _Candidate, now: float) -> bool:
    """Say whether nearly all values of a column of any name are moments of our time."""
    numeric = frame[column.name].dtype.is_numeric()
    if column.times is None:
        return not numeric and not is_id_name(column.name)
    if not column.real or column.filled < 0.5 or column.read < 0.9 or not column.varies:
        return False
    written = frame[column.name].dtype == pl.String and not _of_digits(frame[column.name])
    if not (written or frame[column.name].dtype.is_temporal()):
        if is_id_name(column.name):
            return False
    values = column.times.values[np.isfinite(column.times.values)]
    return float(((values > _1990) & (values < now + _YEAR)).mean()) >= 0.95


def _of_digits(column: pl.Series) -> bool:
    return bool(column.drop_nulls().head(100).str.contains(r"^\s*[\d.,]+\s*$").all())
