"""Search: the items with the words of a free text."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.encoders.lookup import Lookup
from pennyweight.scorers.item_vectors import ItemVectors

__all__ = ["search"]

CACHED = 256  # columns, one value an item


def search(lookup: Lookup, vectors: ItemVectors, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return cosines of texts with all items, float32 (len(texts), n_items).

    A phrase counts only in items that have all of it.
    """
    n_words = len(lookup.vocabulary)

    @lru_cache(CACHED)
    def column(word: int) -> NDArray[np.float32]:
        unit = sparse.csr_matrix(([np.float32(1)], ([0], [word])), shape=(1, n_words))
        weights: NDArray[np.float32] = vectors.products(unit)[0]
        return weights

    queries = [lookup.find(text, lambda word: column(word) > 0) for text in texts]
    norms = [max(query.norm, 1e-30) for query in queries]
    ends = np.cumsum([0, *(len(query.words) for query in queries)])
    columns = [word for query in queries for word in query.words]
    weights = [
        weight / norm
        for query, norm in zip(queries, norms, strict=True)
        for weight in query.words.values()
    ]
    parts = (np.array(weights, np.float32), np.array(columns, np.int32), ends)
    scores = vectors.products(sparse.csr_matrix(parts, shape=(len(texts), n_words)))
    for row, query in enumerate(queries):
        for phrase in query.phrases:
            has_phrase = np.all([column(word) > 0 for word in phrase], axis=0)
            gain = sum(weight * column(word) for word, weight in phrase.items())
            scores[row] += np.where(has_phrase, gain / np.float32(norms[row]), 0)
    return scores
