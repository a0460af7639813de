"""The meanings of event types: a strength, the opposite of liking, or nothing."""

import math
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from pennyweight.data.cleaning.negations import denial_of, is_loan, is_return, words_of
from pennyweight.data.cleaning.opinion_words import is_adjective, opinion_of
from pennyweight.data.cleaning.vocabulary import Sense, is_vouched, sense_of, speaks_of_liking
from pennyweight.errors import DataError, did_you_mean, in_list

__all__ = [
    "NO_OPINION",
    "NO_TYPE",
    "EventTypes",
    "Meaning",
    "are_opinions",
    "is_dislike",
    "is_liking",
    "is_rating",
    "is_vague",
    "loan_meanings",
    "sense_of_type",
]

Meaning = float | Literal["negative", "ignore"]
NO_TYPE = "event"  # the type of events without a type
NO_OPINION = "none"  # neutral among opinions; elsewhere a missing value
_TRUTH: dict[str, Sense] = {
    "-1": "negative",
    "-1.0": "negative",
    "false": "neutral",
    "true": "positive",
    "good": "positive",
    "very good": "positive",
    "great": "positive",
    "excellent": "positive",
    "bad": "negative",
    "very bad": "negative",
    "poor": "negative",
    "terrible": "negative",
    "awful": "negative",
    "ok": "neutral",
    "okay": "neutral",
    "average": "neutral",
    "fair": "neutral",
    "+": "positive",
    "-": "negative",
    "−": "negative",
    "–": "negative",
    "+1": "positive",
    "+1.0": "positive",
    "−1": "negative",
    "pos": "positive",
    "neg": "negative",
    **dict.fromkeys("👍❤♥😍⭐💚💙💛🧡💜🖤🤍💖💕😊🙂😀😃↑⬆▲△🔼👆✓✔☑✅", "positive"),
    **dict.fromkeys((":)", ":-)", ":d", ":-d", ";)", ";-)", "<3", "^^"), "positive"),
    **dict.fromkeys((":(", ":-(", ":'(", "</3", ">:("), "negative"),
    **dict.fromkeys((":|", ":-|", ":/", ":-/"), "neutral"),
    **dict.fromkeys("🤬😤💩🤢", "negative"),
    **dict.fromkeys("😄😁😆🥰🤩👏🎉🔥💯", "positive"),
    **dict.fromkeys("👎💔😡😠🙁☹😞🤮↓⬇▼▽🔽👇✗✘✕✖❌☒🚫", "negative"),
}
_VAGUE = frozenset(
    (
        *"+-−–↑⬆▲△🔼↓⬇▼▽🔽✓✔☑✅✗✘✕✖❌☒🚫",
        "pos",
        "neg",
        "positive",
        "negative",
        "neutral",
        "good",
        "+1",
        "-1",
        "−1",
        "1",
        "0",
        "+1.0",
        "-1.0",
        "1.0",
        "0.0",
        "very good",
        "great",
        "excellent",
        "bad",
        "very bad",
        "poor",
        "terrible",
        "awful",
        "ok",
        "okay",
        "average",
        "fair",
    )
)
_RATINGS = frozenset(("rate", "rated", "rating", "review", "reviewed", "star", "score", "grade"))
# The answers of questionnaires.
_AGREED = re.compile(
    r"((strongly|somewhat|mostly|totally|completely|fully|slightly|rather|very|quite|extremely"
    r"|tend to)[\s_-]+)?((?P<no>dis|un)?(agree|satisfied))"
)
_NEITHER = re.compile(r"neither[\s_-]+(agree|satisfied|like)[\s_-]+n?or[\s_-]+(dis|un)\w+")
# Ratings as types: star_1, rated_2, review_1_star.
_GRADED = re.compile(
    r"(?:stars?|rated?|rating|reviewed|review|scored?|grade|item|product|user|of|out|\W|_)*"
    r"(?<!\d)(?P<grade>\d{1,2})(?!\d)(?P<scale>(?:\W|_)*(?:of|out of|/)(?:\W|_)*\d+)?"
    r"(?:stars?|rated?|rating|reviewed|review|scored?|grade|item|product|user|\W|_)*"
)
_GRADE_WORD = re.compile(r"star|rate|rating|review|score|grade")
_LOW_GRADE = 2  # of five
_TONES = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # of an emoji: its form and color
_LOW = re.compile(r"(?i)low(est)?|worst|weak|niedrig|bas(se)?|baj[ao]|baix[ao]|min(imum)?")
# The certainty that a value speaks for an item, the lowest first.
_DOUBTS: dict[Sense, int] = {
    "negative": 0,
    "doubtful": 1,
    "neutral": 3,
    "unknown": 4,
    "positive": 5,
}
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
        """Check the chosen meanings; `DataError` for a value that is no meaning."""
        for name, meaning in chosen.items():
            if not _is_meaning(meaning):
                raise DataError(
                    f"event_types: {name!r} is {meaning!r}; it must be a weight above "
                    "0, 'negative' or 'ignore'"
                )
        return cls(dict(chosen))

    @cached_property
    def _chosen_by_key(self) -> dict[str, Meaning]:
        return {_key(name): meaning for name, meaning in self.chosen.items()}

    def __contains__(self, name: str) -> bool:
        return name in self.chosen or _key(name) in self._chosen_by_key

    def meaning(self, name: str, source: str = "events") -> Meaning:
        """Return the meaning of a type.

        Raises
        ------
        DataError
            The name may deny something, such as ``unmatched``, and nothing was chosen for it.
        """
        meaning = self.clear_meaning(name)
        if meaning is None:
            raise DataError(_doubt([name], source))
        return meaning

    def clear_meaning(self, name: str) -> Meaning | None:
        """Return the meaning of a type; None where its name is in doubt and none was chosen."""
        if name in self.chosen:
            return self.chosen[name]
        if self._chosen_by_key and (key := _key(name)) in self._chosen_by_key:
            return self._chosen_by_key[key]
        sense = sense_of_type(name)
        return None if sense == "doubtful" else _MEANINGS.get(sense, 1.0)

    def is_unknown(self, name: str) -> bool:
        """Say whether a type counts with weight 1 only because its name is unknown."""
        if name in self or name == NO_TYPE:
            return False
        sense = sense_of_type(name)
        return sense == "unknown" or (
            sense == "positive" and not (is_vouched(name) or _is_opinion(name))
        )

    def meanings(self, names: Iterable[str], source: str) -> dict[str, Meaning]:
        """Return the meaning of each type of a log; `DataError` names all doubtful ones at once."""
        names = list(names)
        senses = {name: sense_of_type(name) for name in names if name not in self}
        doubtful = [name for name, sense in senses.items() if sense == "doubtful"]
        if are_opinions(names):
            senses.pop(NO_OPINION, None)
            doubtful += [n for n, sense in senses.items() if sense == "unknown" and n != NO_TYPE]
        if senses.keys() - {NO_TYPE} == {"0", "1"}:
            raise DataError(
                f"{source}: the event types are '0' and '1'; is 0 an event that did not happen, "
                "or a kind of event? Say so with --event-types 0=ignore,1=1 (or 0=negative, or "
                "0=1), event_types={'0': 'ignore', '1': 1}"
            )
        if doubtful:
            raise DataError(_doubt(doubtful, source))
        silent: dict[str, Meaning] = {}
        if NO_OPINION in names and NO_OPINION not in self and are_opinions(names):
            silent = {NO_OPINION: "ignore"}
        return {name: self.meaning(name, source) for name in names} | silent

    def unused(self, names: Iterable[str]) -> list[str]:
        """Return the chosen types that do not occur, each with the nearest name that does."""
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
    """Return the sense of a value; of numbers only -1 has one, others are codes."""
    text = _TONES.sub("", name.strip().casefold())
    if agreed := _AGREED.fullmatch(text):
        return "negative" if agreed["no"] else "positive"
    if _NEITHER.fullmatch(text):
        return "neutral"
    if _is_low_grade(text):
        return "doubtful"
    sense = _TRUTH[text] if text in _TRUTH else sense_of(name)
    if sense in ("unknown", "doubtful") and (opinion := opinion_of(name)) is not None:
        return opinion
    return denial_of(name) if sense == "unknown" and text != "none" else sense


def _is_low_grade(text: str) -> bool:
    """Say whether a type is a low rating, such as ``star_1``."""
    grade = _GRADED.fullmatch(text) if _GRADE_WORD.search(text) else None
    return grade is not None and 1 <= int(grade["grade"]) <= _LOW_GRADE


def is_dislike(name: str) -> bool:
    """Say whether a value is the opposite of liking, and not a deed such as a return."""
    return sense_of_type(name) == "negative" and _is_opinion(name)


def least_certain(names: Iterable[str]) -> str:
    """Return the value that is least certain to speak for an item, for an example."""
    ranked = sorted(names, key=str.casefold, reverse=True)  # of A to F the last
    return min(ranked, key=_certainty)


def _certainty(name: str) -> int:
    letter = len(name) == 1 and name.isalpha()  # a grade
    return 2 if _LOW.fullmatch(name) else _DOUBTS["unknown" if letter else sense_of_type(name)]


def are_opinions(names: Iterable[str]) -> bool:
    """Say whether the types of a log are likes and dislikes, with no deed among them."""
    senses = {name: sense_of_type(name) for name in names}
    liked = [name for name, sense in senses.items() if sense == "positive" and name != NO_TYPE]
    return bool(liked) and all(map(is_liking, liked)) and any(is_dislike(name) for name in senses)


def is_vague(name: str) -> bool:
    """Say whether a value may be an opinion or something else, such as up, good or +."""
    text = _TONES.sub("", name.strip().casefold())
    return text in ("up", "down") or text in _VAGUE or is_adjective(name)


def is_liking(name: str) -> bool:
    """Say whether a value is an opinion for an item, and not a deed such as a purchase."""
    return sense_of_type(name) == "positive" and _is_opinion(name)


def _is_opinion(name: str) -> bool:
    text = _TONES.sub("", name.strip().casefold())
    answer = _AGREED.fullmatch(text) or _NEITHER.fullmatch(text)
    return (
        answer is not None
        or text in _TRUTH
        or speaks_of_liking(name)
        or opinion_of(name) is not None
    )


def loan_meanings(names: Iterable[str]) -> dict[str, Meaning]:
    """Return neutral meanings for returns, where other types name a loan or a rental."""
    names = list(names)
    words = {word for name in names for word in words_of(name)}
    if not any(is_loan(word) for word in words) and words.isdisjoint(("renew", "renewal")):
        return {}
    return {name: "ignore" for name in names if is_return(name)}


def _doubt(names: list[str], source: str) -> str:
    several = f"{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
    suggestions = {
        name: "ignore" if sense_of_type(name) == "unknown" else "negative" for name in names
    }
    option = ",".join(in_list(f"{name}={meaning}") for name, meaning in suggestions.items())
    return (
        f"{source}: the event type{several} may say the opposite of liking. Give "
        f"{'each' if len(names) > 1 else 'it'} a meaning with --event-types {shlex.quote(option)} "
        f"(or another of negative, ignore and a weight such as 1), event_types={suggestions}"
    )
