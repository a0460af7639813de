"""Content: items whose text is like the texts of the history."""

import json
from collections.abc import Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.words import TOKENIZER
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.lookup import Lookup
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.registry import load_encoder
from pennyweight.encoders.vectorizer import Vectorizer
from pennyweight.errors import DataError, PlanError
from pennyweight.scorers.decay import DECAYS
from pennyweight.scorers.growth import NOT_SAVED
from pennyweight.scorers.item_vectors import ItemVectors, Terms, TextVectors
from pennyweight.scorers.layered_vectors import LayeredRows, compact, layered
from pennyweight.scorers.profile import profile
from pennyweight.scorers.protocol import Evidence, Progress, Scorer, Setting
from pennyweight.scorers.search import WordSearch, search
from pennyweight.scorers.term_columns import rounded
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.quantized_rows import QuantizedRows, RowFormat

if TYPE_CHECKING:
    from pennyweight.scorers.building import BuildContext

__all__ = ["Content"]

FILE = "content.safetensors"
TEXT = "text"  # of the vectors of texts


class Content(Scorer):
    """Score = cosine of an item's text with the decayed texts of the history.

    Parameters
    ----------
    encoder
        Gives dense vectors; without one, sparse TF-IDF is learned from the catalog.
    decay
        Weight of an event relative to the one after it.
    max_history
        Events of a history that count.
    """

    kind = "content"
    default_weight = 1.0
    evidence: Evidence = "text"
    scores_texts = True
    takes_encoder = True

    def __init__(
        self, encoder: Encoder | None = None, *, decay: float = 0.7, max_history: int = 20
    ) -> None:
        self.encoder, self.decay, self.max_history = encoder, decay, max_history
        self.words: Vectorizer | None = None
        self.vectors: ItemVectors = Terms(sparse.csr_matrix((0, 0), dtype=np.float32))

    @classmethod
    def of_vectors(cls, vectors: NDArray[np.float32]) -> Self:
        """Return a scorer of item vectors that are there already, float32 (n_items, dim)."""
        scorer = cls()
        scorer.vectors = QuantizedRows.of(vectors)
        return scorer

    def packed(self, encoder: Encoder | None, vectors: ItemVectors) -> "Content":
        """Return a scorer of the same settings with other vectors and their encoder."""
        scorer = Content(encoder, decay=self.decay, max_history=self.max_history)
        scorer.vectors = vectors
        return scorer

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Encode the catalog; events are not looked at."""
        self.words = None
        for made in ("_spelling", "_lookup"):
            self.__dict__.pop(made, None)
        if self.encoder is not None:
            self.vectors = QuantizedRows.of(encode_cached(self.encoder, catalog.texts))
            return self
        try:
            self.words = Vectorizer.fit(catalog.texts)
        except DataError:  # no text has a word: every item is as near as any other
            self.vectors = Terms(sparse.csr_matrix((len(catalog), 1), dtype=np.float32))
            return self
        self.vectors = Terms(self.words.transform(catalog.texts))
        return self

    def encode_texts(self, texts: Sequence[str]) -> TextVectors:
        """Return the vectors of some texts."""
        if self.encoder is not None:
            return {TEXT: compact(self.encoder.encode(texts))}
        if self.words is not None:
            terms = self.words.transform(texts)
            base = self.vectors.base if isinstance(self.vectors, LayeredRows) else self.vectors
            if isinstance(base, Terms):
                terms = rounded(terms, base.common)
            return {TEXT: Terms(terms)}
        return {TEXT: Terms(sparse.csr_matrix((len(texts), 1), dtype=np.float32))}

    def without_vector(self, vectors: TextVectors) -> Set[int]:
        """Return which texts have a zero row, where a server gives the vectors."""
        if self.encoder is None or self.encoder.remote is None:
            return frozenset()
        rows = np.asarray(vectors[TEXT][:])
        return frozenset(np.flatnonzero(~rows.any(axis=1)).tolist())

    def with_vectors(
        self, codes: NDArray[np.int32], vectors: TextVectors, n_items: int
    ) -> "Content":
        """Return a scorer with some vectors laid over the others."""
        over = layered(self.vectors, codes, vectors[TEXT], n_items)
        other = self.packed(self.encoder, over)
        other.words = self.words
        if "_lookup" in self.__dict__:
            other.__dict__["_lookup"] = self._lookup
        return other

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return cosines, not below zero, float32 (n, n_items)."""
        rows = profile(histories, len(self.vectors), decay=self.decay, max_history=self.max_history)
        return self._similarity(self.vectors.mixed(rows))

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return cosines of free texts with all items, float32 (len(texts), n_items)."""
        if self.encoder is not None:
            return self._similarity(self.encoder.encode_queries(texts))
        if self.words is None:
            return np.zeros((len(texts), len(self.vectors)), np.float32)
        words = self.word_search()
        if words is None:  # words of the first tokenizer
            return self._similarity(self.words.transform(texts))
        return np.asarray(np.maximum(search(words, texts), 0), np.float32)

    def word_search(self) -> WordSearch | None:
        """Return a search by the words of the items; None where the vectors are dense."""
        return None if self._lookup is None else WordSearch(self._lookup, self.vectors)

    @cached_property
    def _lookup(self) -> Lookup | None:
        """The lookup of words for searches; None without words, or with those of older rules."""
        if self.words is None or self.words.tokenizer != TOKENIZER:
            return None
        return Lookup(self.words)

    def _similarity(self, query: Any) -> NDArray[np.float32]:  # noqa: ANN401
        scores = self.vectors.products(query)
        return np.maximum(scores, 0, out=scores)

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return each event's part of the cosine, float32 (len(codes), n_events)."""
        weight = np.where(
            history.lag < self.max_history, history.weight * self.decay**history.lag, 0
        )
        products: Any = self.vectors[codes] @ self.vectors[history.item].T
        dense = products.toarray() if sparse.issparse(products) else products
        return np.asarray(dense * weight, np.float32)

    def shared_terms(self, code: int, other: int, *, limit: int = 3) -> list[str]:
        """Return the words that two items share, the weightiest first; none if not lexical."""
        if self.words is None:
            return []
        vector, other_vector = (self.vectors[np.array([row])] for row in (code, other))
        product = sparse.csr_matrix(vector.multiply(other_vector))
        best = product.indices[np.argsort(-product.data, kind="stable")[:limit]]
        return [self._spelling[term] for term in best]

    @cached_property
    def _spelling(self) -> list[str]:
        return [] if self.words is None else list(self.words.vocabulary)

    def tunable(self) -> Mapping[str, Sequence[float]]:
        """Return the decays to try."""
        return {"decay": DECAYS}

    @classmethod
    def build(cls, settings: Mapping[str, Setting], context: "BuildContext") -> Scorer:
        """Return an unfitted scorer with the encoder of the context."""
        return cls(context.encoder, **settings)  # type: ignore[arg-type]

    def with_encoder(self, encoder: Encoder | None) -> "Content":
        """Return an unfitted scorer of the same settings with another encoder."""
        return Content(encoder, decay=self.decay, max_history=self.max_history)

    @property
    def text_vectors(self) -> ItemVectors:
        """The vectors that are compared."""
        return self.vectors

    @property
    def pair_vectors(self) -> tuple[ItemVectors, ItemVectors]:
        """The vectors that are compared, twice."""
        return self.vectors, self.vectors

    def term_matrix(self) -> sparse.csr_matrix | None:
        """Return the sparse vectors, where they are so."""
        return self.vectors.matrix if isinstance(self.vectors, Terms) else None

    @property
    def vector_nbytes(self) -> int:
        """Bytes of the item vectors; the encoder itself is not counted."""
        return self.vectors.nbytes

    def encoder_nbytes(self, folder: Path) -> int:
        """Return the bytes of the encoder, or of the words and their weights."""
        words = self.words
        if words is None:
            return super().encoder_nbytes(folder)
        return words.idf.nbytes + len(json.dumps(list(words.vocabulary)))

    @property
    def vector_width(self) -> int | None:
        """Width of dense vectors; sparse ones stay unchanged."""
        dense = self.vectors if isinstance(self.vectors, QuantizedRows) else None
        return None if dense is None or self.encoder is None else dense.dim

    def quantized(self, row_format: RowFormat, *, width: int, texts: Sequence[str]) -> "Content":
        """Return a scorer with its dense vectors in another format, or narrower.

        Few bits suffice where components are uncorrelated and of one size: for 2 bits or 1,
        vectors are projected to their principal components and whitened first (see
        `ProjectedEncoder`).
        """
        vectors, encoder = self.vectors, self.encoder
        if row_format == "fp32" or encoder is None or not isinstance(vectors, QuantizedRows):
            return self
        rows, few_bits = vectors.unpacked(), row_format in ("int2", "binary")
        if width < vectors.dim or few_bits:
            projected = ProjectedEncoder.of_vectors(encoder, rows, dim=width, whiten=few_bits)
            rows, encoder = projected.project(rows), encoder.projected(projected.axes)
        return self.packed(encoder, QuantizedRows.of(rows, row_format))

    def save(self, folder: Path) -> None:
        """Write ``content.safetensors``, and the encoder beside it where there is one."""
        settings: dict[str, object] = {"decay": self.decay, "max_history": self.max_history}
        if self.encoder is not None:
            settings["encoder"] = self.encoder.kind
            self.encoder.save(folder / "encoder")
        if isinstance(self.vectors, QuantizedRows):
            arrays = self.vectors.arrays("vectors")
        elif isinstance(self.vectors, Terms):
            arrays = self.vectors.arrays()
            settings["shape"] = list(self.vectors.matrix.shape)
        else:
            raise PlanError(NOT_SAVED)
        if self.words is not None:
            arrays["idf"] = self.words.idf
            settings["vocabulary"] = list(self.words.vocabulary)
            settings["tokenizer"] = self.words.tokenizer
        write_arrays(folder / FILE, arrays, settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote."""
        arrays, settings = read_arrays(folder / FILE)
        kind = settings.get("encoder")
        encoder = load_encoder(kind, folder / "encoder") if kind else None
        scorer = cls(encoder, decay=settings["decay"], max_history=settings["max_history"])
        if "vocabulary" in settings:
            spelling = {word: column for column, word in enumerate(settings["vocabulary"])}
            scorer.words = Vectorizer(
                spelling,
                arrays["idf"],
                sublinear=True,
                char_ngrams=None,
                tokenizer=settings.get("tokenizer", 1),
            )
        if "shape" in settings:
            scorer.vectors = Terms.from_arrays(arrays, tuple(settings["shape"]))
        else:
            scorer.vectors = QuantizedRows.from_arrays(arrays, "vectors")
        return scorer
