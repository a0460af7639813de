"""Item vectors of a scorer: sparse words, or dense vectors."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.scorers.term_columns import common_columns
from pennyweight.vectors.list_work import ListWork
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = ["Codes", "ItemVectors", "Terms", "TextVectors", "picked", "stacked"]

LOOK_UP = 8  # times the cost of a product, in a loop over all texts (measured: 4 to 18)
Codes = NDArray[np.integer[Any]]


class ItemVectors(Protocol):
    """One vector an item; queries and picked rows are dense or sparse as the vectors are."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Codes | slice) -> Any:  # noqa: ANN401
        """Return some rows, (n, dim)."""
        ...

    def mixed(self, weights: sparse.csr_matrix) -> Any:  # noqa: ANN401
        """Return weighted sums of rows, csr (n, n_items) to (n, dim)."""
        ...

    def products(self, queries: Any) -> NDArray[np.float32]:  # noqa: ANN401
        """Return dot products with all rows, float32 (n, n_items)."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        ...

    def list_work(self, n_events: int) -> ListWork:
        """Return the data that the products for a history of some events read."""
        ...


class Terms:
    """Sparse rows: the weights of the words of each text, float32 csr (n_items, n_words)."""

    def __init__(self, matrix: sparse.csr_matrix) -> None:
        self.matrix = matrix

    @cached_property
    def common(self) -> NDArray[np.int32]:
        """Words that most texts have, which later rows hold apart; see `SplitTerms`."""
        return common_columns(self.matrix)

    @cached_property
    def _transposed(self) -> sparse.csr_matrix:
        return sparse.csr_matrix(self.matrix.T)

    def prepare(self) -> None:
        """Turn the matrix now, which the first product would have to wait for."""
        _ = self._holders

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def __getitem__(self, rows: Codes | slice) -> sparse.csr_matrix:
        return self.matrix[rows]

    def mixed(self, weights: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return weighted sums of rows."""
        return sparse.csr_matrix(weights @ self.matrix)

    def products(self, queries: sparse.csr_matrix) -> NDArray[np.float32]:
        """Return dot products of sparse queries with all rows, float32 (n, n_items)."""
        if self._is_dense(queries):
            return self._all_products(queries)
        return np.asarray((queries @ self._transposed).toarray(), np.float32)

    @cached_property
    def _holders(self) -> NDArray[np.int64]:
        """In how many texts each word is, int64 (n_words,)."""
        return np.asarray(np.diff(self._transposed.indptr), np.int64)

    def _is_dense(self, queries: sparse.csr_matrix) -> bool:
        """Whether words of the queries are in too many texts for a lookup to pay."""
        postings = int(self._holders[queries.indices].sum())
        return bool(LOOK_UP * postings > self.matrix.nnz * queries.shape[0])

    def _all_products(self, queries: sparse.csr_matrix) -> NDArray[np.float32]:
        """Multiply all rows with all rows, in blocks of dense columns."""
        n, n_words = queries.shape
        scores = np.empty((n, len(self)), np.float32)
        size = max(1, min(64, 2**22 // max(n_words, 1)))
        for start in range(0, n, size):
            block = slice(start, start + size)
            scores[block] = (self.matrix @ queries[block].T.toarray()).T
        return scores

    @property
    def nbytes(self) -> int:
        """Bytes of the entries, not counting the turned copy that searches use."""
        m = self.matrix
        return int(m.data.nbytes + m.indices.nbytes + m.indptr.nbytes)

    def list_work(self, n_events: int) -> ListWork:
        """Return the texts that have the words of a history of usual texts; at most all entries."""
        holders = self._holders.astype(np.float64)
        of_a_text = float((holders**2).sum()) / max(1, len(self))
        return ListWork(postings=round(min(self.matrix.nnz, n_events * of_a_text)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to save, without the shape."""
        return {
            "data": self.matrix.data,
            "indices": self.matrix.indices,
            "indptr": self.matrix.indptr,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], shape: tuple[int, int]) -> "Terms":
        """Return the vectors whose `arrays` these are."""
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return cls(sparse.csr_matrix(parts, shape=shape))


# Rows that texts were read into, by the name of the scorer that read them.
TextVectors = Mapping[str, QuantizedRows | Terms]


def picked(rows: QuantizedRows | Terms, at: Codes) -> QuantizedRows | Terms:
    """Return some rows in their format, in the given order."""
    if isinstance(rows, Terms):
        return Terms(sparse.csr_matrix(rows.matrix[at]))
    scale = rows.scale[at] if len(rows.scale) == len(rows) else rows.scale
    return QuantizedRows(rows.data[at], scale, rows.dim, rows.format)


def stacked(parts: Sequence[QuantizedRows | Terms]) -> QuantizedRows | Terms:
    """Return the rows of several parts of one format, one below the other."""
    if len(parts) == 1:
        return parts[0]
    sparse_parts = [part.matrix for part in parts if isinstance(part, Terms)]
    if len(sparse_parts) == len(parts):
        return Terms(sparse.csr_matrix(sparse.vstack(sparse_parts, format="csr")))
    packed = [part for part in parts if isinstance(part, QuantizedRows)]
    layouts = {(part.dim, part.format, len(part.scale) == len(part)) for part in packed}
    if len(packed) < len(parts) or len(layouts) > 1:
        raise TypeError("rows that are held in different ways cannot be stacked")
    data, scale = (np.concatenate([getattr(p, name) for p in packed]) for name in ("data", "scale"))
    return QuantizedRows(data, scale, packed[0].dim, packed[0].format)
