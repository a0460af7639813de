"""Sequential neighbors: items that followed, or were close, in the histories of others."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.input_size import Volume
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.scorers.decay import DECAYS
from pennyweight.scorers.profile import profile
from pennyweight.scorers.protocol import Progress, Scorer
from pennyweight.scorers.resources import ResourceEstimate
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.list_work import ListWork

__all__ = ["Neighbors"]

FILE = "neighbors.safetensors"
BLOCK_PAIRS = 8_000_000  # counted at a time, 12 bytes each and as much again to add them up
ENTRIES = 40_000_000  # of the whole matrix, 8 bytes each; 50 an item are kept even so
PAIRS = 10  # different neighbors that an event makes known, as measured


class Neighbors(Scorer):
    """Score = sum over the history of directed, distance-weighted co-occurrence.

    Item b gains ``spacing ** (distance - 1)`` from item a for each user who came to b
    within `window` steps after a, and `backward` times that where b came before a. The
    sums are divided by ``(count_a * count_b) ** normalize`` against popularity (Aiolli,
    RecSys 2013, for the exponent; Ludewig & Jannach, UMUAI 2018, for the sequence).

    Parameters
    ----------
    decay
        Weight of an event relative to the one after it.
    window, spacing, backward, normalize
        As above.
    keep
        Neighbors kept an item, the strongest; fewer in catalogs above 80,000 items.
    """

    kind = "neighbors"
    default_weight = 0.7

    def __init__(
        self,
        *,
        decay: float = 0.7,
        window: int = 10,
        spacing: float = 0.7,
        backward: float = 0.5,
        normalize: float = 0.3,
        keep: int = 500,
    ) -> None:
        self.decay, self.window, self.spacing = decay, window, spacing
        self.backward, self.normalize, self.keep = backward, normalize, keep
        self.matrix = sparse.csr_matrix((0, 0), dtype=np.float32)

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Count co-occurrences, a block of items at a time."""
        n = len(catalog)
        keep = min(self.keep, max(50, ENTRIES // max(1, n)))
        scale = (np.maximum(interactions.counts, 1) ** -self.normalize).astype(np.float32)
        by_item = np.argsort(interactions.item, kind="stable")
        first = np.searchsorted(interactions.item[by_item], np.arange(n + 1))
        blocks = []
        for start, stop in _spans(first, BLOCK_PAIRS // (2 * self.window)):
            counted = self._count(interactions, by_item[first[start] : first[stop]], start, stop)
            weighted = sparse.diags(scale[start:stop]) @ counted @ sparse.diags(scale)
            blocks.append(_strongest(sparse.csr_matrix(weighted, dtype=np.float32), keep))
        empty = sparse.csr_matrix((0, n), dtype=np.float32)
        self.matrix = sparse.vstack([empty, *blocks], format="csr", dtype=np.float32)
        return self

    def _count(
        self, interactions: Interactions, events: NDArray[np.int64], start: int, stop: int
    ) -> sparse.csr_matrix:
        """Count the neighbors of some events, those of the items from start to stop."""
        user, item, n = interactions.user, interactions.item, interactions.n_items
        row, column, gain = [], [], []
        for distance in range(1, self.window + 1):
            for step, factor in ((distance, 1.0), (-distance, self.backward)):
                neighbor = events + step
                event = events[(neighbor >= 0) & (neighbor < len(user))]
                neighbor = event + step
                is_pair = (user[neighbor] == user[event]) & (item[neighbor] != item[event])
                row.append(item[event[is_pair]] - np.int32(start))
                column.append(item[neighbor[is_pair]])
                value = factor * self.spacing ** (distance - 1)
                gain.append(np.full(len(row[-1]), value, np.float32))
        places = (np.concatenate(row), np.concatenate(column))
        counted = sparse.csr_matrix((np.concatenate(gain), places), shape=(stop - start, n))
        counted.eliminate_zeros()
        return counted

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return summed co-occurrence, float32 (n, n_items), not below zero."""
        rows = profile(histories, self.matrix.shape[0], decay=self.decay)
        scores: NDArray[np.float32] = (rows @ self.matrix).toarray()
        return np.maximum(scores, 0, out=scores)  # events of negative weight

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return each event's part of the sum, float32 (len(codes), n_events)."""
        weight = np.where(history.lag < 50, history.weight * self.decay**history.lag, 0)
        rows = self.matrix[history.item][:, codes].toarray().T
        return np.asarray(rows * weight, np.float32)

    def tunable(self) -> Mapping[str, Sequence[float]]:
        """Return the decays to try."""
        return {"decay": DECAYS}

    @classmethod
    def estimate(cls, size: Volume, dim: int) -> ResourceEstimate:
        """Estimate the matrix."""
        nbytes = 8 * min(ENTRIES, size.events * PAIRS)
        return ResourceEstimate(nbytes, nbytes)

    @property
    def nbytes(self) -> int:
        """Bytes of the matrix."""
        matrix = self.matrix
        return int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)

    def list_work(self, n_events: int) -> ListWork:
        """Return the entries of the rows of a history."""
        return ListWork(sparse_entries=n_events * self.matrix.nnz // max(1, self.matrix.shape[0]))

    def save(self, folder: Path) -> None:
        """Write ``neighbors.safetensors``."""
        matrix = self.matrix
        arrays = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        write_arrays(folder / FILE, arrays, self.setting_values())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote."""
        arrays, settings = read_arrays(folder / FILE)
        scorer = cls(**settings)
        n = len(arrays["indptr"]) - 1
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        scorer.matrix = sparse.csr_matrix(parts, shape=(n, n))
        return scorer


def _spans(first: NDArray[np.int64], max_events: int) -> Iterator[tuple[int, int]]:
    """Yield runs of items with at most `max_events` events together, or one item with more."""
    start, last = 0, len(first) - 1
    while start < last:
        stop = max(start + 1, int(np.searchsorted(first, first[start] + max_events, "right")) - 1)
        yield start, stop
        start = stop


def _strongest(matrix: sparse.csr_matrix, keep: int) -> sparse.csr_matrix:
    """Keep the largest values of each row."""
    length = np.diff(matrix.indptr)
    retained = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(length > keep):
        span = slice(matrix.indptr[row], matrix.indptr[row + 1])
        retained[span][np.argpartition(-matrix.data[span], keep)[keep:]] = False
    offsets = np.concatenate([[0], np.cumsum(np.minimum(length, keep))])
    parts = (matrix.data[retained], matrix.indices[retained], offsets)
    return sparse.csr_matrix(parts, shape=matrix.shape)
