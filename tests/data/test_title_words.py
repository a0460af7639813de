"""Items by words of their titles."""

import polars as pl
import pytest

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids

TITLES = ["Green tea", "TEA of the hills", None, "steam (a) engine"]


def catalog(attributes: pl.DataFrame) -> Catalog:
    texts = [title or "a text about Tea" for title in TITLES]
    return Catalog(Ids("abcd", "items"), texts, attributes, ("title",))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["tea"], [True, True, False, True]),
        (["TEA", "green"], [True, False, False, False]),
        (["(a)"], [False, False, False, True]),
        ([".*"], [False] * 4),
        ([], [True] * 4),
    ],
)
def test_each_word_is_part_of_the_title(words, expected):
    assert catalog(pl.DataFrame({"title": TITLES})).title_has(words).tolist() == expected


def test_a_name_or_else_the_text_takes_the_place_of_a_title():
    named = pl.DataFrame({"title": [None] * 4, "name": ["tea", "x", "y", "z"]})
    assert catalog(named).title_has(["tea"]).tolist() == [True, False, False, False]
    assert catalog(pl.DataFrame({"price": [1] * 4})).title_has(["tea"]).tolist() == [True] * 4
