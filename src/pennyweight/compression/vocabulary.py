"""Vocabulary pruning: the tokens of the catalog's texts, and enough to spell later words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from pennyweight.compression.model import LanguageModel
from pennyweight.encoders.checkpoint import WORDS
from pennyweight.encoders.texts import check_texts
from pennyweight.encoders.token_selection import BLOCK_TEXTS, UNLIMITED, select_tokens
from pennyweight.encoders.tokens import load_tokenizer, unknown_id
from pennyweight.errors import DataError

__all__ = ["Fragmentation", "cut_vocabulary", "fragmentation"]


@dataclass(frozen=True)
class Fragmentation:
    """How a tokenizer breaks texts up.

    Attributes
    ----------
    pieces_per_word
        Mean number of tokens of a word.
    unknown
        Share of words that are [UNK], wholly or in part.
    words
        Words counted.
    """

    pieces_per_word: float
    unknown: float
    words: int


def fragmentation(model: LanguageModel, texts: Sequence[str]) -> Fragmentation:
    """Measure how a model's tokenizer breaks texts up; use texts that chose no token of it.

    Raises
    ------
    DataError
        No text has a word.
    """
    tokenizer = load_tokenizer(model.tokenizer_json, max_tokens=UNLIMITED)
    unknown_token = unknown_id(tokenizer)
    words = pieces = unknown = 0
    for start in range(0, len(check_texts(texts)), BLOCK_TEXTS):
        block = list(texts[start : start + BLOCK_TEXTS])
        for encoding in tokenizer.encode_batch(block, add_special_tokens=False):
            word_ids = [word for word in encoding.word_ids if word is not None]
            words += len(set(word_ids))
            pieces += len(word_ids)
            pairs = zip(encoding.word_ids, encoding.ids, strict=True)
            unknown += len({word for word, token in pairs if token == unknown_token})
    if not words:
        raise DataError("fragmentation is measured on texts; none has a word")
    return Fragmentation(pieces / words, unknown / words, words)


def cut_vocabulary(
    model: LanguageModel, texts: Sequence[str], *, frequent: int = 1_000
) -> LanguageModel:
    """Keep the tokens that texts need and a safety set; drop others (see `select_tokens`).

    Raises
    ------
    DataError
        The tokenizer is of a type that cannot be cut, or `frequent` is below 0.
    """
    # RoBERTa counts positions from the id of the padding, which therefore must not move.
    first = int(model.config.get("pad_token_id") or 0) + 1
    old, text = select_tokens(model.tokenizer_json, texts, frequent=frequent, first=first)
    new = {int(token): number for number, token in enumerate(old)}
    tensors = _encoder_tensors(model)
    tensors[model.prefix + WORDS] = tensors[model.prefix + WORDS][old]
    config = {key: _renumbered(key, value, new) for key, value in model.config.items()}
    config["vocab_size"] = len(old)
    return replace(model, config=config, tensors=tensors, tokenizer_json=text)


def _encoder_tensors(model: LanguageModel) -> dict[str, NDArray[Any]]:
    """Return the tensors without those of training heads, some of which fit no other vocabulary."""
    starts = tuple(model.prefix + start for start in ("embeddings", "encoder.", "pooler."))
    return {name: value for name, value in model.tensors.items() if name.startswith(starts)}


def _renumbered(key: str, value: object, new: dict[int, int]) -> object:
    """Return a setting of config.json; ids of special tokens move with their tokens."""
    return new.get(value, value) if key.endswith("_token_id") and isinstance(value, int) else value
