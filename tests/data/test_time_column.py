"""Which column is the time: by name, by content, or a question."""

import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from pennyweight.data.cleaning.time_names import rank
from pennyweight.data.dataset import read
from pennyweight.errors import DataError

NOW = datetime(2025, 1, 1, tzinfo=UTC)
START = datetime(2023, 11, 14, 22, 13, 20)
N, USERS = 240, 12
ITEMS = pl.DataFrame(
    {"item_id": [f"i{k}" for k in range(20)], "title": [f"word{k} thing" for k in range(20)]}
)


def moments(n=N):
    """Return the moments of an export, the newest first."""
    return [START + timedelta(hours=7 * k, seconds=k) for k in range(n)][::-1]


def export(**columns):
    """Return events, the newest first, with further columns."""
    rows = {
        "customer": [f"u{k % USERS}" for k in range(N)],
        "product": [f"i{k * 7 % 20}" for k in range(N)],
    }
    return pl.DataFrame({**rows, **columns}, strict=False)


def cleaned(events, **options):
    return read(ITEMS, events, now=NOW, **options)


def iso(shift=0):
    return [str(moment + timedelta(days=shift)) for moment in moments()]


def is_in_order(data):
    """Say whether every event has its moment: the first of a user is the last in the file."""
    first = data.interactions.item[data.interactions.user == 0][0]
    is_complete = data.interactions.real_time and len(data.interactions) == N
    return is_complete and data.catalog.ids[first] == f"i{(N - USERS) * 7 % 20}"


NAMES = [
    "order_date",
    "t_dat",
    "event_timestamp",
    "purchase_date",
    "InvoiceDate",
    "created",
    "viewed_at",
    "review_date",
    "occurred_at",
    "server_time",
    "collector_tstamp",
    "Timestamp (UTC)",
    "dt",
    "when",
    "Event Time",
    "played_at",
    "unix_time",
    "sent_at",
    "order_purchase_timestamp",
    "Order Date",
    "event.timestamp",
    "timestamp:float",
    "eventTime",
    "CHECKOUT_AT",
    "seen_ts",
    "fecha",
    "zeitpunkt",
    "日時",
    "x",
]


@pytest.mark.parametrize("name", NAMES)
def test_an_export_that_begins_with_the_newest_event(name):
    data = cleaned(export(**{name: iso()}))
    assert data.columns.events["time"] == name
    assert is_in_order(data)


def test_the_order_of_the_names():
    names = ("timestamp", "date", "InvoiceDate", "tasted_at", "created", "updated_at", "birth_date")
    assert [rank(name) for name in names] == [0, 1, 2, 3, 4, 5, 6]
    assert rank("price") is None


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("order_date", ("updated_at", "delivered_at", "created_at")),
        ("created_at", ("updated_at", "loaded_at")),
        ("order_purchase_timestamp", ("order_approved_at", "order_estimated_delivery_date")),
        ("timestamp", ("date", "received_at")),
    ],
)
def test_the_time_of_the_event_wins_and_the_log_says_so(name, others):
    shifted = {other: iso(3 + k) for k, other in enumerate(others)}
    data = cleaned(export(**shifted, **{name: iso()}))
    assert data.columns.events["time"] == name and is_in_order(data)
    assert f"column {name!r} is taken for the time; also named like times" in str(data.log)


def test_two_times_with_an_equal_claim_are_asked_for():
    with pytest.raises(
        DataError,
        match=r"'order_time' and 'purchase_time' could each be the "
        r"time .*--time-column NAME",
    ):
        cleaned(export(order_time=iso(), purchase_time=iso(3)))
    with pytest.raises(DataError, match="'a' and 'b' could each be the time"):
        cleaned(export(a=iso(), b=iso(3)))
    assert is_in_order(cleaned(export(a=iso(), b=iso(3)), columns={"time": "a"}))
    day = [moment[:10] for moment in iso()]
    assert is_in_order(cleaned(export(ts=iso(), date=day)))  # they agree


def test_birthdays_releases_prices_and_ids_are_no_times():
    birth = [f"{1960 + k % USERS}-05-06" for k in range(N)]
    release = [f"{2001 + k * 7 % 20}-05-06" for k in range(N)]
    ids = [1_700_000_000 + k * 7_919 % 100_003 for k in range(N)]
    more = {"b": birth, "r": release, "basket_id": ids, "paid": [k % 7 + 0.99 for k in range(N)]}
    data = cleaned(export(**more, wann=iso()))
    assert data.columns.events["time"] == "wann" and is_in_order(data)
    assert "'wann' is taken, the only one that holds times, from 2023-11-14" in str(data.log)
    bare = cleaned(export(birthday=birth, release_date=release, basket_id=ids))
    assert "time" not in bare.columns.events
    with pytest.raises(DataError, match=r"'b' holds dates that may be of something else"):
        cleaned(export(b=[f"{2000 + k % USERS}-05-06" for k in range(N)]))


FALLING = {
    "order_id": [90_000 - 3 * k for k in range(N)],
    "receipt": [f"B-{90_000 - 3 * k}" for k in range(N)],
    "week": [f"{2024 - k // 120} no {52 - k % 120 // 3:02}" for k in range(N)],
    "rank": [k % 10 for k in range(N)],
    "Nr": [float(900 - k) for k in range(N)],
    "seen": [f"{k % 23 + 2} hours ago" for k in range(N)],
}


@pytest.mark.parametrize("name", FALLING)
def test_rows_that_could_be_newest_first_are_asked_about(name):
    events = export(**{name: FALLING[name]})
    with pytest.raises(
        DataError,
        match=r"newest events may come first.*--time-column ''"
        r".*--row-order newest-first",
    ):
        cleaned(events)
    for order, first in (
        ({"columns": {"time": None}}, 0),
        ({"row_order": "oldest-first"}, 0),
        ({"row_order": "newest-first"}, N - USERS),
    ):
        data = cleaned(events, **order)
        assert data.catalog.ids[data.interactions.item[0]] == f"i{first * 7 % 20}"
        assert data.log.count("the order of rows stands for time") == N


def test_numbers_that_rise_with_the_rows_say_the_same_as_the_rows():
    data = cleaned(export(order_id=[3 * k for k in range(N)], position=list(range(N))))
    assert "time" not in data.columns.events


def test_texts_that_are_no_times_raise_no_question():
    words = ["good", "bad", "so so", "as expected, 5 of 5"]
    data = cleaned(
        export(
            comment=[words[k % 4] for k in range(N)],
            size=["XL", "M"] * (N // 2),
            key=[f"{k * 7919:032x}" for k in range(N)],
            colour=["red 1"] * N,
            basket_id=[f"s {k % 50}-{k}" for k in range(N)],
        )
    )
    assert "time" not in data.columns.events


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("time", [k * 5 % 24 for k in range(N)]),
        ("day", [k % 31 + 1 for k in range(N)]),
        ("view_time", [k * 37 % 400 + 1 for k in range(N)]),
        ("month", [k % 12 + 1 for k in range(N)]),
    ],
)
def test_hours_days_and_durations_are_no_times(name, values):
    with pytest.raises(DataError, match=f"{name!r} is named like a time and holds small numbers"):
        cleaned(export(**{name: values}))
    data = cleaned(export(**{name: values}, created_at=iso()))
    assert data.columns.events["time"] == "created_at" and is_in_order(data)


DRAWN = random.Random(1)
SECONDS = [DRAWN.randrange(3, 1_800) for _ in range(N)]


@pytest.mark.parametrize("name", ["time", "timestamp", "ts", "date"])
@pytest.mark.parametrize(
    "values",
    [
        SECONDS,
        [1_000 * s + k for k, s in enumerate(SECONDS)],
        [s / 7 for s in SECONDS],
        [k * k * 7_919 % 86_400 for k in range(N)],
        [202_501 + k * k * 101 % 52 for k in range(N)],
    ],
)
def test_seconds_and_weeks_do_not_order_a_history(name, values):
    with pytest.raises(DataError, match=f"{name!r} is named like a time and holds small numbers"):
        cleaned(export(**{name: values}))
    data = cleaned(export(**{name: values}), columns={"time": name})
    assert not data.interactions.real_time
    for other in ("created_at", "fecha"):
        assert is_in_order(cleaned(export(**{name: values, other: iso()})))


@pytest.mark.parametrize(
    "values",
    [
        list(range(N)),
        [N - k for k in range(N)],  # in the order of the rows
        [k * 101 % N for k in range(N)],  # shuffled
        [3 * (k * 101 % N) for k in range(N)],  # a sample of the rows
        [k * 101 % N // USERS for k in range(N)],  # the rows of each user, shuffled
        [k // USERS for k in range(N)],  # baskets
        [50.5 * k * k for k in range(N)],  # seconds since the first event
    ],
)
def test_numbers_that_count_rows_are_positions(values):
    data = cleaned(export(timestamp=values))
    assert data.columns.events["time"] == "timestamp" and not data.interactions.real_time
    dated = cleaned(export(timestamp=values, created_at=iso()))
    assert dated.columns.events["time"] == "created_at"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("week", [202_500 + k * 101 % 52 for k in range(N)]),
        ("WeekNo", [k * 101 % 52 for k in range(N)]),
        ("period", [f"P2025{s % 12 + 1:02}" for s in SECONDS]),
        (
            "season",
            [f"{('Winter', 'Spring', 'Summer')[k * 101 % N % 7 % 3]} 2025" for k in range(N)],
        ),
    ],
)
def test_periods_are_asked_about(name, values):
    with pytest.raises(DataError, match=rf"column {name!r} .*--time-column {name}"):
        cleaned(export(**{name: values}))
    data = cleaned(export(**{name: sorted(values)}), columns={"time": None})
    assert "time" not in data.columns.events


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("year", [2_000 + k * 7 % 20 for k in range(N)]),  # of an item
        ("season", [f"SS{k * 7 % 20}" for k in range(N)]),
        ("day_of_week", [k * 101 % 7 for k in range(N)]),
        ("week", [k // 12 for k in range(N)]),
    ],
)
def test_other_pairs_of_times_raise_no_question(name, values):
    assert "time" not in cleaned(export(**{name: values})).columns.events


@pytest.mark.parametrize("form", ["%G-W%V", "%GW%V"])
def test_iso_weeks_are_their_mondays(form):
    data = cleaned(export(week=[m.strftime(form) for m in moments()]))
    assert data.interactions.real_time and data.columns.events["time"] == "week"
    assert {datetime.fromtimestamp(t, UTC).isoweekday() for t in data.interactions.time} == {1}


def test_positions_and_numbers_of_days():
    data = cleaned(export(timestamp=[N - k for k in range(N)]))
    assert not data.interactions.real_time
    assert data.catalog.ids[data.interactions.item[0]] == f"i{(N - USERS) * 7 % 20}"
    assert "time" in cleaned(export(day=[700 - k for k in range(N)])).columns.events


def test_a_name_of_a_time_with_values_that_cannot_be_read():
    with pytest.raises(DataError, match="no time can be read: 'Saturday'"):
        cleaned(export(date=["Saturday"] * N))


def test_doubtful_dates_under_any_name():
    either = [f"{k % 12 + 1:02}/{k % 11 + 1:02}/2023" for k in range(N)]
    with pytest.raises(DataError, match=r"column 'fecha'.*two ways"):
        cleaned(export(fecha=either))
    data = cleaned(export(fecha=either), time_format="day-first")
    assert data.columns.events["time"] == "fecha" and data.interactions.real_time


def test_a_form_without_a_time():
    with pytest.raises(DataError, match=r"no column is known as the time\. Name it with"):
        cleaned(export(), time_format="%d/%m/%Y")
    odd = [moment.strftime("%Y#%m#%d %H") for moment in moments()]
    assert is_in_order(cleaned(export(z=odd), time_format="%Y#%m#%d %H"))


@pytest.mark.parametrize("clock", ["%H:%M:%S", "%I:%M:%S %p"])
def test_the_time_of_day_in_a_column_of_its_own(clock):
    parts = {
        "date": [m.strftime("%d/%m/%Y") for m in moments()],
        "time": [m.strftime(clock) for m in moments()],
    }
    data = cleaned(export(**parts))
    assert (data.columns.events["time"], data.columns.events["clock"]) == ("date", "time")
    assert sorted(data.interactions.time) == [
        m.replace(tzinfo=UTC).timestamp() for m in moments()[::-1]
    ]
    parts["time"][0] = "?"
    assert cleaned(export(**parts)).log.count("midnight is used") == 1


FILLERS = ["1970-01-01", "1900-01-01", "0001-01-01", "9999-12-31", "0", "-1", "?", None]


@pytest.mark.parametrize("filler", FILLERS)
def test_moments_that_stand_for_a_missing_one_are_dropped_and_counted(filler):
    data = cleaned(export(ts=[filler, *iso()[1:]]))
    assert len(data.interactions) == N - 1 and data.interactions.real_time
    assert sum(e.count for e in data.log.entries if e.action == "dropped") == 1


def test_two_forms_are_named_with_the_first_and_last_moment():
    mixed = [
        m.isoformat() if k % 3 else int(m.replace(tzinfo=UTC).timestamp())
        for k, m in enumerate(moments())
    ]
    data = cleaned(export(timestamp=list(map(str, mixed))))
    assert is_in_order(data)
    assert (
        "each read at its moment: 160 as ISO 8601, 80 as epoch s; from 2023-11-14 22:13:20 "
        "to 2024-01-23"
    ) in str(data.log)


@pytest.mark.parametrize("key", [lambda k: k % USERS, lambda k: k * 7 % 20])
def test_the_creation_of_an_account_or_an_item_is_no_event(key):
    created = [f"{2001 + key(k)}-05-06" for k in range(N)]
    with pytest.raises(DataError, match=r"'created_at' has one value a user or an item"):
        cleaned(export(created_at=created))
    data = cleaned(export(created_at=created, updated_at=created, sent_at=iso()))
    assert data.columns.events["time"] == "sent_at" and is_in_order(data)
    same = cleaned(export(created_at=["2024-01-01"] * N))  # it says nothing, and misleads nobody
    assert same.columns.events["time"] == "created_at"


def test_an_order_of_rows_that_there_is_not():
    with pytest.raises(DataError, match="row_order is 'newest'; it must be 'oldest-first' or"):
        cleaned(export(), row_order="newest")
