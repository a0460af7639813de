"""The vocabularies of tokenizer.json: WordPiece, Unigram and BPE, and how to cut each.

A cut leaves texts their tokens where all of these are kept, because

- WordPiece takes the longest match at each place (Schuster and Nakajima 2012), and no longer one
  is added;
- Unigram takes the segmentation of the highest total score (Kudo 2018), and the others only
  become fewer. The lowest score of the vocabulary sets that of unknown characters: its token
  stays;
- BPE merges the pair of the lowest rank until none is left (Sennrich et al. 2016). With a token,
  all pairs stay that can make it, and all their parts, so that each of its merges is still the
  first one possible.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pennyweight.errors import DataError

__all__ = ["Vocabulary", "vocabulary_of"]

Json = Mapping[str, Any]
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # a token that spells a byte of a character not known


@dataclass(frozen=True)
class Vocabulary(ABC):
    """The tokens of a tokenizer.

    Attributes
    ----------
    model
        The object ``model`` of tokenizer.json.
    """

    model: Json

    @property
    @abstractmethod
    def ids(self) -> Mapping[str, int]:
        """Token -> id."""

    @abstractmethod
    def spelling(self) -> set[int]:
        """Return the ids of tokens with which any word can be spelled that could be before."""

    def common(self) -> list[str]:
        """Return the tokens of more than one character, most frequent first."""
        ordered = sorted(self.ids, key=self.ids.__getitem__)
        return [token for token in ordered if len(token) > 1 and not token.startswith("[unused")]

    def with_parts(self, ids: Iterable[int]) -> set[int]:
        """Return ids with those of the tokens that they are made from."""
        return set(ids)

    def cut(self, new: Mapping[int, int]) -> dict[str, Any]:
        """Return the ``model`` of the tokens alone that `new` maps to their new ids."""
        retained = {token: new[number] for token, number in self.ids.items() if number in new}
        return {**self.model, "vocab": retained}


def vocabulary_of(tokenizer: Json) -> Vocabulary:
    """Return the vocabulary of a tokenizer.json.

    Raises
    ------
    DataError
        It is of a type that cannot be cut without changing the tokens of texts.
    """
    model = tokenizer["model"]
    kind = model.get("type")
    if kind not in _KINDS:
        raise DataError(
            f"tokenizer.json is of type {kind!r}; the vocabulary can be cut only for "
            f"{', '.join(_KINDS)}"
        )
    for key in ("continuing_subword_prefix", "end_of_word_suffix", "dropout"):
        if kind == "BPE" and model.get(key):
            raise DataError(
                f"tokenizer.json: BPE with {key} {model[key]!r}; its vocabulary can be cut only "
                "where a merged token is its two parts joined"
            )
    return _KINDS[kind](model)


class _WordPiece(Vocabulary):
    @property
    def ids(self) -> Mapping[str, int]:
        ids: dict[str, int] = self.model["vocab"]
        return ids

    @property
    def _prefix(self) -> str:
        return str(self.model.get("continuing_subword_prefix", "##"))

    def spelling(self) -> set[int]:
        prefix, ids = self._prefix, self.ids
        keep = set()
        for token, number in ids.items():
            inside = token.startswith(prefix)
            letters = token.removeprefix(prefix)
            first = (prefix if inside else "") + letters[:1]
            forms = [first, *(prefix + letter for letter in letters[1:])]
            if len(letters) == 1 or not all(form in ids for form in forms):
                keep.add(number)
        return keep

    def common(self) -> list[str]:
        return [token for token in super().common() if len(token.removeprefix(self._prefix)) > 1]


class _Unigram(Vocabulary):
    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {str(token): number for number, (token, _) in enumerate(self.model["vocab"])}

    @property
    def ids(self) -> Mapping[str, int]:
        return self._ids

    def spelling(self) -> set[int]:
        ids, scores = self.ids, [score for _, score in self.model["vocab"]]
        keep = {number for token, number in ids.items() if _spells(token, ids)}
        keep.add(min(range(len(scores)), key=scores.__getitem__))
        return keep if self.model.get("unk_id") is None else keep | {self.model["unk_id"]}

    def common(self) -> list[str]:
        vocabulary = self.model["vocab"]
        return sorted(super().common(), key=lambda token: -vocabulary[self.ids[token]][1])

    def cut(self, new: Mapping[int, int]) -> dict[str, Any]:
        retained = [entry for number, entry in enumerate(self.model["vocab"]) if number in new]
        unknown = self.model.get("unk_id")
        unknown = None if unknown is None else new[unknown]
        return {**self.model, "vocab": retained, "unk_id": unknown}


class _Bpe(Vocabulary):
    @property
    def ids(self) -> Mapping[str, int]:
        ids: dict[str, int] = self.model["vocab"]
        return ids

    @cached_property
    def _pairs(self) -> list[tuple[str, str]]:
        # Older files write a pair as one text; a token has no space in it there.
        pairs = (m.split(" ") if isinstance(m, str) else m for m in self.model["merges"])
        return [(str(first), str(second)) for first, second in pairs]

    def spelling(self) -> set[int]:
        ids, unknown = self.ids, self.model.get("unk_token")
        return {n for token, n in ids.items() if token == unknown or _spells(token, ids)}

    def with_parts(self, ids: Iterable[int]) -> set[int]:
        pairs: dict[int, list[int]] = {}
        for first, second in self._pairs:
            parts = pairs.setdefault(self.ids[first + second], [])
            parts += (self.ids[first], self.ids[second])
        out, waiting = set[int](), list(ids)
        while waiting:
            number = waiting.pop()
            if number not in out:
                out.add(number)
                waiting += pairs.get(number, ())
        return out

    def cut(self, new: Mapping[int, int]) -> dict[str, Any]:
        retained = super().cut(new)["vocab"]
        pairs = [
            [first, second]
            for first, second in self._pairs
            if first in retained and second in retained and first + second in retained
        ]
        return {**self.model, "vocab": retained, "merges": pairs}


def _spells(token: str, ids: Mapping[str, int]) -> bool:
    """Return whether a token is a single character or byte, or has one that is no token."""
    single = len(token) == 1 or _BYTE.fullmatch(token) is not None
    return single or not all(letter in ids for letter in token)


_KINDS: Mapping[str, Callable[[Json], Vocabulary]] = {
    "WordPiece": _WordPiece,
    "Unigram": _Unigram,
    "BPE": _Bpe,
}
