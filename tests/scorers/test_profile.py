"""Histories as decayed rows."""

import numpy as np
import pytest

from pennyweight.data.interactions import Histories
from pennyweight.scorers.profile import profile


def test_an_event_counts_less_for_each_step_back():
    histories = Histories.of([[2, 0, 1], [], [3]])
    rows = profile(histories, 4, decay=0.5).toarray()
    np.testing.assert_allclose(rows, [[0.5, 1, 0.25, 0], [0] * 4, [0, 0, 0, 1]])


def test_weights_multiply_and_repeats_add_up():
    histories = Histories.of([[1, 0, 1]], [[2.0, 3.0, 4.0]])
    rows = profile(histories, 2, decay=0.5)
    np.testing.assert_allclose(rows.toarray(), [[1.5, 4 + 2 * 0.25]])
    assert rows.nnz == 2
    assert rows.dtype == np.float32


@pytest.mark.parametrize(("newest", "expected"), [(1, [0, 0, 1]), (2, [0, 0.5, 1]), (0, [0, 0, 0])])
def test_only_the_newest_count(newest, expected):
    rows = profile(Histories.of([[0, 1, 2]]), 3, decay=0.5, max_history=newest)
    np.testing.assert_allclose(rows.toarray(), [expected])


def test_fifty_events_count_unless_told():
    rows = profile(Histories.of([[0] * 30 + [1] * 50]), 2, decay=1.0).toarray()
    np.testing.assert_allclose(rows, [[0, 50]])


def test_the_histories_stay_as_they_were():
    histories = Histories.of([[1, 1, 1]], [[1.0, 2.0, 3.0]])
    profile(histories, 2, decay=0.5)
    assert histories.item.tolist() == [1, 1, 1]
    assert histories.weight.tolist() == [1.0, 2.0, 3.0]
