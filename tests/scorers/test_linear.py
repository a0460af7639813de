"""The linear autoencoder against its closed form and against an independent solution."""

import numpy as np
import pytest

import world
from pennyweight.data.interactions import Histories
from pennyweight.scorers import linear
from pennyweight.scorers.linear import Linear


def random_world(seed: int, n_users: int = 40, n_items: int = 12):
    rng = np.random.default_rng(seed)
    rows = [
        rng.choice(n_items, size=rng.integers(2, 8), replace=False).tolist() for _ in range(n_users)
    ]
    user_items = np.zeros((n_users, n_items))
    for user, row in enumerate(rows):
        user_items[user, row] = 1
    return world.events(rows, n_items), world.catalog([""] * n_items), user_items


def ridge_without_itself(user_items: np.ndarray, penalty: float) -> np.ndarray:
    """Solve each column by least squares on the other items, the penalty as extra rows."""
    n = user_items.shape[1]
    weights = np.zeros((n, n))
    for target in range(n):
        others = np.arange(n) != target
        rows = np.vstack([user_items[:, others], np.sqrt(penalty) * np.eye(n - 1)])
        expected = np.concatenate([user_items[:, target], np.zeros(n - 1)])
        weights[others, target] = np.linalg.lstsq(rows, expected, rcond=None)[0]
    return weights


def test_two_items_by_hand():
    # Three users met both, one met the first alone: G = [[4, 3], [3, 3]]. What predicts the
    # second from the first is 3 / (4 + penalty), the first from the second 3 / (3 + penalty).
    log = world.events([[0, 1], [0, 1], [1, 0], [0]], 2)
    scorer = Linear(penalty=2.0, decay=1.0).fit(log, world.catalog(["", ""]))
    np.testing.assert_allclose(scorer.matrix, [[0, 3 / 6], [3 / 5, 0]], rtol=1e-6)
    np.testing.assert_allclose(scorer.score(Histories.of([[0]])), [[0, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("penalty", [0.5, 20.0, 100.0])
def test_the_closed_form_of_the_paper(penalty):
    log, catalog, user_items = random_world(0)
    inverse = np.linalg.inv(user_items.T @ user_items + penalty * np.eye(user_items.shape[1]))
    expected = np.eye(len(inverse)) - inverse @ np.diag(1 / np.diag(inverse))
    scorer = Linear(penalty=penalty).fit(log, catalog)
    np.testing.assert_allclose(scorer.matrix, expected, atol=1e-5)
    assert scorer.matrix.dtype == np.float32


@pytest.mark.parametrize("seed", range(3))
def test_an_independent_solution_agrees(seed):
    log, catalog, user_items = random_world(seed)
    scorer = Linear(penalty=5.0).fit(log, catalog)
    np.testing.assert_allclose(scorer.matrix, ridge_without_itself(user_items, 5.0), atol=1e-5)


def test_the_gradient_vanishes_off_the_diagonal():
    log, catalog, user_items = random_world(4)
    weights = Linear(penalty=3.0).fit(log, catalog).matrix.astype(np.float64)
    gradient = user_items.T @ (user_items @ weights - user_items) + 3.0 * weights
    assert not np.diag(weights).any()
    free = ~np.eye(len(weights), dtype=bool)
    np.testing.assert_allclose(gradient[free], 0, atol=1e-4)
    assert np.abs(np.diag(gradient)).min() > 0.1  # the constraint binds


def test_the_sparse_form_is_the_same_where_its_support_is_whole():
    log, catalog, user_items = random_world(1)
    assert (user_items.T @ user_items > 0).all()  # every pair of items has met
    dense = Linear(penalty=5.0).fit(log, catalog)
    thin = Linear(penalty=5.0, dense_items=0).fit(log, catalog)
    np.testing.assert_allclose(thin.matrix.toarray(), dense.matrix, atol=1e-5)
    close = Linear(penalty=5.0, dense_items=12).fit(log, catalog)
    assert isinstance(close.matrix, np.ndarray)


def test_the_sparse_form_is_a_ridge_on_the_strongest():
    log, catalog, user_items = random_world(2)
    scorer = Linear(penalty=5.0, dense_items=0, support=3).fit(log, catalog)
    weights = scorer.matrix.toarray()
    gram = user_items.T @ user_items
    np.fill_diagonal(gram, 0)
    assert (weights != 0).sum(axis=0).max() == 3
    for target in range(len(gram)):
        support = np.flatnonzero(weights[:, target])
        excluded = np.setdiff1d(np.arange(len(gram)), [*support, target])
        assert gram[support, target].min() >= gram[excluded, target].max()
        rows, column = user_items[:, support], user_items[:, target]
        expected = np.linalg.solve(rows.T @ rows + 5.0 * np.eye(len(support)), rows.T @ column)
        np.testing.assert_allclose(weights[support, target], expected, atol=1e-5)


def test_pairs_of_rare_items_are_counted_like_those_of_frequent_ones(monkeypatch):
    rng = np.random.default_rng(3)
    # Of forty items some are rare, and several have no history in common.
    rows = [np.unique(40 * rng.random(5) ** 2).astype(int).tolist() for _ in range(60)]
    log, catalog = world.events(rows, 40), world.catalog([""] * 40)
    whole = Linear(penalty=5.0, dense_items=0, support=9).fit(log, catalog).matrix
    for frequent in (1, 12):
        monkeypatch.setattr(linear, "DENSE_ITEMS", frequent)
        some = Linear(penalty=5.0, dense_items=0, support=9).fit(log, catalog).matrix
        np.testing.assert_array_equal(some.toarray(), whole.toarray())


def test_a_repeated_event_counts_once():
    once, twice = world.events([[0, 1], [1, 2]], 3), world.events([[0, 1, 1, 0], [1, 2, 2]], 3)
    catalog = world.catalog([""] * 3)
    for items in (0, 10):
        scores = Linear(dense_items=items).fit(once, catalog).score(once.histories)
        np.testing.assert_array_equal(
            scores, Linear(dense_items=items).fit(twice, catalog).score(once.histories)
        )


def test_scores_are_not_below_zero():
    # Items 0 and 1 share item 2 and never meet: each speaks against the other.
    log = world.events([[0, 2], [1, 2], [0, 2], [1, 2]], 3)
    scorer = Linear(penalty=0.1).fit(log, world.catalog([""] * 3))
    assert scorer.matrix[0, 1] < 0
    assert scorer.score(Histories.of([[0]]))[0, 1] == 0
    assert scorer.contributions(Histories.of([[0]]), np.array([1], np.int32))[0, 0] < 0


def test_a_large_catalog_makes_no_square_matrix():
    log = world.events([[0, 15_999], [15_999, 3]], 16_000)
    scorer = Linear().fit(log, world.catalog([""] * 16_000))
    assert scorer.matrix.nnz == 4


def test_only_the_newest_items_of_long_histories_are_counted(monkeypatch):
    log = world.events([[0, 1, 2, 3], [2, 3], [3]], 4)
    catalog = world.catalog([""] * 4)
    monkeypatch.setattr(linear, "PAIRS", 9)  # two items each: 4 + 4 + 1 pairs
    scorer = Linear(dense_items=0).fit(log, catalog)
    monkeypatch.undo()
    newest = world.events([[2, 3], [2, 3], [3]], 4)
    expected = Linear(dense_items=0).fit(newest, catalog)
    np.testing.assert_array_equal(scorer.matrix.toarray(), expected.matrix.toarray())
    assert scorer.matrix.nnz == 2
