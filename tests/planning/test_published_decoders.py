"""Language models on accelerators: the prediction beside published measurements."""

import pytest

from decoders import predictions, summary


@pytest.fixture(scope="module")
def errors():
    return {(line["quantity"], line["group"]): line for line in summary(predictions())}


def test_a_model_that_nothing_was_fitted_on_is_within_15_percent(errors):
    for quantity in ("tokens a second", "time to the first token"):
        line = errors[quantity, "GPT-J 6B (not fitted)"]
        assert line["rows"] >= 6
        assert line["median"] <= 15
        assert line["highest"] <= 30


def test_several_accelerators_are_no_better_than_the_page_says(errors):
    # Their communication takes no time in the prediction.
    assert 15 < errors["tokens a second", "several accelerators"]["median"] < 30
