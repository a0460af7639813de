"""Sequential neighbours: what came next, or close by, for others."""

from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.disk.arrays import read_arrays, write_arrays
from pennyweight.score.profile import profile
from pennyweight.score.protocol import Scale

__all__ = ["Neighbours"]

FILE = "neighbours.safetensors"


class Neighbours:
    """Score = sum over the history of directed, distance-weighted co-occurrence.

    Item b gains ``spacing ** (distance - 1)`` from item a for each user who came to b
    within `window` steps after a, and `backward` times that where b came before a. The
    sums are divided by ``(count_a * count_b) ** normalise`` against popularity (Aiolli,
    RecSys 2013, for the exponent; Ludewig & Jannach, UMUAI 2018, for the sequence).

    Parameters
    ----------
    decay
        Weight of an event relative to the one after it.
    window, spacing, backward, normalise
        As above.
    keep
        Neighbours kept an item, the strongest.
    """

    name: Literal["neighbours"] = "neighbours"
    scale: Scale = "relative"

    def __init__(
        self,
        *,
        decay: float = 0.7,
        window: int = 10,
        spacing: float = 0.7,
        backward: float = 0.5,
        normalise: float = 0.3,
        keep: int = 500,
    ) -> None:
        self.decay, self.window, self.spacing = decay, window, spacing
        self.backward, self.normalise, self.keep = backward, normalise, keep
        self.matrix = sparse.csr_matrix((0, 0), dtype=np.float32)

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Count co-occurrences; memory grows with the distinct pairs, not with items squared."""
        n = len(catalog)
        user, item = interactions.user, interactions.item
        total = sparse.csr_matrix((n, n), dtype=np.float32)
        for distance in range(1, self.window + 1):
            same = user[distance:] == user[:-distance]
            if not same.any():
                break
            earlier, later = item[:-distance][same], item[distance:][same]
            gain = np.full(len(earlier), self.spacing ** (distance - 1), np.float32)
            total = total + sparse.csr_matrix((gain, (earlier, later)), shape=(n, n))
        total = total + self.backward * sparse.csr_matrix(total.T)
        total.setdiag(0)
        total.eliminate_zeros()
        scale = (np.maximum(interactions.counts, 1) ** -self.normalise).astype(np.float32)
        weighted = sparse.diags(scale) @ total @ sparse.diags(scale)
        self.matrix = _strongest(sparse.csr_matrix(weighted, dtype=np.float32), self.keep)
        return self

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

    def save(self, folder: Path) -> None:
        """Write ``neighbours.safetensors``."""
        matrix = self.matrix
        arrays = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        names = ("decay", "window", "spacing", "backward", "normalise", "keep")
        write_arrays(folder / FILE, arrays, {name: getattr(self, name) for name in names})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        arrays, settings = read_arrays(folder / FILE)
        scorer = cls(**settings)
        n = len(arrays["indptr"]) - 1
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        scorer.matrix = sparse.csr_matrix(parts, shape=(n, n))
        return scorer


def _strongest(matrix: sparse.csr_matrix, keep: int) -> sparse.csr_matrix:
    """Keep the largest values of each row."""
    length = np.diff(matrix.indptr)
    if not len(length) or length.max() <= keep:
        return matrix
    row = np.repeat(np.arange(len(length)), length)
    order = np.lexsort((-matrix.data, row))
    place = np.arange(len(order)) - np.repeat(matrix.indptr[:-1], length)
    chosen = np.sort(order[place < keep])
    offsets = np.concatenate([[0], np.cumsum(np.minimum(length, keep))])
    parts = (matrix.data[chosen], matrix.indices[chosen], offsets)
    return sparse.csr_matrix(parts, shape=matrix.shape)
