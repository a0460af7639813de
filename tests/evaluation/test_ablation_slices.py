"""Lists by length of the history, and items hidden from the events."""

import numpy as np
import pytest

from pennyweight.config.ablation_table import ALL_LISTS
from pennyweight.data.dataset import read
from pennyweight.data.split import split
from pennyweight.evaluation.ablation_slices import list_slices
from pennyweight.evaluation.new_item_cases import hidden_items
from small_shop import events, items


@pytest.fixture(scope="module")
def valid():
    return split(read(items(), events(users=300)).interactions, "leave-last-out").valid


def test_short_histories_are_made_of_longer_ones(valid):
    slices = {part.name: part for part in list_slices(valid, np.random.default_rng(0))}
    assert slices[ALL_LISTS].held_out is valid and slices[ALL_LISTS].traffic == 1
    assert valid.histories.length.min() >= 3  # all shorter ones are made
    for name, longest in (("no history", 0), ("history of 1", 1)):
        part = slices[name]
        assert (part.held_out.histories.length == longest).all()
        assert part.made == len(part.held_out) == len(valid) and part.traffic == 0
    newest = slices["history of 1"].held_out
    ends = valid.histories.offsets[1:] - 1
    assert np.array_equal(newest.histories.item, valid.histories.item[ends])
    assert np.array_equal(newest.targets, valid.targets)
    natural = slices["history of 4 to 10"]
    length = valid.histories.length
    assert natural.made == 0 and natural.traffic == ((length >= 4) & (length <= 10)).mean()
    assert "history of 11 and more" not in slices


def test_users_at_positions_keep_their_targets(valid):
    part = valid.take(np.array([3, 7]))
    assert part.users.tolist() == valid.users[[3, 7]].tolist()
    for row, position in enumerate((3, 7)):
        mine = part.targets[part.target_offsets[row] : part.target_offsets[row + 1]]
        span = slice(*valid.target_offsets[position : position + 2])
        assert mine.tolist() == valid.targets[span].tolist()
    assert len(valid.take(np.empty(0, np.int64))) == 0


def test_hidden_items_have_no_events(valid):
    cases, hidden = hidden_items(valid, np.ones(30, bool), np.random.default_rng(0))
    assert (hidden.before.counts[cases.items] == 0).all()
    assert (valid.before.counts[cases.items] > 0).any()
    assert not np.isin(hidden.histories.item, cases.items).any()
    assert (hidden.histories.length > 0).all()
    assert np.array_equal(hidden.targets, cases.items[cases.targets])
