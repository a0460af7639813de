"""Made-up recommenders, coefficients, and the profile that they end in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planning_world import FLAGS, profile

from pennyweight.errors import PlanError
from pennyweight.machine.machine import Machine
from pennyweight.planning.calibration import STAGES, calibrate
from pennyweight.planning.coefficients import fit_coefficients
from pennyweight.planning.list_probe import list_seconds
from pennyweight.planning.list_shape import ListShape
from pennyweight.planning.machine_profile import MachineProfile, reference_profile
from pennyweight.planning.service_probe import service_cost
from pennyweight.planning.synthetic import synthetic_recommender
from pennyweight.planning.text_probe import token_seconds
from pennyweight.vectors.list_work import ListWork


@given(st.lists(st.floats(0, 10), min_size=3, max_size=3))
def test_coefficients_of_exact_sums_are_found(expected):
    rng = np.random.default_rng(0)
    terms = rng.random((12, 3)) * [1, 1e6, 1e9]
    seconds = terms @ (np.array(expected) * [1, 1e-6, 1e-9]) + 1e-9
    found = fit_coefficients(terms, seconds)
    np.testing.assert_allclose(terms @ found, seconds, rtol=1e-3, atol=1e-8)
    assert (found >= 0).all()


def test_no_coefficient_is_below_zero():
    found = fit_coefficients([[1, 1], [1, 2], [1, 3]], [3, 2, 1])
    assert found[1] == 0
    assert found[0] > 0


def test_a_made_up_recommender_has_the_work_that_was_asked_for():
    made = synthetic_recommender(
        3_000, dense=(64, 32), sparse_rows=(10, 5), words=4, popularity=True, trees=20
    )
    shape = ListShape.of(made, history=20)
    assert (shape.items, shape.components, shape.trees) == (3_000, 6, 20)
    assert shape.work.int8_bytes == 3_000 * (64 + 32)
    assert shape.work.sparse_entries == 20 * 15
    assert 0 < shape.work.postings <= 3_000 * 4
    assert len(made.recommend(history=["item-1", "item-7"], k=5)) == 5


@pytest.mark.parametrize(
    ("items", "row_format", "work"),
    [
        (3_000, "fp32", ListWork(float_bytes=4 * 32 * 3_000)),
        (500, "int8", ListWork(widened_values=32 * 500)),
        (3_000, "int4", ListWork(widened_values=32 * 3_000)),
    ],
)
def test_few_rows_and_other_formats_are_multiplied_in_float32(items, row_format, work):
    made = synthetic_recommender(items, dense=(32,), row_format=row_format)
    assert ListShape.of(made).work == work


def test_equal_seeds_make_equal_recommenders():
    first, second = (synthetic_recommender(300, dense=(8,), seed=3) for _ in range(2))
    lists = [made.recommend(history=["item-5"]).to_dicts() for made in (first, second)]
    assert lists[0] == lists[1]


def test_a_list_of_a_made_up_recommender_is_timed():
    seconds, spread = list_seconds(synthetic_recommender(200, dense=(8,)))
    assert seconds > 0
    assert spread >= 0


def test_tokens_are_timed():
    assert {name: value > 0 for name, value in token_seconds().items()} == {
        "tokenizer": True,
        "static": True,
        "tfidf": True,
    }


def test_a_service_is_timed():
    cost = service_cost(synthetic_recommender(200, dense=(8,)))
    assert 0 < cost.route_seconds < cost.list_seconds
    assert cost.event_seconds > 0
    assert cost.resident_bytes > 50_000_000


@pytest.mark.slow
def test_calibration_measures_every_stage():
    stages = []
    measured = calibrate(today="2026-01-01", on_stage=stages.append)
    assert tuple(stages) == STAGES
    assert measured.differences(Machine.measure()) == []
    assert all(any(seconds.values()) for seconds in measured.encoding.values())
    assert measured.lists["int8_byte"] > 0


def test_a_profile_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "machine.toml"
    profile().to_toml(path)
    assert MachineProfile.from_toml(path) == profile()


def test_the_reference_profile_is_whole():
    assert reference_profile().lists["int8_byte"] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("cores = 2", "cores = 0"), "machine.toml: cores = 0: must be 1 or more"),
        (("cores = 2", "cores = 2\ncolour = 3"), "unknown key 'colour'"),
        (("format_version = 1", "format_version = 9"), "version 9, .* run `pennyweight calibrate`"),
        (("cores = 2", "cores ="), "not TOML"),
        (("tree = 0.0", ""), "lacks lists.tree: run `pennyweight calibrate` again"),
        (("tfidf = ", "bow = "), "lacks token_seconds.tfidf"),
    ],
)
def test_what_is_no_profile_is_refused(tmp_path, change, message):
    path = tmp_path / "machine.toml"
    profile().to_toml(path)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(PlanError, match=message):
        MachineProfile.from_toml(path)


def test_a_profile_that_is_missing_is_named(tmp_path):
    with pytest.raises(PlanError, match=r"none.toml: cannot be read"):
        MachineProfile.from_toml(tmp_path / "none.toml")


def test_another_machine_is_told_from_this_one():
    here = Machine("Test", FLAGS, 2, 1)
    assert profile().differences(here) == []
    assert profile().differences(Machine("Test", FLAGS, 4, 1)) == ["cores 2 in the profile, 4 here"]
    assert "processor Test in the profile, Other here" in profile().differences(
        Machine("Other", FLAGS, 2, 1)
    )
