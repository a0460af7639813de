"""Rows of vectors in float32, or quantized to 8, 4, 2 bits or 1 bit a component."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.errors import PlanError
from pennyweight.vectors.list_work import ListWork

if TYPE_CHECKING:
    from pennyweight.vectors.int8_product import Int8Product

__all__ = ["ROW_FORMATS", "SCANNED", "QuantizedRows", "RowFormat"]

RowFormat = Literal["fp32", "int8", "int4", "int2", "binary"]
ROW_FORMATS: tuple[RowFormat, ...] = get_args(RowFormat)
STEPS, FEW_STEPS = 127, 7  # on either side of zero, in 8 and in 4 bits
# The four values nearest to a normal variable in the mean square, and their bound (Max 1960).
LEVELS, BOUND = np.array([-1.510, -0.4528, 0.4528, 1.510], np.float32), 0.9816
BLOCK = 4096  # rows widened at a time
SCANNED = 2_000  # rows from which on int8 is multiplied directly
_MIN_SCALE = 1e-12  # a scale to divide by, even if all vectors are zero
_BITS: dict[RowFormat, int] = {"fp32": 32, "int8": 8, "int4": 4, "int2": 2, "binary": 1}
_FORMAT_OF = {bits: format for format, bits in _BITS.items()}


@dataclass(frozen=True)
class QuantizedRows:
    """Rows of numbers, kept small and widened to float32 where they are used.

    Attributes
    ----------
    data
        float32 (n, dim); int8 (n, dim); or, packed into uint8, 4 bits (n, ceil(dim / 2)),
        2 bits (n, ceil(dim / 4)) or binary (n, ceil(dim / 8)).
    scale
        Size of a step: float32, (1, 1) for all or (n, 1) by row; float16 (n, 1) below
        8 bits.
    dim
        Width of a row.
    format
        How the rows are kept.
    """

    data: NDArray[Any]
    scale: NDArray[Any]
    dim: int
    format: RowFormat = "fp32"

    @classmethod
    def of(
        cls,
        rows: NDArray[np.float32],
        format: RowFormat = "fp32",
        *,
        by_row: bool = False,
        steps: int = STEPS,
    ) -> Self:
        """Pack rows, float32 (n, dim).

        ``int8`` rounds to whole steps, `steps` of them on either side of zero, of one size for all
        rows or, for rows of unlike length, `by_row`; ``int4`` to seven on either side, by row.
        ``int2`` takes the nearest of four values, times the row's root mean square; ``binary``
        keeps the sign of each component and the length of the row (Gordo et al. 2014). Both
        are for components that are not correlated.
        """
        rows = np.ascontiguousarray(rows, np.float32)
        dim = rows.shape[1]
        if format == "fp32":
            return cls(rows, np.ones((1, 1), np.float32), dim)
        if format == "int8":
            scale = _scale(rows, steps, by_row=by_row)
            return cls(_rounded(rows, scale, steps), scale, dim, format)
        if format == "int4":
            scale = _scale(rows, FEW_STEPS, by_row=True).astype(np.float16)
            data = _rounded(rows, np.maximum(scale.astype(np.float32), _MIN_SCALE), FEW_STEPS)
            return cls(_pack(data + 8, 4), scale, dim, format)
        if format == "int2":
            scale = _length(rows).astype(np.float16)
            part = np.maximum(scale.astype(np.float32), _MIN_SCALE) * np.float32(BOUND)
            places = (rows > -part).astype(np.uint8) + (rows > 0) + (rows > part)
            return cls(_pack(places, 2), scale, dim, format)
        if format == "binary":
            scale = _length(rows).astype(np.float16)
            return cls(np.packbits(rows > 0, axis=1), scale, dim, format)
        raise PlanError(f"format {format!r}: one of {', '.join(ROW_FORMATS)}")

    def __len__(self) -> int:
        return len(self.data)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and their width."""
        return len(self.data), self.dim

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.data.nbytes + (0 if self.format == "fp32" else self.scale.nbytes)

    def list_work(self, n_events: int) -> ListWork:
        """Return the data that `products` reads for one query."""
        if self.format == "int8" and len(self) >= SCANNED:
            return ListWork(int8_bytes=self.data.nbytes)
        values = len(self) * self.dim
        if self.format == "fp32":
            return ListWork(float_bytes=4 * values)
        return ListWork(widened_values=values)

    def __getitem__(self, rows: NDArray[np.integer[Any]] | slice) -> NDArray[np.float32]:
        """Return some rows widened, float32 (n, dim)."""
        data = self.data[rows]
        if self.format == "fp32":
            return np.asarray(data)
        scale = (self.scale if len(self.scale) == 1 else self.scale[rows]).astype(np.float32)
        if self.format == "int8":
            return np.asarray(data * scale, np.float32)
        if self.format == "int4":
            steps = _unpack(data, 4)[:, : self.dim].astype(np.float32) - 8
            return np.asarray(steps * scale, np.float32)
        if self.format == "int2":
            return np.asarray(LEVELS[_unpack(data, 2)[:, : self.dim]] * scale, np.float32)
        bits = np.unpackbits(data, axis=1, count=self.dim)
        return np.asarray((bits * np.float32(2) - 1) * scale, np.float32)

    def unpacked(self) -> NDArray[np.float32]:
        """Return all rows widened, float32 (n, dim); not a copy where they are so already."""
        return self.data if self.format == "fp32" else self[:]

    def products(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return dot products of queries (n, dim) with all rows, float32 (n, rows)."""
        if self.format == "fp32":
            return np.asarray(queries @ self.data.T, np.float32)
        if self.format == "int8" and len(self) >= SCANNED:
            products = self._scan.products(queries)
            products *= self.scale.reshape(1, -1)
            return products
        out = np.empty((len(queries), len(self)), np.float32)
        for start in range(0, len(self), BLOCK):
            np.matmul(queries, self[start : start + BLOCK].T, out=out[:, start : start + BLOCK])
        return out

    @cached_property
    def _scan(self) -> "Int8Product":
        from pennyweight.vectors.int8_product import (
            Int8Product,  # slow to import, and seldom needed
        )

        return Int8Product(self.data)

    def mixed(self, weights: sparse.csr_matrix) -> NDArray[np.float32]:
        """Return weighted sums of rows, csr (n, rows) to float32 (n, dim)."""
        if self.format == "fp32":
            return np.asarray(weights @ self.data, np.float32)
        rows, column = np.unique(weights.indices, return_inverse=True)
        shape = (weights.shape[0], len(rows))
        selected = sparse.csr_matrix((weights.data, column, weights.indptr), shape=shape)
        return np.asarray(selected @ self[rows], np.float32)

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Return the arrays to save; of float32 rows the rows alone."""
        if self.format == "fp32":
            return {name: self.data}
        packing = np.array([self.dim, _BITS[self.format]])
        return {name: self.data, f"{name}.scale": self.scale, f"{name}.packing": packing}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], name: str) -> Self:
        """Return the rows whose `arrays` these are; read-only arrays are not copied."""
        data = arrays[name]
        if f"{name}.scale" not in arrays:
            return cls(data, np.ones((1, 1), np.float32), data.shape[1])
        dim, bits = (int(number) for number in arrays[f"{name}.packing"])
        return cls(data, arrays[f"{name}.scale"], dim, _FORMAT_OF[bits])


def _scale(rows: NDArray[np.float32], steps: int, *, by_row: bool) -> NDArray[np.float32]:
    largest = np.abs(rows).max(axis=1 if by_row else None, keepdims=True, initial=0)
    return np.asarray(np.maximum(largest.reshape(-1, 1) / steps, _MIN_SCALE), np.float32)


def _rounded(rows: NDArray[np.float32], scale: NDArray[np.float32], steps: int) -> NDArray[np.int8]:
    out = np.empty(rows.shape, np.int8)
    for start in range(0, len(rows), BLOCK):  # at once would take the rows' size in scratch
        part = slice(start, start + BLOCK)
        step = scale if len(scale) == 1 else scale[part]
        out[part] = np.rint(rows[part] / step).clip(-steps, steps)
    return out


def _length(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the root mean square of each row, (n, 1)."""
    width = np.sqrt(np.float32(max(1, rows.shape[1])))
    return np.asarray(np.linalg.norm(rows, axis=1, keepdims=True) / width, np.float32)


def _pack(places: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Put several numbers of a row into a byte, the first in the lowest bits."""
    each = 8 // bits
    wide = np.pad(places.astype(np.uint8), ((0, 0), (0, -places.shape[1] % each)))
    out = np.zeros((len(wide), wide.shape[1] // each), np.uint8)
    for at in range(each):
        out |= wide[:, at::each] << (bits * at)
    return out


def _unpack(data: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Split the output of `_pack`, padding included."""
    each = 8 // bits
    out = np.empty((len(data), each * data.shape[1]), np.uint8)
    for at in range(each):
        out[:, at::each] = (data >> (bits * at)) & (2**bits - 1)
    return out
