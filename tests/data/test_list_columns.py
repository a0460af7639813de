"""Texts that hold lists."""

import polars as pl
import pytest

from pennyweight.data.cleaning.lists import list_values, text_lists


def read(values, name="genres"):
    lists = list_values(pl.Series(name, values, dtype=pl.String))
    return None if lists is None else lists.to_list()


@pytest.mark.parametrize("mark", ["|", ";", "; ", ", "])
def test_values_between_marks(mark):
    values = [f"Art{mark}War", f"War{mark}Sea", "Art", "Sea", None] * 3
    assert read(values) == [["Art", "War"], ["War", "Sea"], ["Art"], ["Sea"], None] * 3


@pytest.mark.parametrize(
    ("name", "mark"), [("anything", "|"), ("tags", ","), ("keywords", "; "), ("genres", " | ")]
)
def test_values_that_occur_once(name, mark):
    values = [f"word{j}{mark}deed{j}" if j % 3 else f"word{j}" for j in range(12)]
    assert read(values, name)[:2] == [["word0"], ["word1", "deed1"]]


def test_a_comma_with_a_space_is_text_where_others_have_none():
    values = ["Tools,Tapes, Glues", "Tools,Saws", "Tapes, Glues", "Saws,Tools"] * 5
    assert read(values, "categories")[:3] == [
        ["Tools", "Tapes, Glues"],
        ["Tools", "Saws"],
        ["Tapes, Glues"],
    ]


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


@pytest.mark.parametrize("name", ["tags", "at", "text", "empty"])
def test_many_lists_are_made_as_few_are(name):
    few = [None, [], ["a"], ["b", None, "a"], ["a", "a"]]
    for values in (few, few * 50, [None] * 300, [[]] * 300):
        column = text_lists(name, values)
        assert column.equals(pl.Series(name, values, dtype=pl.List(pl.String)), check_dtypes=True)
        assert column.name == name
