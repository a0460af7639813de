"""Words weighed, then reduced to a dense vector: TF-IDF and bag of words."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.encoders.protocol import TableEncoder
from pennyweight.encoders.texts import check_texts
from pennyweight.encoders.vectorizer import Vectorizer
from pennyweight.errors import DataError
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.storage.files import digest
from pennyweight.vectors.quantized_rows import QuantizedRows
from pennyweight.vectors.svd import truncated_svd
from pennyweight.vectors.unit_rows import unit_rows

__all__ = ["LexicalEncoder"]

BLOCK_TEXTS = 8192


class LexicalEncoder(TableEncoder):
    """TF-IDF or bag of words, reduced by latent semantic analysis (Deerwester et al. 1990).

    Made by `fit`. `encode` gives dense vectors; `transform` gives the sparse ones they are
    reduced from, which recommend better and take more room.
    """

    kind = "lexical"

    def __init__(
        self, name: str, vectorizer: Vectorizer, table: NDArray[np.float32] | QuantizedRows
    ) -> None:
        self._name, self.vectorizer = name, vectorizer
        self.packed = table if isinstance(table, QuantizedRows) else QuantizedRows.of(table)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        kind: Literal["tfidf", "bow"] = "tfidf",
        dim: int = 512,
        min_df: int = 1,
        max_features: int = 2**17,
        char_ngrams: tuple[int, int] | None = None,
        seed: int = 0,
    ) -> "LexicalEncoder":
        """Learn words, weights and reduction from a catalog's texts.

        Parameters
        ----------
        kind
            ``tfidf``, or ``bow`` for plain counts.
        dim
            Width of the dense vectors, or less where the catalog has not the rank for it.
        min_df, max_features, char_ngrams
            As for `Vectorizer.fit`.

        Raises
        ------
        DataError
            No text has a word that is kept, or the kind is unknown.
        """
        if kind not in ("tfidf", "bow"):
            raise DataError(f"lexical kind {kind!r}: tfidf or bow")
        if dim < 1:
            raise DataError(f"dim {dim}: at least 1")
        weigh = kind == "tfidf"
        vectorizer = Vectorizer.fit(
            texts,
            sublinear=weigh,
            idf=weigh,
            min_df=min_df,
            max_features=max_features,
            char_ngrams=char_ngrams,
        )
        _, _, projection = truncated_svd(vectorizer.transform(texts), dim, seed=seed)
        return cls(f"{kind}-{projection.shape[1]}", vectorizer, projection)

    @property
    def name(self) -> str:
        """Weighting and width, or the name given when it was tuned."""
        return self._name

    @property
    def dim(self) -> int:
        """Width of the dense vectors."""
        return self.packed.dim

    @property
    def table(self) -> NDArray[np.float32]:
        """Word vectors, float32 (words, dim)."""
        return self.packed.unpacked()

    @cached_property
    def fingerprint(self) -> str:
        """Hash over words, weights and reduction."""
        return digest("lexical", self.vectorizer.fingerprint, *self.packed.arrays("table").values())

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return sparse vectors, float32 csr (len(texts), n_features), unit rows or zero."""
        return self.vectorizer.transform(texts)

    def bag(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return the same as `transform`, the factor of ``table``."""
        return self.vectorizer.transform(texts)

    def with_table(
        self, table: NDArray[np.float32] | QuantizedRows, *, name: str
    ) -> "LexicalEncoder":
        """Return an encoder with another table, such as a tuned one; the words are shared."""
        return LexicalEncoder(name, self.vectorizer, table)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, float32 (len(texts), dim); zero rows where no word is known."""
        check_texts(texts)
        out = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), BLOCK_TEXTS):
            block = self.transform(texts[start : start + BLOCK_TEXTS])
            out[start : start + BLOCK_TEXTS] = unit_rows(self.packed.mixed(block))
        return out

    def save(self, folder: Path) -> None:
        """Write ``lexical.safetensors`` into a folder."""
        words = self.vectorizer
        settings = {
            "name": self._name,
            "sublinear": words.sublinear,
            "char_ngrams": words.char_ngrams,
            "vocabulary": list(words.vocabulary),
            "tokenizer": words.tokenizer,
        }
        arrays = {"idf": words.idf, **self.packed.arrays("table")}
        write_arrays(folder / "lexical.safetensors", arrays, settings)

    @classmethod
    def load(cls, folder: Path) -> "LexicalEncoder":
        """Read the files that `save` wrote; `BundleError` when it is missing or altered."""
        arrays, settings = read_arrays(folder / "lexical.safetensors")
        ngrams = settings["char_ngrams"]
        vectorizer = Vectorizer(
            {word: i for i, word in enumerate(settings["vocabulary"])},
            arrays["idf"],
            sublinear=settings["sublinear"],
            char_ngrams=None if ngrams is None else (ngrams[0], ngrams[1]),
            tokenizer=settings.get("tokenizer", 1),
        )
        return cls(settings["name"], vectorizer, QuantizedRows.from_arrays(arrays, "table"))
