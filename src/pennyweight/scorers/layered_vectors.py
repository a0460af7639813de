"""Item vectors of a catalog that has grown: layers of new and changed rows over the old ones.

New rows come as a small layer. Layers of like size are merged, as in a log-structured merge tree
(O'Neil et al. 1996), so that n rows make about log(n) layers, each row is copied about log(n)
times, and nothing is copied for each item that comes.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.scorers.item_vectors import Codes, ItemVectors, Terms, picked, stacked
from pennyweight.scorers.term_columns import SplitTerms
from pennyweight.vectors.list_work import ListWork
from pennyweight.vectors.quantized_rows import SCANNED, QuantizedRows

__all__ = ["LayeredRows", "compact", "layered"]

RATIO = 4  # a layer is merged with the next one unless it is this many times as large
DIGITS = 3  # of 7 bits, of a query: as exact as float32


def compact(vectors: NDArray[np.float32]) -> QuantizedRows:
    """Return vectors of new items in their format: 8 bits, with a scale per row.

    The vector of an item does not depend on those that come with it.
    """
    return QuantizedRows.of(vectors, "int8", by_row=True)


class VectorLayer:
    """Rows of some items, each item once, ready for products.

    Parameters
    ----------
    codes
        The items, int32 (m,).
    rows
        Their rows.
    common
        Words that most texts have.
    """

    def __init__(
        self, codes: NDArray[np.int32], rows: QuantizedRows | Terms, common: NDArray[np.int32]
    ) -> None:
        self.codes, self.rows, self._common = codes, rows, common
        # To fill a run of places is faster than to look each of them up.
        is_run = len(codes) > 0 and bool((np.diff(codes) == 1).all())
        self.places: slice | NDArray[np.int32] = (
            slice(int(codes[0]), int(codes[-1]) + 1) if is_run else codes
        )

    def __len__(self) -> int:
        return len(self.codes)

    def prepare(self) -> None:
        """Do the preparations of the first product now."""
        if len(self) >= SCANNED:
            _ = self._split if isinstance(self.rows, Terms) else self._scan
        elif isinstance(self.rows, Terms):
            self.rows.prepare()
        else:
            _ = self._wide

    def products(self, queries: Any) -> NDArray[np.float32]:  # noqa: ANN401
        """Return dot products with the rows, float32 (n, m)."""
        if isinstance(self.rows, Terms):
            return (self.rows if len(self) < SCANNED else self._split).products(queries)
        if len(self) < SCANNED:
            return np.asarray(queries @ self._wide.T, np.float32)
        products: NDArray[np.float32] = self._scan.products(queries)
        products *= self.rows.scale.reshape(1, -1)
        return products

    @cached_property
    def _wide(self) -> NDArray[np.float32]:
        assert isinstance(self.rows, QuantizedRows)
        return self.rows[:]

    @cached_property
    def _split(self) -> SplitTerms:
        assert isinstance(self.rows, Terms)
        return SplitTerms(self.rows.matrix, self._common)

    @cached_property
    def _scan(self) -> Any:  # noqa: ANN401
        from pennyweight.vectors.int8_product import (
            Int8Product,  # slow to import, and seldom needed
        )

        assert isinstance(self.rows, QuantizedRows)
        return Int8Product(self.rows.data, digits=DIGITS)


class LayeredRows:
    """Rows of a catalog that has grown or changed.

    Parameters
    ----------
    base
        The earlier rows, unchanged.
    layers
        New and changed rows, the oldest layer first; later layers take precedence.
    layer, row
        Where the row of each item is: a layer, -1 for the base, int8 (n_items,), and a place
        there, int32 (n_items,). An item that is in neither is zero.
    """

    def __init__(
        self,
        base: QuantizedRows | Terms,
        layers: Sequence[VectorLayer],
        layer: NDArray[np.int8],
        row: NDArray[np.int32],
    ) -> None:
        self.base, self.layers = base, tuple(layers)
        self._layer, self._row = layer, row

    @property
    def _common(self) -> NDArray[np.int32]:
        return self.base.common if isinstance(self.base, Terms) else np.empty(0, np.int32)

    def __len__(self) -> int:
        return len(self._layer)

    def __getitem__(self, rows: Codes | slice) -> Any:  # noqa: ANN401
        codes = np.arange(len(self))[rows]
        pick = (np.ones(len(codes), np.float32), (np.arange(len(codes)), codes))
        return self.mixed(sparse.csr_matrix(pick, shape=(len(codes), len(self))))

    def mixed(self, weights: sparse.csr_matrix) -> Any:  # noqa: ANN401
        """Return weighted sums of rows, each from where it is."""
        layer, n = self._layer[weights.indices], weights.shape[0]
        old = (layer < 0) & (weights.indices < len(self.base))
        total = self.base.mixed(_columns(weights, old, weights.indices, (n, len(self.base))))
        for at in np.unique(layer[layer >= 0]).tolist():
            in_layer, vectors = layer == at, self.layers[at]
            picked = _columns(weights, in_layer, self._row[weights.indices], (n, len(vectors)))
            total = total + vectors.rows.mixed(picked)
        return total

    def products(self, queries: Any) -> NDArray[np.float32]:  # noqa: ANN401
        """Return dot products with all rows, float32 (n, n_items)."""
        scores = np.zeros((queries.shape[0], len(self)), np.float32)
        scores[:, : len(self.base)] = self.base.products(queries)
        for layer in self.layers:
            scores[:, layer.places] = layer.products(queries)
        return scores

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        in_layers = sum(layer.rows.nbytes for layer in self.layers)
        return self.base.nbytes + in_layers + self._layer.nbytes + self._row.nbytes

    def list_work(self, n_events: int) -> ListWork:
        """Return the data that `products` reads for a history of some events."""
        works = [layer.rows.list_work(n_events) for layer in self.layers]
        return sum(works, self.base.list_work(n_events))

    def with_layer(
        self, codes: NDArray[np.int32], rows: QuantizedRows | Terms, n_items: int, searched: bool
    ) -> "LayeredRows":
        """Return these rows with a layer more, merged with those of like size."""
        layer = _padded(self._layer, n_items)
        row = _padded(self._row, n_items)
        layers = list(self.layers)
        if not len(codes):
            return LayeredRows(self.base, layers, layer, row)
        new = VectorLayer(codes, rows, self._common)
        _place(new, len(layers), layer, row)
        while layers and len(layers[-1]) < RATIO * len(new):
            below = layers.pop()
            alive = np.flatnonzero(layer[below.codes] == len(layers))
            codes = np.concatenate([below.codes[alive], new.codes])
            order = np.argsort(codes, kind="stable")
            merged = stacked([picked(below.rows, alive), new.rows])
            new = VectorLayer(codes[order], picked(merged, order), self._common)
            _place(new, len(layers), layer, row)
        if searched:
            new.prepare()
        return LayeredRows(self.base, [*layers, new], layer, row)


def layered(
    rows: ItemVectors,
    codes: NDArray[np.int32],
    over: QuantizedRows | Terms,
    n_items: int,
    *,
    searched: bool = True,
) -> LayeredRows:
    """Lay rows of new or changed items over others; earlier layers stay below.

    Parameters
    ----------
    codes
        Each once, int32 (m,).
    over
        Their rows, in the order of the codes.
    n_items
        Total number of items; those without a row are zero.
    searched
        Whether to prepare `products` now.
    """
    if isinstance(rows, QuantizedRows | Terms):
        nowhere = np.full(len(rows), -1, np.int8)
        rows = LayeredRows(rows, (), nowhere, np.zeros(len(rows), np.int32))
    if not isinstance(rows, LayeredRows):
        raise TypeError(f"{type(rows).__name__} cannot be laid over")
    order = np.argsort(codes, kind="stable")
    return rows.with_layer(codes[order].astype(np.int32), picked(over, order), n_items, searched)


def _place(new: VectorLayer, at: int, layer: NDArray[np.int8], row: NDArray[np.int32]) -> None:
    """Note where the rows of a layer are."""
    layer[new.places] = at
    row[new.places] = np.arange(len(new), dtype=np.int32)


def _padded(values: NDArray[Any], n_items: int) -> NDArray[Any]:
    return np.pad(values, (0, n_items - len(values)), constant_values=-1)


def _columns(
    weights: sparse.csr_matrix, keep: NDArray[np.bool_], columns: Codes, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """Return some of the entries, in other columns."""
    ends = np.concatenate([[0], np.cumsum(keep)])[weights.indptr]
    return sparse.csr_matrix((weights.data[keep], columns[keep], ends), shape=shape)
