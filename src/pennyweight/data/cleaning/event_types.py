"""What an event of each type means: a strength, the opposite of liking, or nothing."""

import math
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from pennyweight.data.cleaning.negations import denial_of, is_loan, is_return, words_of
from pennyweight.data.cleaning.vocabulary import Sense, sense_of
from pennyweight.errors import DataError, did_you_mean, in_list

__all__ = ["NO_TYPE", "EventTypes", "Meaning", "is_rating", "lent_meanings", "sense_of_type"]

Meaning = float | Literal["negative", "ignore"]
NO_TYPE = "event"  # the type of an event that names none
_TRUTH: dict[str, Sense] = {
    "-1": "negative", "-1.0": "negative", "false": "neutral", "true": "positive",
    "good": "positive", "very good": "positive", "great": "positive", "excellent": "positive",
    "bad": "negative", "very bad": "negative", "poor": "negative", "terrible": "negative",
    "awful": "negative", "ok": "neutral", "okay": "neutral", "average": "neutral",
    "fair": "neutral",
    "+": "positive", "-": "negative", "−": "negative", "–": "negative", "+1": "positive",
    "+1.0": "positive", "−1": "negative", "pos": "positive", "neg": "negative",
    **dict.fromkeys("👍❤♥😍⭐💚💙💛🧡💜🖤🤍💖💕😊🙂😀😃↑⬆▲△🔼👆✓✔☑✅", "positive"),
    **dict.fromkeys("👎💔😡😠🙁☹😞🤮↓⬇▼▽🔽👇✗✘✕✖❌☒🚫", "negative"),
}  # fmt: skip
_RATINGS = frozenset(("rate", "rated", "rating", "review", "reviewed", "star", "score", "grade"))
_TONES = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # of an emoji: its form and color
_MEANINGS: dict[Sense, Meaning] = {"negative": "negative", "neutral": "ignore"}


@dataclass(frozen=True)
class EventTypes:
    """The meaning of event types: as chosen, else by their usual names.

    Attributes
    ----------
    chosen
        Type -> a weight above 0, ``"negative"`` or ``"ignore"``; a type is looked up as
        written, then without case, spaces and punctuation.
    """

    chosen: Mapping[str, Meaning] = field(default_factory=dict)

    @classmethod
    def of(cls, chosen: Mapping[str, Meaning]) -> "EventTypes":
        """Check what a caller chose; `DataError` for what is no meaning."""
        for name, meaning in chosen.items():
            if not _is_meaning(meaning):
                raise DataError(f"event_types: {name!r} is {meaning!r}; it must be a weight above "
                                "0, 'negative' or 'ignore'")  # fmt: skip
        return cls(dict(chosen))

    @cached_property
    def _alike(self) -> dict[str, Meaning]:
        return {_key(name): meaning for name, meaning in self.chosen.items()}

    def __contains__(self, name: str) -> bool:
        return name in self.chosen or _key(name) in self._alike

    def meaning(self, name: str, source: str = "events") -> Meaning:
        """Return what a type means.

        Raises
        ------
        DataError
            The name may deny something, such as ``unmatched``, and nothing was chosen for it.
        """
        meaning = self.known(name)
        if meaning is None:
            raise DataError(_doubt([name], source))
        return meaning

    def known(self, name: str) -> Meaning | None:
        """Return what a type means; None where its name is in doubt and nothing was chosen."""
        if name in self.chosen:
            return self.chosen[name]
        if self._alike and (key := _key(name)) in self._alike:
            return self._alike[key]
        sense = sense_of_type(name)
        return None if sense == "doubtful" else _MEANINGS.get(sense, 1.0)

    def is_unknown(self, name: str) -> bool:
        """Say whether a type counts with weight 1 only because its name says nothing."""
        return name not in self and name != NO_TYPE and sense_of_type(name) == "unknown"

    def meanings(self, names: Iterable[str], source: str) -> dict[str, Meaning]:
        """Return what each type of a log means; `DataError` names all doubtful ones at once."""
        names = list(names)
        senses = {name: sense_of_type(name) for name in names if name not in self}
        doubtful = [name for name, sense in senses.items() if sense == "doubtful"]
        if senses.keys() - {NO_TYPE} == {"0", "1"}:
            raise DataError(
                f"{source}: the event types are '0' and '1'; is 0 an event that did not happen, "
                "or a kind of event? Say so with --event-types 0=ignore,1=1 (or 0=negative, or "
                "0=1), event_types={'0': 'ignore', '1': 1}"
            )
        if doubtful:
            raise DataError(_doubt(doubtful, source))
        return {name: self.meaning(name, source) for name in names}

    def unused(self, names: Iterable[str]) -> list[str]:
        """Return the chosen types that are not among some names, with the nearest of these."""
        names = list(names)
        keys = {_key(name) for name in names}
        return [
            f"{chosen!r}{did_you_mean(chosen, names)}"
            for chosen in self.chosen
            if _key(chosen) not in keys
        ]


def _is_meaning(value: object) -> bool:
    if isinstance(value, str):
        return value in ("negative", "ignore")
    return isinstance(value, int | float) and value is not True and 0 < value < math.inf


def _key(name: str) -> str:
    text = "".join(c for c in name.casefold() if c.isalnum())
    return f"-{text}" if name.strip().startswith("-") else text or name


def is_rating(name: str) -> bool:
    """Say whether the weight of an event of this type is a rating."""
    return _key(name).rstrip("s") in _RATINGS


@lru_cache(maxsize=4_096)
def sense_of_type(name: str) -> Sense:
    """Return what a value says; of numbers -1 alone says something, others are codes."""
    text = _TONES.sub("", name.strip().casefold())
    sense = _TRUTH[text] if text in _TRUTH else sense_of(name)
    return denial_of(name) if sense == "unknown" and text != "none" else sense


def lent_meanings(names: Iterable[str]) -> dict[str, Meaning]:
    """Return that returns say nothing, where other types name a loan or a rental."""
    names = list(names)
    words = {word for name in names for word in words_of(name)}
    if not any(is_loan(word) for word in words) and words.isdisjoint(("renew", "renewal")):
        return {}
    return {name: "ignore" for name in names if is_return(name)}


def _doubt(names: list[str], source: str) -> str:
    several = f"{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
    option = ",".join(in_list(f"{name}=negative") for name in names)
    return (
        f"{source}: the event type{several} may say the opposite of liking. Give "
        f"{'each' if len(names) > 1 else 'it'} a meaning with --event-types {shlex.quote(option)} "
        f"(or ignore, or a weight such as 1), event_types={dict.fromkeys(names, 'negative')}"
    )
