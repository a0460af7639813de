"""One vector a token and a weighted mean: a language model reduced to a table."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from tokenizers import Tokenizer

from pennyweight.encoders.protocol import LanguageModelEncoder, Progress, TableEncoder
from pennyweight.encoders.texts import check_texts
from pennyweight.encoders.token_selection import select_tokens
from pennyweight.encoders.tokens import (
    has_known_word,
    load_tokenizer,
    markers,
    special_ids,
    tokenize,
)
from pennyweight.errors import BundleError, DataError
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.storage.files import cache_folder, digest
from pennyweight.vectors.quantized_rows import QuantizedRows
from pennyweight.vectors.svd import principal_axes
from pennyweight.vectors.unit_rows import unit_rows

__all__ = ["StaticEncoder", "distil"]

MAX_TOKENS = 512
LARGE = 100_000  # tokens of a vocabulary that takes too long to run whole
BLOCK_TEXTS = 4096
SIF = 1e-4  # tokens rarer than this share of the text count in full
DISTIL_VERSION = 1  # raise it when `distil` computes other numbers


class StaticEncoder(TableEncoder):
    """Text vector = weighted mean of token vectors, scaled to unit length.

    Parameters
    ----------
    table
        Token vectors, float32 (vocabulary, dim), or the same packed.
    token_weights
        Weight of each token, float32 (vocabulary,), not negative.
    tokenizer
        Its ids are the rows of the table.
    name
        Its name.

    Raises
    ------
    DataError
        The three do not fit each other.
    """

    def __init__(
        self,
        table: NDArray[np.float32] | QuantizedRows,
        token_weights: NDArray[np.float32],
        tokenizer: Tokenizer,
        *,
        name: str = "static",
    ) -> None:
        vocabulary = tokenizer.get_vocab_size()
        if len(table.shape) != 2 or not len(table) == len(token_weights) >= vocabulary:
            raise DataError(
                f"static table {table.shape}, {len(token_weights)} weights, vocabulary of "
                f"{vocabulary}: there must be a row and a weight for each token"
            )
        self.packed = table if isinstance(table, QuantizedRows) else QuantizedRows.of(table)
        self.token_weights = np.ascontiguousarray(token_weights, np.float32)
        self.tokenizer = load_tokenizer(tokenizer.to_str(), max_tokens=MAX_TOKENS)
        self._tokenizer_json: str = self.tokenizer.to_str()
        self._name = name

    kind = "static"

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.packed.dim

    @property
    def table(self) -> NDArray[np.float32]:
        """Token vectors, float32 (vocabulary, dim)."""
        return self.packed.unpacked()

    @cached_property
    def fingerprint(self) -> str:
        """Hash over table, weights and tokenizer."""
        table = self.packed.arrays("table").values()
        return digest("static", *table, self.token_weights, self._tokenizer_json)

    def bag(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return each text's share of every token, float32 csr (len(texts), vocabulary).

        A token that occurs c times enters as 1 + ln c. Rows sum to one, or to zero where
        no token is known;
        ``encode(texts)`` is ``bag(texts) @ table`` with rows scaled to unit length.
        """
        check_texts(texts)
        starts = range(0, max(1, len(texts)), BLOCK_TEXTS)
        blocks = [self._bag(texts[start : start + BLOCK_TEXTS]) for start in starts]
        return sparse.csr_matrix(sparse.vstack(blocks))

    def _bag(self, texts: Sequence[str]) -> sparse.csr_matrix:
        ids = tokenize(self.tokenizer, texts, special=False)
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in ids])])
        tokens = np.fromiter((t for row in ids for t in row), np.int32, count=int(offsets[-1]))
        bag = sparse.csr_matrix(
            (np.ones(len(tokens), np.float32), tokens, offsets), shape=(len(ids), len(self.packed))
        )
        bag.sum_duplicates()
        bag.data = (1 + np.log(bag.data)) * self.token_weights[bag.indices]
        bag.eliminate_zeros()
        total = np.asarray(bag.sum(axis=1), np.float32).ravel()
        share = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
        bag.data *= np.repeat(share, np.diff(bag.indptr))
        return bag

    def encode(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Return unit vectors, float32 (len(texts), dim); zero rows where no token is known."""
        check_texts(texts)
        out = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), BLOCK_TEXTS):
            block = texts[start : start + BLOCK_TEXTS]
            out[start : start + len(block)] = unit_rows(self.packed.mixed(self._bag(block)))
            if progress is not None:
                progress(start + len(block), len(texts))
        return out

    def has_known_word(self, text: str) -> bool:
        """Return whether a word of a text is whole, or in few pieces, to the tokenizer."""
        return has_known_word(self.tokenizer, text)

    def with_table(
        self, table: NDArray[np.float32] | QuantizedRows, *, name: str
    ) -> "StaticEncoder":
        """Return an encoder with another table, such as a tuned one; the rest is shared."""
        return StaticEncoder(table, self.token_weights, self.tokenizer, name=name)

    def pruned(self, texts: Sequence[str]) -> "StaticEncoder":
        """Return an encoder with the rows that texts need and a safety set (see `select_tokens`).

        A table whose tokenizer cannot be cut stays as it is.
        """
        try:
            old, text = select_tokens(self.tokenizer.to_str(), texts)
        except DataError:
            return self
        table, tokenizer = QuantizedRows.of(self.packed[old]), Tokenizer.from_str(text)
        return StaticEncoder(table, self.token_weights[old], tokenizer, name=self.name)

    def weighted(self, texts: Sequence[str]) -> "StaticEncoder":
        """Return an encoder with the token weights of a catalog in place of Zipf's law.

        A token in d of n texts weighs ``ln((1 + n) / (1 + d)) + 1``, as in TF-IDF, so that
        words which every item has, such as the top of a category path, count little.
        """
        texts_with = np.bincount(self.bag(texts).indices, minlength=len(self.packed))
        weights = np.log((1 + len(texts)) / (1 + texts_with)) + 1
        weights[self.token_weights == 0] = 0
        return StaticEncoder(
            self.packed, np.asarray(weights, np.float32), self.tokenizer, name=self._name
        )

    def save(self, folder: Path) -> None:
        """Write ``static.safetensors``, tokenizer included, into a folder."""
        arrays = {**self.packed.arrays("table"), "token_weights": self.token_weights}
        settings = {"name": self._name, "tokenizer": self._tokenizer_json}
        write_arrays(folder / "static.safetensors", arrays, settings)

    @classmethod
    def load(cls, folder: Path) -> "StaticEncoder":
        """Read the files that `save` wrote; `BundleError` when it is missing or altered."""
        arrays, settings = read_arrays(folder / "static.safetensors")
        tokenizer = load_tokenizer(settings["tokenizer"], max_tokens=MAX_TOKENS)
        table = QuantizedRows.from_arrays(arrays, "table")
        return cls(table, arrays["token_weights"], tokenizer, name=settings["name"])


def distil(
    model: LanguageModelEncoder,
    *,
    dim: int = 256,
    texts: Sequence[str] | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> StaticEncoder:
    """Turn a language model into a static table, as model2vec does (Tulkens and van Dongen 2024).

    Each token of the vocabulary goes through the model alone, its pooled vectors are reduced
    by principal components, and it is weighted by smooth inverse frequency
    ``a / (a + p)`` (Arora et al. 2017) with p from Zipf's law over the vocabulary's order.

    Parameters
    ----------
    dim
        Width of the table; at most the model's.
    texts
        Those of a catalog. Of a large vocabulary whose model runs as an export, such as a
        decoder's, only the tokens of these texts are run; others have no vector and no weight.
    cache
        Keep the result in the cache folder and read it from there the next time.
    progress
        Called with (tokens done, tokens in total).
    """
    if not 1 <= dim <= model.dim:
        raise DataError(f"dim {dim}: from 1 to {model.dim}, the width of {model.name}")
    tokenizer = model.tokenizer
    size = tokenizer.get_vocab_size()
    tokens = np.arange(size)
    if texts is not None and size > LARGE and model.weights is None:
        tokens = _tokens_of(tokenizer, texts)
    selection = () if len(tokens) == size else (tokens,)
    key = digest(model.fingerprint, str(dim), f"distil {DISTIL_VERSION}", *selection)
    folder = cache_folder() / "static" / key
    if cache:
        try:
            return StaticEncoder.load(folder)
        except (BundleError, DataError):
            pass  # absent or damaged: made anew below
    first, last = markers(tokenizer)
    ids = [[*first, token, *last] for token in tokens.tolist()]
    rows = _principal(model.pool(ids, progress=progress), min(dim, len(ids)))
    table, weights = np.zeros((size, rows.shape[1]), np.float32), np.zeros(size, np.float32)
    table[tokens], weights[tokens] = rows, _zipf_weights(tokenizer)[tokens]
    name = f"static-{model.name}-{dim}"
    encoder = StaticEncoder(table, weights, tokenizer, name=name)
    if cache:
        try:
            encoder.save(folder)
        except OSError:
            pass  # a read-only cache costs time, not correctness
    return encoder


def _tokens_of(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the ids of the tokens of texts; the markers where no text has a token."""
    ids: set[int] = set()
    for start in range(0, len(texts), BLOCK_TEXTS):
        block = tokenize(tokenizer, texts[start : start + BLOCK_TEXTS], special=False)
        ids.update(token for row in block for token in row)
    return np.array(sorted(ids or {*special_ids(tokenizer).tolist(), 0}), np.int64)


def _principal(rows: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    """Project centered rows on their first principal components, signs fixed."""
    centered = rows - rows.mean(axis=0)
    return np.asarray(centered @ principal_axes(centered, dim), np.float32)


def _zipf_weights(tokenizer: Tokenizer) -> NDArray[np.float32]:
    """Weigh tokens as if the vocabulary were sorted by frequency; markers weigh nothing."""
    inverse = 1 / np.arange(2, tokenizer.get_vocab_size() + 2)
    weights = SIF / (SIF + inverse / inverse.sum())
    weights[special_ids(tokenizer)] = 0
    return np.asarray(weights, np.float32)
