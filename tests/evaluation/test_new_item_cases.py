"""Choices of new items, ranked among themselves."""

import numpy as np
import pytest

from pennyweight.data.dataset import read
from pennyweight.data.split import split
from pennyweight.evaluation.new_item_cases import MIN_CASES, copied_items, new_item_quality
from small_shop import events, items


@pytest.fixture(scope="module")
def valid():
    return split(read(items(), events(users=120)).interactions, "leave-last-out").valid


def test_copies_are_of_choices_after_a_history(valid):
    has_text = np.ones(valid.before.n_items, bool)
    has_text[:5] = False
    cases = copied_items(valid, has_text, np.random.default_rng(0))
    assert len(cases) >= MIN_CASES and (cases.items >= 5).all()
    assert (np.diff(cases.items) > 0).all()
    chosen = cases.items[cases.targets]
    for row, item in enumerate(chosen.tolist()):
        history = cases.histories.block(row, row + 1)
        assert len(history.item) and item not in history.item
    again = copied_items(valid, has_text, np.random.default_rng(0))
    assert np.array_equal(again.targets, cases.targets)


def test_too_few_choices_give_no_cases(valid):
    has_text = np.zeros(valid.before.n_items, bool)
    has_text[0] = True
    assert copied_items(valid, has_text, np.random.default_rng(0)) is None


def test_quality_is_the_rank_among_the_new_items(valid):
    cases = copied_items(valid, np.ones(valid.before.n_items, bool), np.random.default_rng(0))
    first = np.zeros((1, len(cases.items)), np.float32)
    first[0, 3] = 1
    values = new_item_quality(cases, lambda h: np.repeat(first, len(h), axis=0))
    assert (values[cases.targets == 3] == 1).all()
    assert (values[cases.targets != 3] < 1).all()
    order = -np.arange(len(cases.items), dtype=np.float32)
    values = new_item_quality(cases, lambda h: np.repeat(order[None], len(h), axis=0))
    expected = np.where(cases.targets < 10, 1 / np.log2(cases.targets + 2), 0)
    assert values == pytest.approx(expected)
