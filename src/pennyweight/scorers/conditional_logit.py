"""Weights of a blend: one set for all users, and sets by length of history where they pay."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["HISTORY_LENGTHS", "PRIOR", "Choices", "conditional_logit", "route"]

HISTORY_LENGTHS = (0, 1, 3, 6, 11, 21)  # minimum length of each bin of histories
FOLDS = 5
SHRINK = 1e-4  # penalty on squared distance from the defaults: breaks ties of components that agree
PRIOR = 20.0  # choices that the default weights count for in the weights for all users
PULL = 50.0  # choices that the weights for all users count for in those of one length
SURE = 2.0  # standard errors by which weights by length must win

Float = NDArray[np.float64]
Bounds = Sequence[tuple[float | None, float | None]]


@dataclass(frozen=True)
class Choices:
    """Held-out items among their rivals.

    Attributes
    ----------
    features
        Scores of the components, (n_rows, n_components); the rows of a choice follow each other,
        the chosen item first.
    first
        Where each choice begins, int (n_choices,).
    length
        Length of the history of each, int (n_choices,).
    user
        The user of each, as a number, int (n_choices,).
    """

    features: Float
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    user: NDArray[np.int64]

    @classmethod
    def of(
        cls, choices: Sequence[NDArray[np.float32]], length: ArrayLike, user: ArrayLike
    ) -> "Choices":
        """Join choices, each (its rows, n_components)."""
        rows = np.array([len(choice) for choice in choices], np.int64)
        first = np.concatenate([[0], np.cumsum(rows)[:-1]]).astype(np.int64)
        features = np.concatenate(list(choices)).astype(np.float64)
        return cls(features, first, np.asarray(length, np.int64), np.asarray(user, np.int64))

    def __len__(self) -> int:
        return len(self.first)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows of each choice, int (n_choices,)."""
        return np.diff(np.append(self.first, len(self.features)))

    def take(self, selected: NDArray[np.bool_]) -> "Choices":
        """Return some of the choices."""
        rows = self.rows
        first = np.concatenate([[0], np.cumsum(rows[selected])[:-1]]).astype(np.int64)
        features = self.features[np.repeat(selected, rows)]
        return Choices(features, first, self.length[selected], self.user[selected])

    def spread(self) -> Float:
        """Return the mean variance of each component's scores within a choice, (n_components,)."""
        rows = self.rows[:, None]
        mean = np.add.reduceat(self.features, self.first) / rows
        square = np.add.reduceat(self.features**2, self.first) / rows
        return np.asarray(np.maximum(square - mean**2, 0).mean(axis=0))

    def score_spread(self, weights: Float) -> float:
        """Return the standard deviation of weighted scores within a choice, root mean square."""
        score = self.features @ weights
        mean = np.add.reduceat(score, self.first) / self.rows
        square = np.add.reduceat(score**2, self.first) / self.rows
        return float(np.sqrt(np.maximum(square - mean**2, 0).mean()))

    def log_probability(self, weights: Float) -> Float:
        """Return the log of the chance of each chosen item, (n_choices,).

        Parameters
        ----------
        weights
            Of the components, (n_components,), or a row a choice.
        """
        if weights.ndim == 1:
            logit = self.features @ weights
        else:
            logit = np.einsum("ij,ij->i", self.features, np.repeat(weights, self.rows, axis=0))
        top = np.maximum.reduceat(logit, self.first)
        total = np.add.reduceat(np.exp(logit - np.repeat(top, self.rows)), self.first)
        return np.asarray(logit[self.first] - top - np.log(total))


def conditional_logit(
    choices: Choices, center: Float, bounds: Bounds, *, for_all: bool = False
) -> Float:
    """Return the weights that maximize the mean log-probability of the chosen items.

    The conditional logit of McFadden (1974), with a Gaussian prior.

    Parameters
    ----------
    center
        The mean of the prior, (n_components,): default weights, which count for `PRIOR` choices
        whose scores spread as these do.
    for_all
        Whether the center holds the weights for all users, which count for `PULL` choices.
    """
    from scipy.optimize import minimize  # a tenth of the start of a program, for fits alone

    rows, first, features = choices.rows, choices.first, choices.features
    chosen = features[first].sum(axis=0)
    n = max(1, len(choices))
    if for_all:
        penalty = np.full(len(center), PULL / n)
    else:
        penalty = SHRINK + PRIOR / (2 * n) * choices.spread()

    def loss(weights: Float) -> tuple[float, Float]:
        logit = features @ weights
        top = np.maximum.reduceat(logit, first)
        odds = np.exp(logit - np.repeat(top, rows))
        total = np.add.reduceat(odds, first)
        expected = (odds / np.repeat(total, rows)) @ features
        value = (np.log(total) + top - logit[first]).sum() / len(first)
        deviation = weights - center
        slope = (expected - chosen) / len(first) + 2 * penalty * deviation
        return value + float(penalty @ deviation**2), slope

    result: Float = minimize(loss, center, jac=True, bounds=bounds, method="L-BFGS-B").x
    return result


def route(
    choices: Choices,
    weights: Float,
    center: Float,
    bounds: Bounds,
    *,
    rng: np.random.Generator,
) -> dict[int, Float]:
    """Return weights by minimum length of a history, or nothing where they do not pay.

    `weights` are those for all users, `center` the default ones. Weights by length pay where
    they make choices of held-out users more likely than the weights for all users do, by `SURE`
    standard errors over users.
    """
    users, user = np.unique(choices.user, return_inverse=True)
    if len(users) < FOLDS:
        return {}
    fold = rng.permutation(len(users))[user] % FOLDS
    gain = np.zeros(len(choices))
    for held_fold in range(FOLDS):
        training, held = choices.take(fold != held_fold), choices.take(fold == held_fold)
        shared = conditional_logit(training, center, bounds)
        by_length = _by_length(training, shared, bounds)
        at = np.searchsorted(list(by_length), held.length, side="right") - 1
        chances = held.log_probability(np.stack(list(by_length.values()))[at])
        gain[fold == held_fold] = chances - held.log_probability(shared)
    of_user = np.bincount(user, gain)
    error = of_user.std(ddof=1) / np.sqrt(len(users))
    if of_user.mean() <= SURE * error:
        return {}
    return _by_length(choices, weights, bounds)


def _by_length(choices: Choices, shared: Float, bounds: Bounds) -> dict[int, Float]:
    """Return the weights for each length of a history, or the shared ones where it is rare."""
    at = np.searchsorted(HISTORY_LENGTHS, choices.length, side="right") - 1
    return {
        min_length: conditional_logit(choices.take(at == place), shared, bounds, for_all=True)
        if (at == place).any()
        else shared
        for place, min_length in enumerate(HISTORY_LENGTHS)
    }
