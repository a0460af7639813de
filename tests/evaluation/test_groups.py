import numpy as np
import polars as pl
import pytest

from pennyweight.errors import PlanError
from pennyweight.evaluation.groups import NONE, OTHER, category_column, groups_of


def parts(column, **options):
    groups = groups_of(pl.Series("c", column), **options)
    rows = groups.share.toarray()
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    return [{g: float(x) for g, x in zip(groups.labels, row, strict=True) if x} for row in rows]


def test_values_lists_and_bars():
    assert parts(["a", None, "b", ""]) == [{"a": 1}, {NONE: 1}, {"b": 1}, {NONE: 1}]
    assert parts([["x", "y"], ["x", "x"], None]) == [{"x": 0.5, "y": 0.5}, {"x": 1}, {NONE: 1}]
    assert parts(["rock|pop", "pop|pop|"]) == [{"rock": 0.5, "pop": 0.5}, {"pop": 1}]
    assert parts(["rock|pop", "pop"], several=False) == [{"rock|pop": 1}, {"pop": 1}]
    assert parts([True, False, None]) == [{"true": 1}, {"false": 1}, {NONE: 1}]


def test_paths_at_the_first_level_that_differs():
    paths = ["Shop > Hair > Oil", "Shop > Skin", "Shop", None]
    assert parts(paths) == [{"Hair": 1}, {"Skin": 1}, {"Shop": 1}, {NONE: 1}]


def test_numbers_become_quarters_unless_few():
    groups = parts([*range(1, 101), None])
    assert groups[0] == {"1 to 25.75": 1}
    assert groups[25] == {"above 25.75 to 50.5": 1}
    assert groups[99] == {"above 75.25 to 100": 1}
    assert groups[100] == {NONE: 1}
    assert parts([1.0, 2.0, 1.0]) == [{"1": 1}, {"2": 1}, {"1": 1}]
    skewed = parts([0.0] * 90 + [float(i) for i in range(1, 12)])
    assert skewed[0] == {"0 to 0": 1}


def test_the_largest_stay_and_the_rest_is_one():
    groups = groups_of(pl.Series("c", ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d", None]))
    few = groups.largest(4)
    assert few.labels == ("a", "b", NONE, OTHER)
    assert few.share.sum(axis=0).tolist() == [[5, 4, 1, 4]]
    assert few.members(3).sum() == 4
    assert groups.largest(9) is groups


def test_a_column_of_categories_is_found_by_name():
    frame = pl.DataFrame({"tags": ["a|b", "b"] * 3, "Genre": ["x", "y"] * 3, "note": ["p"] * 6})
    assert category_column(frame) == "Genre"
    assert category_column(frame.select("note")) is None
    assert category_column(pl.DataFrame({"genre": list("abcdef")})) is None  # a name, not a group
    assert category_column(pl.DataFrame({"genre": ["a", "b", None, None, None]})) is None


@pytest.mark.parametrize("column", [["a", "a"], [None, None], [[1.0, 2.0], [3.0, 4.0]]])
def test_what_holds_no_groups_is_refused(column):
    with pytest.raises(PlanError, match="column 'c'"):
        groups_of(pl.Series("c", column))
