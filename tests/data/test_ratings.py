"""Ratings, columns of 0 and 1, quantities and states of orders."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.cleaning.labels import label_meanings
from pennyweight.data.cleaning.ratings import scale_of
from pennyweight.data.cleaning.returns import complete
from pennyweight.data.cleaning.weights import numbers
from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame({"item_id": list("abcdef"), "title": [f"thing {c}" for c in "abcdef"]})
T0 = 1_600_000_000
HALVES = [x / 2 for x in range(1, 11)]


def log(*rows, columns):
    return pl.DataFrame(
        [(user, item, T0 + at, *more) for at, (user, item, *more) in enumerate(rows)],
        ("user_id", "item_id", "timestamp", *columns),
        orient="row",
    )


def pairs(data):
    got = data.interactions
    assert data.log.rows_read["events"] == len(got) + sum(
        e.count for e in data.log.entries if e.table == "events" and e.action == "dropped"
    )
    users = [got.users[user] for user in got.user.tolist()]
    return ["".join(p) for p in zip(users, ["abcdef"[i] for i in got.item.tolist()], strict=True)]


def against(data):
    got = data.interactions
    codes = zip(got.negative.user.tolist(), got.negative.item.tolist(), strict=True)
    return [f"{got.users[user]}{'abcdef'[item]}" for user, item in codes]


@pytest.mark.parametrize(
    ("name", "values", "liking"),
    [
        ("rating", [1, 2, 3, 4, 5], 3),
        ("stars", HALVES, 3),
        ("overall", [5.0, 4.0, 1.0], 3),
        ("rating", [0, 1, 2, 3, 4, 5], 3),
        ("rating", range(1, 11), 6),
        ("rating", range(1, 8), 5),
        ("rating", [1, 2, 3] * 50, 2),
        ("rating", range(0, 101, 5), 60),
        ("rating", [0, 1, 1], 1),
        ("rating", [-1, 1, 1], 1),
        ("rating", [-9.5, -0.2, 0.1, 8.25], 1e-12),
        ("star rating", [1, 5], 3),
        ("score", [1, 2, 3, 4, 5, 4, 5, 5], 3),
        ("puntos", [3, 7, 8, 9, 10, 8], 6),
        ("rating", [1, 1, 1], None),
        ("rating", [1, 20, 3_000, 4], None),
        ("rating", [1] * 50 + [2] * 30 + [5] * 9 + [60], None),
        ("score", [1] * 50 + [2] * 25 + [3] * 12 + [4] * 6, None),
        ("score", [0.12, 0.9, 0.75], None),
        ("weight", [1, 2, 3, 4, 5, 4, 5], None),
        ("value", [1, 2, 3, 4, 5, 4, 5], None),
    ],
)
def test_scales(name, values, liking):
    scale = scale_of(name, np.array(list(values), float))
    assert (scale and scale.liking) == liking


@given(st.lists(st.floats(-1e6, 1e6), max_size=40), st.sampled_from(["rating", "score", "value"]))
def test_any_values(values, name):
    scale = scale_of(name, np.array(values, float))
    if scale is not None:
        assert scale.low < scale.high and scale.liking <= scale.high


def test_low_ratings_are_no_liking():
    table = log(
        ("u", "a", 5),
        ("u", "b", 2),
        ("u", "c", 3),
        ("v", "a", 1),
        ("u", "d", 4),
        ("u", "d", 1),
        columns=["rating"],
    )
    data = read(ITEMS, table, strict=True)
    assert pairs(data) == ["ua", "uc"] and data.interactions.weight.tolist() == [5, 3]
    assert against(data) == ["ub", "ud", "va"] and tuple(data.interactions.users) == ("u", "v")
    assert "'rating' holds ratings, 1 to 5 in steps of 1: 3 and above count" in str(data.log)
    assert data.log.count("rating is low") == 3
    assert pairs(read(ITEMS, table, min_rating=5)) == ["ua"]
    assert len(pairs(read(ITEMS, table, min_rating=0))) == 6


def test_zeros_that_are_no_ratings_are_events():
    table = log(
        ("u", "a", 0),
        ("u", "b", 0),
        ("u", "c", 9),
        ("u", "d", 2),
        ("u", "e", 7),
        columns=["Book-Rating"],
    )
    data = read(ITEMS, table)
    assert pairs(data) == ["ua", "ub", "uc", "ue"]
    assert data.interactions.weight.tolist() == [1, 1, 9, 7]
    assert "not rated" in str(data.log) and against(data) == ["ud"]


def test_columns_that_look_like_ratings_are_noted():
    table = log(("u", "a", 1), *(("u", i, 5) for i in "bcd"), ("u", "e", 4), columns=["value"])
    data = read(ITEMS, table)
    assert len(pairs(data)) == 5 and "'value' looks like ratings" in str(data.log)
    assert pairs(read(ITEMS, table, min_rating=3)) == ["ub", "uc", "ud", "ue"]


def test_weights_below_zero_are_negative():
    data = read(ITEMS, log(("u", "a", 2.5), ("u", "b", -3), ("u", "c", 400), columns=["weight"]))
    assert (pairs(data), against(data)) == (["ua", "uc"], ["ub"])


def test_a_threshold_needs_ratings():
    with pytest.raises(DataError, match="--weight-column"):
        read(ITEMS, log(("u", "a"), columns=[]), min_rating=3)


@pytest.mark.parametrize(
    ("column", "values", "right"),
    [
        ("is_click", [1, 0], (["ua"], [])),
        ("clicked", ["true", "false"], (["ua"], [])),
        ("label", [True, False], (["ua"], [])),
        ("liked", [1, 0], (["ua"], ["ub"])),
        ("recommended", ["Yes", "no"], (["ua"], ["ub"])),
        ("label", [1, -1], (["ua"], ["ub"])),
        ("event_type", [1, -1], (["ua"], ["ub"])),
        ("weight", [1, 0], (["ua"], [])),
        ("rating", [1, 0], (["ua"], ["ub"])),
    ],
)
def test_columns_of_two_values(column, values, right):
    data = read(ITEMS, log(("u", "a", values[0]), ("u", "b", values[1]), columns=[column]))
    assert (pairs(data), against(data)) == right


def test_a_column_of_0_and_1_is_left_out_or_chosen_otherwise():
    table = log(("u", "a", 1, 0), ("u", "b", 0, 1), columns=["is_click", "is_like"])
    with pytest.raises(DataError, match="--type-column is_click"):
        read(ITEMS, table)
    assert pairs(read(ITEMS, table, columns={"type": "is_click"})) == ["ua"]
    assert pairs(read(ITEMS, table, columns={"type": None})) == ["ua", "ub"]
    clicks = table.drop("is_like")
    assert pairs(read(ITEMS, clicks, event_types={"0": 1})) == ["ua", "ub"]
    assert label_meanings("is_hate", ["0", "1"]) == {"0": 1.0, "1": "negative"}


def test_returns_take_back_purchases():
    data = read(
        ITEMS,
        log(
            ("u", "a", 2),
            ("u", "a", -2),
            ("u", "b", 6),
            ("u", "b", -2),
            ("u", "c", 1),
            ("u", "c", -1),
            ("u", "c", 1),
            ("u", "d", -1),
            ("u", "e", 0),
            ("u", "b", -4),
            ("v", "b", 3),
            ("v", "b", -1),
            columns=["Quantity"],
        ),
    )
    assert pairs(data) == ["uc", "vb"] and against(data) == ["ua", "ud", "ub"]
    assert data.interactions.weight.tolist() == [1, 1]


def test_a_return_of_the_same_moment_is_no_duplicate():
    table = log(("u", "a", 2), ("u", "a", -2), ("u", "b", 1), columns=["quantity"])
    data = read(ITEMS, table.with_columns(timestamp=T0))
    assert (pairs(data), against(data)) == (["ub"], ["ua"])


def test_cancelled_orders():
    rows = [("u", "a", "536365"), ("u", "b", "536366"), ("u", "a", "C536379"), ("u", "c", "536370")]
    data = read(ITEMS, log(*rows, columns=["InvoiceNo"]))
    assert (pairs(data), against(data)) == (["ub", "uc"], ["ua"])
    letters = [(u, i, f"C{at}") for at, (u, i, _) in enumerate(rows)]
    assert len(pairs(read(ITEMS, log(*letters, columns=["InvoiceNo"])))) == 4


def test_states_of_orders():
    rows = [
        ("a", "shipped"),
        ("b", "Cancelled"),
        ("c", "payment failed"),
        ("d", "REFUNDED"),
        ("e", "partially_refunded"),
        ("f", None),
    ]
    data = read(ITEMS, log(*(("u", *row) for row in rows), columns=["order_status"]))
    assert (pairs(data), against(data)) == (["ua", "ue", "uf"], ["ub", "ud"])
    all_orders = read(
        ITEMS,
        log(*(("u", *row) for row in rows), columns=["order_status"]),
        columns={"status": None},
    )
    assert len(pairs(all_orders)) == 6


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(-3, 3)), max_size=20))
def test_complete_is_as_by_hand(rows):
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    user = np.array(columns[0], np.int32)
    time, quantity = np.array(columns[1], float), np.array(columns[2], float)
    is_complete = complete(user, np.zeros(len(user), np.int32), time, quantity)
    for code in (0, 1):
        balance = 0
        own_rows = [at for at, row in enumerate(rows) if row[0] == code]
        for at in sorted(own_rows, key=lambda at: (rows[at][1], rows[at][2] < 0)):
            balance += rows[at][2]
            assert is_complete[at] == (rows[at][2] < 0 and balance <= 0)
            balance = max(balance, 0)


def test_a_weight_of_zero_says_nothing():
    rows = [
        (f"u{u}", f"i{(u + i) % 9}", 1_700_000_000 + 60 * i, 0 if i == 0 else i % 3 + 2.5)
        for u in range(9)
        for i in range(6)
    ]
    events = pl.DataFrame(rows, ["user_id", "item_id", "timestamp", "weight"], orient="row")
    items = pl.DataFrame({"item_id": [f"i{i}" for i in range(9)], "title": ["a tea"] * 9})
    data = read(items, events)
    assert len(data.interactions) == 45 and data.interactions.weight.min() > 0
    assert "weight is 0: ignored" in str(data.log)
    nothing = read(items, events.with_columns(pl.lit(0).alias("weight")))
    assert len(nothing.interactions) == 54 and set(nothing.interactions.weight) == {1.0}
    assert "every weight in 'weight' is 0: each event counts 1" in str(nothing.log)


@pytest.mark.parametrize(
    "write",
    [
        lambda r: "★" * int(r) + "½" * (r % 1 > 0),
        lambda r: "★" * int(r) + "½" * (r % 1 > 0) + "☆" * int(5 - r),
        lambda r: (
            f"{r:g} - {'Awful Poor Fair Good Excellent'.split()[int(r) - 1]}"
            if r % 1 == 0
            else f"{r:g}"
        ),
        lambda r: (
            f"{r:g} ({'Awful Poor Fair Good Excellent'.split()[int(r) - 1]})"
            if r % 1 == 0
            else f"{r:g}"
        ),
    ],
)
def test_ratings_in_halves_of_stars_and_with_their_names(write):
    ratings = [1.0, 2.0, 3.0, 4.0, 5.0, 4.5, 3.5] * 6
    column = pl.Series("rating", [write(r) for r in ratings])
    assert numbers(column).to_list() == ratings


def test_a_number_of_two_names_is_no_rating():
    column = pl.Series("rating", ["1 - bad", "1 - good", "2"] * 5)
    assert numbers(column).null_count() == 10
