"""Texts that hold lists."""

import polars as pl
import pytest

from pennyweight.data.cleaning.lists import list_values


def read(values, name="genres"):
    lists = list_values(pl.Series(name, values, dtype=pl.String))
    return None if lists is None else lists.to_list()


@pytest.mark.parametrize("mark", ["|", ";", "; ", ", "])
def test_values_between_marks(mark):
    values = [f"Art{mark}War", f"War{mark}Sea", "Art", "Sea", None] * 3
    assert read(values) == [["Art", "War"], ["War", "Sea"], ["Art"], ["Sea"], None] * 3


@pytest.mark.parametrize("text", ['["a", "b"]', "['a', 'b']", "('a', 'b')"])
def test_literal_lists(text):
    assert read([text, "[]"], "anything") == [["a", "b"], []]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("category", ["Clothing, Shoes & Jewelry", "Home, Kitchen", "Sports"] * 5),
        ("brand", ["Ruth, Inc", "Bo, Ltd", "Ruth, Ltd"] * 5),
        ("summary", [f"It rains; it pours, the {j}th day | the end" for j in range(9)]),
        ("genres", ["Drama", "Art"] * 5),
        ("note", ["[1] first", "(2)"]),
    ],
)
def test_other_texts_stay(name, values):
    assert read(values, name) is None
