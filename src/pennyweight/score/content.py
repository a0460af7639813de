"""Content: items whose text is like the texts of the history."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.disk.arrays import read_arrays, write_arrays
from pennyweight.disk.files import cache_folder
from pennyweight.disk.packed import Packed
from pennyweight.encode.cache import encode_cached
from pennyweight.encode.load import load_encoder
from pennyweight.encode.protocol import Encoder
from pennyweight.encode.vectoriser import Vectoriser
from pennyweight.errors import DataError
from pennyweight.score.profile import profile
from pennyweight.score.protocol import Scale

__all__ = ["Content"]

FILE = "content.safetensors"
LOOK_UP = 8  # times what a product costs in a loop over all texts (measured: 4 to 18)


class Content:
    """Score = cosine of an item's text with the decayed texts of the history.

    Parameters
    ----------
    encoder
        Gives dense vectors; without one, sparse TF-IDF is learnt from the catalogue.
    decay
        Weight of an event relative to the one after it.
    newest
        Events of a history that count.
    """

    name: Literal["content"] = "content"
    scale: Scale = "relative"

    def __init__(
        self, encoder: Encoder | None = None, *, decay: float = 0.7, newest: int = 20
    ) -> None:
        self.encoder, self.decay, self.newest = encoder, decay, newest
        self.words: Vectoriser | None = None
        self._set(sparse.csr_matrix((0, 0), dtype=np.float32))

    def _set(self, vectors: sparse.csr_matrix | Packed) -> None:
        """Take item vectors, float32 (n_items, dim)."""
        self.vectors = vectors
        self._turned: Any = None if isinstance(vectors, Packed) else sparse.csr_matrix(vectors.T)

    @classmethod
    def of_vectors(cls, vectors: NDArray[np.float32]) -> Self:
        """Return a scorer of item vectors that are there already, float32 (n_items, dim)."""
        scorer = cls()
        scorer._set(Packed.of(vectors))
        return scorer

    def packed(self, encoder: Encoder, vectors: Packed) -> "Content":
        """Return a scorer of the same settings with other dense vectors and their encoder."""
        scorer = Content(encoder, decay=self.decay, newest=self.newest)
        scorer._set(vectors)
        return scorer

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Encode the catalogue; events are not looked at."""
        self.words = None
        self.__dict__.pop("_spelling", None)
        if self.encoder is not None:
            folder = cache_folder() / "vectors"
            self._set(Packed.of(encode_cached(self.encoder, catalog.texts, folder=folder)))
            return self
        try:
            self.words = Vectoriser.fit(catalog.texts)
        except DataError:  # no text has a word: every item is as near as any other
            self._set(sparse.csr_matrix((len(catalog), 1), dtype=np.float32))
            return self
        self._set(self.words.transform(catalog.texts))
        return self

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return cosines, not below zero, float32 (n, n_items)."""
        rows = profile(histories, self.vectors.shape[0], decay=self.decay, newest=self.newest)
        return self._near(
            self.vectors.mixed(rows) if isinstance(self.vectors, Packed) else rows @ self.vectors
        )

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return cosines of free texts with all items, float32 (len(texts), n_items)."""
        if self.encoder is not None:
            return self._near(self.encoder.encode(texts))
        if self.words is None:
            return np.zeros((len(texts), self.vectors.shape[0]), np.float32)
        return self._near(self.words.transform(texts))

    def _near(self, query: Any) -> NDArray[np.float32]:  # noqa: ANN401
        if isinstance(self.vectors, Packed):
            scores = self.vectors.products(query)
        elif self._is_dense(query, self.vectors):
            scores = _products(query, self.vectors)
        else:
            scores = np.asarray((query @ self._turned).toarray(), np.float32)
        return np.maximum(scores, 0, out=scores)

    def _is_dense(self, query: sparse.csr_matrix, vectors: sparse.csr_matrix) -> bool:
        """Whether words of the query are in so many texts that looking them up costs more."""
        found = int(np.diff(self._turned.indptr)[query.indices].sum())
        return LOOK_UP * found > int(vectors.nnz) * len(query.indptr[1:])

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return each event's part of the cosine, float32 (len(codes), n_events)."""
        weight = np.where(history.lag < self.newest, history.weight * self.decay**history.lag, 0)
        near: Any = self.vectors[codes] @ self.vectors[history.item].T
        dense = near.toarray() if sparse.issparse(near) else near
        return np.asarray(dense * weight, np.float32)

    def shared_terms(self, code: int, other: int, *, limit: int = 3) -> list[str]:
        """Return the words that two items share, the weightiest first; none if not lexical."""
        if self.words is None or isinstance(self.vectors, Packed):
            return []
        both = sparse.csr_matrix(self.vectors[code].multiply(self.vectors[other]))
        best = both.indices[np.argsort(-both.data, kind="stable")[:limit]]
        return [self._spelling[term] for term in best]

    @cached_property
    def _spelling(self) -> list[str]:
        return [] if self.words is None else list(self.words.vocabulary)

    @property
    def nbytes(self) -> int:
        """Bytes of the item vectors; the encoder itself is not counted."""
        v = self.vectors
        if isinstance(v, Packed):
            return v.nbytes
        return sum(part.nbytes for part in (v.data, v.indices, v.indptr))

    def save(self, folder: Path) -> None:
        """Write ``content.safetensors``, and the encoder beside it where there is one."""
        settings: dict[str, object] = {"decay": self.decay, "newest": self.newest}
        if self.encoder is not None:
            settings["encoder"] = self.encoder.kind
            self.encoder.save(folder / "encoder")
        v = self.vectors
        if isinstance(v, Packed):
            arrays = v.arrays("vectors")
        else:
            arrays = {"data": v.data, "indices": v.indices, "indptr": v.indptr}
            settings["shape"] = list(v.shape)
        if self.words is not None:
            arrays["idf"] = self.words.idf
            settings["vocabulary"] = list(self.words.vocabulary)
        write_arrays(folder / FILE, arrays, settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        arrays, settings = read_arrays(folder / FILE)
        kind = settings.get("encoder")
        encoder = load_encoder(kind, folder / "encoder") if kind else None
        scorer = cls(encoder, decay=settings["decay"], newest=settings["newest"])
        if "vocabulary" in settings:
            spelling = {word: column for column, word in enumerate(settings["vocabulary"])}
            scorer.words = Vectoriser(spelling, arrays["idf"], sublinear=True, char_ngrams=None)
        if "shape" in settings:
            parts = (arrays["data"], arrays["indices"], arrays["indptr"])
            scorer._set(sparse.csr_matrix(parts, shape=tuple(settings["shape"])))
        else:
            scorer._set(Packed.from_arrays(arrays, "vectors"))
        return scorer


def _products(query: sparse.csr_matrix, vectors: sparse.csr_matrix) -> NDArray[np.float32]:
    """Return the products of all rows with all rows, (n, n_items), in blocks of dense columns."""
    n, n_words = query.shape
    scores = np.empty((n, vectors.shape[0]), np.float32)
    size = max(1, min(64, 2**22 // max(n_words, 1)))
    for start in range(0, n, size):
        scores[start : start + size] = (vectors @ query[start : start + size].T.toarray()).T
    return scores
