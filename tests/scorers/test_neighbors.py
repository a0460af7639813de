"""Sequential neighbors on the 4 x 4 world, each term of the formula by hand."""

import numpy as np
import pytest

import world
from pennyweight.data.interactions import Histories
from pennyweight.scorers.neighbors import Neighbors
from world import A, B, C, D

PLAIN = {"decay": 1.0, "window": 1, "spacing": 1.0, "backward": 0.0, "normalize": 0.0}


def fit(**settings) -> Neighbors:
    return Neighbors(**{**PLAIN, **settings}).fit(*world.four())


def gains(scorer: Neighbors) -> dict[tuple[int, int], float]:
    places = scorer.matrix.tocoo()
    return {
        (int(a), int(b)): pytest.approx(float(value), abs=1e-6)
        for a, b, value in zip(places.row, places.col, places.data, strict=True)
    }


def test_the_next_item_gains_one_a_user():
    assert gains(fit()) == {(A, B): 2, (B, C): 2, (C, A): 1, (D, A): 1}


def test_two_steps_on_gain_the_spacing():
    expected = {(A, B): 2, (B, C): 2, (C, A): 1, (D, A): 1, (A, C): 0.7, (B, A): 0.7}
    assert gains(fit(window=2, spacing=0.7)) == expected
    assert gains(fit(window=9, spacing=0.7)) == expected  # no history is longer than three


def test_what_came_before_gains_a_share():
    expected = {
        (A, B): 2,
        (B, A): 1,
        (B, C): 2,
        (C, B): 1,
        (C, A): 1,
        (A, C): 0.5,
        (D, A): 1,
        (A, D): 0.5,
    }
    assert gains(fit(backward=0.5)) == expected


def test_popular_items_are_divided():
    # Events: a 4, b 3, c 2, d 1.
    expected = {(A, B): 2 / 12**0.3, (B, C): 2 / 6**0.3, (C, A): 1 / 8**0.3, (D, A): 1 / 4**0.3}
    assert gains(fit(normalize=0.3)) == expected


def test_all_terms_together_with_a_decayed_history():
    scorer = fit(decay=0.5, window=10, spacing=0.7, backward=0.5, normalize=0.3)
    # History d, then a. From a: b gains 2 + .5 * .7, c .7 + .5 * 1, d .5; from d: a gains 1.
    expected = [0.5 * 1 / 4**0.3, 2.35 / 12**0.3, 1.2 / 8**0.3, 0.5 / 4**0.3]
    history = Histories.of([[D, A]])
    np.testing.assert_allclose(scorer.score(history), [expected], rtol=1e-5)
    parts = scorer.contributions(history, np.array([A, B], np.int32))
    np.testing.assert_allclose(parts, [[expected[0], 0], [0, expected[1]]], rtol=1e-5)


def test_weights_of_events_multiply():
    scorer = fit()
    scores = scorer.score(Histories.of([[A, B]], [[3.0, 5.0]]))
    np.testing.assert_allclose(scores, [[0, 3 * 2, 5 * 2, 0]])


def test_defaults_are_those_of_the_documentation():
    scorer = Neighbors()
    assert (scorer.decay, scorer.window, scorer.spacing) == (0.7, 10, 0.7)
    assert (scorer.backward, scorer.normalize, scorer.keep) == (0.5, 0.3, 500)


def test_the_strongest_neighbors_are_kept():
    everything = fit(window=2, spacing=0.7, backward=0.5)
    scorer = fit(window=2, spacing=0.7, backward=0.5, keep=1)
    dense = everything.matrix.toarray()
    pruned = scorer.matrix.toarray()
    assert (pruned > 0).sum(axis=1).tolist() == [1, 1, 1, 1]
    np.testing.assert_array_equal(pruned.max(axis=1), dense.max(axis=1))


def test_an_item_is_no_neighbor_of_itself():
    log = world.events([[A, A, B, A]], 4)
    scorer = Neighbors(**PLAIN).fit(log, world.catalog(world.FOUR_TEXTS))
    assert gains(scorer) == {(A, B): 1, (B, A): 1}


def test_histories_of_different_users_do_not_touch():
    log = world.events([[A], [B], [C, D], [A]], 4)
    scorer = Neighbors(**PLAIN).fit(log, world.catalog(world.FOUR_TEXTS))
    assert gains(scorer) == {(C, D): 1}


def test_disliked_items_lower_scores_but_not_below_zero():
    scorer = fit()
    scores = scorer.score(Histories.of([[C, A], [D, A]], [[-1.0, 2.0], [1.0, -1.0]]))
    np.testing.assert_allclose(scores, [[0, 4, 0, 0], [1, 0, 0, 0]])


def test_memory_follows_pairs_and_not_items():
    log = world.events([[0, 1], [49_999, 0]], 50_000)
    scorer = Neighbors().fit(log, world.catalog([""] * 50_000))
    assert scorer.matrix.nnz == 4
