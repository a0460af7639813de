"""Short phrases about an item, as a model or a person writes them, and the check of them."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import regex

__all__ = ["FIELDS", "CheckedPhrases", "Field", "check_phrases"]

Field = Literal["keywords", "audience", "occasions"]
FIELDS: tuple[Field, ...] = get_args(Field)
MAX_PHRASES: Mapping[Field, int] = {"keywords": 8, "audience": 4, "occasions": 4}
MAX_CHARACTERS, MAX_WORDS, MAX_DIGITS = 40, 5, 6
UNREADABLE = "no JSON object"
PHRASE = regex.compile(r"[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N} '’&+./%-]*")
ADDRESS = regex.compile(r"://|\bwww\b|@|[\p{L}\p{N}-]\.\p{L}{2,}|\p{L}/\p{L}", regex.IGNORECASE)


@dataclass(frozen=True)
class CheckedPhrases:
    """Phrases by field that passed the check, and how many did not, by reason."""

    fields: Mapping[Field, tuple[str, ...]]
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def unreadable(self) -> bool:
        """Whether the answer held no JSON object at all."""
        return UNREADABLE in self.dropped


def check_phrases(answer: object) -> CheckedPhrases:
    """Return the phrases of an answer that are short, plain and within bounds.

    At most 8 keywords, 4 audiences and 4 occasions stay, each of at most 40 characters and 5
    words: no address, no long number, no punctuation of sentences or code.
    """
    dropped: Counter[str] = Counter()
    if not isinstance(answer, Mapping):
        return CheckedPhrases({}, Counter({UNREADABLE: 1}))
    fields: dict[Field, tuple[str, ...]] = {}
    for name in FIELDS:
        phrases = _phrases(answer.get(name, ()), MAX_PHRASES[name], dropped)
        if phrases:
            fields[name] = phrases
    dropped["unexpected key"] += sum(key not in FIELDS for key in answer)
    return CheckedPhrases(fields, +dropped)


def _phrases(value: Any, limit: int, dropped: Counter[str]) -> tuple[str, ...]:  # noqa: ANN401
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        dropped["no list"] += 1
        return ()
    phrases: dict[str, str] = {}  # folded -> as written
    for entry in value:
        fault = _fault(entry)
        if fault is not None:
            dropped[fault] += 1
            continue
        phrase = _plain(entry)
        if phrase.casefold() in phrases:
            dropped["repeated"] += 1
        elif len(phrases) == limit:
            dropped["too many"] += 1
        else:
            phrases[phrase.casefold()] = phrase
    return tuple(phrases.values())


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _fault(entry: object) -> str | None:
    """Return why an entry is no short phrase; None where it is one."""
    if not isinstance(entry, str):
        return "no text"
    phrase = _plain(entry)
    if not phrase:
        return "empty"
    if len(phrase) > MAX_CHARACTERS or len(phrase.split()) > MAX_WORDS:
        return "too long"
    if ADDRESS.search(phrase):
        return "an address"
    if sum(map(str.isdigit, phrase)) > MAX_DIGITS:
        return "a long number"
    if not PHRASE.fullmatch(phrase) or not any(map(str.isalpha, phrase)):
        return "no plain phrase"
    return None
