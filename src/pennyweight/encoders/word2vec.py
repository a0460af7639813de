"""Word vectors learned from the catalog's own texts."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.words import TOKENIZER, words, words_by
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.texts import check_texts
from pennyweight.encoders.vectorizer import folds_of, word_counts
from pennyweight.errors import DataError
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.storage.files import digest
from pennyweight.vectors.svd import truncated_svd
from pennyweight.vectors.unit_rows import unit_rows

__all__ = ["Word2VecEncoder"]

BLOCK_TEXTS = 8192
SMOOTHING = 0.75  # exponent on context counts, as word2vec's negative sampling has
SIF = 1e-3


class Word2VecEncoder(Encoder):
    """Word2vec by factorisation, averaged to text vectors.

    Skip-gram with k negative samples factorises, implicitly, the matrix of pointwise mutual
    information less ln k (Levy and Goldberg 2014); here its positive part is built from
    counts and factorised by truncated SVD, word vectors being ``U sqrt(S)`` (Levy, Goldberg
    and Dagan 2015). A text is the mean of its words weighted ``a / (a + p(word))``, less the
    first principal direction of the catalog's texts (Arora et al. 2017). Made by `fit`.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        table: NDArray[np.float32],
        common: NDArray[np.float32],
        *,
        tokenizer: int = TOKENIZER,
    ) -> None:
        words_by(tokenizer)  # refuses a later version
        self.vocabulary = {word: i for i, word in enumerate(vocabulary)}
        self.table, self.common, self.tokenizer = table, common, tokenizer

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        dim: int = 128,
        window: int = 5,
        negatives: int = 1,
        min_count: int = 2,
        max_words: int = 50_000,
        seed: int = 0,
    ) -> "Word2VecEncoder":
        """Learn word vectors from a catalog's texts.

        Parameters
        ----------
        dim
            Width, or less where the texts have not the rank for it.
        window
            Words this near to each other are each other's context.
        negatives
            The k of the shift ln k; 1 shifts nothing.
        min_count, max_words
            Rarer words, and those beyond the most frequent, are left out.

        Raises
        ------
        DataError
            No two kept words stand near each other in any text.
        """
        if dim < 1 or window < 1 or negatives < 1:
            raise DataError(f"dim {dim}, window {window}, negatives {negatives}: from 1")
        vocabulary, frequency = _vocabulary(check_texts(texts), min_count, max_words)
        counts = _cooccurrence(texts, {word: i for i, word in enumerate(vocabulary)}, window)
        information = _positive_pmi(counts, negatives)
        if information.nnz == 0:
            raise DataError(
                f"no words to learn from in {len(texts):,} texts (min_count {min_count}); "
                "name the columns of the catalog that hold text"
            )
        vectors, values, _ = truncated_svd(information, dim, seed=seed)
        weight = SIF / (SIF + frequency / frequency.sum())
        table = np.asarray(vectors * np.sqrt(values) * weight[:, None], np.float32)
        encoder = cls(vocabulary, table, np.zeros(table.shape[1], np.float32))
        means = encoder.encode(texts)
        _, _, directions = np.linalg.svd(means.T @ means)
        # With one dimension, or one text, the common direction is all there is: keep it.
        common = directions[0] if min(len(texts), table.shape[1]) > 1 else encoder.common
        return cls(vocabulary, table, np.asarray(common, np.float32))

    kind = "word2vec"

    @property
    def name(self) -> str:
        """Kind and width."""
        return f"word2vec-{self.dim}"

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.table.shape[1])

    @cached_property
    def _folds(self) -> dict[str, int] | None:
        return folds_of(self.vocabulary, self.tokenizer)

    @cached_property
    def fingerprint(self) -> str:
        """Hash over words and vectors."""
        version = [f"tokenizer {self.tokenizer}"] if self.tokenizer > 1 else []
        return digest("word2vec", "\n".join(self.vocabulary), self.table, self.common, *version)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, float32 (len(texts), dim); zero rows where no word is known."""
        check_texts(texts)
        out = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), BLOCK_TEXTS):
            block = texts[start : start + BLOCK_TEXTS]
            counts = word_counts(
                block, self.vocabulary, grow=False, tokenizer=self.tokenizer, folds=self._folds
            )
            rows = unit_rows(counts @ self.table)  # removal wants one scale for long and short
            rows -= (rows @ self.common)[:, None] * self.common
            out[start : start + BLOCK_TEXTS] = unit_rows(rows)
        return out

    def save(self, folder: Path) -> None:
        """Write ``word2vec.safetensors`` into a folder."""
        arrays = {"table": self.table, "common": self.common}
        settings = {"vocabulary": list(self.vocabulary), "tokenizer": self.tokenizer}
        write_arrays(folder / "word2vec.safetensors", arrays, settings)

    @classmethod
    def load(cls, folder: Path) -> "Word2VecEncoder":
        """Read the files that `save` wrote; `BundleError` when it is missing or altered."""
        arrays, settings = read_arrays(folder / "word2vec.safetensors")
        return cls(
            settings["vocabulary"],
            arrays["table"],
            arrays["common"],
            tokenizer=settings.get("tokenizer", 1),
        )


def _vocabulary(
    texts: Sequence[str], min_count: int, max_words: int
) -> tuple[list[str], NDArray[np.float64]]:
    """Return the words kept, most frequent first (ties by spelling), and their counts."""
    grown: dict[str, int] = {}
    counts = np.asarray(word_counts(texts, grown, grow=True).sum(axis=0, dtype=np.float64)).ravel()
    by_count = sorted((-counts[i], word) for word, i in grown.items() if counts[i] >= min_count)
    by_count = by_count[:max_words]
    return [word for _, word in by_count], np.array([-count for count, _ in by_count])


def _cooccurrence(
    texts: Sequence[str], vocabulary: dict[str, int], window: int
) -> sparse.csr_matrix:
    """Count how often words stand within the window, csr (words, words), symmetric."""
    shape = (len(vocabulary), len(vocabulary))
    total = _pairs(np.empty(0, np.int32), np.empty(0, np.int32), shape)
    for start in range(0, len(texts), BLOCK_TEXTS):
        lists = [
            [vocabulary[w] for w in words(text) if w in vocabulary]
            for text in texts[start : start + BLOCK_TEXTS]
        ]
        word = np.array([w for row in lists for w in row], np.int32)
        text_of = np.repeat(np.arange(len(lists)), [len(row) for row in lists])
        for distance in range(1, window + 1):
            same_text = text_of[distance:] == text_of[:-distance]
            total = total + _pairs(word[:-distance][same_text], word[distance:][same_text], shape)
    return sparse.csr_matrix(total + total.T)


def _pairs(
    first: NDArray[np.int32], second: NDArray[np.int32], shape: tuple[int, int]
) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(first), np.float32), (first, second)), shape=shape)


def _positive_pmi(counts: sparse.csr_matrix, negatives: int) -> sparse.csr_matrix:
    """Return max(0, pmi - ln negatives) where words meet, with smoothed context counts."""
    pairs = counts.tocoo()
    of_word = np.asarray(counts.sum(axis=1), np.float64).ravel()
    of_context = of_word**SMOOTHING
    of_context /= max(of_context.sum(), 1e-300)
    expected = of_word[pairs.row] * of_context[pairs.col] * negatives
    pmi = np.maximum(np.log(pairs.data / expected), 0).astype(np.float32)
    matrix = sparse.csr_matrix((pmi, (pairs.row, pairs.col)), shape=counts.shape)
    matrix.eliminate_zeros()
    return matrix
