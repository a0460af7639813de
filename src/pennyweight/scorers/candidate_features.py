"""Features of the candidates of a list, from the scores that the components of a blend gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.interactions import Histories
from pennyweight.scorers.attribution import ComponentScores
from pennyweight.scorers.item_vectors import ItemVectors
from pennyweight.scorers.protocol import Scorer

__all__ = ["CandidateFeatures", "padded"]

NO_CANDIDATE = -1  # fills the rows of lists with fewer candidates
LISTS = 8  # lists of which sparse vectors are multiplied at once
EVENTS = 10  # newest events of a history that candidates are compared with
BLEND, HISTORY = "blend", "history"

Float = NDArray[np.float32]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class CandidateFeatures:
    """Computes the features of candidates.

    Of the blend and of each component: the score, its distance to that of the best candidate, and
    the rank among the candidates. Of components with vectors: the similarity of a candidate to the
    most similar, the newest and the mean event of the history, and how long ago the most similar
    one was. Of components that score alike for every history, such as popularity: the score of the
    newest item and the mean of the history. And the length of the history.

    Attributes
    ----------
    components
        Ids of the components, in order.
    compared
        Ids of those with vectors.
    fallbacks
        Ids of those that score alike for every history.
    """

    components: tuple[str, ...]
    compared: tuple[str, ...]
    fallbacks: tuple[str, ...]

    @classmethod
    def of(cls, components: Mapping[str, Scorer]) -> "CandidateFeatures":
        """Return the features that some components have."""
        known = {name: c for name, c in components.items() if not c.lifts_new_items}
        return cls(
            tuple(known),
            tuple(name for name, c in known.items() if c.pair_vectors is not None),
            tuple(name for name, c in known.items() if c.is_fallback),
        )

    @property
    def owners(self) -> tuple[str, ...]:
        """The component of each feature; ``blend`` or ``history`` for those of no component."""
        return (
            *(BLEND,) * 3,
            *(name for name in self.components for _ in range(3)),
            *(name for name in self.compared for _ in range(4)),
            *(name for name in self.fallbacks for _ in range(2)),
            HISTORY,
        )

    def rows(
        self,
        components: Mapping[str, Scorer],
        scored: Mapping[str, ComponentScores],
        at: Sequence[int],
        histories: Histories,
        codes: Codes,
    ) -> Float:
        """Return the features of each candidate, float32 (number of candidates, n_features).

        Parameters
        ----------
        components
            The components of the blend by id.
        scored, at
            Their scores for a batch, and the row in it of each list.
        histories
            The history of each list, n histories.
        codes
            The candidates of each list, int32 (n, depth), `NO_CANDIDATE` after the last.
        """
        present = codes != NO_CANDIDATE
        places = np.asarray(at, np.int64)[:, None], np.maximum(codes, 0)
        total: Float = np.zeros(codes.shape, np.float32)
        columns: list[Float] = []
        for name in self.components:
            weighted: Float = np.zeros(codes.shape, np.float32)
            if name in scored:
                weighted = scored[name].weighted[places]
                total += weighted
                weighted = weighted / _divisible(scored[name].weight[places[0][:, 0]])
            columns += _compared(weighted, present)
        columns = [*_compared(total, present), *columns]
        for name in self.compared:
            columns += _similarities(components[name], histories, places[1])
        length = histories.length
        for name in self.fallbacks:
            pair = (np.zeros(len(codes), np.float32),) * 2
            if name in scored:
                pair = _of_history(scored[name], places[0][:, 0], histories)
            columns += [np.broadcast_to(value[:, None], codes.shape) for value in pair]
        columns.append(np.broadcast_to(length.astype(np.float32)[:, None], codes.shape))
        return np.stack([column[present] for column in columns], axis=1).astype(np.float32)


def padded(candidates: Sequence[Codes]) -> Codes:
    """Return the candidates of several lists as the rows of one array."""
    codes = np.full((len(candidates), max(map(len, candidates))), NO_CANDIDATE, np.int32)
    for row, best in enumerate(candidates):
        codes[row, : len(best)] = best
    return codes


def _compared(values: Float, present: NDArray[np.bool_]) -> list[Float]:
    """Return values, their distances to the best of a row, and their ranks in it, each (n, depth).

    Of equal values the one before has the better rank.
    """
    among = np.where(present, values, np.float32(-np.inf))
    order = np.argsort(-among, axis=1, kind="stable")
    rank = np.empty(values.shape, np.float32)
    np.put_along_axis(rank, order, np.arange(values.shape[1], dtype=np.float32)[None], axis=1)
    best = np.take_along_axis(among, order[:, :1], axis=1)
    return [values, values - best, rank]


def _similarities(component: Scorer, histories: Histories, codes: NDArray[np.intp]) -> list[Float]:
    """Return similarities to the nearest, newest and mean event, and the lag of the nearest.

    Each float32 (n, depth); zeros for an empty history.
    """
    vectors = component.pair_vectors
    assert vectors is not None
    newest = histories.newest(EVENTS)
    width = max(1, int(newest.length.max(initial=0)))
    events = np.zeros((len(histories), width), np.int64)
    present: NDArray[np.bool_] = np.zeros(events.shape, np.bool_)
    events[newest.row, newest.lag] = newest.item
    present[newest.row, newest.lag] = True
    similarity = _products(vectors, codes, events)  # (n, depth, width), newest event first
    empty = (newest.length == 0)[:, None]
    masked = np.where(present[:, None], similarity, np.float32(-np.inf))
    nearest = masked.argmax(axis=2)
    highest = np.take_along_axis(masked, nearest[:, :, None], axis=2)[:, :, 0]
    mean = np.where(present[:, None], similarity, 0).sum(axis=2)
    mean /= np.maximum(present.sum(axis=1), 1)[:, None]
    zero = np.float32(0)
    return [
        np.where(empty, zero, highest),
        nearest.astype(np.float32),
        np.where(empty, zero, similarity[:, :, 0]),
        mean.astype(np.float32),
    ]


def _products(
    vectors: tuple[ItemVectors, ItemVectors], codes: NDArray[np.intp], events: NDArray[np.int64]
) -> Float:
    """Return the products of the vectors of candidates and events, float32 (n, depth, width)."""
    items, of_history = vectors[0][codes.ravel()], vectors[1][events.ravel()]
    if not sparse.issparse(items):
        wide = np.asarray(items, np.float32).reshape(*codes.shape, -1)
        return wide @ np.asarray(of_history, np.float32).reshape(*events.shape, -1).swapaxes(1, 2)
    result = np.empty((*codes.shape, events.shape[1]), np.float32)
    depth, width = codes.shape[1], events.shape[1]
    for start in range(0, len(codes), LISTS):
        stop = min(start + LISTS, len(codes))
        # Words of different lists are different columns, so that one product serves all lists.
        left = _apart(items[start * depth : stop * depth], depth)
        right = _apart(of_history[start * width : stop * width], width)
        products = sparse.coo_matrix(left @ right.T)
        at, block = products.row // depth, result[start:stop]
        block[:] = 0
        block[at, products.row % depth, products.col % width] = products.data
    return result


def _apart(rows: sparse.csr_matrix, each: int) -> sparse.csr_matrix:
    """Return rows in which the columns of each so many rows are their own."""
    n_lists, n_words = rows.shape[0] // each, rows.shape[1]
    shift = np.repeat(np.arange(n_lists) * n_words, np.diff(rows.indptr[::each]))
    parts = (rows.data, rows.indices + shift.astype(np.int32), rows.indptr)
    return sparse.csr_matrix(parts, shape=(rows.shape[0], n_lists * n_words))


def _of_history(
    scored: ComponentScores, at: NDArray[np.int64], histories: Histories
) -> tuple[Float, Float]:
    """Return the score of the newest item and the mean over the history, each float32 (n,)."""
    n = len(histories)
    weight = _divisible(scored.weight[at])[:, 0]
    values = scored.weighted[at[histories.row], histories.item] / weight[histories.row]
    total = np.bincount(histories.row, values, minlength=n)
    newest = np.zeros(n, np.float32)
    filled = np.flatnonzero(histories.length)
    newest[filled] = values[histories.offsets[1:][filled] - 1]
    return newest, (total / np.maximum(histories.length, 1)).astype(np.float32)


def _divisible(weight: Float) -> Float:
    """Return weights to divide by: one where a component weighs nothing, and so scores zero."""
    return np.where(weight == 0, np.float32(1), weight)
