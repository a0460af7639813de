"""Times that a spreadsheet, a calendar or a format has turned into others: a question, or right."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from month_names import GERMAN

from pennyweight.data.dataset import read as read_tables
from pennyweight.data.times import parse_times
from pennyweight.errors import DataError

MOMENTS = [datetime(2022, 1, 3, 9, 30, 15) + timedelta(hours=29 * k) for k in range(200)]
DAY = 86_400


def read(write, **options):
    return parse_times(
        pl.Series("t", [write(m) for m in MOMENTS], strict=False), "e.csv", **options
    )


def check(times, tolerance=1):
    delay = np.array([m.replace(tzinfo=UTC).timestamp() for m in MOMENTS]) - times.values
    assert times.real_time and (delay >= -0.5).all() and (delay < tolerance).all()


def exchanged(form):
    """Return a writer of dates as a spreadsheet of another country misreads day/month/year."""

    def write(moment):
        if moment.day > 12:
            return moment.strftime("%d/%m/%Y")
        wrong = date(moment.year, moment.day, moment.month)
        return str((wrong - date(1899, 12, 30)).days) if form is None else wrong.strftime(form)

    return write


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%d 00:00:00", "%d %b %Y", "%Y%m%d", None])
def test_days_and_months_that_a_spreadsheet_exchanged(form):
    for options in ({}, {"time_format": "day-first"}):
        with pytest.raises(DataError, match=r"exchanged day and month.*swapped.*as-written"):
            read(exchanged(form), **options)
    check(read(exchanged(form), time_format="swapped"), DAY)
    assert read(exchanged(form), time_format="as-written").real_time


def test_two_forms_of_sound_dates_raise_no_question():
    check(read(lambda m: m.strftime("%Y-%m-%d" if m.hour % 2 else "%d/%m/%Y")), DAY)
    few = pl.Series(["2022-02-01", "13/02/2022", "2022-03-02"])
    assert np.isfinite(parse_times(few).values).all()


def test_the_day_before_the_month_after_the_year():
    with pytest.raises(DataError, match=r"year, day, month.*'%Y-%d-%m %H:%M:%S'"):
        read(lambda m: m.strftime("%Y-%d-%m %H:%M:%S"))
    check(read(lambda m: m.strftime("%Y/%d/%m"), time_format="%Y/%d/%m"), DAY)
    with pytest.raises(DataError, match="two orders of day and month are mixed"):
        read(lambda m: m.strftime("%Y-%d-%m" if m.hour % 2 else "%Y-%m-%d"))
    times = read(lambda m: m.strftime("%Y-%d-%m" if m == MOMENTS[20] else "%Y-%m-%d"))
    assert np.isnan(times.values).sum() == 1


@pytest.mark.parametrize(
    ("written", "time_format", "message"),
    [
        ("%d/%m/%Y", "month-first", r"of 200 values are not of --time-format month-first"),
        ("%m/%d/%Y", "day-first", r"Say --time-format month-first"),
        ("%Y-%m-%d %H:%M %p", "%Y-%m-%d %H:%M %p", r"write %I \(hours up to 12\)"),
    ],
)
def test_a_format_that_the_values_do_not_have(written, time_format, message):
    with pytest.raises(DataError, match=message):
        read(lambda m: m.strftime(written), time_format=time_format)


@pytest.mark.parametrize(
    ("write", "pattern", "tolerance"),
    [
        (lambda m: f"{m.day}/{m.month}/{m.year}", "%-d/%-m/%Y", DAY),
        (lambda m: f"{m:%d}. {GERMAN[m.month - 1]} {m:%Y %H:%M} Uhr", "%d. %B %Y %H:%M Uhr", 60),
        (lambda m: m.strftime("%G-W%V-%u"), "%G-W%V-%u", DAY),
        (lambda m: m.strftime("%G-W%V"), "%G-W%V", 7 * DAY),
        (lambda m: f"{m} {'CEST' if m.month > 3 else 'CET'}", "%Y-%m-%d %H:%M:%S %Z", 1),
        (lambda m: m.strftime("%Y-%m-%d %H:%M:%S.%f"), "%Y-%m-%d %H:%M:%S.%f", 1),
    ],
)
def test_patterns_of_other_programs(write, pattern, tolerance):
    check(read(write, time_format=pattern), tolerance)


def test_years_of_two_digits_and_hours_without_minutes():
    check(read(lambda m: m.strftime("%y-%m-%d")), DAY)
    check(read(lambda m: m.strftime("%y-%m-%d"), time_format="year-first"), DAY)
    check(read(lambda m: int(m.strftime("%Y%m%d%H"))), 3_600)
    check(read(lambda m: f"{m:%d}. {GERMAN[m.month - 1]} {m:%Y %H:%M} Uhr"), 60)


@pytest.mark.parametrize(("years", "name"), [(-621, "Persian"), (-579, "Islamic"), (543, "Buddh")])
@pytest.mark.parametrize("time_format", [None, "%d/%m/%Y"])
def test_years_of_other_calendars(years, name, time_format):
    with pytest.raises(DataError, match=name):
        read(lambda m: f"{min(m.day, 28)}/{m.month}/{m.year + years}", time_format=time_format)


@pytest.mark.parametrize(("form", "noted"), [("%I:%M:%S", True), ("%I:%M:%S %p", False)])
def test_hours_without_their_half_of_the_day_are_noted(form, noted):
    events = pl.DataFrame(
        {
            "user_id": [f"u{k % 9}" for k in range(len(MOMENTS))],
            "item_id": [f"i{k % 11}" for k in range(len(MOMENTS))],
            "time": [m.strftime(f"%Y-%m-%d {form}") for m in MOMENTS],
        }
    )
    items = pl.DataFrame({"item_id": [f"i{k}" for k in range(11)], "title": ["a cup"] * 11})
    log = read_tables(items, events).log
    assert noted == any("from 1 to 12 o'clock" in str(entry) for entry in log.entries)
