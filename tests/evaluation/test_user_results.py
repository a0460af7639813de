from dataclasses import replace

import numpy as np
import pytest

from pennyweight.data.interactions import Histories, NegativeFeedback
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.compare import slices
from pennyweight.evaluation.measure import PerUser
from pennyweight.evaluation.metrics import metric_names, per_user
from pennyweight.evaluation.user_results import UserResults
from world import events


def results(**ranks):
    """Three users: one new with two targets, two known with one each; item 3 is cold."""
    before = events([[], [0, 1], [0]], 4)
    held = HeldOut(
        users=np.arange(3, dtype=np.int32),
        histories=Histories.of([[], [0, 1], [0]]),
        targets=np.array([0, 3, 3, 1], np.int32),
        target_offsets=np.array([0, 2, 3, 4]),
        before=before,
    )
    by_scorer = {}
    for name, row in ranks.items():
        row = np.array(row, np.int64)
        by_scorer[name] = PerUser(
            metric_names(),
            per_user(row, held.target_offsets),
            row,
            np.empty((3, 0), np.int32),
        )
    return UserResults(by_scorer, held)


def test_the_table_names_users_and_targets():
    table = results(a=[0, 1, 2, 3], b=[1, 0, 50, 0])
    assert table.scorers == ("a", "b")
    assert table.history_length.tolist() == [0, 2, 1]
    assert table.target_events.tolist() == [2, 0, 0, 1]
    assert table.target_row.tolist() == [0, 0, 1, 2]
    assert table.ndcg[:, 0].tolist() == pytest.approx([1, 0.5, 1 / np.log2(5)])
    assert table.ndcg[:, 1].tolist() == pytest.approx([1, 0, 1])


def test_a_part_counts_only_its_targets_and_keeps_their_ranks():
    table = results(a=[0, 1, 2, 3], b=[1, 0, 50, 0])
    cold = table.part(table.target_events == 0)
    assert cold.rows.tolist() == [0, 1]
    assert cold.targets == 2
    assert cold.ndcg[:, 0].tolist() == pytest.approx([1 / np.log2(3), 0.5])
    assert cold.ndcg[:, 1].tolist() == [1, 0]
    warm = table.part((table.history_length > 0)[table.target_row])
    assert warm.rows.tolist() == [1, 2]
    np.testing.assert_array_equal(warm.ndcg, table.ndcg[1:])


def test_an_empty_part():
    table = results(a=[0, 1, 2, 3])
    none = table.part(np.zeros(4, dtype=bool))
    assert (len(none.rows), none.ndcg.shape, none.targets) == (0, (0, 1), 0)


def test_users_with_negative_events_alone_are_not_new():
    table = results(a=[0, 1, 2, 3])
    held = table.held_out
    negative = NegativeFeedback(np.array([0, 1]), np.array([2, 2]), np.array([5.0, 5.0]))
    for time, is_negative in ((6.0, True), (5.0, False)):
        later = replace(
            held, before=replace(held.before, negative=negative), target_time=np.full(4, time)
        )
        assert replace(table, held_out=later).only_negative.tolist() == [is_negative, False, False]
        names = {part.name: part.users for part in slices(replace(table, held_out=later))}
        assert names.get("0 (negative events only)") == (1 if is_negative else None)
        assert names.get("0 (new)") == (None if is_negative else 1)
