"""A column with the time of day, and its tell-tale differences from a duration."""

from collections.abc import Mapping, Sequence

import polars as pl

from pennyweight.data.cleaning.time_names import clock_claim, is_duration_name, is_minute_name
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.readers.time_of_day import seconds_of_day

__all__ = ["clock_of"]

_SAMPLE = 5_000
_READ_SHARE, _CLOCK_SHARE, _SIX_HOURS, _HOUR = 0.9, 0.1, 21_600.0, 3_600.0


def clock_of(
    frame: pl.DataFrame, free: Sequence[str], roles: Mapping[str, str], findings: Findings
) -> str | None:
    """Return the column with the time of day, where the time is only a day.

    Parameters
    ----------
    frame
        The rows as read.
    free
        The columns without a role.
    roles
        Role -> column, with the time.
    findings
        Takes a note of a column that may be a clock and is not used.
    """
    fit: dict[str, pl.Series] = {}
    doubtful = []
    for column in free:
        claim = clock_claim(column, roles["time"])
        if claim is None:
            continue
        sample = frame[column].head(_SAMPLE)
        digits = not _has_colons(sample)
        claim = claim and not is_duration_name(column)  # m:ss looks like h:mm
        seconds = seconds_of_day(sample)
        times = seconds.drop_nulls()
        is_readable = len(times) >= max(1, _READ_SHARE * (len(sample) - _blanks(sample)))
        is_clock = (times >= _SIX_HOURS).sum() >= _CLOCK_SHARE * len(times)
        if claim and is_readable and is_clock:  # durations hardly ever reach six hours
            fit[column] = seconds
        elif len(times) and (claim or not digits):
            doubtful.append(column)
    ranked = sorted(fit, key=lambda column: -fit[column].n_unique())
    for other in ranked[1:]:
        gap = (fit[ranked[0]] - fit[other]).abs()
        if bool((gap >= _HOUR).any()):
            doubtful, ranked = [*doubtful, *ranked], []
            break
    if doubtful and not ranked:
        names = ", ".join(map(repr, doubtful))
        findings.add(
            "events",
            f"may be a time of day or a duration and is not used: {names}; write "
            "day and time in one column, if it is a time of day",
            frame.height,
            "noted",
        )
    if ranked and bool((fit[ranked[0]] % _HOUR == 0).all()):
        minutes = [column for column in free if is_minute_name(column)]
        if minutes:
            findings.add(
                "events",
                f"{minutes[0]!r} is not added to {ranked[0]!r}: write the hour and "
                "the minute in one column, such as 21:06",
                frame.height,
                "noted",
            )
    return ranked[0] if ranked else None


def _has_colons(column: pl.Series) -> bool:
    if column.dtype == pl.String:
        n = int(column.str.contains(r"[0-9][:.h][0-9]").sum())
        return n > _CLOCK_SHARE * len(column)
    return column.dtype == pl.Time


def _blanks(column: pl.Series) -> int:
    blank = column.is_null()
    if column.dtype == pl.String:
        blank |= ~column.str.contains(r"\d").fill_null(value=False)
    return int(blank.sum())
