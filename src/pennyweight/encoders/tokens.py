"""Texts to token ids, many at a time."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models

from pennyweight.errors import DataError

__all__ = [
    "READ_TOKENS",
    "TokenLists",
    "batches",
    "has_known_word",
    "load_tokenizer",
    "markers",
    "padded",
    "special_ids",
    "tokenize",
    "unknown_id",
]

# More than this took longer and ranked no better, on any of four catalogs (docs/benchmarks.md).
READ_TOKENS = 64
KNOWN_PIECE = 3  # letters of a token, on average, in a word that a model has learned
BATCH_TOKENS = 1024  # padded tokens in a batch; 512 to 1024 was fastest on two cores

TokenLists = list[list[int]]


def load_tokenizer(source: Path | str, *, max_tokens: int) -> Tokenizer:
    """Read a tokenizer from a file, or from its JSON, cut at `max_tokens`, without padding.

    Raises
    ------
    DataError
        The file is not a tokenizer of the Hugging Face `tokenizers` format.
    """
    try:
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exception
        name = source if isinstance(source, Path) else "tokenizer"
        raise DataError(f"{name}: not a readable tokenizer.json ({error})") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def tokenize(
    tokenizer: Tokenizer, texts: Sequence[str], *, special: bool, prompt: str = ""
) -> TokenLists:
    """Return the ids of each text; `special` adds the model's first and last tokens.

    A prompt is put before each text that has tokens itself.
    """
    if prompt:
        known_ids = frozenset(special_ids(tokenizer).tolist())
        plain = tokenize(tokenizer, texts, special=special)
        prompted = tokenize(tokenizer, [prompt + text for text in texts], special=special)
        return [
            row if known_ids.issuperset(row) else with_prompt
            for row, with_prompt in zip(plain, prompted, strict=True)
        ]
    # Half of a surrogate pair (JSON can carry one) is no text to the tokenizer: "?" instead.
    clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    return [e.ids for e in tokenizer.encode_batch_fast(clean, add_special_tokens=special)]


def markers(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the ids of the tokens that a tokenizer puts before and after those of a text."""
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    marked = tokenizer.encode("a", add_special_tokens=True).ids
    for start in range(len(marked) - len(plain) + 1):
        if plain and marked[start : start + len(plain)] == plain:
            return marked[:start], marked[start + len(plain) :]
    half = (len(marked) + 1) // 2  # no token spells "a": only the markers are there
    return marked[:half], marked[half:]


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """Return the id of the token of unknown words; None where any text can be spelled."""
    number: int | None = None
    if isinstance(tokenizer.model, models.Unigram):  # whose object does not say
        number = json.loads(tokenizer.to_str())["model"].get("unk_id")
    elif getattr(tokenizer.model, "unk_token", None) is not None:
        number = tokenizer.token_to_id(tokenizer.model.unk_token)
    return number


def has_known_word(tokenizer: Tokenizer, text: str) -> bool:
    """Return whether a tokenizer has a word of a text whole, or in pieces of three letters.

    A word that a model has not learned, such as one of another language or of random letters, falls
    into shorter ones. Words with letters beyond ASCII are taken for known: some scripts have
    pieces of one character.
    """
    for word in text.encode("utf-8", "replace").decode("utf-8").split():
        pieces = tokenizer.encode(word, add_special_tokens=False).ids
        whole = len(pieces) == 1 or not word.isascii()
        if pieces and (whole or len(word) >= KNOWN_PIECE * len(pieces)):
            return True
    return False


def special_ids(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Return the ids of tokens that carry no words ([CLS], [PAD], [UNK] and the like)."""
    added = tokenizer.get_added_tokens_decoder()
    return np.array(sorted(i for i, token in added.items() if token.special), np.int64)


def batches(ids: TokenLists, budget: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Yield positions in order of length, each batch within the token budget once padded."""
    batch: list[int] = []
    for i in sorted(range(len(ids)), key=lambda i: len(ids[i]), reverse=True):
        if batch and len(ids[batch[0]]) * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def padded(ids: TokenLists) -> dict[str, NDArray[np.int32]]:
    """Return the inputs of a graph: ``ids`` and ``mask``, int32 (batch, tokens)."""
    rows = np.zeros((len(ids), max(map(len, ids))), np.int32)
    mask = np.zeros_like(rows)
    for row, tokens in enumerate(ids):
        rows[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return {"ids": rows, "mask": mask}
