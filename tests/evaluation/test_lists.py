import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.interactions import Histories
from pennyweight.evaluation import lists as module
from pennyweight.evaluation.ranking import MISS, ranks_and_lists


def listed(scores, histories, *, k=10, repeats="exclude", first=0):
    """Return the lists, and the ranks of every item of every user."""
    scores = np.asarray(scores, np.float32)
    n, n_items = scores.shape
    targets = np.tile(np.arange(n_items, dtype=np.int32), n)
    offsets = np.arange(n + 1) * n_items
    ranks, lists = ranks_and_lists(
        scores, Histories.of(histories), targets, offsets, repeats=repeats, first=first, k=k
    )
    return lists, ranks.reshape(n, n_items)


def by_rank(ranks, k):
    """Return the lists that the ranks imply."""
    out = np.full((len(ranks), k), -1)
    for user, row in enumerate(ranks):
        for item, rank in enumerate(row):
            if rank < k and rank != MISS:
                out[user, rank] = item
    return out


def test_by_hand():
    lists, _ = listed([[1, 3, 2, 0], [5, 5, 9, 1]], [[], [2]], k=2)
    assert lists[0].tolist() == [1, 2]
    assert sorted(lists[1]) == [0, 1]


def test_short_of_items():
    lists, _ = listed([[3, 2, 1]], [[0]], k=4)
    assert lists.tolist() == [[1, 2, -1, -1]]


@given(st.data())
def test_an_item_is_listed_where_its_rank_says(data):
    n_items = data.draw(st.integers(1, 40))
    values = st.sampled_from([-1.0, -0.0, 0.0, 0.5, 2.0])
    rows = data.draw(
        st.lists(st.lists(values, min_size=n_items, max_size=n_items), min_size=1, max_size=4)
    )
    histories = [data.draw(st.lists(st.integers(0, n_items - 1), max_size=6)) for _ in rows]
    k = data.draw(st.integers(0, 12))
    repeats = data.draw(st.sampled_from(["exclude", "include"]))
    lists, ranks = listed(rows, histories, k=k, repeats=repeats, first=7)
    assert lists.tolist() == by_rank(ranks, k).tolist()


@pytest.mark.parametrize("kind", ["all differ", "constant", "few differ", "few levels", "masked"])
def test_large_catalogs(kind):
    rng = np.random.default_rng(8)
    n, n_items = 5, 3 * module._GROUPS + 17
    scores = {
        "all differ": rng.normal(size=(n, n_items)),
        "constant": np.zeros((n, n_items)),
        "few differ": np.where(rng.random((n, n_items)) < 0.003, rng.random((n, n_items)), 0),
        "few levels": rng.integers(0, 3, (n, n_items)),
        "masked": rng.normal(size=(n, n_items)),
    }[kind]
    histories = [
        rng.permutation(n_items)[: n_items - 4 if kind == "masked" else 30] for _ in range(n)
    ]
    lists, ranks = listed(scores, histories)
    assert lists.tolist() == by_rank(ranks, 10).tolist()
