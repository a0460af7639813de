"""Words of a text counted and weighted: a small TF-IDF."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.words import TOKENIZER, fold, words_by
from pennyweight.encoders.texts import check_texts
from pennyweight.errors import DataError
from pennyweight.storage.files import digest

__all__ = ["Vectorizer", "folds_of", "word_counts"]


def _features(text_words: list[str], char_ngrams: tuple[int, int] | None) -> Iterator[str]:
    if char_ngrams is None:
        return iter(text_words)
    low, high = char_ngrams
    padded = [f" {word} " for word in text_words]
    # The space in front keeps a piece of a word apart from the word that is spelled alike.
    pieces = (
        f" {word[i : i + n]}"
        for word in padded
        for n in range(low, high + 1)
        for i in range(len(word) - n + 1)
    )
    return chain(text_words, pieces)


def word_counts(
    texts: Sequence[str],
    vocabulary: dict[str, int],
    *,
    grow: bool,
    char_ngrams: tuple[int, int] | None = None,
    tokenizer: int = TOKENIZER,
    folds: Mapping[str, int] | None = None,
) -> sparse.csr_matrix:
    """Count features, float32 csr (len(texts), len(vocabulary)); `grow` adds the unseen.

    `folds` maps folds of words to columns: where a word that is not in the vocabulary counts
    as one that differs from it in accents alone.
    """
    words = words_by(tokenizer)
    indices, ends = array("i"), array("q", [0])
    for text in texts:
        features = _features(words(text), char_ngrams)
        if grow:
            indices.extend([vocabulary.setdefault(w, len(vocabulary)) for w in features])
        elif folds is None:
            indices.extend([vocabulary[w] for w in features if w in vocabulary])
        else:
            indices.extend(_columns(features, vocabulary, folds))
        ends.append(len(indices))
    columns = np.array(indices, np.int32)
    counts = sparse.csr_matrix(
        (np.ones(len(columns), np.float32), columns, np.array(ends, np.int64)),
        shape=(len(texts), len(vocabulary)),
    )
    counts.sum_duplicates()
    return counts


def _columns(
    features: Iterable[str], vocabulary: Mapping[str, int], folds: Mapping[str, int]
) -> Iterator[int]:
    for word in features:
        column = vocabulary.get(word)
        if column is None:
            folded = fold(word)
            column = vocabulary.get(folded, folds.get(folded))
        if column is not None:
            yield column


def folds_of(vocabulary: Mapping[str, int], tokenizer: int) -> dict[str, int] | None:
    """Return fold -> column of the words with accents; None for words of the first tokenizer."""
    if tokenizer == 1:
        return None
    folds: dict[str, int] = {}
    for word, column in vocabulary.items():
        if not word.isascii():
            folds.setdefault(fold(word), column)
    return folds


class Vectorizer:
    """Sparse text vectors over a fixed vocabulary; made by `fit`.

    Attributes
    ----------
    vocabulary
        Feature -> column; columns are in the order of the sorted features.
    idf
        Weight of each column, float32 (n_features,); ones where it is not used.
    sublinear
        Whether a count c enters as 1 + ln c.
    tokenizer
        Version of the rules that made the words (see `pennyweight.data.words`).
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        idf: NDArray[np.float32],
        *,
        sublinear: bool,
        char_ngrams: tuple[int, int] | None,
        tokenizer: int = TOKENIZER,
    ) -> None:
        words_by(tokenizer)  # refuses a later version
        self.vocabulary, self.idf, self.sublinear = dict(vocabulary), idf, sublinear
        self.char_ngrams, self.tokenizer = char_ngrams, tokenizer

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        sublinear: bool = True,
        idf: bool = True,
        min_df: int = 1,
        max_features: int = 2**17,
        char_ngrams: tuple[int, int] | None = None,
    ) -> "Vectorizer":
        """Learn vocabulary and weights from a catalog's texts.

        Parameters
        ----------
        sublinear, idf
            TF-IDF with 1 + ln(tf) and ln((1 + n) / (1 + df)) + 1 (Salton and Buckley 1988,
            smoothed); both False gives the bag of words.
        min_df
            Features in fewer texts are left out.
        max_features
            The features that occur most often are kept; ties by spelling.
        char_ngrams
            Shortest and longest character pieces of words to add, or None.

        Raises
        ------
        DataError
            No text has a word that is kept.
        """
        if char_ngrams is not None and not 1 <= char_ngrams[0] <= char_ngrams[1]:
            raise DataError(f"char_ngrams {char_ngrams}: shortest and longest, from 1")
        grown: dict[str, int] = {}
        counts = word_counts(check_texts(texts), grown, grow=True, char_ngrams=char_ngrams)
        df = np.bincount(counts.indices, minlength=len(grown))
        tf = np.asarray(counts.sum(axis=0, dtype=np.float64)).ravel()
        names = np.array(list(grown), dtype=object)
        selected = [c for c in np.argsort(names) if df[c] >= min_df]
        if len(selected) > max_features:
            selected = sorted(
                sorted(selected, key=lambda c: -tf[c])[:max_features], key=names.__getitem__
            )
        if not selected:
            raise DataError(
                f"no words to learn from in {len(texts):,} texts (min_df {min_df}); "
                "name the columns of the catalog that hold text"
            )
        vocabulary = {str(names[c]): i for i, c in enumerate(selected)}
        weights = np.ones(len(selected))
        if idf:
            weights = np.log((1 + len(texts)) / (1 + df[selected])) + 1
        return cls(
            vocabulary, weights.astype(np.float32), sublinear=sublinear, char_ngrams=char_ngrams
        )

    @cached_property
    def _folds(self) -> dict[str, int] | None:
        return folds_of(self.vocabulary, self.tokenizer)

    @property
    def fingerprint(self) -> str:
        """Hash over vocabulary, weights and settings."""
        settings = f"{self.sublinear} {self.char_ngrams}"
        if self.tokenizer > 1:
            settings += f" {self.tokenizer}"
        return digest("words", "\n".join(self.vocabulary), self.idf, settings)

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return vectors, float32 csr (len(texts), n_features), rows of unit length or zero."""
        rows = word_counts(
            check_texts(texts),
            self.vocabulary,
            grow=False,
            char_ngrams=self.char_ngrams,
            tokenizer=self.tokenizer,
            folds=self._folds,
        )
        if self.sublinear:
            rows.data = 1 + np.log(rows.data)
        rows.data *= self.idf[rows.indices]
        norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1), np.float32)).ravel()
        norms[norms == 0] = 1
        rows.data /= np.repeat(norms, np.diff(rows.indptr))
        return rows
