"""Fewer tokens: those that a catalog's texts need, and enough to spell later ones."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.texts import check_texts
from pennyweight.encoders.tokens import load_tokenizer, tokenize
from pennyweight.encoders.vocabularies import Vocabulary, vocabulary_of
from pennyweight.errors import DataError

__all__ = ["BLOCK_TEXTS", "UNLIMITED", "select_tokens"]

BLOCK_TEXTS = 4096
UNLIMITED = 1 << 20  # tokens a text may have when the tokens that are needed are collected


def select_tokens(
    tokenizer_json: str, texts: Sequence[str], *, frequent: int = 1_000, first: int = 0
) -> tuple[NDArray[np.int64], str]:
    """Return the ids of the tokens to keep, ascending, and the tokenizer of these alone.

    Kept besides the tokens of `texts`: special and added tokens; single characters, alone and
    as a continuation (``x``, ``##x``), so that a word can still be spelled; the most frequent
    tokens; and tokens with a character that has no such single form. Ids are counted anew in
    the old order. A text whose tokens are all kept has the same tokens, hence the same vector
    (see `pennyweight.encoders.vocabularies` for the reason).

    Parameters
    ----------
    texts
        The catalog's.
    frequent
        How many tokens from the start of the vocabulary to keep, which is in order of
        frequency; of Unigram, those of the highest score. Single characters and ``[unused…]``
        are not counted.
    first
        This many ids from the start stay where they are.

    Raises
    ------
    DataError
        The tokenizer is of another type, or `frequent` is below 0.
    """
    if frequent < 0:
        raise DataError(f"frequent {frequent}: 0 or more tokens")
    tokenizer = json.loads(tokenizer_json)
    vocabulary = vocabulary_of(tokenizer)
    added = {token["content"]: int(token["id"]) for token in tokenizer["added_tokens"]}
    keep = set(added.values()) | _needed_tokens(tokenizer_json, texts) | vocabulary.spelling()
    keep |= set(range(first))
    common = [token for token in vocabulary.common() if token not in added]
    keep |= {vocabulary.ids[token] for token in common[:frequent]}
    keep = vocabulary.with_parts(keep)
    existing = set(vocabulary.ids.values()) | set(added.values())
    old = np.array(sorted(keep & existing), np.int64)
    new = {int(token): number for number, token in enumerate(old)}
    return old, json.dumps(_renumbered(tokenizer, vocabulary, new), ensure_ascii=False)


def _needed_tokens(tokenizer_json: str, texts: Sequence[str]) -> set[int]:
    tokenizer = load_tokenizer(tokenizer_json, max_tokens=UNLIMITED)
    needed: set[int] = set()
    for start in range(0, len(check_texts(texts)), BLOCK_TEXTS):
        for ids in tokenize(tokenizer, texts[start : start + BLOCK_TEXTS], special=True):
            needed.update(ids)
    return needed


def _renumbered(
    tokenizer: dict[str, Any], vocabulary: Vocabulary, new: dict[int, int]
) -> dict[str, Any]:
    """Return a tokenizer.json with the kept tokens under their new ids."""
    out = {**tokenizer, "model": vocabulary.cut(new)}
    out["added_tokens"] = [{**t, "id": new[t["id"]]} for t in tokenizer["added_tokens"]]
    if tokenizer.get("padding"):
        pad = tokenizer["padding"]
        out["padding"] = {**pad, "pad_id": new[pad["pad_id"]]}
    if tokenizer.get("post_processor"):
        out["post_processor"] = _markers(tokenizer["post_processor"], lambda i: new[i])
    return out


def _markers(processor: Any, move: Callable[[int], int]) -> Any:  # noqa: ANN401 - JSON
    """Renumber the markers that a post-processor adds, of whichever of its types."""
    if isinstance(processor, list):
        return [_markers(part, move) for part in processor]
    if not isinstance(processor, dict):
        return processor
    out = {key: _markers(value, move) for key, value in processor.items()}
    for end in ("sep", "cls"):  # BertProcessing, RobertaProcessing: [token, id]
        if end in processor:
            token, number = processor[end]
            out[end] = [token, move(number)]
    if isinstance(processor.get("ids"), list):  # TemplateProcessing
        out["ids"] = [move(number) for number in processor["ids"]]
    return out
