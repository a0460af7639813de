"""Linear autoencoder: each item predicted from the others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from pennyweight.data.catalog import Catalog
from pennyweight.data.input_size import Volume
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.scorers.decay import DECAYS
from pennyweight.scorers.profile import profile
from pennyweight.scorers.protocol import Progress, Scorer
from pennyweight.scorers.resources import ResourceEstimate
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.list_work import ListWork

__all__ = ["Linear"]

FILE = "linear.safetensors"
DENSE_ITEMS = 2_000  # 16 MB of weights
PAIRS = 60_000_000  # of items of one history, counted for the sparse form, 8 bytes each
EVENT_PAIRS = 20  # of these an event, as measured
COLUMN_WORK = 7e6  # operations a column of the sparse form

Float = NDArray[np.float32]


class Linear(Scorer):
    """EASE (Steck, WWW 2019), for small catalogs, or its sparse form.

    With G the items' co-occurrence counts and P = inv(G + penalty I), the weights are
    ``B = I - P diag(1 / diag(P))`` (eq. 8). Above `dense_items` items, each column is a
    ridge regression on the item's `support` strongest co-occurring items alone (the
    feature selection of fsSLIM; Ning & Karypis, ICDM 2011). Of very long histories only the
    newest items are counted there, so that the pairs fit into memory.

    Parameters
    ----------
    penalty
        Ridge penalty.
    decay
        Weight of an event relative to the one after it, when scoring.
    dense_items
        Largest catalog for the dense form, which holds three n_items ** 2 float32
        matrices while it fits.
    support
        Items a column may use in the sparse form.
    """

    kind = "linear"
    default_weight = 0.6

    def __init__(
        self,
        *,
        penalty: float = 100.0,
        decay: float = 0.85,
        dense_items: int = DENSE_ITEMS,
        support: int = 100,
    ) -> None:
        self.penalty, self.decay = penalty, decay
        self.dense_items, self.support = dense_items, support
        self.matrix: Any = np.zeros((0, 0), np.float32)

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Solve for the weights."""
        n = len(catalog)
        is_dense = n <= self.dense_items
        user, item = interactions.user, interactions.item
        if not is_dense:
            newest = _newest(user)
            user, item = user[newest], item[newest]
        shape = (len(interactions.users), n)
        user_items = sparse.csr_matrix((np.ones(len(item), np.float32), (user, item)), shape=shape)
        user_items.data[:] = 1
        gram = sparse.csr_matrix(user_items.T @ user_items)
        with threadpool_limits(1):  # threads cost more than they save on small systems
            self.matrix = self._dense(gram) if is_dense else self._sparse(gram)
        return self

    def _dense(self, gram: sparse.csr_matrix) -> NDArray[np.float32]:
        full = gram.toarray()
        full[np.diag_indices_from(full)] += self.penalty
        inverse = linalg.inv(full, overwrite_a=True, check_finite=False)
        weights: NDArray[np.float32] = inverse / -np.diag(inverse)
        weights[np.diag_indices_from(weights)] = 0
        return weights.astype(np.float32, copy=False)

    def _sparse(self, gram: sparse.csr_matrix) -> sparse.csr_matrix:
        rows, columns, values = [], [], []
        counts = _PairCounts(gram)
        for target in range(gram.shape[0]):
            other, count = counts.row(target)
            other, count = other[other != target], count[other != target]
            if not len(other):
                continue
            best = np.argsort(-count, kind="stable")[: self.support]
            other, count = other[best], count[best]
            local = counts.among(other)
            local.flat[:: len(local) + 1] += self.penalty
            # As `linalg.solve` with assume_a="pos", whose checks take longer than a small system.
            _, solution, failed = linalg.lapack.sposv(local.T, count, overwrite_a=True)
            if failed:
                raise linalg.LinAlgError(f"the counts of item {target} are not positive definite")
            values.append(solution)
            rows.append(other)
            columns.append(np.full(len(other), target))
        if not values:
            return sparse.csr_matrix(gram.shape, dtype=np.float32)
        entries = np.concatenate(values).astype(np.float32)
        places = (np.concatenate(rows), np.concatenate(columns))
        return sparse.csr_matrix((entries, places), shape=gram.shape)

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return the items predicted from the decayed history, float32 (n, n_items)."""
        scores = profile(histories, self.matrix.shape[0], decay=self.decay) @ self.matrix
        dense = scores.toarray() if sparse.issparse(scores) else scores
        result: NDArray[np.float32] = np.asarray(dense, np.float32)
        return np.maximum(result, 0, out=result)

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return each event's part of the prediction, float32 (len(codes), n_events)."""
        weight = np.where(history.lag < 50, history.weight * self.decay**history.lag, 0)
        rows = self.matrix[history.item][:, codes]
        dense = rows.toarray() if sparse.issparse(rows) else rows
        return np.asarray(dense.T * weight, np.float32)

    def tunable(self) -> Mapping[str, Sequence[float]]:
        """Return the decays to try."""
        return {"decay": DECAYS}

    @classmethod
    def estimate(cls, size: Volume, dim: int) -> ResourceEstimate:
        """Estimate the counts of pairs and the weights."""
        if size.items <= DENSE_ITEMS:
            nbytes = 3 * 4 * size.items**2
            return ResourceEstimate(nbytes, nbytes // 3, float(size.items) ** 3)
        counts = 2 * 8 * min(PAIRS, size.events * EVENT_PAIRS)  # twice, while they are summed
        held = 8 * 100 * size.items
        return ResourceEstimate(counts + 2 * held, held, COLUMN_WORK * size.items)

    @property
    def nbytes(self) -> int:
        """Bytes of the matrix."""
        m = self.matrix
        arrays = (m.data, m.indices, m.indptr) if sparse.issparse(m) else (m,)
        return sum(int(array.nbytes) for array in arrays)

    def list_work(self, n_events: int) -> ListWork:
        """Return the entries of the rows of a history."""
        m, n = self.matrix, self.matrix.shape[0]
        if not sparse.issparse(m):
            return ListWork(float_bytes=4 * n * n_events)
        return ListWork(sparse_entries=n_events * m.nnz // max(1, n))

    def save(self, folder: Path) -> None:
        """Write ``linear.safetensors``."""
        m = self.matrix
        if sparse.issparse(m):
            arrays = {"data": m.data, "indices": m.indices, "indptr": m.indptr}
        else:
            arrays = {"matrix": m}
        write_arrays(folder / FILE, arrays, self.setting_values())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote."""
        arrays, settings = read_arrays(folder / FILE)
        scorer = cls(**settings)
        if "matrix" in arrays:
            scorer.matrix = arrays["matrix"]
        else:
            n = len(arrays["indptr"]) - 1
            parts = (arrays["data"], arrays["indices"], arrays["indptr"])
            scorer.matrix = sparse.csr_matrix(parts, shape=(n, n))
        return scorer


class _PairCounts:
    """Counts of pairs of items, for looking up those of all pairs of some items.

    The items with the most neighbors have a dense table, since their rows are long and most
    neighbors of an item are among them; the rows of the others are short.
    """

    def __init__(self, gram: sparse.csr_matrix) -> None:
        self.gram = gram
        frequent = np.argsort(-np.diff(gram.indptr), kind="stable")[:DENSE_ITEMS]
        self.dense: Float = gram[frequent][:, frequent].toarray()
        self.at = np.full(gram.shape[0], -1)  # place of an item in the dense table
        self.at[frequent] = np.arange(len(frequent))
        self.column = np.full(gram.shape[0], -1)  # place of an item among those looked up

    def row(self, item: int) -> tuple[NDArray[np.int32], Float]:
        """Return the items that share a history with one, and how many they share."""
        part = slice(*self.gram.indptr[item : item + 2])
        return self.gram.indices[part], self.gram.data[part]

    def among(self, items: NDArray[np.int32]) -> Float:
        """Return the counts of all pairs of some items, float32 (n, n)."""
        at = self.at[items]
        counts: Float = self.dense[at[:, None], at]  # of the frequent ones; the others follow
        rare = np.flatnonzero(at < 0)
        if not len(rare):
            return counts
        counts[rare], counts[:, rare] = 0, 0
        start = self.gram.indptr[items[rare]].astype(np.int64)
        length = self.gram.indptr[items[rare] + 1] - start
        end = np.cumsum(length)
        place = np.arange(end[-1]) + np.repeat(start - end + length, length)
        self.column[items] = np.arange(len(items))
        column = self.column[self.gram.indices[place]]
        self.column[items] = -1
        found = np.flatnonzero(column >= 0)
        row, column = np.repeat(rare, length)[found], column[found]
        counts[row, column] = counts[column, row] = self.gram.data[place[found]]
        return counts


def _newest(user: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which events are among the newest of their user, such that their pairs fit.

    Parameters
    ----------
    user
        User of each event, ascending, the newest event of each last, int32 (n_events,).
    """
    first = np.flatnonzero(np.diff(user, prepend=-1))
    length = np.diff(first, append=len(user)).astype(np.int64)
    longest = int(length.max(initial=0))
    while (np.minimum(length, longest) ** 2).sum() > PAIRS:
        longest = longest * 9 // 10
    lag = np.repeat(first + length, length) - np.arange(len(user))  # 1 for the newest
    return np.asarray(lag <= longest)
