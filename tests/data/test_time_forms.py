"""Times in the forms of exports: each value at its moment, or a refusal that shows the readings."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from month_names import GERMAN

from pennyweight.data.readers.time_of_day import seconds_of_day
from pennyweight.data.times import parse_times
from pennyweight.errors import DataError

MOMENTS = [datetime(2023, 11, 14, 22, 13) + timedelta(hours=37 * k, seconds=k) for k in range(60)]
RUSSIAN = (
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
)
WIDE = {code: code + 0xFEE0 for code in range(47, 58)}
DAY = 86_400


def epoch(moment):
    return moment.replace(tzinfo=UTC).timestamp()


def excel(moment):
    return (moment - datetime(1899, 12, 30)) / timedelta(days=1)


def written(pattern):
    return lambda moment: moment.strftime(pattern)


FORMS = {
    "day first": (written("%d/%m/%Y %H:%M:%S"), 1),
    "month first": (written("%m/%d/%Y %I:%M:%S %p"), 1),
    "month first, short": (lambda m: f"{m.month}/{m.day}/{m:%y %H:%M}", 60),
    "dots": (written("%d.%m.%Y, %H:%M:%S"), 1),
    "year first, short": (written("%y-%m-%d %H:%M"), 60),
    "rfc 2822": (written("%a, %d %b %Y %H:%M:%S +0000"), 1),
    "ctime": (written("%a %b %d %H:%M:%S %Y"), 1),
    "web server": (written("[%d/%b/%Y:%H:%M:%S +0000]"), 1),
    "browser": (written("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)"), 1),
    "day month year": (written("%d %b %Y"), DAY),
    "dashes": (written("%d-%b-%y"), DAY),
    "long": (written("%A, %B %d, %Y %I:%M %p"), 60),
    "german": (lambda m: f"{m.day}. {GERMAN[m.month - 1]} {m.year}", DAY),
    "chinese": (written("%Y年%m月%d日 %H:%M:%S"), 1),
    "korean": (lambda m: f"{m.year}년 {m.month}월 {m.day}일", DAY),
    "clock first": (written("%H:%M:%S %d/%m/%Y"), 1),
    "name of the month": (written("%b %Y"), 31 * DAY),
    "YYYYMM": (lambda m: int(m.strftime("%Y%m")), 31 * DAY),
    "YYYY-MM": (written("%Y-%m"), 31 * DAY),
    "YYYYMMDD": (lambda m: int(m.strftime("%Y%m%d")), DAY),
    "YYYYMMDDhhmm": (lambda m: int(m.strftime("%Y%m%d%H%M")), 60),
    "YYYYMMDDhhmmss": (lambda m: int(m.strftime("%Y%m%d%H%M%S")), 1),
    "YYMMDDhhmmss": (lambda m: int(m.strftime("%y%m%d%H%M%S")), 1),
    "YYMMDDhhmm": (lambda m: int(m.strftime("%y%m%d%H%M")), 60),
    "DDMMYYYY": (lambda m: int(m.strftime("%d%m%Y")), DAY),
    "MMDDYYYY": (written("%m%d%Y"), DAY),
    "YYMMDD": (lambda m: int(m.strftime("%y%m%d")), DAY),
    "french": (written("%d %b %Y à %H:%M"), 60),
    "russian": (lambda m: f"{m.day} {RUSSIAN[m.month - 1]} {m.year}", DAY),
    "arabic digits": (lambda m: str(m).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")), 1),
    "full width": (lambda m: f"{m:%Y/%m/%d}".translate(WIDE), DAY),
    "no-break spaces": (lambda m: f"{m:%m/%d/%Y, %I:%M:%S}\u202f{m:%p}", 1),
    "YYYYMMDDThhmmssZ": (written("%Y%m%dT%H%M%SZ"), 1),
    "spreadsheet": (excel, 1),
    "spreadsheet, whole": (lambda m: int(excel(m)), DAY),
    "spreadsheet, comma": (lambda m: str(excel(m)).replace(".", ","), 1),
    "epoch, fraction": (lambda m: epoch(m) + 0.25, 1),
    "epoch, comma": (lambda m: f"{epoch(m):.0f},25", 1),
    "epoch, groups": (lambda m: f"{epoch(m):,.0f}", 1),
    "epoch, thin spaces": (lambda m: f"{epoch(m):,.0f}".replace(",", "\u202f"), 1),
    "json": (lambda m: f"/Date({epoch(m) * 1000:.0f})/", 1),
    "mongo": (lambda m: f'ISODate("{m.isoformat()}Z")', 1),
    "zone in brackets": (written("%Y-%m-%dT%H:%M:%S+00:00[Europe/London]"), 1),
    "ticks": (lambda m: int(epoch(m) + 62_135_596_800) * 10**7, 1),
}


def read(values, **options):
    return parse_times(pl.Series("t", values, strict=False), "e.csv", **options)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_at_its_moment(form):
    write, tolerance = FORMS[form]
    times = read([write(moment) for moment in MOMENTS])
    assert times.real_time and len(times.forms) == 1
    delay = np.array([epoch(moment) for moment in MOMENTS]) - times.values
    assert (delay >= -0.5).all() and (delay < tolerance).all()


PAIRS = [
    (lambda m: str(int(epoch(m))), lambda m: m.isoformat()),
    (lambda m: int(epoch(m)), lambda m: int(epoch(m)) * 1000),
    (lambda m: int(epoch(m)) * 1000, lambda m: int(epoch(m)) * 10**6),
    (lambda m: m.isoformat(), written("%d/%m/%Y %H:%M:%S")),
    (lambda m: str(excel(m)), lambda m: m.isoformat()),
    (written("%a, %d %b %Y %H:%M:%S +0000"), lambda m: m.isoformat() + "Z"),
]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("every", [2, 3, 10])
def test_two_forms_in_one_column_are_read_each_at_its_moment(pair, every):
    times = read([pair[k % every == 0](moment) for k, moment in enumerate(MOMENTS)])
    assert times.real_time and len(times.forms) == 2
    np.testing.assert_allclose(times.values, [epoch(moment) for moment in MOMENTS], atol=0.5)
    assert sum(times.forms.values()) == len(MOMENTS)


@given(st.sampled_from(sorted(FORMS)), st.sampled_from(["?", "n/a", "soon", "7", "-3", "0", ""]))
def test_one_odd_value_never_turns_dates_into_positions(form, odd):
    write, tolerance = FORMS[form]
    values = [str(write(moment)) for moment in MOMENTS]
    times = read([*values, odd])
    assert times.real_time
    delay = np.array([epoch(moment) for moment in MOMENTS]) - times.values[:-1]
    assert (delay >= -0.5).all() and (delay < tolerance).all()
    assert np.isnan(times.values[-1]) or abs(times.values[-1]) < DAY  # missing, see `read`


def either(moment):
    return moment.replace(day=moment.day % 12 + 1).strftime("%d/%m/%Y %H:%M")


def test_day_and_month_that_nothing_decides_are_refused_with_both_readings():
    with pytest.raises(
        DataError,
        match=r"e\.csv: column 't': .*two ways.*'03/11/2023 22:13' is "
        r"03 November 2023 as day/month/year, or 11 March 2023 as "
        r"month/day/year\..*--time-format day-first.*'%m/%d/%Y %H:%M'",
    ):
        read([either(moment) for moment in MOMENTS])


@pytest.mark.parametrize("form", ["day-first", "%d/%m/%Y %H:%M"])
def test_the_reading_that_is_chosen(form):
    times = read(["03/11/2023 22:13", "04/11/2023 22:13"], time_format=form)
    assert times.values[0] == epoch(datetime(2023, 11, 3, 22, 13))
    month = form.replace("day-", "month-").replace("%d/%m", "%m/%d")
    times = read(["03/11/2023 22:13", "04/11/2023 22:13"], time_format=month)
    assert times.values[0] == epoch(datetime(2023, 3, 11, 22, 13))


def test_numbers_lose_zeros_that_a_pattern_needs():
    values = [int(moment.strftime("%d%m%Y")) for moment in MOMENTS]
    assert np.isfinite(read(values, time_format="%d%m%Y").values).all()
    either = [10_000 * (100 * (k % 12 + 1) + k % 11 + 1) + 2023 for k in range(60)]
    with pytest.raises(DataError, match="dates can be read in two ways"):
        read(either)


@given(st.lists(st.text(alphabet="0123456789٣५๓3/-.: ", max_size=20), min_size=1))
def test_digits_of_all_scripts_are_read_or_refused(texts):
    try:
        assert len(read(texts).values) == len(texts)
    except DataError:
        pass


def test_two_orders_of_day_and_month_in_one_column_are_refused():
    mixed = [
        moment.strftime("%d/%m/%Y" if k % 2 else "%m/%d/%Y") for k, moment in enumerate(MOMENTS)
    ]
    with pytest.raises(DataError, match="two orders of day and month are mixed"):
        read(mixed)


def test_positions_and_epochs_in_one_column_are_refused():
    mixed = [k if k % 3 == 0 else int(epoch(moment)) for k, moment in enumerate(MOMENTS)]
    with pytest.raises(
        DataError,
        match=r"two kinds: 19 that are no dates .*40 that could be "
        r"epoch s.*--time-format positions",
    ):
        read(mixed)
    assert not read(mixed, time_format="positions").real_time
    assert np.isfinite(read(mixed, time_format="epoch-s").values).all()


@pytest.mark.parametrize("zone", ["CET", "EST", "Europe/Berlin"])
def test_named_zones_are_refused(zone):
    with pytest.raises(DataError, match=r"60 times are in a named zone.*\+01:00"):
        read([f"{moment:%Y-%m-%d %H:%M:%S} {zone}" for moment in MOMENTS])
    pattern = f"%Y-%m-%d %H:%M:%S {zone}"
    times = read([moment.strftime(pattern) for moment in MOMENTS], time_format=pattern)
    assert times.values[0] == epoch(MOMENTS[0])


@pytest.mark.parametrize(
    ("form", "words"),
    [("dayfirst", "did you mean 'day-first'"), ("%Y#%m", "no value is of"), ("%", "no ")],
)
def test_forms_that_do_not_fit(form, words):
    with pytest.raises(DataError, match=words):
        read(["2023-11-14", "2023-11-15"], time_format=form)


@given(st.times())
def test_the_time_of_day(clock):
    seconds = clock.hour * 3600 + clock.minute * 60 + clock.second
    texts = pl.Series([clock.strftime("%H:%M:%S"), clock.strftime("%I:%M:%S %p"), "25:00", None])
    assert seconds_of_day(texts).to_list() == [seconds, seconds, None, None]
    assert seconds_of_day(pl.Series([clock])).to_list() == [
        pytest.approx(seconds + clock.microsecond / 1e6)
    ]
    for digits, at in ((3, 10_800), (930, 34_200), (93_015, 34_215), (9_975, None)):
        assert seconds_of_day(pl.Series([digits])).to_list() == [at]
        assert seconds_of_day(pl.Series([str(digits)])).to_list() == [at]
