"""How long a token takes in a tokenizer, in a static table and in TF-IDF on this machine."""

import time
from collections.abc import Callable, Sequence

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from pennyweight.encoders.static import StaticEncoder
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.tokens import tokenize

__all__ = ["token_seconds"]

TEXTS, WORDS = 2_000, 10
SYLLABLES = ("ka", "lo", "mi", "ter", "an", "sou", "ri", "ped", "el", "vo", "gun", "ash")
DIM, SEARCH_DIM = 256, 128
REPEATS = 3


def token_seconds(*, seed: int = 0) -> dict[str, float]:
    """Return the processor seconds of a token: ``tokenizer``, ``static``, ``tfidf``."""
    rng = np.random.default_rng(seed)
    texts = [_text(rng) for _ in range(TEXTS)]
    tokenizer = _tokenizer()
    n_tokens = sum(map(len, tokenize(tokenizer, texts, special=False)))
    size = tokenizer.get_vocab_size()
    table = rng.standard_normal((size, DIM), np.float32)
    static = StaticEncoder(table, np.ones(size, np.float32), tokenizer)
    words = LexicalEncoder.fit(texts, dim=SEARCH_DIM)
    calls: dict[str, Callable[[Sequence[str]], object]] = {
        "tokenizer": lambda block: tokenize(tokenizer, block, special=True),
        "static": static.encode,
        "tfidf": words.transform,
    }
    return {name: _seconds(call, texts) / n_tokens for name, call in calls.items()}


def _seconds(call: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    call(texts)
    spent = []
    for _ in range(REPEATS):
        began = time.process_time()
        call(texts)
        spent.append(time.process_time() - began)
    return min(spent)


def _text(rng: np.random.Generator) -> str:
    words = ("".join(rng.choice(SYLLABLES, int(rng.integers(1, 4)))) for _ in range(WORDS))
    return " ".join(words)


def _tokenizer() -> Tokenizer:
    """Return a tokenizer of syllables, so that a word is one to three tokens."""
    pieces = [*SYLLABLES, *(f"##{syllable}" for syllable in SYLLABLES)]
    vocabulary = {token: number for number, token in enumerate(["[PAD]", "[UNK]", *pieces])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer
