"""Weights against independent optimizers; weights by length of history where that pays."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from pennyweight.scorers.conditional_logit import (
    HISTORY_LENGTHS,
    PRIOR,
    PULL,
    SHRINK,
    Choices,
    conditional_logit,
    route,
)

TRUE = np.array([1.5, -0.7, 0.0])
FREE = [(None, None)] * 3


def choices(
    n: int, rivals: tuple[int, int], seed: int = 0, *, true: np.ndarray = TRUE
) -> list[np.ndarray]:
    """Draw choices among random alternatives as the model has it; the chosen one comes first."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        rows = rng.normal(size=(rng.integers(*rivals), 3)).astype(np.float32)
        odds = np.exp(rows @ true)
        chosen = rng.choice(len(rows), p=odds / odds.sum())
        out.append(np.vstack([rows[chosen : chosen + 1], np.delete(rows, chosen, axis=0)]))
    return out


def spread(samples: list[np.ndarray]) -> np.ndarray:
    """Return the mean variance of each column within a choice."""
    return np.mean([rows.astype(np.float64).var(axis=0) for rows in samples], axis=0)


def joint(samples: list[np.ndarray], length: list[int] | None = None) -> Choices:
    """Return choices of as many users."""
    n = len(samples)
    return Choices.of(samples, [0] * n if length is None else length, range(n))


def test_weights_are_those_of_an_independent_optimizer():
    samples = choices(150, (2, 9))
    wide = [rows.astype(np.float64) for rows in samples]
    penalty = SHRINK + PRIOR / (2 * len(samples)) * spread(samples)

    def loss(weights: np.ndarray, center: float = 1.0) -> float:
        chosen = [(rows @ weights)[0] - np.log(np.exp(rows @ weights).sum()) for rows in wide]
        return -np.mean(chosen) + penalty @ (weights - center) ** 2

    expected = minimize(
        loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12}
    ).x
    fitted = conditional_logit(joint(samples), np.ones(3), FREE)
    np.testing.assert_allclose(fitted, expected, atol=2e-3)
    np.testing.assert_allclose(fitted, TRUE, atol=0.5)  # and the truth is not far
    bounds = [(0, None), (0, None), (None, None)]
    held = minimize(loss, np.ones(3), method="Nelder-Mead", bounds=bounds).x
    bounded = conditional_logit(joint(samples), np.ones(3), bounds)
    np.testing.assert_allclose(bounded, held, atol=2e-3)
    assert bounded[1] == 0 > fitted[1]


def test_choices_between_two_are_a_logistic_regression():
    samples = choices(400, (2, 3), seed=1)
    difference = np.array([rows[0] - rows[1] for rows in samples])
    sign = np.where(np.arange(len(samples)) % 2 == 0, 1, -1)  # both classes must occur
    # scikit-learn draws all weights to zero alike: scaled so that ours are drawn so as well.
    scale = np.sqrt(2 * len(samples) * SHRINK + PRIOR * spread(samples))
    model = LogisticRegression(C=1, fit_intercept=False, tol=1e-8, max_iter=1000).fit(
        difference / scale * sign[:, None], sign
    )
    weights = conditional_logit(joint(samples), np.zeros(3), FREE)
    np.testing.assert_allclose(weights, model.coef_[0] / scale, atol=2e-3)


def test_parts_that_agree_share_the_weight():
    samples = [np.repeat(rows[:, :1], 2, axis=1) for rows in choices(300, (2, 6))]
    weights = conditional_logit(joint(samples), np.array([1.0, 1.0]), FREE[:2])
    assert weights[0] == pytest.approx(weights[1], abs=0.02)


@pytest.mark.parametrize("n", [1, 5, 2_000])
def test_few_choices_leave_the_weights_near_the_defaults(n):
    center = np.array([0.0, 1.0, 1.0])
    weights = conditional_logit(joint(choices(n, (2, 6))), center, FREE)
    nearer = (
        "defaults" if np.linalg.norm(weights - center) < np.linalg.norm(weights - TRUE) else "true"
    )
    assert nearer == ("true" if n > 100 else "defaults")
    assert n == 1 or np.abs(weights - center).max() > 0.1  # and yet they say something
    if n > 100:
        np.testing.assert_allclose(weights, TRUE, atol=0.1)


def test_a_part_that_tells_nothing_apart_keeps_its_default():
    samples = [np.pad(rows[:, :1], ((0, 0), (0, 1))) for rows in choices(200, (2, 6))]
    weights = conditional_logit(joint(samples), np.array([0.3, 0.7]), FREE[:2])
    assert weights[1] == pytest.approx(0.7, abs=1e-4)


def test_a_perfect_part_keeps_a_finite_weight():
    rows = np.array([[1, 0], [0, 0], [0, 1]], np.float32)
    weights = conditional_logit(joint([rows] * 200), np.ones(2), FREE[:2])
    assert np.isfinite(weights).all()
    assert weights[0] > 3
    assert weights[1] < 0.5


def test_huge_scores_do_not_overflow():
    rows = np.array([[1e4], [-1e4], [0]], np.float32)
    assert np.isfinite(conditional_logit(joint([rows, rows[::-1]]), np.ones(1), FREE[:1])).all()


def test_log_probabilities_are_those_of_each_choice():
    samples = choices(20, (2, 6))
    joined = joint(samples)
    expected = [(rows @ TRUE)[0] - np.log(np.exp(rows @ TRUE).sum()) for rows in samples]
    np.testing.assert_allclose(joined.log_probability(TRUE), expected, rtol=1e-6)
    weights = np.random.default_rng(0).normal(size=(20, 3))
    actual = joined.log_probability(weights)
    for at, rows in enumerate(samples):
        alone = joint([rows]).log_probability(weights[at])
        np.testing.assert_allclose(actual[at], alone[0], rtol=1e-6)


def test_some_choices_are_as_if_the_others_had_never_been():
    samples = choices(30, (2, 6))
    selected = np.arange(30) % 3 == 0
    taken, alone = joint(samples).take(selected), joint(samples[::3])
    np.testing.assert_array_equal(taken.features, alone.features)
    np.testing.assert_array_equal(taken.first, alone.first)


@pytest.mark.parametrize(("n", "nearer"), [(5, "shared"), (5_000, "own")])
def test_few_choices_leave_the_weights_near_those_of_everybody(n, nearer):
    shared = np.zeros(3)
    weights = conditional_logit(joint(choices(n, (2, 6))), shared, FREE, for_all=True)
    own = conditional_logit(joint(choices(5_000, (2, 6))), shared, FREE)
    distance = {"shared": np.linalg.norm(weights), "own": np.linalg.norm(weights - own)}
    assert min(distance, key=distance.get) == nearer


def test_the_pull_is_that_of_so_many_choices():
    joined, center = joint(choices(40, (2, 6))), np.array([1.0, 0.0, -1.0])

    def loss(weights: np.ndarray) -> float:
        off = weights - center
        return -joined.log_probability(weights).mean() + PULL / 40 * (off**2).sum()

    expected = minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-6}).x
    actual = conditional_logit(joined, center, FREE, for_all=True)
    np.testing.assert_allclose(actual, expected, atol=2e-3)


def routed(of_short: np.ndarray, of_long: np.ndarray, seed: int = 0) -> dict[int, np.ndarray]:
    """Return the learned weights where short and long histories choose by these weights."""
    samples = [
        *choices(400, (5, 12), seed, true=of_short),
        *choices(400, (5, 12), seed + 1_000, true=of_long),
    ]
    joined = joint(samples, length=[4] * 400 + [15] * 400)
    shared = conditional_logit(joined, np.ones(3), FREE)
    return route(joined, shared, np.ones(3), FREE, rng=np.random.default_rng(seed))


def test_lengths_that_choose_otherwise_get_weights_of_their_own():
    routes = routed(np.array([2.0, 0.0, 0.0]), np.array([0.0, 2.0, 0.0]))
    assert list(routes) == list(HISTORY_LENGTHS)
    assert routes[3][0] > 1 > 0.5 > routes[3][1]
    assert routes[11][1] > 1 > 0.5 > routes[11][0]
    np.testing.assert_array_equal(routes[0], routes[21])  # where nobody is, those of everybody


def test_lengths_that_choose_alike_share_their_weights():
    assert sum(bool(routed(TRUE, TRUE, seed)) for seed in range(10)) <= 1


def test_a_handful_of_users_are_not_split():
    joined = joint(choices(4, (2, 6)))
    assert route(joined, np.ones(3), np.ones(3), FREE, rng=np.random.default_rng(0)) == {}
