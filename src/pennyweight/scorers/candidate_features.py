"""Features of the candidates of a list, from the scores that the components of a blend gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.interactions import Histories
from pennyweight.scorers.attribution import ComponentScores
from pennyweight.scorers.protocol import Scorer

__all__ = ["NO_CANDIDATE", "CandidateFeatures", "padded"]

NO_CANDIDATE = -1  # fills the rows of lists with fewer candidates
EVENTS = 10  # newest events of a history that candidates are compared with
BLEND, HISTORY = "blend", "history"
# Steps that features are rounded to, of 1: sums of floats differ in their last digits between a
# list alone and in a batch, and must not differ in their leaf. A prime: no simple fraction lies
# between two steps.
STEPS = np.float32(1021)

Float = NDArray[np.float32]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class CandidateFeatures:
    """Computes the features of candidates.

    The score of the blend and of each component, and the distance of the former to that of the best
    candidate. Of components with dense vectors: the similarity of a candidate to the most similar,
    the newest and the mean event of the history, and how long ago the most similar one was. Of
    components that score alike for every history, such as popularity: the score of the newest item
    and the mean of the history. And the length of the history.

    Attributes
    ----------
    components
        Ids of the components, in order.
    compared
        Ids of those with dense vectors; products of sparse ones would take most of the time.
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
            tuple(name for name, c in known.items() if _has_dense_vectors(c)),
            tuple(name for name, c in known.items() if c.is_fallback),
        )

    @property
    def owners(self) -> tuple[str, ...]:
        """The component of each feature; ``blend`` or ``history`` for those of no component."""
        return (
            *(BLEND,) * 2,
            *self.components,
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
        """Return the features of each candidate in steps, float32 (n_candidates, n_features).

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
                weighted /= _divisible(scored[name].weight[places[0][:, 0]])
            columns.append(weighted)
        best = np.where(present, total, np.float32(-np.inf)).max(axis=1, keepdims=True)
        columns = [total, total - best, *columns]
        newest = histories.newest(EVENTS)
        for name in self.compared:
            columns += _similarities(components[name], newest, places[1])
        for name in self.fallbacks:
            pair = (np.zeros(len(codes), np.float32),) * 2
            if name in scored:
                pair = _of_history(scored[name], places[0][:, 0], histories)
            columns += [value[:, None] for value in pair]
        columns.append(histories.length[:, None].astype(np.float32))
        table = np.empty((len(columns), *codes.shape), np.float32)
        for feature, column in zip(table, columns, strict=True):
            feature[:] = column
        np.rint(np.multiply(table, STEPS, out=table), out=table)
        return table.reshape(len(columns), -1).T if present.all() else table[:, present].T


def _has_dense_vectors(component: Scorer) -> bool:
    vectors = component.pair_vectors
    return vectors is not None and not sparse.issparse(vectors[0][np.empty(0, np.int64)])


def padded(candidates: Sequence[Codes]) -> Codes:
    """Return the candidates of several lists as the rows of one array."""
    codes = np.full((len(candidates), max(map(len, candidates))), NO_CANDIDATE, np.int32)
    for row, best in enumerate(candidates):
        codes[row, : len(best)] = best
    return codes


def _similarities(component: Scorer, newest: Histories, codes: NDArray[np.intp]) -> list[Float]:
    """Return similarities to the nearest, newest and mean event, and the lag of the nearest.

    Each float32 (n, depth); zeros for an empty history.
    """
    vectors = component.pair_vectors
    assert vectors is not None
    width = max(1, int(newest.length.max(initial=0)))
    events = np.zeros((len(newest), width), np.int64)
    absent: NDArray[np.bool_] = np.ones(events.shape, np.bool_)
    events[newest.row, newest.lag] = newest.item
    absent[newest.row, newest.lag] = False
    items = vectors[0][codes.ravel()].reshape(*codes.shape, -1)
    of_history = vectors[1][events.ravel()].reshape(*events.shape, -1)
    similarity = of_history @ items.swapaxes(1, 2)  # (n, width, depth), newest event first
    similarity[absent] = 0
    latest, length = similarity[:, 0].copy(), np.maximum(newest.length, 1)[:, None]
    mean = (similarity.sum(axis=1) / length).astype(np.float32)
    similarity[absent] = -np.inf
    nearest = np.rint(similarity * STEPS).argmax(axis=1)  # of repeated items the newest
    highest = similarity.max(axis=1)
    highest[newest.length == 0] = 0
    return [highest, nearest.astype(np.float32), latest, mean]


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
