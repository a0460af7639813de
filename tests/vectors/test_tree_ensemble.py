"""Trees evaluated as LightGBM evaluates them."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from pennyweight.vectors import tree_ensemble
from pennyweight.vectors.tree_ensemble import TreeEnsemble

PARAMETERS = {
    "objective": "regression",
    "num_leaves": 8,
    "min_data_in_leaf": 5,
    "boost_from_average": False,
    "verbosity": -1,
    "num_threads": 1,
    "seed": 0,
    "deterministic": True,
}


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def booster(rows):
    target = rows[:, 0] * rows[:, 1] + np.where(rows[:, 2] > 0, 1, -1)
    return lightgbm.train(PARAMETERS, lightgbm.Dataset(rows, target), 20)


@pytest.fixture(scope="module")
def trees(booster):
    return TreeEnsemble.mean([booster.dump_model()])


def test_predictions_are_those_of_lightgbm(trees, booster, rows):
    trees.check()
    assert len(trees) == 20
    np.testing.assert_allclose(trees.predict(rows), booster.predict(rows), atol=1e-5)


@pytest.mark.parametrize("num_leaves", [2, 3, 4, 5])
def test_small_trees_are_looked_up_together(rows, num_leaves):
    target = rows[:, 0] * rows[:, 1]
    small = {**PARAMETERS, "num_leaves": num_leaves}
    booster = lightgbm.train(small, lightgbm.Dataset(rows, target), 21)
    trees = TreeEnsemble.mean([booster.dump_model()])
    np.testing.assert_allclose(trees.predict(rows), booster.predict(rows), atol=1e-5)


def test_a_value_at_a_threshold_goes_the_way_of_lightgbm(trees, booster):
    inner = np.flatnonzero(trees.feature >= 0)
    rows = np.zeros((len(inner), 4), np.float32)
    rows[np.arange(len(inner)), trees.feature[inner]] = trees.threshold[inner]
    np.testing.assert_allclose(trees.predict(rows), booster.predict(rows), atol=1e-5)


def test_a_row_has_the_same_value_in_any_batch(trees, rows):
    alone = [trees.predict(rows[at : at + 1])[0] for at in range(20)]
    np.testing.assert_array_equal(alone, trees.predict(rows)[:20])


def test_values_that_are_no_numbers_reach_a_leaf(trees, rows):
    odd = np.array([np.nan, np.inf, -np.inf], np.float32)[:, None] + rows[:1]
    assert np.isfinite(trees.predict(odd)).all()
    largest = np.full((1, 4), np.finfo(np.float32).max)
    assert trees.predict(odd)[1] == trees.predict(largest)[0]
    assert trees.predict(odd)[2] == trees.predict(-largest)[0]


def test_contributions_add_up_to_the_prediction(trees, rows):
    added = trees.contributions(rows)
    expected = trees.predict(rows) - trees.value[trees.root].sum()
    np.testing.assert_allclose(added.sum(axis=1), expected, atol=1e-4)
    assert not added[:, 3].any() or abs(added[:, 3]).mean() < abs(added[:, 2]).mean()
    assert abs(added[:, 2]).mean() > 0.3  # the sign of this feature is worth 1


def test_no_trees_and_no_rows_add_nothing(rows):
    none = TreeEnsemble.mean([{"tree_info": [], "max_feature_idx": 3}])
    none.check()
    assert none.predict(rows).tolist() == [0.0] * len(rows)
    leaf = {"tree_structure": {"leaf_value": 0.5}}
    stump = TreeEnsemble.mean([{"tree_info": [leaf], "max_feature_idx": 3}])
    np.testing.assert_allclose(stump.predict(rows), 0.5)
    assert stump.predict(rows[:0]).shape == (0,)
    assert not stump.contributions(rows).any()


@pytest.mark.parametrize(
    ("name", "at", "value", "message"),
    [
        ("threshold", 0, np.nan, "finite"),
        ("feature", 0, 4, "none of 4 features"),
        ("left", 0, 0, "after its parent"),
        ("right", 0, 10_000, "after its parent"),
        ("right", 0, 1, "no parent or several"),
        ("root", 1, 0, "not in order"),
    ],
)
def test_damaged_trees_are_refused(trees, name, at, value, message):
    array = getattr(trees, name).copy()
    array[at] = value
    with pytest.raises(ValueError, match=message):
        replace(trees, **{name: array}).check()


def test_arrays_of_other_types_and_lengths_are_refused(trees):
    with pytest.raises(ValueError, match="value"):
        replace(trees, value=trees.value[1:]).check()
    with pytest.raises(ValueError, match="left"):
        replace(trees, left=trees.left.astype(np.int64)).check()


def test_trees_of_more_leaves_than_bits_are_refused(rows):
    wide = lightgbm.train(
        {**PARAMETERS, "num_leaves": 9}, lightgbm.Dataset(rows, rows.sum(axis=1)), 1
    )
    with pytest.raises(ValueError, match="more than 8 leaves"):
        TreeEnsemble.mean([wide.dump_model()]).check()


def test_many_rows_are_evaluated_in_blocks(trees, rows, monkeypatch):
    expected = trees.predict(rows)
    monkeypatch.setattr(tree_ensemble, "CELLS", 33 * len(trees))
    np.testing.assert_array_equal(trees.predict(rows), expected)
    np.testing.assert_array_equal(trees.predict(np.asfortranarray(rows)), expected)


def test_the_mean_of_models_is_that_of_their_predictions(booster, rows):
    other = lightgbm.train(PARAMETERS, lightgbm.Dataset(rows, rows[:, 1].copy()), 5)
    mean = TreeEnsemble.mean([booster.dump_model(), other.dump_model()])
    mean.check()
    expected = (booster.predict(rows) + other.predict(rows)) / 2
    np.testing.assert_allclose(mean.predict(rows), expected, atol=1e-5)
