"""The reason why an item is recommended, as data and in one sentence."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Because", "Kind", "Reason"]

Kind = Literal["history", "text", "new", "popular", "cold", "published", "exploration"]


@dataclass(frozen=True)
class Because:
    """An item of the history and its share of the history's addition to the score."""

    item_id: str
    title: str
    share: float


@dataclass(frozen=True)
class Reason:
    """Why an item was recommended.

    Attributes
    ----------
    text
        One plain sentence.
    kind
        Its basis: ``history``, ``text`` (words of the query), ``new`` (an item
        without events, reached by its text), ``popular`` (the history added nothing),
        ``cold`` (there was no history), ``published`` (a list of the latest items), or
        ``exploration`` (a new item, listed to learn how users respond to it).
    because
        The items of the history that added most, at most three.
    component
        Id of the component of the blend that added most, if any did.
    shared
        Words that the item shares with the first of `because`, or with the query.
    """

    text: str
    kind: Kind
    because: tuple[Because, ...] = ()
    component: str | None = None
    shared: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text
