"""Words of many texts, held so that a query touches few of them.

A few words are in a large share of all texts, and make up most of the work of a product.
They are kept as bytes in a dense table, which is quick to go through whole; of the other words each
knows the texts that have it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["COMMON", "SplitTerms", "common_columns", "rounded"]

COMMON = 64  # words in the dense table
STEPS = 127
DIGITS = 3  # of 7 bits, of a query: as exact as float32

Codes = NDArray[np.int32]


def common_columns(matrix: sparse.csr_matrix) -> Codes:
    """Return the columns that most rows have, ascending, int32 (COMMON,) or fewer."""
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return np.sort(np.argsort(-counts, kind="stable")[:COMMON]).astype(np.int32)


def rounded(matrix: sparse.csr_matrix, common: Codes) -> sparse.csr_matrix:
    """Return rows whose common words have weights that bytes can hold, with one scale a row.

    By a row alone, so that it does not matter which others it is held with.
    """
    row, is_common, scale = _scales(matrix, common)
    data = matrix.data.copy()
    step = scale[row[is_common]]
    data[is_common] = np.maximum(np.rint(data[is_common] / step), 1) * step  # a word stays one
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _scales(
    matrix: sparse.csr_matrix, common: Codes
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float32]]:
    """Return the row of each entry, a mask of common words, and the size of a step."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    is_common = np.isin(matrix.indices, common)
    largest = np.zeros(matrix.shape[0], np.float32)
    np.maximum.at(largest, row[is_common], matrix.data[is_common])
    return row, is_common, np.maximum(largest / np.float32(STEPS), np.float32(1e-12))


class SplitTerms:
    """Rows of words, ready for products.

    Parameters
    ----------
    matrix
        Made by `rounded`, float32 csr (n, n_words), not negative.
    common
        The words of the dense table.
    """

    def __init__(self, matrix: sparse.csr_matrix, common: Codes) -> None:
        from pennyweight.vectors.int8_product import (
            Int8Product,  # slow to import, and seldom needed
        )

        row, is_common, self._scale = _scales(matrix, common)
        self._n = matrix.shape[0]
        self._place = np.full(matrix.shape[1], -1, np.int32)
        self._place[common] = np.arange(len(common))
        table = np.zeros((matrix.shape[0], len(common)), np.int8)
        step = self._scale[row[is_common]]
        table[row[is_common], self._place[matrix.indices[is_common]]] = np.rint(
            matrix.data[is_common] / step
        )
        self._scan = Int8Product(table, digits=DIGITS)
        ends = np.concatenate([[0], np.cumsum(~is_common)])[matrix.indptr]
        seldom = (matrix.data[~is_common], matrix.indices[~is_common], ends)
        self._texts_of = sparse.csr_matrix(sparse.csr_matrix(seldom, shape=matrix.shape).T)

    def products(self, queries: sparse.csr_matrix) -> NDArray[np.float32]:
        """Return dot products of queries, csr (n, n_words), with all rows, float32 (n, rows)."""
        n, place = queries.shape[0], self._place[queries.indices]
        is_common = place >= 0
        scores = np.zeros((n, self._n), np.float32)
        if is_common.any():
            row = np.repeat(np.arange(n), np.diff(queries.indptr))
            common_weights = np.zeros((n, int(self._place.max()) + 1), np.float32)
            np.add.at(common_weights, (row[is_common], place[is_common]), queries.data[is_common])
            np.multiply(self._scan.products(common_weights), self._scale, out=scores)
        for at in range(n):
            span = slice(queries.indptr[at], queries.indptr[at + 1])
            seldom = ~is_common[span]
            if seldom.any():
                texts = self._texts_of[queries.indices[span][seldom]]
                scores[at] += texts.T @ queries.data[span][seldom]
        return scores
