"""Columns of 0 and 1, answers and counts that say whether something happened."""

import polars as pl
import pytest
from test_rating_scales import ITEMS, N, log

from pennyweight.data.dataset import read
from pennyweight.errors import DataError


def cycle(*values):
    return [values[at % len(values)] for at in range(N)]


@pytest.mark.parametrize(
    ("columns", "liked", "against"),
    [
        ({"target": cycle(1, 0, 0)}, 80, 0),
        ({"y": cycle("1", "0", "0")}, 80, 0),
        ({"relevant": cycle(True, False, False)}, 80, 0),
        ({"engaged": cycle("ja", "nein", "nein")}, 80, 0),
        ({"recommended": cycle("Recommended", "Not Recommended", "Recommended")}, 160, 80),
        ({"would_recommend": cycle("Yes", "No", "Maybe")}, 80, 80),
        ({"clicks": cycle(0, 1, 2)}, 160, 0),
        ({"impressions": cycle(5, 3, 9), "clicks": cycle(0, 0, 2)}, 80, 0),
        ({"add_to_carts": cycle(0, 2, 0), "purchases": cycle(0, 0, 2)}, 160, 0),
        ({"plays": cycle(1, 2, 9)}, N, 0),
        ({"n_orders": cycle(0, 1, 2)}, N, 0),
        ({"like": cycle(1, 0, 0), "dislike": cycle(0, 1, 0)}, 80, 80),
        ({"thumbs_up": cycle(1, 0, 0), "thumbs_down": cycle(0, 1, 0)}, 80, 80),
        ({"like": cycle(1, 0, 0, 0, 0, 0), "dislike": cycle(0, 1, 0)}, 40, 80),
        ({"liked": cycle(1, 1, 0), "returned": cycle(0, 1, 0)}, 80, 160),
        ({"quantity": cycle(1, 2), "is_favorite": cycle(0, 0, 0, 1)}, N, 0),
    ],
)
def test_what_labels_say(columns, liked, against):
    data = read(ITEMS, log(**columns), strict=True)
    assert (len(data.interactions), len(data.interactions.negative.user)) == (liked, against)


def test_answers_that_may_deny_are_asked_about():
    with pytest.raises(DataError, match="'Probably not=negative'"):
        read(ITEMS, log(would_recommend=cycle("Definitely", "Probably not", "No")))


def test_marks_beside_other_events_are_asked_about():
    table = log(page=cycle("/a", "/b"), saved=cycle(0, 0, 0, 1))
    with pytest.raises(DataError, match="--type-column saved"):
        read(ITEMS, table)
    assert len(read(ITEMS, table, columns={"type": "saved"}).interactions) == N / 4
    assert len(read(ITEMS, table, columns={"type": None}).interactions) == N


@pytest.mark.parametrize("role", ["user_id", "item_id"])
@pytest.mark.parametrize("name", ["subscribed", "is_like", "clicked", "membership"])
def test_one_answer_a_user_or_an_item_is_an_attribute(role, name):
    table = log()
    answers = ("subscribed", "unsubscribed") if name == "membership" else ("0", "1")
    values = [answers[int(id_[1:]) % 2] for id_ in table[role].to_list()]
    data = read(ITEMS, table.with_columns(pl.Series(name, values)))
    assert "type" not in data.columns.events and len(data.interactions) == N
    assert f"{name!r} has one value a" in str(data.log)


def test_the_only_other_column_of_0_and_1_is_named():
    data = read(ITEMS, log(premium=cycle(0, 1, 1)))
    assert len(data.interactions) == N and "'premium' is not used" in str(data.log)
