import polars as pl
import pytest

from pennyweight.data.attributes import user_values
from pennyweight.data.dataset import read
from pennyweight.data.ids import Ids
from pennyweight.errors import DataError


def values(users, column):
    frame = pl.DataFrame({"user": users, "country": column})
    return user_values(frame, "user", "country", Ids(["a", "b", "c"], "users"), source="e.csv")


def test_the_value_of_most_events_the_first_of_equals():
    countries = values(["a", "a", "a", "b", "b", None], ["FR", "DE", "DE", "IT", "ES", "XX"])
    assert countries.to_list() == ["DE", "IT", None]
    assert countries.name == "country"


def test_blanks_do_not_count_and_numbers_are_numbers():
    assert values(["a", "a", "b"], [" ", None, "7"]).to_list() == [None, 7, None]
    assert values(["a", "b", "c"], ["31", "7.5", "x"]).to_list() == ["31", "7.5", "x"]


def test_bad_columns_are_named():
    with pytest.raises(DataError, match=r"e\.csv: columns are 'user'.* no 'age'.*--user-attribute"):
        user_values(
            pl.DataFrame({"user": ["a"]}), "user", "age", Ids(["a"], "users"), source="e.csv"
        )
    with pytest.raises(DataError, match="one value a row"):
        values(["a"], [["FR"]])


def test_read_keeps_the_codes():
    items = pl.DataFrame({"item_id": ["i", "j"], "title": ["tea", "mate"]})
    events = pl.DataFrame(
        {"user_id": ["z", "gone", "y"], "item_id": ["i", "?", "j"], "age": [40, 9, 20]}
    )
    data = read(items, events, user_attribute="age")
    ages = dict(zip(data.interactions.users, data.user_attribute, strict=True))
    assert ages == {"z": 40, "y": 20}
    assert read(items, events).user_attribute is None
