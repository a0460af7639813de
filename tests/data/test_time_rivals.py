"""Two columns that hold times, and times of day beside durations: the right one, or a question."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

NOW = datetime(2025, 1, 1, tzinfo=UTC)
START = datetime(2023, 11, 14, 22, 13, 20)
N, USERS, THINGS = 240, 12, 20
MOMENTS = [START + timedelta(hours=29 * (k * 101 % N), seconds=k * 61) for k in range(N)]
LOAD = [str(datetime(2024, 12, 1) + timedelta(seconds=k)) for k in range(N)]
CONSTANT = ["2024-12-01"] * N
RELEASE = [f"20{k * 7 % THINGS:02}-05-06" for k in range(N)]
SIGNUP = [f"20{k % USERS:02}-05-06" for k in range(N)]
ITEMS = pl.DataFrame(
    {
        "item_id": [f"i{k}" for k in range(THINGS)],
        "title": [f"word{k} thing" for k in range(THINGS)],
    }
)


def iso(days=0):
    return [str(moment + timedelta(days=days)) for moment in MOMENTS]


def cleaned(extra, **options):
    rows = {
        "customer": [f"u{k % USERS}" for k in range(N)],
        "product": [f"i{k * 7 % THINGS}" for k in range(N)],
    }
    return read(ITEMS, pl.DataFrame({**rows, **extra}), now=NOW, **options)


def seconds(part=1):
    return sorted(m.replace(tzinfo=UTC).timestamp() // part * part for m in MOMENTS)


@pytest.mark.parametrize(
    "columns",
    [
        {"date": RELEASE, "viewed": iso()},
        {"date": RELEASE, "fecha": iso()},
        {"timestamp": RELEASE, "order_date": iso()},
        {"export_date": CONSTANT, "bought": iso()},
        {"timestamp": CONSTANT, "bought": iso()},
        {"timestamp": CONSTANT, "created_at": iso()},
        {"delivery_date": iso(9), "ordered_on": iso()},
        {"session_start": iso(-2), "click_timestamp": iso()},
        {"shipped_at": iso(3), "fecha": iso()},
        {"created_at": iso(3), "Bestelldatum": iso()},
    ],
)
def test_the_time_is_the_column_that_can_be_it(columns):
    data = cleaned(columns)
    assert data.columns.events["time"] == [*columns][1]
    assert sorted(data.interactions.time) == seconds()


@pytest.mark.parametrize(
    "columns",
    [
        {"date": SIGNUP, "viewed": iso()},
        {"updated_at": LOAD, "added": iso()},
        {"last_modified": LOAD, "played": [int(s) for s in seconds()][::-1]},
        {"timestamp": LOAD, "order_date": iso()},
        {"shipped_at": iso(3), "wann": iso()},
        {"created_at": iso(3), "wann": iso()},
        {"date": [f"2024-1{k * 101 % N // 80}-30" for k in range(N)], "bought": iso()},
    ],
)
def test_two_columns_that_could_be_the_time_are_asked_about(columns):
    first, second = columns
    with pytest.raises(DataError, match=f"'{first}' and '{second}' could each be the time"):
        cleaned(columns)
    data = cleaned(columns, columns={"time": second})
    assert sorted(data.interactions.time) == seconds()


def test_sound_logs_raise_no_question():
    basket = cleaned({"timestamp": SIGNUP})  # all events of a user at one moment
    assert basket.interactions.real_time and "noted: no" not in str(basket.log)
    short = cleaned({"timestamp": LOAD, "published_at": RELEASE, "registered": SIGNUP})
    assert short.columns.events["time"] == "timestamp"
    both = cleaned({"timestamp": iso(), "seen": iso(1)})
    assert "'timestamp' is taken for the time; times too: 'seen'" in str(both.log)
    with pytest.raises(DataError, match="'date' has one value a user or an item"):
        cleaned({"date": RELEASE})


DAYS = [m.strftime("%Y-%m-%d") for m in MOMENTS]


@pytest.mark.parametrize(
    ("name", "write", "part"),
    [
        ("time", lambda m: m.strftime("%H:%M:%S"), 1),
        ("time", lambda m: int(m.strftime("%H%M%S")), 1),
        ("time", lambda m: m.strftime("%H%M%S"), 1),
        ("time", lambda m: int(m.strftime("%H%M")), 60),
        ("hour", lambda m: m.hour, 3_600),
        ("start_time", lambda m: m.strftime("%H:%M"), 60),
        ("time", lambda m: m.hour * 3_600 + m.minute * 60 + m.second, 1),
        ("time", lambda m: (m.hour * 3_600 + m.minute * 60 + m.second) / 86_400, 1),
        ("time", lambda m: m.strftime("1899-12-30 %H:%M:%S"), 1),
        ("time", lambda m: m.strftime("12/30/1899 %I:%M:%S %p"), 1),
        ("time", lambda m: m.replace(year=1899, month=12, day=30), 1),
    ],
)
def test_the_time_of_day_beside_a_date(name, write, part):
    data = cleaned({"date": DAYS, name: [write(m) for m in MOMENTS]})
    assert sorted(data.interactions.time) == seconds(part)
    assert "is taken for the time of day" in str(data.log)
    named = cleaned({"date": DAYS, name: [write(m) for m in MOMENTS]}, columns={"time": "date"})
    assert sorted(named.interactions.time) == seconds(part)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("time", lambda k: f"01:{k % 60:02}:{k * 7 % 60:02}"),
        ("watch_time", lambda k: f"0{k % 3}:{k % 60:02}:10"),
        ("delivery_time", lambda k: f"{k % 24}:{k % 60:02}"),
        ("play_time", lambda k: f"{k % 6}:{k % 60:02}"),
        ("play_time", lambda k: f"{k % 24}:{k % 60:02}"),
        ("hours_played", lambda k: k % 24),
        ("watch_time", lambda k: k % 24),
        ("time", lambda k: 90 + k % 60),
        ("time", lambda k: 900 + k * 251 % 60_000),
        ("time", lambda k: k * 7_919 % 240_000),
    ],
)
def test_durations_beside_a_date_are_not_added_to_it(name, write):
    columns = {"engagement": None}  # views of no time count, too
    data = cleaned({"date": DAYS, name: [write(k) for k in range(N)]}, columns=columns)
    assert sorted(data.interactions.time) == seconds(86_400)
    noted = "may be a time of day or a duration and is not used" in str(data.log)
    assert noted == (":" in str(write(1)))


def test_a_minute_beside_the_hour_is_named():
    data = cleaned(
        {"date": DAYS, "hour": [m.hour for m in MOMENTS], "minute": [m.minute for m in MOMENTS]}
    )
    assert sorted(data.interactions.time) == seconds(3_600)
    assert "'minute' is not added to 'hour'" in str(data.log)


def test_a_log_sorted_by_falling_numbers_of_plays():
    data = cleaned({"plays": [3 * N - k for k in range(N)]})
    assert "time" not in data.columns.events


def test_periods_of_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "user_id": [f"u{k % USERS}" for k in range(N)],
            "item_id": [f"i{k * 7 % THINGS}" for k in range(N)],
            "date": pandas.PeriodIndex(DAYS, freq="D"),
        }
    )
    data = read(ITEMS, frame, now=NOW)
    assert sorted(data.interactions.time) == seconds(86_400)
    assert str(frame["date"].dtype) == "period[D]"


@pytest.mark.parametrize("options", [{}, {"time_format": "%Y-%m-%d %H:%M:%S"}])
def test_most_values_are_no_times(options):
    times = [moment if k % 3 else f"no {k}" for k, moment in enumerate(iso())]
    assert cleaned({"timestamp": times}, **options).log.count("time is missing or cannot be") == 80
    times = [moment if k % 3 == 0 else f"no {k}" for k, moment in enumerate(iso())]
    with pytest.raises(DataError, match=r"160 of 240 rows .*cannot be read \(e\.g\..*'no 1'"):
        cleaned({"timestamp": times}, **options)
