"""Coefficients of a sum of terms, fitted to measured times."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

__all__ = ["fit_coefficients"]


def fit_coefficients(terms: ArrayLike, seconds: ArrayLike) -> NDArray[np.float64]:
    """Return the seconds of each term, none below zero, float64 (n_terms,).

    Least squares of the relative errors (Lawson and Hanson 1974, non-negative least squares), so
    that a list of a millisecond counts as much as a batch of a second.

    Parameters
    ----------
    terms
        Of each measurement, (n, n_terms).
    seconds
        Measured, above zero, (n,).
    """
    measured = np.asarray(seconds, np.float64)
    relative = np.asarray(terms, np.float64) / measured[:, None]
    size = np.maximum(relative.max(axis=0), np.finfo(np.float64).tiny)  # bytes stand beside ones
    scaled, _ = nnls(relative / size, np.ones(len(measured)))
    return np.asarray(scaled / size, np.float64)
