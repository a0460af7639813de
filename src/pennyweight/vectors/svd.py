"""Truncated singular value decomposition of a sparse matrix, principal axes of a dense one."""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

__all__ = ["principal_axes", "truncated_svd"]

OVERSAMPLE = 16
ITERATIONS = 4
EXACT_BELOW = 1_500  # rows or columns up to which their products are decomposed whole


def truncated_svd(
    matrix: sparse.csr_matrix, rank: int, *, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the largest singular triplets, by randomized subspace iteration of large matrices.

    Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1. Where the shorter side is short,
    the eigenvectors of the products of its rows give them exactly. Signs are fixed, so that
    one seed gives one answer.

    Returns
    -------
    left, values, right
        float32 (n, r), (r,) descending and (m, r), where r is `rank` or, if that is less,
        the numerical rank of the matrix; at least 1.
    """
    rank = min(rank, *matrix.shape)
    if matrix.shape[0] > matrix.shape[1] and matrix.shape[1] <= EXACT_BELOW:
        right_side, values, left_side = truncated_svd(sparse.csr_matrix(matrix.T), rank)
        return left_side, values, right_side
    if matrix.shape[0] <= EXACT_BELOW:
        wide = matrix.astype(np.float64)
        squares, left = np.linalg.eigh((wide @ wide.T).toarray())  # ascending
        values = np.sqrt(np.maximum(squares[::-1], 0))
        left = left[:, ::-1][:, :rank]
        right_t = (wide.T @ left / np.maximum(values[:rank], 1e-30)).T
    else:
        rng = np.random.default_rng(seed)
        width = min(rank + OVERSAMPLE, *matrix.shape)
        sample = matrix @ rng.standard_normal((matrix.shape[1], width)).astype(np.float32)
        for _ in range(ITERATIONS):  # LU keeps the columns apart at a tenth of the cost of QR
            sample = matrix @ _lower(matrix.T @ _lower(sample))
        basis = linalg.qr(sample, mode="economic", check_finite=False)[0]
        reduced = matrix.T @ basis  # (m, width)
        squares, small = np.linalg.eigh(reduced.T.astype(np.float64) @ reduced)  # ascending
        values = np.sqrt(np.maximum(squares[::-1], 0))
        small = small[:, ::-1].astype(np.float32)
        left = basis @ small
        right_t = (reduced @ small / np.maximum(values, 1e-30)).T
    keep = max(1, min(rank, int((values > values[0] * 1e-5).sum())))
    left, right = left[:, :keep], right_t[:keep].T
    signs = np.sign(right[np.abs(right).argmax(axis=0), np.arange(keep)])
    return (
        np.asarray(left * signs, np.float32),
        np.asarray(values[:keep], np.float32),
        np.asarray(right * signs, np.float32),
    )


def principal_axes(rows: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    """Return the directions along which rows, not centered here, are largest.

    The first right singular vectors, (width, dim), the largest first, signs fixed.
    """
    products = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), 4096):  # float64 copies of all rows would double them
        block = rows[start : start + 4096].astype(np.float64)
        products += block.T @ block
    _, axes = np.linalg.eigh(products)  # ascending
    axes = axes[:, ::-1][:, :dim]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(dim)])
    return np.asarray(axes, np.float32)


def _lower(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    lower: NDArray[np.float32] = linalg.lu(sample, permute_l=True, check_finite=False)[0]
    return lower
