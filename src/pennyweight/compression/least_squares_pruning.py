"""Removal of inputs of a projection, with the others refitted to compensate.

For a projection y = W x + b whose inputs x have covariance C, removing a group g of inputs and
refitting the others by least squares costs

    tr(W_g (C^-1_gg)^-1 W_g^T)

of squared error (Hassibi and Stork 1992, Optimal Brain Surgeon; in groups: Kurtic, Frantar and
Alistarh 2023, ZipLM, equation 3). The cheapest group goes, W and C^-1 are brought up to date,
and so on. The mean output of the removed inputs is added to the bias.
"""

import numpy as np
from numpy.typing import NDArray

from pennyweight.compression.activations import Moments
from pennyweight.encoders.checkpoint import Projection

__all__ = ["eliminate"]

DAMPING = 0.01  # of the mean variance, added to each, or the inverse may not exist
AT_ONCE = 16  # single inputs removed between two updates


def eliminate(
    linear: Projection, moments: Moments, *, keep: int, size: int = 1
) -> tuple[NDArray[np.int64], Projection]:
    """Remove all but `keep` groups of a projection's inputs.

    Parameters
    ----------
    linear
        The projection: weight (out, groups * size), bias (out,).
    moments
        Of its inputs.
    keep
        Groups to keep, from 1 to all of them.
    size
        Inputs that go together, such as those of one attention head.

    Returns
    -------
    tuple
        Positions of the kept inputs, ascending, int64 (keep * size,), and the projection over
        them, its weights and bias refitted.
    """
    covariance = moments.covariance
    width = len(covariance)
    covariance[np.diag_indices(width)] += DAMPING * np.trace(covariance) / width + 1e-12
    inverse = np.asarray(np.linalg.inv(covariance), np.float64)
    weight = linear.weight.astype(np.float64)
    alive = np.arange(width // size)
    while len(alive) > keep:
        cost = _costs(weight, inverse, size)
        step = min(AT_ONCE if size == 1 else 1, len(alive) - keep)
        removed = np.argsort(cost, kind="stable")[:step]
        out = (removed[:, None] * size + np.arange(size)).ravel()
        others = np.setdiff1d(np.arange(len(inverse)), out)
        across = inverse[np.ix_(out, others)]
        update = np.linalg.solve(inverse[np.ix_(out, out)], across)
        weight = weight[:, others] - weight[:, out] @ update
        inverse = inverse[np.ix_(others, others)] - across.T @ update
        alive = np.delete(alive, removed)
    inputs = (alive[:, None] * size + np.arange(size)).ravel()
    bias = linear.bias + linear.weight @ moments.mean - weight @ moments.mean[inputs]
    return inputs, Projection(weight.astype(np.float32), bias.astype(np.float32))


def _costs(
    weight: NDArray[np.float64], inverse: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Return the squared error that removing each group costs, (groups,)."""
    if size == 1:
        return np.asarray(np.square(weight).sum(axis=0) / np.diagonal(inverse))
    starts = range(0, len(inverse), size)
    blocks = [(weight[:, s : s + size], inverse[s : s + size, s : s + size]) for s in starts]
    return np.array([float((w * np.linalg.solve(i, w.T).T).sum()) for w, i in blocks])
