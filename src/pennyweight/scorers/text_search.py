"""Search by text: embeddings, BM25 and feedback together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.protocol import Encoder, LanguageModelEncoder
from pennyweight.scorers.bm25 import Bm25
from pennyweight.scorers.content import TEXT, Content
from pennyweight.scorers.item_vectors import Terms, TextVectors
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.registry import load_scorer
from pennyweight.vectors.quantized_rows import QuantizedRows
from pennyweight.vectors.unit_rows import unit_rows

__all__ = ["BM25_WEIGHTS", "TextSearch"]

BM25_WEIGHTS = (0.01, 0.02, 0.04)  # against a cosine, to choose from
FEEDBACK_ITEMS, FEEDBACK_WEIGHT = 5, 0.6
FEW = 3  # items that alone have all words of a query: they come first
EXACT = 1.0  # their lead

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TextSearch:
    """Scores free texts: cosine of embeddings + BM25 times a weight, after one round of feedback.

    The query vector moves towards the mean of the five best items (Rocchio 1971), with the weight
    0.6. Where at most three items have all the words of a query that the catalog knows, as for
    an article number, these come first. A text without a word that the catalog or the encoder knows
    scores zero for all.

    Attributes
    ----------
    embeddings
        The vectors of the items, and their encoder.
    words
        TF-IDF of the items.
    words_id
        Id of the component of the blend that has these words; None where it has none.
    bm25_weight
        Weight of BM25; that of the cosine is 1.
    """

    embeddings: Content
    words: Scorer
    words_id: str | None = None
    bm25_weight: float = BM25_WEIGHTS[-1]

    @classmethod
    def fit(
        cls, encoder: Encoder, words: Scorer, catalog: Catalog, *, words_id: str | None = None
    ) -> "TextSearch":
        """Encode a catalog; `words` is fitted to it already. Vectors are kept in 8 bits."""
        vectors = QuantizedRows.of(encode_cached(encoder, catalog.texts), "int8", by_row=True)
        embeddings = Content(encoder).packed(encoder, vectors)
        return cls(embeddings, words, words_id)

    def score_texts(self, texts: Sequence[str]) -> Float:
        """Return the scores of texts with all items, float32 (len(texts), n_items)."""
        words = self.words.word_search()
        if self._bm25 is None or words is None:
            return self.embeddings.score_texts(texts)
        found = [words.find(text) for text in texts]
        lexical = np.float32(self.bm25_weight) * self._bm25.score(words, found)
        for row, query in enumerate(found):
            exact = words.exact_matches(query)
            if 0 < exact.sum() <= FEW:
                lexical[row, exact] += np.float32(EXACT)
        queries = self._encoder.encode_queries(texts)
        for row, text in enumerate(texts):
            if not lexical[row].any() and not self._encoder.has_known_word(text):
                queries[row] = 0
        vectors = self.embeddings.vectors
        cosines = vectors.products(queries)
        queries = queries + np.float32(FEEDBACK_WEIGHT) * self._means(cosines + lexical)
        scores = vectors.products(queries) / np.float32(1 + FEEDBACK_WEIGHT) + lexical
        # As for a cosine, a score below zero is no match.
        return np.asarray(np.maximum(scores, 0), np.float32)

    def _means(self, scores: Float) -> Float:
        """Return the mean vector of the best items of each query, of unit length, (n, dim)."""
        n, size = len(scores), min(FEEDBACK_ITEMS, scores.shape[1])
        best = np.argpartition(-scores, size - 1, axis=1)[:, :size]
        # A text that says nothing has no best items.
        weights = np.repeat(scores.max(axis=1, keepdims=True, initial=0) > 0, size, axis=1)
        rows = sparse.csr_matrix(
            (weights.ravel().astype(np.float32), best.ravel(), np.arange(0, n * size + 1, size)),
            shape=scores.shape,
        )
        return unit_rows(self.embeddings.vectors.mixed(rows))

    @property
    def _encoder(self) -> Encoder:
        encoder = self.embeddings.encoder
        assert encoder is not None  # of embeddings
        return encoder

    @property
    def language_model(self) -> LanguageModelEncoder | None:
        """The language model that encodes the texts; None for a static table."""
        return self._encoder.language_model

    def with_encoder(self, encoder: Encoder, catalog: Catalog) -> "TextSearch":
        """Return a search with the same words and weights, and another encoder."""
        fitted = TextSearch.fit(encoder, self.words, catalog, words_id=self.words_id)
        return replace(fitted, bm25_weight=self.bm25_weight)

    @property
    def encoder_name(self) -> str:
        """The name of the encoder."""
        return self._encoder.name

    @cached_property
    def _bm25(self) -> Bm25 | None:
        words, matrix = self.words.word_search(), self.words.term_matrix()
        return None if words is None or matrix is None else Bm25.of(matrix, words.lookup.idf)

    def with_words(self, components: Mapping[str, Scorer]) -> "TextSearch":
        """Return a search with the words of a component of another blend of the same items.

        Where that has none under the id any longer, this search keeps its own.
        """
        words = components.get(self.words_id or "")
        if words is None or words.word_search() is None:
            return replace(self, words_id=None)
        return replace(self, words=words)

    def encode_texts(self, texts: Sequence[str]) -> TextVectors:
        """Return the embeddings of texts, which can be kept."""
        return self.embeddings.encode_texts(texts)

    def with_vectors(
        self,
        codes: NDArray[np.int32],
        embeddings: TextVectors,
        words: tuple[Scorer, TextVectors],
        n_items: int,
    ) -> "TextSearch":
        """Return a search that also has some items, see `Scorer.with_vectors`.

        Parameters
        ----------
        embeddings
            Of their texts, by `encode_texts`.
        words
            TF-IDF with these items, and their vectors.
        """
        other = replace(
            self,
            embeddings=self.embeddings.with_vectors(codes, embeddings, n_items),
            words=words[0],
        )
        rows = words[1].get(TEXT)
        if self._bm25 is not None and isinstance(rows, Terms):
            other.__dict__["_bm25"] = self._bm25.with_items(codes, rows, n_items)
        return other

    @property
    def nbytes(self) -> int:
        """Bytes of the embeddings, and of the BM25 factors; the words belong to another scorer."""
        factors = 0 if self._bm25 is None else self._bm25.nbytes
        return self.embeddings.vector_nbytes + factors

    @property
    def vector_nbytes(self) -> int:
        """Bytes of the embeddings."""
        return self.embeddings.vector_nbytes

    def encoder_nbytes(self, folder: Path) -> int:
        """Return the bytes of the encoder as saved to a folder."""
        return self.embeddings.encoder_nbytes(folder)

    def save(self, folder: Path, words_folder: Path) -> dict[str, object]:
        """Write the embeddings, and the words unless a component has them; return the settings."""
        self.embeddings.save(folder)
        if self.words_id is None:
            self.words.save(words_folder)
        return {
            "words": {"id": self.words_id, "kind": self.words.kind},
            "bm25_weight": self.bm25_weight,
        }

    @classmethod
    def load(
        cls,
        folder: Path,
        words_folder: Path,
        settings: Mapping[str, Any],
        components: Mapping[str, Scorer],
    ) -> "TextSearch":
        """Read the files that `save` wrote, with its settings and the components of the blend."""
        source = settings["words"]
        if source["id"] is None:
            words = load_scorer(source["kind"], words_folder)
        else:
            words = components[source["id"]]
        return cls(Content.load(folder), words, source["id"], settings["bm25_weight"])
