"""Dates from which, or until which, items may be available.

Whether an item is available changes over time, and a date in a file does not follow: such columns
are named in the log, and not used.
"""

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.availability_names import key_of, may_be_dated
from pennyweight.data.cleaning.availability_words import REMOVED_AT
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.times import parse_times
from pennyweight.errors import DataError

__all__ = ["note_dates", "refuse_dates", "seconds_of"]

_DAY = 86_400.0
_MIN_SHARE = 0.5
_ENDS = re.compile(
    r"(item|product|listing|licen[cs]e|rights|availability|ad|offer|job)?"
    r"expir(y|es|ed|ing|ation)(date|at|on|time|timestamp|day)?|"
    r"(valid|validity|available|availability|active|live|online|published|visible|licen[cs]e|"
    r"rights|listing|display)(until|till|to|through|thru|end|ends|enddate|endsat|endson|untildate)|"
    r"(gultig|verfugbar|lieferbar|haltbar|aktiv)bis|mhd|ablaufdatum|verfall(s)?datum|"
    r"(bestbefore|useby|usebefore|sellby|endoflife|eol|lastorder)(date)?|"
    r"unpublish(at|on|date)|takedown(at|on|date)|"
    r"(fechade)?(vencimiento|caducidad)|(datadi)?scadenza|(datade)?validade|"
    r"date(d)?(expiration|peremption|limite)|validojusqua|valablejusquau|validohasta|geldigtot|"
    r"vervaldatum|有效期|有效期至|过期时间|下架时间|有効期限|販売終了日|срокгодности|годендо"
)
# Also the ends of shows and lives: only columns with future dates are about availability.
_VAGUE_ENDS = re.compile(
    r"(end|ends|ended|ending|closes|closing)(date|at|on|time|datetime)|enddatum|fechafin|datefin|"
    r"(fechade|datede)fin|datafine|(application)?deadline"
)
_STARTS = re.compile(
    r"(available|availability|valid|active|visible|live|online|onsale|publish|published|"
    r"publication|release|released|launch|launched|golive|listed|street)"
    r"(from|since|start|starts|startdate|startsat|date|at|on|time|timestamp|datum)|published|golive|"
    r"embargo(ed)?until|(date)(published|released|available|listed)|"
    r"(verfugbar|gultig|lieferbar|online)(ab|seit)|erscheinungsdatum|veroffentlicht(am)?|"
    r"(fechade)?(publicacion|lanzamiento)|dated?e?(publication|sortie|parution)|disponibledesde|"
    r"发布日期|发布时间|上架时间|発売日|датапубликации|датавыхода"
)


def seconds_of(column: pl.Series) -> NDArray[np.float64] | None:
    """Return the dates of a column in epoch seconds, NaN where missing; None for other columns."""
    if column.dtype.is_numeric():
        if float(column.cast(pl.Float64).abs().median() or 0) < 1e8:  # type: ignore[arg-type]
            return None
    elif column.dtype in (pl.String, pl.Categorical, pl.Enum):
        # Years from 3000 on mean "never"; times of other calendars are left out with them.
        column = blanked(column.cast(pl.String))
        column = column.set(column.str.contains(r"\b(0000|[3-9]\d{3})\b"), None)
    elif column.dtype not in (pl.Date, pl.Datetime):
        return None
    for order in (None, "day-first"):
        try:
            times = parse_times(column, "items", time_format=order)
        except DataError:
            continue
        dates = int(np.isfinite(times.values).sum())
        n_filled = len(column) - column.null_count()
        return times.values if times.real_time and dates > _MIN_SHARE * n_filled else None
    return None


def refuse_dates(column: pl.Series, now: float, source: str) -> None:
    """Raise `DataError` where a chosen column holds dates that cannot be a yes or no.

    Dates of a removal and past dates of a publication can.
    """
    name, key = column.name, key_of(column.name)
    if REMOVED_AT.fullmatch(key) or may_be_dated(name) or (seconds := seconds_of(column)) is None:
        return
    ahead = int((seconds > now).sum())
    starts = _STARTS.fullmatch(key) is not None
    if starts and not ahead:
        return
    change = "before" if starts else "after"
    raise DataError(
        f"{source}: column {name!r} holds dates{f', {ahead:,} of them in the future' * (ahead > 0)}"
        ": items would become available, or cease to be, over time. Make a column "
        f"'available' of true and false from it, such as true where {name!r} is blank or {change} "
        "today, and fit again when it changes; or leave the column out with --available-column "
        "'', columns={'available': None}"
    )


def note_dates(frame: pl.DataFrame, now: float, findings: Findings) -> None:
    """Note columns of dates by which items are no longer available, or not yet."""
    for column in frame.iter_columns():
        key = key_of(column.name)
        starts, vague = _STARTS.fullmatch(key), _VAGUE_ENDS.fullmatch(key)
        if not (starts or vague or _ENDS.fullmatch(key)) or REMOVED_AT.fullmatch(key):
            continue
        if (seconds := seconds_of(column)) is None:
            continue
        outside = seconds > now if starts else seconds < now - _DAY
        if vague and not (seconds > now).any():
            continue
        since = "future" if starts else "past"
        examples = column.filter(pl.Series(outside)).unique(maintain_order=True).head(3)
        findings.add(
            "items",
            f"{column.name!r} lies in the {since} and is not read, so that these "
            "items are recommended: if they are not to be, make a column 'available' of "
            "true and false from it",
            int(outside.sum()),
            "noted",
            map(str, examples),
        )
