from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pennyweight.errors import DataError
from pennyweight.recommender import Filter
from shop import TITLES, catalog

ATTRIBUTES = catalog().attributes


def matching(text: str) -> str:
    """Return the first letters of the titles that meet a condition: EPPMTDCT in order."""
    mask = Filter.parse(text, ATTRIBUTES.schema).mask(ATTRIBUTES)
    assert mask.dtype == bool
    return "".join(str(i) for i in np.flatnonzero(mask))


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('brand == "X"', "015"),
        ("brand == 'X'", "015"),
        ('"X" == brand', "015"),
        ('brand != "X"', "23467"),  # a missing brand is not X
        ('not brand == "X"', "23467"),
        ("price < 8.5", "067"),
        ("price <= 8.5", "0167"),
        ("8.5 < price", "23"),
        ("price > 8.5", "23"),  # neither null nor NaN is above
        ("price is null", "45"),
        ("price is not null", "012367"),
        ("year >= 1897", "457"),
        ("year == 1815.0", "0"),
        ("year > 99999999999999999999", ""),
        (f"year > {'9' * 309}", ""),
        (f"year > -{'9' * 1_900}", "01234567"),
        (f"{'9' * 309} > price", "012367"),
        (f"year in [1815, {'9' * 309}]", "0"),
        (f"year == {'0' * 5_000}1815", "0"),
        ("year < 9223372036854775807", "01234567"),
        ("year > -1e999", "01234567"),
        ("year in [1813, 1815]", "02"),
        ("year not in [1813, 1815,]", "134567"),
        ("year in []", ""),
        ('brand in ["X", "Z"]', "0157"),
        ('"sea" in subjects', "347"),
        ('"sea" not in subjects', "01256"),
        ('subjects has "love"', "012"),
        ('subjects contains "love"', "012"),
        ('subjects has "lov"', ""),  # a whole element
        ('title contains "THE"', "7"),  # a piece of a text, capitals or not
        ('"." in title', ""),  # no pattern
        ("in_stock", "01357"),
        ("not in_stock", "246"),
        ("in_stock == false", "26"),
        ("in_stock != true", "246"),
        ("`page count` > 7", "7"),
        ('brand == "X" and price < 8 or year == 1904', "07"),
        ('brand == "X" and (price < 8 or year == 1817)', "01"),
        ("NOT (year < 1850 OR year > 1900) AND in_stock", "35"),
        ("not not in_stock", "01357"),
        (" and ".join(["in_stock"] * 500), "01357"),
        ("(" * 40 + "in_stock" + ")" * 40, "01357"),
        (r'title == "\"\\\n"', ""),
    ],
)
def test_conditions(text: str, items: str) -> None:
    assert matching(text) == items
    assert len(TITLES) == 8


@pytest.mark.parametrize(
    ("text", "message", "caret"),
    [
        ("", "empty", 0),
        ("brnd == 3", "no column 'brnd'; did you mean brand", 0),
        ("in_stock and pric < 3", "did you mean price", 13),
        ("`no such`", "no column 'no such'", 0),
        ("year ==", "expected a value, found the end", 7),
        ("year = 3", "equality is written ==", 5),
        ("brand == X", 'text stands in quotes: "X"', 9),
        ('brand == "X', "is not closed", 9),
        ("year < 3 3", "expected and, or, or the end", 9),
        ("(year < 3", r"expected '\)'", 9),
        ("year", "not true or false by itself", 0),
        ('year == "3"', "needs a number, not '3'", 0),
        ("brand == 3", "needs text in quotes", 0),
        ("in_stock == 1", "needs true or false", 0),
        ("in_stock < true", "with == or !=", 0),
        ("subjects == 3", "holds lists; ask .* with contains", 0),
        ("year contains 3", "neither list nor text", 0),
        ("title contains 3", "put the value in quotes", 0),
        ("subjects has 3", "needs text in quotes", 0),
        ("3", "expected 'in' or a comparison", 1),
        ("year is 3", "expected 'null'", 8),
        ("year not 3", "expected 'in'", 9),
        ("year in [1", "expected ','", 10),
        ("__import__('os')", "no column '__import__'", 0),
        (r'title == "\x"', "unknown escape", 10),
        ("year ; 3", "cannot read ';'", 5),
        ("not " * 60 + "in_stock", "nested deeper than 50", 200),
        ("(" * 5000, "nested deeper than 50", 50),
    ],
)
def test_mistakes_are_shown_where_they_are(text: str, message: str, caret: int) -> None:
    with pytest.raises(DataError, match=message) as error:
        Filter.parse(text, ATTRIBUTES.schema)
    line, under = str(error.value).splitlines()[-2:]
    assert under.strip() == "^"
    at = under.index("^") - 2
    assert (line + " ")[2 + at : 3 + at] == (text + " ")[caret]
    if caret <= 60:
        assert at == caret


def test_a_long_expression_is_refused() -> None:
    with pytest.raises(DataError, match="at most 10,000"):
        Filter.parse("(" * 10_001, {})


def test_other_types() -> None:
    frame = pl.DataFrame(
        {
            "day": [date(2024, 1, 31), date(2025, 1, 1), None],
            "at": [datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), None],
            "kind": pl.Series(["a", "b", None], dtype=pl.Categorical),
            "sort": pl.Series(["a", "b", None], dtype=pl.Enum(["b", "a"])),
            "cost": pl.Series(["1.5", "2.5", None]).cast(pl.Decimal(10, 2)),
            "tiny": pl.Series([1, 200, None], dtype=pl.UInt8),
            "nothing": [None, None, None],
            "sizes": [[1, 2], [3], None],
            "pair": pl.Series([[1, 2], [3, 4], None], dtype=pl.Array(pl.Int64, 2)),
            "voids": pl.Series([[], [None], None], dtype=pl.List(pl.Null)),
            "box": [{"a": 1}, {"a": 2}, None],
            "^t.*$": [1, 2, 3],
            "*": [1, 2, 3],
        }
    )
    expected = {
        'day >= "2024-12-31"': "1",
        'day == "2024-01-31"': "0",
        'at < "2025-01-01"': "0",
        'at == "2024-01-01T13:00:00+01:00"': "0",
        'kind == "a"': "0",
        'kind contains "B"': "1",
        'sort < "b"': "0",  # as text, not by the order of the enumeration
        "cost > 2": "1",
        "tiny > -1": "01",
        "tiny == 1000": "",
        "nothing == 3": "",
        "nothing != 3": "012",
        'nothing has "x"': "",
        "nothing is null": "012",
        "sizes has 3": "1",
        "sizes has 2.0": "0",
        "4 in pair": "1",
        "voids has 1": "",
        "box is not null": "01",
        "`^t.*$` == 2": "1",
        "`*` == 3": "2",
    }
    for text, items in expected.items():
        mask = Filter.parse(text, frame.schema).mask(frame)
        assert "".join(map(str, np.flatnonzero(mask))) == items, text
        assert Filter.parse(text, frame.schema).mask(frame[:0]).shape == (0,)
    for text in ('day == "soon"', "day == 2024", 'box == "a"', 'at > "0001-01-01T00:00:00+14:00"'):
        with pytest.raises(DataError):
            Filter.parse(text, frame.schema)


PIECES = st.sampled_from(
    [
        *ATTRIBUTES.columns,
        "`page count`",
        "==",
        "!=",
        "<",
        ">=",
        "in",
        "not",
        "has",
        "contains",
        "and",
        "or",
        "is",
        "null",
        "(",
        ")",
        "[",
        "]",
        ",",
        '"X"',
        "'",
        "3",
        "-1.5e9",
        "true",
        "\\",
        "1e400",
        "9" * 30,
        "\ud800",
        '"\ud800"',
        "\0",
        "é",
        "=",
        "2024",
    ]
)


@settings(max_examples=3 * settings.default.max_examples)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=9).map(" ".join)))
def test_no_text_does_more_than_match_or_be_refused(text: str) -> None:
    try:
        mask = Filter.parse(text, ATTRIBUTES.schema).mask(ATTRIBUTES)
    except DataError:
        return
    assert mask.shape == (8,)
    assert mask.dtype == bool


PRODUCTS = pl.DataFrame(
    {
        "genres": [["Martial Arts"], ["Art", "War"], ["art"], None],
        "brand": ["Acme", "ACME", "Zeta", None],
        "price": ["5", "12.99", "from 3", "$7"],
        "day": ["2024-01-31", "2024-02-01", "2023-12-31", None],
        "seen": ["31/01/2024", "2024-02-01", None, None],
    }
)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('genres contains "Art"', [1]),
        ('"Art" in genres', [1]),
        ('genres contains "art" ignore case', [1, 2]),
        ('"ART" in genres Ignore Case and brand == "acme" ignore case', [1]),
        ('brand == "acme"', []),
        ('brand == "acme" ignore case', [0, 1]),
        ('brand != "acme" ignore case', [2, 3]),
        ('brand in ["acme", "zETA"] ignore case', [0, 1, 2]),
        ('brand not in ["acme"] ignore case', [2, 3]),
        ('brand contains "cm" ignore case', [0, 1]),
        ('day >= "2024-01-31"', [0, 1]),
        ('"2024-01" > day', [2]),
        ('brand < "B"', [0, 1]),
    ],
)
def test_list_columns_are_sets_and_case_is_ignored_on_request(text, items):
    assert np.flatnonzero(Filter.parse(text, PRODUCTS).mask(PRODUCTS)).tolist() == items


@pytest.mark.parametrize("value", ["50", '"50"', '"2024-01-31"'])
def test_text_has_no_order_of_numbers(value):
    with pytest.raises(DataError, match=r"3 of 4 values are numbers, but .* in ITEMS as numbers"):
        Filter.parse(f"price < {value}", PRODUCTS)
    with pytest.raises(DataError, match="has no order of numbers"):
        Filter.parse(f"{value} >= seen", PRODUCTS)


@pytest.mark.parametrize("text", ["price ignore", "ignore case", 'brand < "B" ignore case'])
def test_ignore_case_is_of_comparisons_of_text(text):
    with pytest.raises(DataError, match="filter"):
        Filter.parse(text, PRODUCTS)


DATED = pl.DataFrame(
    {
        "brand": ["Côte", "Alp"],
        "published_at": ["2023-05-01", "2022-01-01T10:00"],
        "release date": ["2023-01-06", "2023-01-01"],
    }
)


def test_a_value_in_decomposed_unicode_is_the_same():
    for text in ("brand == 'Co\u0302te'", "brand contains 'co\u0302'", "'Co\u0302te' in brand"):
        assert Filter.parse(text, DATED).mask(DATED).tolist() == [True, False]


@pytest.mark.parametrize("value", ["2023", "'01.05.2023'", "'2023-5-1'", "'May 2023'"])
@pytest.mark.parametrize("operator", [">", "<=", "=="])
def test_a_column_of_dates_asks_for_a_date(operator, value):
    message = "needs text" if (operator, value) == ("==", "2023") else 'such as "2024-01-31"'
    with pytest.raises(DataError, match=message):
        Filter.parse(f"published_at {operator} {value}", DATED)
    dated = Filter.parse(f"published_at {operator} '2023-05-01'", DATED)
    assert dated.mask(DATED).any() == (operator != ">")


@pytest.mark.parametrize("text", ["release date > '2023-01-05'", "relase_date == 'x'"])
def test_names_of_several_words_are_proposed_in_backticks(text):
    with pytest.raises(DataError, match=r"did you mean `release date`.*backticks"):
        Filter.parse(text, DATED)
    assert Filter.parse("`release date` > '2023-01-05'", DATED).mask(DATED).tolist() == [
        True,
        False,
    ]


def test_prices_with_a_doubtful_point_are_not_compared():
    shop = pl.DataFrame({"price": ["1.299", "899"]})
    with pytest.raises(DataError, match=r"2 of 2 values are numbers, but a point may separate"):
        Filter.parse("price < 100", shop)
