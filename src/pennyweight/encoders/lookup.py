"""Words of a query looked up in a vocabulary: exactly, without accents, and within runs."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.words import (
    ScriptRun,
    clusters,
    fold,
    is_dense,
    is_hangul,
    is_ideograph,
    normalize,
    runs,
)
from pennyweight.encoders.vectorizer import Vectorizer

__all__ = ["Lookup", "QueryColumns"]

LONGEST = 12  # pairs of the longest piece that counts as one phrase
VARIANT = 0.5  # weight of a word spelled with other accents, where the word itself is known
Weights = dict[int, float]  # column -> weight
Holders = Callable[[int], NDArray[np.bool_]]  # column -> which items have it


@dataclass
class QueryColumns:
    """Columns of a vocabulary that a query asks for, and their weights.

    Attributes
    ----------
    words
        Columns that count wherever they occur.
    phrases
        Columns that count only in items that have all of a phrase.
    exact
        Those of `words` that are spelled as in the query.
    """

    words: Weights = field(default_factory=dict)
    phrases: list[Weights] = field(default_factory=list)
    exact: set[int] = field(default_factory=set)

    def add(self, column: int, weight: float) -> None:
        """Count a column once, at its highest weight."""
        self.words[column] = max(weight, self.words.get(column, 0.0))

    def scaled(self, factor: float | NDArray[np.float32]) -> "QueryColumns":
        """Return the query with its weights times a number, or times one for each column."""

        def scale(weights: Weights) -> Weights:
            if isinstance(factor, float):
                return {column: weight * factor for column, weight in weights.items()}
            return {column: weight * float(factor[column]) for column, weight in weights.items()}

        return QueryColumns(scale(self.words), [scale(p) for p in self.phrases], self.exact)

    @property
    def norm(self) -> float:
        """Length of the query's vector."""
        groups = [self.words, *self.phrases]
        return sqrt(sum(weight**2 for weights in groups for weight in weights.values()))


class Lookup:
    """Finds the columns of a vocabulary that a query asks for.

    A spaced word stands for itself and for the words that differ from it in accents alone. A
    run of a script without spaces is cut into the longest pieces that some item has whole: the
    catalog is the dictionary. A piece of several pairs counts in items that have them all.
    """

    def __init__(self, vectorizer: Vectorizer) -> None:
        self.vocabulary, self.idf = vectorizer.vocabulary, vectorizer.idf

    @cached_property
    def _folded(self) -> dict[str, list[int]]:
        """Fold -> columns, of the words that have a fold other than themselves."""
        columns: dict[str, list[int]] = defaultdict(list)
        for word, column in self.vocabulary.items():
            if not word.isascii() and (folded := fold(word)) != word:
                columns[folded].append(column)
        return columns

    @cached_property
    def _with_cluster(self) -> dict[str, list[int]]:
        """Cluster -> columns of the pairs that have it; of Hangul, that begin with it."""
        columns: dict[str, list[int]] = defaultdict(list)
        for word, column in self.vocabulary.items():
            if not word.isascii() and is_dense(word) and len(units := clusters(word)) == 2:
                for unit in set(units[:1] if is_hangul(units[1]) else units):
                    columns[unit].append(column)
        return columns

    def find(self, text: str, holders: Holders) -> QueryColumns:
        """Return the columns of a text's words; `holders` gives the items that have a column."""
        query = QueryColumns()
        count = Counter(runs(normalize(text)))
        for run, n in count.items():
            if not run.dense:
                self._spaced(run.surface, 1 + log(n), query)
            elif len(run.units) == 1:
                self._cluster(run.units[0], query)
            elif not self._pieces(run, query, holders):
                for unit in filter(is_ideograph, run.units):
                    self._cluster(unit, query)
        return query

    def _spaced(self, word: str, factor: float, query: QueryColumns) -> None:
        folded = fold(word)
        columns = {self.vocabulary.get(form, -1) for form in (word, folded)}
        exact = self.vocabulary.get(word, -1)
        if exact >= 0:
            query.exact.add(exact)
        for column in (columns | set(self._folded.get(folded, ()))) - {-1}:
            spelling = 1.0 if column == exact or exact < 0 else VARIANT
            query.add(column, spelling * factor * float(self.idf[column]))

    def _cluster(self, unit: str, query: QueryColumns) -> None:
        exact = self.vocabulary.get(unit)
        if exact is not None:
            query.add(exact, float(self.idf[exact]))
        factor = 1.0 if exact is None else VARIANT
        for column in self._with_cluster.get(unit, ()):
            query.add(column, factor * float(self.idf[column]))

    def _pieces(self, run: ScriptRun, query: QueryColumns, holders: Holders) -> bool:
        """Cut a run from the left into the longest pieces that some item has; return if any."""
        columns = [self.vocabulary.get(a + b) for a, b in pairwise(run.units)]
        start, matched = 0, False
        while start < len(columns):
            piece = _longest(columns[start:], holders)
            weights = {column: float(self.idf[column]) for column in piece}
            if len(piece) > LONGEST:  # a text rather than a name: it counts by its pairs
                for column, weight in weights.items():
                    query.add(column, weight)
            elif piece:
                query.phrases.append(weights)
            matched |= bool(piece)
            start += len(piece) + 1
        return matched


def _longest(columns: Sequence[int | None], holders: Holders) -> list[int]:
    """Return the first columns that some item has all of."""
    piece: list[int] = []
    alive: NDArray[np.bool_] | None = None
    for column in columns:
        if column is None:
            break
        alive = holders(column) if alive is None else alive & holders(column)
        if not alive.any():
            break
        piece.append(column)
    return piece
