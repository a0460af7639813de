"""Item vectors of a scorer: sparse words, or dense vectors, and changes laid over either."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.disk.packed import Packed

__all__ = ["ItemRows", "Overlaid", "Terms", "overlaid"]

LOOK_UP = 8  # times what a product costs in a loop over all texts (measured: 4 to 18)
Codes = NDArray[np.integer[Any]]


class ItemRows(Protocol):
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


class Terms:
    """Sparse rows: the weights of the words of each text, float32 csr (n_items, n_words)."""

    def __init__(self, matrix: sparse.csr_matrix) -> None:
        self.matrix = matrix

    @cached_property
    def _turned(self) -> sparse.csr_matrix:
        return sparse.csr_matrix(self.matrix.T)

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
        return np.asarray((queries @ self._turned).toarray(), np.float32)

    def _is_dense(self, queries: sparse.csr_matrix) -> bool:
        """Whether words of the queries are in so many texts that looking them up costs more."""
        found = int(np.diff(self._turned.indptr)[queries.indices].sum())
        return bool(LOOK_UP * found > self.matrix.nnz * queries.shape[0])

    def _all_products(self, queries: sparse.csr_matrix) -> NDArray[np.float32]:
        """Multiply all rows with all rows, in blocks of dense columns."""
        n, n_words = queries.shape
        scores = np.empty((n, len(self)), np.float32)
        size = max(1, min(64, 2**22 // max(n_words, 1)))
        for start in range(0, n, size):
            some = slice(start, start + size)
            scores[some] = (self.matrix @ queries[some].T.toarray()).T
        return scores

    @property
    def nbytes(self) -> int:
        """Bytes of the entries, not counting the turned copy that searches use."""
        m = self.matrix
        return int(m.data.nbytes + m.indices.nbytes + m.indptr.nbytes)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what there is to save, but for the shape."""
        return {"data": self.matrix.data, "indices": self.matrix.indices,
                "indptr": self.matrix.indptr}  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], shape: tuple[int, int]) -> "Terms":
        """Return what `arrays` was taken from."""
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return cls(sparse.csr_matrix(parts, shape=shape))


class Overlaid:
    """Rows of a catalogue that has grown or changed: the old ones, and new ones laid over them.

    Parameters
    ----------
    base
        The rows as they were, kept as they are.
    codes
        Items that are new or changed, ascending, int32 (m,).
    over
        Their rows.
    n_items
        Items in all; those that are in neither are zero.
    """

    def __init__(
        self, base: Packed | Terms, codes: NDArray[np.int32], over: Packed | Terms, n_items: int
    ) -> None:
        self.base, self.codes, self.over, self.n_items = base, codes, over, n_items
        self._place = np.full(n_items, -1, np.int32)  # in `over`, of each item
        self._place[codes] = np.arange(len(codes), dtype=np.int32)

    def __len__(self) -> int:
        return self.n_items

    def __getitem__(self, rows: Codes | slice) -> Any:  # noqa: ANN401
        codes = np.arange(self.n_items)[rows]
        pick = (np.ones(len(codes), np.float32), (np.arange(len(codes)), codes))
        return self.mixed(sparse.csr_matrix(pick, shape=(len(codes), self.n_items)))

    def mixed(self, weights: sparse.csr_matrix) -> Any:  # noqa: ANN401
        """Return weighted sums of rows, each from where it is."""
        place, n = self._place[weights.indices], weights.shape[0]
        old = (place < 0) & (weights.indices < len(self.base))
        found = self.base.mixed(_columns(weights, old, weights.indices, (n, len(self.base))))
        new = place >= 0
        if new.any():
            found = found + self.over.mixed(_columns(weights, new, place, (n, len(self.codes))))
        return found

    def products(self, queries: Any) -> NDArray[np.float32]:  # noqa: ANN401
        """Return dot products with all rows, float32 (n, n_items)."""
        scores = np.zeros((queries.shape[0], self.n_items), np.float32)
        scores[:, : len(self.base)] = self.base.products(queries)
        scores[:, self.codes] = self.over.products(queries)
        return scores

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.base.nbytes + self.over.nbytes + self._place.nbytes


def overlaid(
    rows: ItemRows, codes: NDArray[np.int32], over: Packed | Terms, n_items: int
) -> Overlaid:
    """Lay rows of new or changed items over others; what was laid there before stays below.

    Parameters
    ----------
    codes
        Each once, int32 (m,).
    over
        Their rows, in the order of the codes.
    """
    if isinstance(rows, Overlaid):
        kept = ~np.isin(rows.codes, codes)
        over = _joined(rows.over, kept, over)
        codes, rows = np.concatenate([rows.codes[kept], codes]), rows.base
    order = np.argsort(codes, kind="stable")
    if not isinstance(rows, Packed | Terms):
        raise TypeError(f"{type(rows).__name__} cannot be laid over")
    return Overlaid(rows, codes[order].astype(np.int32), _taken(over, order), n_items)


def _columns(
    weights: sparse.csr_matrix, keep: NDArray[np.bool_], columns: Codes, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """Return some of the entries, in other columns."""
    ends = np.concatenate([[0], np.cumsum(keep)])[weights.indptr]
    return sparse.csr_matrix((weights.data[keep], columns[keep], ends), shape=shape)


def _taken(rows: Packed | Terms, order: Codes) -> Packed | Terms:
    return Terms(rows[order]) if isinstance(rows, Terms) else Packed.of(rows[order])


def _joined(rows: Packed | Terms, kept: NDArray[np.bool_], more: Packed | Terms) -> Packed | Terms:
    some = np.flatnonzero(kept)
    if isinstance(rows, Terms) and isinstance(more, Terms):
        return Terms(sparse.csr_matrix(sparse.vstack([rows[some], more.matrix], format="csr")))
    if isinstance(rows, Packed) and isinstance(more, Packed):
        return Packed.of(np.concatenate([rows[some], more.unpacked()]))
    raise TypeError("words and dense vectors cannot be joined")
