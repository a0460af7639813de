"""Queries: a known user, a history, a text, an item, or nothing at all."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.cleaning.id_forms import match_forms
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.errors import PlanError, UnknownIdError, UnknownUserWarning

__all__ = [
    "FALLBACKS",
    "NO_QUERY",
    "Query",
    "Source",
    "check_id",
    "check_ids",
    "item_query",
    "known_codes",
    "resolve_query",
    "suggestion",
    "user_histories",
    "warn_unknown",
]

Source = Literal["history", "text", "history and text", "popularity", "negative events"]
# Sources of lists of the most popular items: for anybody, and for a user with negative events
# alone, whose list leaves out those items.
FALLBACKS: tuple[Source, ...] = ("popularity", "negative events")

MAX_COMPARED = 50_000  # ids among which a misspelled one is looked for


@dataclass(frozen=True)
class Query:
    """The basis of a list.

    Attributes
    ----------
    history
        A batch of one, which may be empty.
    text
        A search in words.
    turned_down
        Items that the user turned down, by code, int32 (n,).
    is_item
        Whether the history is one item, to which all others are compared.
    """

    history: Histories
    text: str | None = None
    turned_down: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    is_item: bool = False

    @property
    def fallback(self) -> Source:
        """The source of a list where neither history nor text distinguishes items."""
        only_negative = not len(self.history.item) and len(self.turned_down)
        return "negative events" if only_negative else "popularity"


NO_QUERY = Query(Histories.of([[]]))


def item_query(code: NDArray[np.int32]) -> Query:
    """Return the query for the items most similar to one, given by its code, int32 (1,)."""
    return Query(Histories.of([code.tolist()]), is_item=True)


def resolve_query(
    interactions: Interactions | None,
    items: Ids,
    *,
    user: str | None,
    history: Sequence[str] | None,
    text: str | None,
) -> Query:
    """Return the query of a user, a history or a text; an unknown user has an empty history.

    Raises
    ------
    PlanError
        User and history at once, an empty text, or a user where no event log is kept.
    TypeError
        A user that is no text, or a history that is no list.
    UnknownIdError
        The history has an item that is not in the catalog.
    """
    if user is not None and history is not None:
        raise PlanError("give a user or a history, not both: a user is looked up as a history")
    if text is not None and not (isinstance(text, str) and text.strip()):
        raise PlanError(f"the text {text!r} is empty or no text; give a search in words")
    if user is not None:
        several = "; for several users call recommend_many" if _is_list(user) else ""
        return replace(_user_query(interactions, check_id(user, "user", several)), text=text)
    codes = known_codes(items, [] if history is None else history, "history")
    return Query(Histories.of([codes.tolist()]), text)


def _is_list(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, bytes)


def _user_query(interactions: Interactions | None, user: str) -> Query:
    if interactions is None:
        raise PlanError(
            "this recommender keeps no event log and so knows no users; "
            "give the items of the history"
        )
    code = int(interactions.users.codes([user])[0])
    if code < 0:
        return NO_QUERY
    history = interactions.histories.block(code, code + 1)
    return Query(history, turned_down=interactions.turned_down.block(code, code + 1).item)


def user_histories(interactions: Interactions, users: Sequence[str]) -> tuple[Histories, Histories]:
    """Return the histories of users in the order given, and the items they turned down.

    Both are empty for an unknown user.
    """
    codes = interactions.users.codes(users).astype(np.int64)
    rows = np.where(codes < 0, len(interactions.users), codes)
    sources = (interactions.histories, interactions.turned_down)
    # Row -1, an unknown user, is the empty history put at the end.
    history, turned_down = (
        replace(histories, offsets=np.append(histories.offsets, histories.offsets[-1])).take(rows)
        for histories in sources
    )
    return history, turned_down


def check_id(value: str, argument: str, remedy: str = "") -> str:
    """Return an id; `TypeError` unless it is a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        remedy = f"; write {str(value)!r}"
    elif not remedy and not _is_list(value):
        remedy = "; give it as text, with str()"
    raise TypeError(f"{argument} takes one id, a text, not {value!r:.80}{remedy}")


def check_ids(ids: Iterable[str], argument: str = "users") -> list[str]:
    """Return ids as texts; `TypeError` for one id instead of a list of them."""
    if isinstance(ids, str | bytes | int | float):
        raise TypeError(f"{argument} takes a list of ids, not {ids!r:.80}: write [{ids!r:.80}]")
    if hasattr(ids, "columns"):
        raise TypeError(f"{argument} takes a list of ids, not a table: give one of its columns")
    return [_text(value, argument) for value in ids]


def _text(value: object, argument: str) -> str:
    """Return an id as text, a whole number as its digits."""
    if isinstance(value, str):
        return value
    if value is None or value != value or isinstance(value, bool) or _is_list(value):
        raise TypeError(f"{argument}: {value!r:.80} is no id; leave it out")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def warn_unknown(interactions: Interactions | None, users: Sequence[str], basis: str) -> None:
    """Warn, at the caller of the caller, of users that the log does not have."""
    if interactions is None:
        return
    unknown = [user for user in users if user not in interactions.users]
    if unknown:
        listed = ", ".join(map(repr, unknown[:5])) + (" …" if len(unknown) > 5 else "")
        subject = f"{len(unknown):,} users are" if len(unknown) > 1 else "user is"
        hint = suggestion(interactions.users, unknown[0]) if len(unknown) == 1 else ""
        warnings.warn(
            f"{subject} not in the event log: {listed}; {basis}{hint}",
            UnknownUserWarning,
            stacklevel=3,
        )


def known_codes(ids: Ids, values: Iterable[str], argument: str) -> NDArray[np.int32]:
    """Return codes of ids that must exist; numbers are taken as their text.

    Raises
    ------
    TypeError
        One id instead of a list of them.
    UnknownIdError
        Names the unknown ids, and the nearest known ones.
    """
    texts = check_ids(values, argument)
    codes = ids.codes(texts)
    if (codes < 0).any():
        unknown = [value for value, code in zip(texts, codes, strict=True) if code < 0]
        raise UnknownIdError(
            f"{argument}: {_listed(unknown)} not among the {len(ids):,} {ids.table}"
            f"{_nearest(ids, unknown[0])}"
        )
    return codes


def suggestion(ids: Ids, unknown: str) -> str:
    """Return ``; did you mean 'u7'?`` where one id differs from an unknown one in its form only."""
    if len(ids) >= MAX_COMPARED:
        return ""
    similar_id = match_forms({unknown: 1}, ids).known_id.get(unknown)
    return "" if similar_id is None else f"; did you mean {similar_id!r}?"


def _listed(unknown: list[str]) -> str:
    listed = ", ".join(map(repr, unknown[:5])) + (" …" if len(unknown) > 5 else "")
    return f"{listed} {'is' if len(unknown) == 1 else 'are'}"


def _nearest(ids: Ids, unknown: str) -> str:
    matches = get_close_matches(unknown, ids, n=3) if len(ids) < MAX_COMPARED else []
    return f"; nearest to {unknown!r}: {', '.join(map(repr, matches))}" if matches else ""
