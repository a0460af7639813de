"""Indexes that look at every item: float32, int8, and binary rescored with int8."""

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
    top,
)

__all__ = ["BinaryIndex", "ExactIndex", "Int8Index"]

_NONE = np.empty(0, np.int32)
_LEAST = float(np.finfo(np.float32).tiny)  # a scale to divide by, even if all vectors are zero


class ExactIndex:
    """Vectors as they are, float32 (see `Index`)."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._rows = Rows(_NONE, np.empty((0, dim), np.float32))

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
            scores: NDArray[np.float32] = queries[part] @ rows.data[block].T
            return scores

        return found(rows.codes, *scan(len(queries), positions, k, score))

    def upsert(self, codes: ArrayLike, vectors: NDArray[np.float32]) -> None:
        """Add or replace items (see `Index.upsert`)."""
        codes = item_codes(codes)
        self._rows = self._rows.joined(codes, check_vectors(vectors, len(codes), self.dim))

    def remove(self, codes: ArrayLike) -> None:
        """Forget items (see `Index.remove`)."""
        self._rows = self._rows.without(np.asarray(codes, np.int32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all there is to save: codes int32 (n,), vectors float32 (n, dim)."""
        return {"codes": self._rows.codes, "vectors": self._rows.data}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the index that `arrays` was taken from; read-only arrays are not copied."""
        index = cls(arrays["vectors"].shape[1])
        index._rows = Rows(arrays["codes"], arrays["vectors"])
        return index


class Int8Index:
    """Vectors in 8 bits with one scale for all, a quarter of the memory.

    A component x is kept as the whole number nearest x / scale, where scale is the
    largest component seen / 127: the error is at most scale / 2. Queries stay float32.
    When a larger component arrives, the vectors already there are rounded once more.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._state = (Rows(_NONE, np.empty((0, dim), np.int8)), _LEAST)

    def __len__(self) -> int:
        return len(self._state[0].codes)

    @property
    def nbytes(self) -> int:
        """Bytes of memory the index holds."""
        return self._state[0].nbytes

    @property
    def scale(self) -> float:
        """What one step of the whole numbers is worth."""
        return self._state[1]

    def search(
        self, queries: NDArray[np.float32], k: int, allow: NDArray[np.bool_] | None = None
    ) -> Found:
        """Return the best k items for each query (see `Index.search`)."""
        queries, (rows, scale) = check_queries(queries, self.dim, k), self._state
        scaled = (queries * np.float32(scale)).astype(np.float32)
        positions = allowed(rows.codes, allow)

        def score(part: slice, block: Block) -> NDArray[np.float32]:
            scores: NDArray[np.float32] = scaled[part] @ rows.data[block].astype(np.float32).T
            return scores

        return found(rows.codes, *scan(len(queries), positions, k, score))

    def upsert(self, codes: ArrayLike, vectors: NDArray[np.float32]) -> None:
        """Add or replace items (see `Index.upsert`)."""
        codes = item_codes(codes)
        vectors = check_vectors(vectors, len(codes), self.dim)
        rows, scale = self._state
        largest = float(np.abs(vectors).max(initial=0)) / 127
        if largest > scale:
            again = np.rint(rows.data * np.float32(scale / largest)).astype(np.int8)
            rows, scale = Rows(rows.codes, again), largest
        steps = np.rint(vectors / np.float32(scale)).clip(-127, 127).astype(np.int8)
        self._state = (rows.joined(codes, steps), scale)

    def remove(self, codes: ArrayLike) -> None:
        """Forget items (see `Index.remove`)."""
        rows, scale = self._state
        self._state = (rows.without(np.asarray(codes, np.int32)), scale)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all there is to save: codes int32 (n,), vectors int8 (n, dim), scale (1,)."""
        rows, scale = self._state
        return {"codes": rows.codes, "vectors": rows.data, "scale": np.array([scale])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the index that `arrays` was taken from; read-only arrays are not copied."""
        index = cls(arrays["vectors"].shape[1])
        index._state = (Rows(arrays["codes"], arrays["vectors"]), float(arrays["scale"][0]))
        return index


class BinaryIndex:
    """A scan of signs, one bit a component, then int8 scores for the nearest.

    The `oversample` x k items whose signs differ least from the query's are scored again
    with their int8 vectors, which are kept too: this buys time, not memory.
    """

    def __init__(self, dim: int, *, oversample: int = 10) -> None:
        if oversample < 1:
            raise ValueError(f"oversample={oversample} must be 1 or more")
        self.dim, self.oversample = dim, oversample
        self._fine = Int8Index(dim)
        self._state = (*self._fine._state, _signs(self._fine._state[0].data))

    def __len__(self) -> int:
        return len(self._state[0].codes)

    @property
    def nbytes(self) -> int:
        """Bytes of memory the index holds."""
        return self._state[0].nbytes + self._state[2].nbytes

    def search(
        self, queries: NDArray[np.float32], k: int, allow: NDArray[np.bool_] | None = None
    ) -> Found:
        """Return the best k items for each query (see `Index.search`).

        Scores are those of `Int8Index`; an item whose signs are far off may be missed.
        """
        queries, (rows, scale, signs) = check_queries(queries, self.dim, k), self._state
        query_signs = _signs(queries)
        positions = allowed(rows.codes, allow)

        def score(part: slice, block: Block) -> NDArray[np.float32]:
            some = signs[block]
            out = np.empty((part.stop - part.start, len(some)), np.float32)
            for i, query in enumerate(query_signs[part]):
                np.negative(np.bitwise_count(some ^ query).sum(axis=1, dtype=np.int32), out=out[i])
            return out

        near, _ = scan(len(queries), positions, k * self.oversample, score)
        scores = np.full(near.shape, -np.inf, np.float32)
        for i, query in enumerate(queries * np.float32(scale)):
            real = near[i] >= 0
            scores[i, real] = rows.data[near[i, real]].astype(np.float32) @ query
        return found(rows.codes, *top(near, scores, k))

    def upsert(self, codes: ArrayLike, vectors: NDArray[np.float32]) -> None:
        """Add or replace items (see `Index.upsert`)."""
        self._fine.upsert(codes, vectors)
        self._refresh()

    def remove(self, codes: ArrayLike) -> None:
        """Forget items (see `Index.remove`)."""
        self._fine.remove(codes)
        self._refresh()

    def _refresh(self) -> None:
        self._state = (*self._fine._state, _signs(self._fine._state[0].data))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all there is to save: the arrays of `Int8Index`, and oversample (1,)."""
        return self._fine.arrays() | {"oversample": np.array([self.oversample])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the index that `arrays` was taken from."""
        index = cls(arrays["vectors"].shape[1], oversample=int(arrays["oversample"][0]))
        index._fine = Int8Index.from_arrays(arrays)
        index._refresh()
        return index


def _signs(vectors: NDArray[Any]) -> NDArray[np.uint64]:
    """Pack which components are positive, uint64 (n, ceil(dim / 64))."""
    n, dim = vectors.shape
    width = -(-dim // 64) * 8
    bits = np.zeros((n, width), np.uint8)
    bits[:, : -(-dim // 8)] = np.packbits(vectors > 0, axis=1)
    return bits.view(np.uint64)
