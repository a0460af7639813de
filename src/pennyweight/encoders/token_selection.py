"""Fewer tokens: those that a catalog's texts need, and enough to spell later ones."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.texts import check_texts
from pennyweight.encoders.tokens import load_tokenizer, tokenize
from pennyweight.errors import DataError

__all__ = ["BLOCK_TEXTS", "UNLIMITED", "select_tokens", "wordpiece"]

BLOCK_TEXTS = 4096
UNLIMITED = 1 << 20  # tokens a text may have when the tokens that are needed are collected


def select_tokens(
    tokenizer_json: str, texts: Sequence[str], *, frequent: int = 1_000, first: int = 0
) -> tuple[NDArray[np.int64], str]:
    """Return the ids of the tokens to keep, ascending, and the tokenizer of these alone.

    Kept besides the tokens of `texts`: special and added tokens; single characters, alone and
    as a continuation (``x``, ``##x``), so that a word can still be spelled; the most frequent
    tokens by the vocabulary's order; and tokens with a character that has no such single form.
    Ids are counted anew in the old order. A text whose tokens are all kept has the same
    tokens, hence the same vector, as WordPiece takes the longest match at each place
    (Schuster and Nakajima 2012) and no longer one has been added.

    Parameters
    ----------
    texts
        The catalog's.
    frequent
        How many tokens from the start of the vocabulary to keep; BERT's are in order of
        frequency. Single characters and ``[unused…]`` are not counted.
    first
        So many ids from the start stay where they are.

    Raises
    ------
    DataError
        The tokenizer is not WordPiece, or `frequent` is below 0.
    """
    if frequent < 0:
        raise DataError(f"frequent {frequent}: 0 or more tokens")
    tokenizer = json.loads(tokenizer_json)
    vocabulary: dict[str, int] = wordpiece(tokenizer)["vocab"]
    prefix = str(tokenizer["model"].get("continuing_subword_prefix", "##"))
    added = {token["content"]: int(token["id"]) for token in tokenizer["added_tokens"]}
    keep = (
        set(added.values()) | _needed_tokens(tokenizer_json, texts) | _spelling(vocabulary, prefix)
    )
    keep |= set(range(first))
    ordered = sorted(vocabulary, key=vocabulary.__getitem__)
    common = [
        token
        for token in ordered
        if len(token.removeprefix(prefix)) > 1
        and token not in added
        and not token.startswith("[unused")
    ]
    keep |= {vocabulary[token] for token in common[:frequent]}
    existing = set(vocabulary.values()) | set(added.values())
    old = np.array(sorted(keep & existing), np.int64)
    new = {int(token): number for number, token in enumerate(old)}
    return old, json.dumps(_renumbered(tokenizer, new), ensure_ascii=False)


def wordpiece(tokenizer: dict[str, Any]) -> dict[str, Any]:
    """Return the model of a tokenizer.json; `DataError` where it is not WordPiece."""
    model: dict[str, Any] = tokenizer["model"]
    if model.get("type") != "WordPiece":
        raise DataError(
            f"tokenizer.json is of type {model.get('type')!r}; the vocabulary can be cut and its "
            "fragmentation measured only for WordPiece, as BERT models have it"
        )
    return model


def _needed_tokens(tokenizer_json: str, texts: Sequence[str]) -> set[int]:
    tokenizer = load_tokenizer(tokenizer_json, max_tokens=UNLIMITED)
    needed: set[int] = set()
    for start in range(0, len(check_texts(texts)), BLOCK_TEXTS):
        for ids in tokenize(tokenizer, texts[start : start + BLOCK_TEXTS], special=True):
            needed.update(ids)
    return needed


def _spelling(vocabulary: dict[str, int], prefix: str) -> set[int]:
    """Return the single characters, and tokens that they could not spell."""
    keep = set()
    for token, number in vocabulary.items():
        inside = token.startswith(prefix)
        letters = token.removeprefix(prefix)
        single = len(letters) == 1
        first = (prefix if inside else "") + letters[:1]
        forms = [first, *(prefix + letter for letter in letters[1:])]
        if single or not all(form in vocabulary for form in forms):
            keep.add(number)
    return keep


def _renumbered(tokenizer: dict[str, Any], new: dict[int, int]) -> dict[str, Any]:
    """Return a tokenizer.json with the kept tokens under their new ids."""
    vocabulary = tokenizer["model"]["vocab"].items()
    retained = {token: new[number] for token, number in vocabulary if number in new}
    out = {**tokenizer, "model": {**tokenizer["model"], "vocab": retained}}
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
