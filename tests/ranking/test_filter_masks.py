"""Masks of filters while items come and change."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.errors import DataError
from pennyweight.ranking.filter_masks import MAX_FILTERS, FilterMasks, check_cost
from pennyweight.ranking.filters import MANY, Filter

FILTERS = ("price < 3", 'kind == "a"', "kind is null", 'price > 1 and kind != "b"')
ROW = st.tuples(st.none() | st.integers(0, 5), st.none() | st.sampled_from("abc"))


def table(rows: list) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"price": pl.Int64, "kind": pl.String}, orient="row")


@given(
    st.lists(ROW, min_size=1, max_size=9),
    st.lists(
        st.tuples(st.lists(ROW, max_size=3), st.dictionaries(st.integers(0, 8), ROW)), max_size=6
    ),
    st.data(),
)
def test_they_are_those_of_the_whole_table(rows, steps, data):
    masks = FilterMasks(table(rows))
    for more, changes in steps:
        for filter in data.draw(st.sets(st.sampled_from(FILTERS))):
            masks.of(filter)
        rows = [*rows, *more]
        changed = [code for code in changes if code < len(rows)]
        for code in changed:
            rows[code] = changes[code]
        masks = masks.with_rows(table(rows), np.array(changed, np.int32))
    for filter in FILTERS:
        full = table(rows)
        expected = Filter.parse(filter, full).mask(full)
        np.testing.assert_array_equal(masks.of(filter), expected)
        with pytest.raises(ValueError, match="read-only"):
            masks.of(filter)[0] = True


def test_rows_that_are_there_are_not_looked_at_again(monkeypatch):
    masks, evaluated = FilterMasks(table([(1, "a")] * 100)), []
    real = Filter.mask
    monkeypatch.setattr(
        Filter, "mask", lambda self, rows: (evaluated.append(len(rows)), real(self, rows))[1]
    )
    masks.of("price < 3")
    for number in range(3):
        rows = [(1, "a")] * (101 + number)
        masks = masks.with_rows(
            table(rows), np.array([7], np.int32) if number else np.empty(0, np.int32)
        )
        masks.of("price < 3")
        masks.of("price < 3")
    assert evaluated == [100, 1, 2, 2]


def test_another_type_of_column_is_read_anew():
    masks = FilterMasks(table([(1, "a")]))
    assert masks.of("price < 3").tolist() == [True]
    other = table([(1, "a"), (4, "b")]).with_columns(pl.col("price").cast(pl.Float64))
    assert masks.with_rows(other, np.empty(0, np.int32)).of("price < 3").tolist() == [True, False]


def test_few_filters_are_kept_and_bad_ones_refused():
    masks = FilterMasks(table([(1, "a")]))
    for number in range(3 * MAX_FILTERS):
        masks.of(f"price < {number}")
    assert len(masks._entries) == MAX_FILTERS
    with pytest.raises(DataError):
        masks.of("prize < 3")


def test_the_number_of_conditions_is_bounded_before_any_is_evaluated():
    check_cost(['kind == "a"'] * 21, 10_000_000)
    words = " or ".join(f'text contains "w{n}"' for n in range(50))
    check_cost([words], 30_000)
    check_cost([words] * 5, 1_000)
    with pytest.raises(DataError, match="7,800 steps an item; over 30,000 items it may be 1,000"):
        check_cost([words] * 20, 30_000)
    for costly in (
        f"kind in [{', '.join(map(str, range(400)))}]",
        " or ".join(["text == 'x' ignore case"] * 60),
        " or ".join(["'x' in text"] * 60),
        " or ".join(["kind is null"] * 400),
    ):
        with pytest.raises(DataError, match="it may be 300"):
            check_cost([costly], 1_000_000)


def test_conditions_that_share_a_text_mean_the_same():
    rows = pl.DataFrame({"text": ["One two", "TWO three", None, "four"], "n": [1, 2, 3, None]})
    parts = [
        'text contains "two"',
        'text contains "FOUR"',
        "n == 3",
        'text == "one TWO" ignore case',
    ]
    combined = " or ".join(parts * 4)
    alone = np.logical_or.reduce([Filter.parse(part, rows).mask(rows) for part in parts])
    assert Filter.parse(combined, rows).steps > MANY
    np.testing.assert_array_equal(Filter.parse(combined, rows).mask(rows), alone)
