import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.errors import PlanError
from pennyweight.ranking.diversity import diversify, pool_size

SCORES = np.array([1.0, 0.9, 0.5, 0.0], np.float32)
LIKE = np.array([[1, 0.9, 0, 0], [0.9, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)


def test_by_hand() -> None:
    # After 0, at one half: item 1 gains .45 - .45 = 0, item 2 .25, item 3 0; then 1 and 3 are
    # equal, and the better score goes first.
    assert diversify(SCORES, LIKE, 4, 0.5).tolist() == [0, 2, 1, 3]
    assert diversify(SCORES, LIKE, 4, 0.0).tolist() == [0, 1, 2, 3]
    assert diversify(SCORES, LIKE, 4, 1.0).tolist() == [0, 2, 3, 1]
    assert diversify(SCORES, LIKE, 2, 0.5).tolist() == [0, 2]


def test_edges() -> None:
    assert diversify(SCORES[:0], LIKE[:0, :0], 3, 0.5).tolist() == []
    assert diversify(np.ones(3, np.float32), np.eye(3), 9, 0.3).tolist() == [0, 1, 2]
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(PlanError, match="from 0"):
            diversify(SCORES, LIKE, 2, wrong)


@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=8), st.floats(0, 1))
def test_each_candidate_is_chosen_once_and_the_best_first(scores: list[float], d: float) -> None:
    values = np.array(scores, np.float32)
    vectors = np.random.default_rng(0).normal(size=(len(values), 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chosen = diversify(values, vectors @ vectors.T, len(values), d)
    assert sorted(chosen) == list(range(len(values)))
    assert values[chosen[0]] == values.max()


def test_a_long_list_is_not_chosen_from_all_items():
    sizes = [pool_size(k) for k in (1, 10, 200, 400, 1_000, 3_000)]
    assert sizes == [50, 50, 1_000, 2_000, 2_000, 3_000]
