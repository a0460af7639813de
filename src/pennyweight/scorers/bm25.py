"""BM25 over vectors that are TF-IDF: the counts of words and the lengths of texts are in them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.encoders.lookup import QueryColumns
from pennyweight.scorers.item_vectors import Terms
from pennyweight.scorers.search import WordSearch

__all__ = ["Bm25", "text_lengths"]

K1, B = 1.2, 0.75  # as in Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework"

Float = NDArray[np.float32]


class Bm25:
    """Scores texts by BM25 with 1 + ln(count) in place of the saturated count.

    A TF-IDF vector of an item is ``(1 + ln c) (w + 1) / norm`` with w = ln((1 + n) / (1 + df)).
    A query with the weights w / (w + 1) gives the sum of ``(1 + ln c) w`` over its words, times
    1 / norm. This is multiplied by ``norm (k1 + 1) / (1 + k1 (1 - b + b length / mean length))``.

    Parameters
    ----------
    idf
        Of each word, float32 (n_words,).
    norms, lengths
        Of each item, see `text_lengths`, float32 (n_items,).
    mean_length
        Of the texts; by default the mean of `lengths`. Later items do not change it.
    """

    def __init__(
        self, idf: Float, norms: Float, lengths: Float, *, mean_length: float | None = None
    ) -> None:
        self._idf, self._norms, self._lengths = idf, norms, lengths
        self._mean = max(1.0, float(lengths.mean())) if mean_length is None else mean_length
        self._factors = norms * (K1 + 1) / (1 + K1 * (1 - B + B * lengths / self._mean))

    @classmethod
    def of(cls, rows: sparse.csr_matrix, idf: Float) -> "Bm25":
        """Return the scores for the TF-IDF vectors of all items."""
        return cls(idf, *text_lengths(rows, idf))

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers of each item."""
        return self._norms.nbytes + self._lengths.nbytes + self._factors.nbytes

    def with_items(self, codes: NDArray[np.int32], rows: Terms, n_items: int) -> "Bm25":
        """Return the scores for a catalog with more or changed items, see `Scorer.with_vectors`."""
        grown = []
        news = text_lengths(rows.matrix, self._idf)
        for old, new in zip((self._norms, self._lengths), news, strict=True):
            values = np.zeros(n_items, np.float32)
            values[: len(old)] = old
            values[codes] = new
            grown.append(values)
        return Bm25(self._idf, *grown, mean_length=self._mean)

    def score(self, words: WordSearch, queries: Sequence[QueryColumns]) -> Float:
        """Return the scores of queries that `words` found, float32 (len(queries), n_items)."""
        # That of TF-IDF is ln((1 + n) / (1 + df)) + 1, and the columns hold it once already.
        weights = (self._idf - 1) / self._idf**2
        scores = words.scores([query.scaled(weights) for query in queries])
        return np.asarray(scores * self._factors, np.float32)


def text_lengths(rows: sparse.csr_matrix, idf: Float) -> tuple[Float, Float]:
    """Return the norm before scaling and the number of words of each TF-IDF row, float32 (n,).

    Exact where a word occurs once in the text, as nearly always.
    """
    ratios = idf[rows.indices] / rows.data
    ratio = sparse.csr_matrix((ratios, rows.indices, rows.indptr), shape=rows.shape)
    norms = np.asarray(ratio.max(axis=1).toarray(), np.float32).ravel()
    log_counts = np.repeat(norms, np.diff(rows.indptr)) / ratio.data - 1
    counts = sparse.csr_matrix((np.exp(log_counts), rows.indices, rows.indptr), shape=rows.shape)
    return norms, np.asarray(counts.sum(axis=1), np.float32).ravel()
