"""Encoders whose language model is a graph with pooling in it, on ONNX Runtime."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pennyweight.encoders.operators import Precision
from pennyweight.encoders.prompts import Prompts
from pennyweight.encoders.protocol import LanguageModelEncoder, Progress
from pennyweight.encoders.session import Session
from pennyweight.encoders.texts import check_texts
from pennyweight.encoders.tokens import TokenLists, batches, padded, special_ids, tokenize
from pennyweight.errors import DataError

__all__ = ["GraphEncoder", "check_settings"]

MIN_TOKENS = 3
BLOCK_TEXTS = 8192  # texts tokenized, then sorted by length, at a time


def check_settings(precision: str, max_tokens: int) -> None:
    """Raise `DataError` for a precision or a length that no graph has."""
    if precision not in get_args(Precision):
        raise DataError(f"precision {precision!r}: {' or '.join(get_args(Precision))}")
    if max_tokens < MIN_TOKENS:
        raise DataError(f"max_tokens {max_tokens}: at least {MIN_TOKENS}, two of them are markers")


class GraphEncoder(LanguageModelEncoder, Protocol):
    """The loops over texts and tokens that graphs share.

    A subclass defines `session`, which is opened with the first text, and the rest of
    `LanguageModelEncoder`.

    Attributes
    ----------
    threads
        Threads of ONNX Runtime.
    """

    threads: int
    _prompts: Prompts
    _special: frozenset[int]

    def __init__(
        self, tokenizer: Tokenizer, *, prompts: Prompts, max_tokens: int, threads: int
    ) -> None:
        self.tokenizer, self.max_tokens, self.threads = tokenizer, max_tokens, threads
        self._prompts = prompts
        self._special = frozenset(special_ids(tokenizer).tolist())

    @property
    @abstractmethod
    def session(self) -> Session:
        """The graph, ready to run."""
        ...

    @property
    def prompts(self) -> Prompts:
        """The texts that are put before queries and documents."""
        return self._prompts

    def encode(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Return unit vectors, float32 (len(texts), dim); zero rows where no token is known.

        `progress` is called with (texts done, texts in total).
        """
        return self._encode(texts, self.prompts.document, progress)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of search texts, float32 (len(texts), dim)."""
        return self._encode(texts, self.prompts.query)

    def _encode(
        self, texts: Sequence[str], prompt: str, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        check_texts(texts)
        out = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), BLOCK_TEXTS):
            block = texts[start : start + BLOCK_TEXTS]
            ids = tokenize(self.tokenizer, block, special=True, prompt=prompt)
            # Some tokenizers have tokens for spaces alone.
            with_token = [
                i
                for i, row in enumerate(ids)
                if not self._special.issuperset(row) and not block[i].isspace()
            ]
            done = start + len(ids) - len(with_token)
            for batch in batches([ids[i] for i in with_token]):
                rows = [with_token[i] for i in batch]
                out[[start + i for i in rows]] = self._run([ids[i] for i in rows], "unit")
                done += len(batch)
                if progress is not None:
                    progress(done, len(texts))
        return out

    def pool(self, ids: TokenLists, *, progress: Progress | None = None) -> NDArray[np.float32]:
        """Return pooled vectors of token sequences, not scaled, float32 (len(ids), dim)."""
        out = np.zeros((len(ids), self.dim), np.float32)
        done = 0
        for batch in batches(ids):
            out[batch] = self._run([ids[i] for i in batch], "pooled")
            done += len(batch)
            if progress is not None:
                progress(done, len(ids))
        return out

    def _run(self, ids: TokenLists, output: str) -> NDArray[np.float32]:
        return self.session.run([output], padded(ids))[0]
