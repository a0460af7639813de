"""Columns of types, weights and orders, recognised by name or by their values."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ratings import ITEMS, T0, against, pairs

from pennyweight.data.cleaning.labels import names_types
from pennyweight.data.cleaning.returns import signed_numbers
from pennyweight.data.cleaning.weights import numbers
from pennyweight.data.dataset import read
from pennyweight.errors import DataError


def log(**columns):
    """Return events of u on a, b, c, … with more columns."""
    size = len(next(iter(columns.values())))
    fixed = {
        "user_id": ["u"] * size,
        "item_id": list("abcdef"[:size]),
        "timestamp": [T0 + at for at in range(size)],
    }
    return pl.DataFrame(fixed | columns, strict=False)


@pytest.mark.parametrize(
    ("columns", "liked", "turned_down"),
    [
        ({"vote": ["up", "down", "up"]}, "ac", "b"),
        ({"vote": [1, -1, 0]}, "a", "b"),
        ({"anything": ["like", "DISLIKE ", "like"]}, "ac", "b"),
        ({"activity": ["Sale", "Return", "Refund"]}, "a", "bc"),
        ({"reaction": ["love", "haha", "dislike", "wow"]}, "abd", "c"),
        ({"kind_of": ["impression", "click", "impression"]}, "b", ""),
        ({"opinion": ["👍", "👎", "❤️"]}, "ac", "b"),
        ({"rating": ["like", "dislike", "like"]}, "ac", "b"),
        ({"rating": ["excellent", "bad", "ok"]}, "a", "b"),
        ({"event_type": ["like", None, "", "dislike"]}, "abc", "d"),
        ({"clicked": [1, None, 0]}, "a", ""),
        ({"purchased": ["yes", None, " "]}, "a", ""),
        ({"skipped": [True, False, False]}, "bc", ""),
        ({"is_like": [0, 0, 0, 0, 1]}, "e", ""),
        ({"is_returned": ["no", "yes", "no"]}, "ac", "b"),
        ({"disliked": [0, 1, 0]}, "ac", "b"),
        ({"has_refund": [0, 1, 0], "returnedFlag": [0, 0, 0]}, "ac", "b"),
        ({"user_returning": [0, 1, 0], "refundable": [1, 1, 0]}, "abc", ""),
        ({"event_type": ["buy", "buy", "view"], "is_returned": [0, 1, 0]}, "ac", "b"),
        ({"is_cancelled": [0, 1, 0], "is_returned": [0, 0, 1]}, "a", "bc"),
        ({"status": ["ok", "paid", "paid"], "refunded": [0, 1, 0]}, "ac", "b"),
        ({"cancelled_at": [None, "2020-01-01", None]}, "ac", "b"),
        ({"return_date": ["2020-01-01", "2020-01-02", None]}, "abc", ""),
        ({"amount": [9.5, -9.5, 0]}, "ac", "b"),
        ({"price": ["1.299,00 €", "-3,00 €", "2 €"]}, "ac", "b"),
        ({"qty": ["2", "(2)", "1-", "−1"]}, "a", "bcd"),
        ({"status": ["versendet", "storniert", "abgelehnt"]}, "a", "b"),
        ({"status": ["Livré", "Annulé", "Refusé"]}, "a", "b"),
        ({"device": ["mobile", "desktop", "mobile"]}, "abc", ""),
        ({"source": ["search", "like", "dislike"]}, "abc", ""),
        ({"premium": [1, 0, 1]}, "abc", ""),
        ({"clicked": ["1", "NULL", "0"]}, "a", ""),
        ({"event_type": ["like", "None", "nan", "dislike"]}, "ac", "d"),
        ({"event_type": ["view", "None", "nan", "dislike"]}, "abc", "d"),
        ({"cancelled_at": ["NULL", "2020-01-01", r"\N"]}, "ac", "b"),
        ({"rating": ["5", "NULL", "1", "4"]}, "abd", "c"),
    ],
)
def test_what_columns_say(columns, liked, turned_down):
    data = read(ITEMS, log(**columns))
    assert "".join(pair[1] for pair in pairs(data)) == liked
    assert "".join(sorted(pair[1] for pair in against(data))) == turned_down
    if turned_down and next(iter(columns)) not in ("event_type", "rating", "amount"):
        name = next(iter(columns))
        assert f"{name!r}" in str(data.log) or name in ("qty", "price")


def test_a_column_recognised_by_its_values_is_left_out_on_request():
    table = log(vote=["up", "down", "up"], is_returned=[0, 0, 1])
    data = read(ITEMS, table, columns={"type": None, "status": None})
    assert len(pairs(data)) == 3


def test_money_without_returns_has_no_role():
    assert "quantity" not in read(ITEMS, log(price=[1.5, 0.0])).columns.events
    assert read(ITEMS, log(price=[1.5, -1.5])).columns.events["quantity"] == "price"


def test_two_columns_of_types_are_asked_for():
    with pytest.raises(DataError, match="--type-column one"):
        read(ITEMS, log(one=["up", "down"], two=["like", "dislike"]))


def test_words_beside_types_are_no_weights():
    with pytest.raises(DataError, match="--weight-column"):
        read(ITEMS, log(event_type=["view", "buy"], rating=["good", "bad"]))


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["4,5", "3", "x"], [4.5, 3, None]),
        (["4 stars", "1 star", "★★★☆☆"], [4, 1, 3]),
        (["4/5", "2/5", None], [4, 2, None]),
        (["4/5", "7/10", "3"], [None, None, 3]),
        (["4.5 out of 5 stars", "80%", "-1"], [4.5, 80, -1]),
        (["1,299", "nan", "1e3"], [None, float("nan"), 1000]),
    ],
)
def test_ratings_as_people_write_them(texts, values):
    ratings = numbers(pl.Series("rating", texts)).to_list()
    assert [str(rating) for rating in ratings] == [
        str(None if v is None else float(v)) for v in values
    ]


@given(st.floats(-1e9, 1e9, allow_nan=False).filter(lambda x: abs(x) > 1e-3))
def test_signs_are_read_in_any_form(value):
    size = f"{abs(value):,.2f}"
    for text in (f"-{size} $", f"({size})", f"−{size}") if value < 0 else (size, f"+{size}"):
        quantities = signed_numbers(pl.Series("qty", [text, "x"]))
        assert quantities[1] is None
        assert quantities[0] is not None and (quantities[0] < 0) == (
            value < 0 and float(f"{value:.2f}") < 0
        )


@given(st.lists(st.text(max_size=8) | st.none(), max_size=12))
def test_any_column_can_be_looked_at(values):
    assert names_types(pl.Series("x", values, pl.String)) in (True, False)


def test_types_are_counted():
    data = read(
        ITEMS,
        log(event_type=["view", "view", "dislike", "impression", "buy"]),
        event_types={"buy": 3},
    )
    assert data.log.event_types == (
        ("view", "weight 1", 2),
        ("buy", "weight 3", 1),
        ("dislike", "negative", 1),
        ("impression", "ignore", 1),
    )


def test_types_are_recognised_in_a_log_that_is_sorted_by_them():
    sorted_log = pl.Series("feedback", ["like"] * 10_001 + ["dislike"] * 5)
    assert names_types(sorted_log)
    assert not names_types(sorted_log.head(10_001))
