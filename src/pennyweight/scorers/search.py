"""Search by words: the items with the words of a free text."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.encoders.lookup import Lookup, QueryColumns
from pennyweight.scorers.item_vectors import ItemVectors

__all__ = ["WordSearch", "search"]

CACHED = 256  # columns, one value an item


class WordSearch:
    """Looks up the words of texts, and sums the weights that the items' vectors have for them.

    Parameters
    ----------
    lookup
        Finds columns of the vocabulary.
    vectors
        Sparse vectors over this vocabulary.
    """

    def __init__(self, lookup: Lookup, vectors: ItemVectors) -> None:
        self.lookup, self.vectors = lookup, vectors

        @lru_cache(CACHED)
        def column(word: int) -> NDArray[np.float32]:
            unit = sparse.csr_matrix(
                ([np.float32(1)], ([0], [word])), shape=(1, len(lookup.vocabulary))
            )
            weights: NDArray[np.float32] = vectors.products(unit)[0]
            return weights

        self._column = column

    def find(self, text: str) -> QueryColumns:
        """Return the columns that a text asks for."""
        return self.lookup.find(text, lambda word: self._column(word) > 0)

    def scores(self, queries: Sequence[QueryColumns]) -> NDArray[np.float32]:
        """Return the weighted sums of the columns, float32 (len(queries), n_items).

        A phrase counts only in items that have all of it.
        """
        ends = np.cumsum([0, *(len(query.words) for query in queries)])
        columns = [word for query in queries for word in query.words]
        weights = [weight for query in queries for weight in query.words.values()]
        parts = (np.array(weights, np.float32), np.array(columns, np.int32), ends)
        shape = (len(queries), len(self.lookup.vocabulary))
        scores = self.vectors.products(sparse.csr_matrix(parts, shape=shape))
        for row, query in enumerate(queries):
            for phrase in query.phrases:
                gain = sum(weight * self._column(word) for word, weight in phrase.items())
                scores[row] += np.where(self._have_all(phrase), gain, 0)
        return scores

    def exact_matches(self, query: QueryColumns) -> NDArray[np.bool_]:
        """Return which items have every word and phrase that the catalog knows, bool (n_items,)."""
        columns = query.exact.union(*query.phrases)
        if not columns:
            return np.zeros(len(self.vectors), bool)
        rarest_first = sorted(columns, key=lambda column: -self.lookup.idf[column])
        matches = self._column(rarest_first[0]) > 0
        for column in rarest_first[1:]:
            if not matches.any():
                break
            matches &= self._column(column) > 0
        return matches

    def _have_all(self, columns: Iterable[int]) -> NDArray[np.bool_]:
        return np.asarray(np.logical_and.reduce([self._column(word) > 0 for word in columns]))


def search(words: WordSearch, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return cosines of texts with all items, float32 (len(texts), n_items)."""
    queries = [words.find(text) for text in texts]
    return words.scores([query.scaled(1 / max(query.norm, 1e-30)) for query in queries])
