"""How well the vocabulary of an encoder covers texts: unknown words, pieces a word."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from pennyweight.encoders.endpoint_client import is_endpoint
from pennyweight.encoders.gguf_header import is_gguf
from pennyweight.encoders.tokens import load_tokenizer, unknown_id
from pennyweight.encoders.weights import OF_DEFAULT, find_folder
from pennyweight.errors import DataError

__all__ = ["Coverage", "cover", "find_tokenizer"]

OWN_VOCABULARY = ("tfidf", "bow", "word2vec")  # made of the texts themselves
UNLIMITED = 1 << 20  # tokens; no text is cut
BLOCK = 2_000


@dataclass(frozen=True)
class Coverage:
    """Share of word pieces that are unknown, pieces a word, tokens of each text, and examples."""

    unknown: float
    pieces_per_word: float
    tokens: tuple[int, ...]
    unknown_texts: int
    unknown_examples: tuple[str, ...]


def find_tokenizer(encoder: str) -> Tokenizer | None:
    """Return the tokenizer of an encoder of the plan; None where it has none, or no weights."""
    if encoder in OWN_VOCABULARY or is_endpoint(encoder) or is_gguf(encoder):
        return None
    name = None if encoder in OF_DEFAULT else encoder
    try:
        folder, _ = find_folder(name)
        return load_tokenizer(folder / "tokenizer.json", max_tokens=UNLIMITED)
    except DataError:
        if name is not None:
            raise
        return None


def cover(tokenizer: Tokenizer, texts: Sequence[str]) -> Coverage:
    """Measure how the vocabulary covers the texts; words are as the tokenizer splits them."""
    unk_id = unknown_id(tokenizer)
    pieces = words = unknown = unknown_texts = 0
    tokens: list[int] = []
    examples: list[str] = []
    for start in range(0, len(texts), BLOCK):
        block = [t.encode("utf-8", "replace").decode() for t in texts[start : start + BLOCK]]
        for text, encoding in zip(
            block, tokenizer.encode_batch(block, add_special_tokens=False), strict=True
        ):
            ids = np.array(encoding.ids)
            at = np.flatnonzero(ids == unk_id) if unk_id is not None else ids[:0]
            pieces += len(ids)
            words += (encoding.word_ids[-1] or 0) + 1 if encoding.ids else 0
            unknown += len(at)
            unknown_texts += bool(len(at))
            tokens.append(len(ids))
            if len(at) and len(examples) < 3:
                first, end = encoding.offsets[int(at[0])]
                examples.append(f"{text[first:end]!r} in {text[:80]!r}")
    return Coverage(
        unknown / max(1, pieces),
        pieces / max(1, words),
        tuple(tokens),
        unknown_texts,
        tuple(examples),
    )
