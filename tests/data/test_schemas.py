"""Logs of two schemas in one file, lists of several deeds, and an index of dates."""

import datetime as dt

import pandas as pd
import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

N = 40
ITEMS = pl.DataFrame(
    {
        "id": [f"p{i}" for i in range(8)],
        "title": [f"{w} no {w[0]}" for w in "hat cap shoe belt coat vest scarf tie".split()],
    }
)
START = 1_740_787_200


def log(**columns):
    plain = {
        "user_id": [f"u{k % 5}" for k in range(N)],
        "item_id": [f"p{(k * 3) % 8}" for k in range(N)],
        "timestamp": [str(START + 3_600 * k) for k in range(N)],
    }
    return pl.DataFrame(plain | columns)


def halves(values, step=4):
    first = [v if k % step else None for k, v in enumerate(values)]
    return first, [None if k % step else v for k, v in enumerate(values)]


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("user_id", ("user_id", "userId")),
        ("user_id", ("userId", "user_id")),
        ("user_id", ("UserID", "userId")),
        ("item_id", ("item_id", "Item ID")),
        ("timestamp", ("timestamp", "Timestamp")),
    ],
)
def test_two_spellings_of_a_name_are_one_column(name, spellings):
    first, second = halves(log()[name].to_list())
    frame = (
        log()
        .drop(name)
        .with_columns(pl.Series(spellings[0], first), pl.Series(spellings[1], second))
    )
    data, plain = read(ITEMS, frame), read(ITEMS, log())
    assert len(data.interactions) == N
    assert sorted(data.interactions.users) == sorted(plain.interactions.users)
    assert sorted(data.interactions.time) == sorted(plain.interactions.time)
    assert f"10 changed: {spellings[1]!r} is read as {spellings[0]!r}" in str(data.log)


def test_spellings_that_differ_are_asked_about():
    frame = log(UserID=[f"device{k % 3}" for k in range(N)])
    with pytest.raises(DataError, match=r"'UserID' could each be the user, and differ in 40 of 40"):
        read(ITEMS, frame)
    assert len(read(ITEMS, frame, columns={"user": "UserID"}).interactions.users) == 3
    assert len(read(ITEMS, log(UserID=log()["user_id"])).interactions) == N


@pytest.mark.parametrize(
    ("name", "other", "role"),
    [
        ("user_id", "customer_id", "user"),
        ("item_id", "product_id", "item"),
        ("timestamp", "created_at", "time"),
    ],
)
def test_a_half_in_a_column_of_another_name_is_asked_about(name, other, role):
    first, second = halves(log()[name].to_list())
    frame = log(**{name: first, other: second})
    with pytest.raises(DataError, match=rf"{other!r} is filled.*--{role}-column {name}"):
        read(ITEMS, frame)
    data = read(ITEMS, frame, columns={role: name})
    assert len(data.interactions) == N - 10


def test_guests_beside_visitors_are_no_second_schema():
    frame = log(user_id=halves(log()["user_id"].to_list())[0], visitor_id=log()["user_id"])
    assert len(read(ITEMS, frame).interactions) == N - 10


@pytest.mark.parametrize(
    ("name", "other", "size"),
    [
        ("liked", "disliked", 2),
        ("liked", "disliked", 3),
        ("viewed", "purchased", 2),
        ("item_ids", "skipped", 1),
    ],
)
def test_lists_of_several_deeds_are_asked_about(name, other, size):
    frame = pl.DataFrame(
        {
            "user_id": [f"u{k}" for k in range(6)],
            name: [[f"p{(k + j) % 8}" for j in range(3)] for k in range(6)],
            other: [[f"p{(k + 4 + j) % 8}" for j in range(size)] for k in range(6)],
        }
    )
    with pytest.raises(DataError, match=rf"'{name}', '{other}' are lists of deeds"):
        read(ITEMS, frame)
    assert len(read(ITEMS, frame, columns={"item": name}).interactions) == 18


def test_lists_of_other_things_stand_beside_items():
    frame = pl.DataFrame(
        {"user_id": ["a", "b"], "item_ids": [["p1", "p2"], ["p3"]], "tags": [["x"], ["y", "z"]]}
    )
    assert len(read(ITEMS, frame).interactions) == 3


def test_an_index_of_dates_without_a_name_is_the_time():
    times = [dt.datetime(2025, 3, 1) + dt.timedelta(hours=(7 * k) % N) for k in range(N)]
    frame = log().drop("timestamp").to_pandas()
    frame.index = pd.DatetimeIndex(times)
    data = read(ITEMS, frame)
    assert data.columns.events["time"] == "timestamp"
    assert sorted(data.interactions.time) == [START + 3_600 * k for k in range(N)]
    assert "the index of the pandas frame, of dates, is the time" in str(data.log)
    frame["timestamp"] = START
    assert "of dates, is not used" in str(read(ITEMS, frame).log)
