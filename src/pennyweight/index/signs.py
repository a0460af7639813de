"""An index of signs alone, one bit a component."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennyweight.index.protocol import Found
from pennyweight.index.rows import (
    Block,
    Rows,
    allowed,
    check_queries,
    check_vectors,
    found,
    item_codes,
    scan,
)

__all__ = ["SignIndex"]

_NONE = np.empty(0, np.int32)


class SignIndex:
    """Vectors as the signs of their components, a thirty-second of the memory.

    A vector counts as +-1 / sqrt(dim) in each component, a zero vector as zero; queries stay
    float32, which loses less than taking their signs too (asymmetric distances, Gordo et al.
    2014). Made for vectors in their principal components (see `ProjectedEncoder`), which are
    not correlated, so that each sign says something of its own.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._rows = Rows(_NONE, np.empty((0, -(-dim // 8) + 1), np.uint8))

    def __len__(self) -> int:
        return len(self._rows.codes)

    @property
    def nbytes(self) -> int:
        """Bytes of memory the index holds."""
        return self._rows.nbytes

    def search(
        self, queries: NDArray[np.float32], k: int, allow: NDArray[np.bool_] | None = None
    ) -> Found:
        """Return the best k items for each query (see `Index.search`)."""
        queries, rows = check_queries(queries, self.dim, k), self._rows
        positions = allowed(rows.codes, allow)

        def score(part: slice, block: Block) -> NDArray[np.float32]:
            scores: NDArray[np.float32] = queries[part] @ self._vectors(rows.data[block]).T
            return scores

        return found(rows.codes, *scan(len(queries), positions, k, score))

    def upsert(self, codes: ArrayLike, vectors: NDArray[np.float32]) -> None:
        """Add or replace items (see `Index.upsert`)."""
        codes = item_codes(codes)
        vectors = check_vectors(vectors, len(codes), self.dim)
        some = vectors.any(axis=1).astype(np.uint8)  # the last byte tells zero vectors apart
        bits = np.packbits(vectors > 0, axis=1)
        self._rows = self._rows.joined(codes, np.column_stack([bits, some]))

    def remove(self, codes: ArrayLike) -> None:
        """Forget items (see `Index.remove`)."""
        self._rows = self._rows.without(np.asarray(codes, np.int32))

    def vectors(self) -> NDArray[np.float32]:
        """Return the vectors as they count, float32 (n, dim), in ascending order of code."""
        return self._vectors(self._rows.data)

    def _vectors(self, data: NDArray[np.uint8]) -> NDArray[np.float32]:
        bits = np.unpackbits(data[:, :-1], axis=1, count=self.dim)
        step = np.float32(1 / np.sqrt(self.dim))
        out: NDArray[np.float32] = (bits.astype(np.float32) * 2 - 1) * step
        out *= data[:, -1:]
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all there is to save: codes int32 (n,), signs uint8 (n, bytes), dim (1,)."""
        return {
            "codes": self._rows.codes,
            "signs": self._rows.data,
            "dim": np.array([self.dim]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the index that `arrays` was taken from; read-only arrays are not copied."""
        index = cls(int(arrays["dim"][0]))
        index._rows = Rows(arrays["codes"], arrays["signs"])
        return index
