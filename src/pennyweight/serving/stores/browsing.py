"""The protocol of browsing: events and users of a store in pages, each in bounded time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pennyweight.serving.stores.protocol import Event, Recommendation

__all__ = [
    "Browser",
    "EventFilter",
    "EventPage",
    "EventPlace",
    "ExplorationFeedback",
    "ListFeedback",
    "RowCount",
    "UserActivity",
    "UserPage",
]


class EventPlace(NamedTuple):
    """The place of an event among all, newest first: a page goes on after it.

    Events that come later lie before it, so a page stays the same while they come.
    """

    time: float
    seq: int


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Conditions on events; None is no condition.

    Attributes
    ----------
    user, item, kind
        Id, id, and type.
    since, until
        Epoch seconds: from the first on, before the second.
    """

    user: str | None = None
    item: str | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, newest first, and the place after which the next page goes on.

    There may be fewer events than asked for, even none, and still a next page: one page reads a
    bounded number of rows.
    """

    events: "Sequence[Event]"
    next: EventPlace | None = None


@dataclass(frozen=True, slots=True)
class RowCount:
    """A number of rows; if it is not exact, there are more."""

    n: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class UserActivity:
    """A user with events.

    Attributes
    ----------
    user
        Id.
    events
        The number of events without impressions.
    newest
        Epoch seconds of the newest one.
    """

    user: str
    events: RowCount
    newest: float


@dataclass(frozen=True, slots=True)
class UserPage:
    """Users, and the place after which the next page goes on."""

    users: Sequence[UserActivity]
    next: EventPlace | None = None


@dataclass(frozen=True, slots=True)
class ListFeedback:
    """Lists of one day, bundle and scenario, and how many of them led to an event.

    Attributes
    ----------
    day
        Days since 1970-01-01 in UTC.
    version, scenario
        Of the bundle; where the lists were displayed, empty if unknown.
    lists, acted
        The number of lists, and of those that an event names.
    """

    day: int
    version: str
    scenario: str
    lists: int
    acted: int


@dataclass(frozen=True, slots=True)
class ExplorationFeedback:
    """Outcomes of explored items, and of the other items at positions that exploration draws from.

    Both are those of lists that have an explored item: in the lower half, where each position is
    drawn with the same probability.

    Attributes
    ----------
    explored, explored_acted
        Positions with explored items, and those whose item an event names together with the list.
    others, others_acted
        The same of the other items.
    """

    explored: int = 0
    explored_acted: int = 0
    others: int = 0
    others_acted: int = 0


class Browser(Protocol):
    """Reads of a store whose time does not grow with its size; used by one thread at a time."""

    def events(self, filter: EventFilter, n: int, after: EventPlace | None = None) -> EventPage:
        """Return up to n events that meet a filter, newest first."""
        ...

    def count_events(self, filter: EventFilter, limit: int) -> RowCount:
        """Return the number of events that meet a filter, counted up to a limit."""
        ...

    def event_types(self, n: int) -> list[str]:
        """Return up to n types of events, in order."""
        ...

    def users(self, n: int, prefix: str = "", after: str = "") -> list[UserActivity]:
        """Return up to n users whose ids begin with a prefix, in order, those after one."""
        ...

    def latest_users(self, n: int, after: EventPlace | None = None) -> UserPage:
        """Return up to n users, those with the newest event first."""
        ...

    def most_active_users(self, n: int, events: int) -> list[UserActivity]:
        """Return up to n users with the most among the newest events, most first.

        Their numbers of events are those among the newest.
        """
        ...

    def events_by_day(self, item: str, since: float, n: int) -> dict[int, int]:
        """Return the days since 1970 (UTC) from a time on with their events on an item.

        Only the newest n events are counted, impressions among them.
        """
        ...

    def lists_with(self, item: str, n: int, newest: int) -> "Sequence[Recommendation]":
        """Return up to n lists with an item among the newest lists, newest first."""
        ...

    def lists_to(self, user: str, n: int) -> "Sequence[Recommendation]":
        """Return up to n lists served to a user, newest first."""
        ...

    def item_exposures(self, since: float, until: float, n: int) -> dict[str, int]:
        """Return the items of the lists from one time until before another, with their lists.

        Only the newest n lists are counted.
        """
        ...

    def exploration_feedback(self, event_types: Sequence[str], n: int) -> ExplorationFeedback:
        """Return the outcomes of explored items in n lists, the same as of `list_feedback`."""
        ...

    def list_feedback(self, event_types: Sequence[str], n: int) -> list[ListFeedback]:
        """Return the feedback on n lists by day, bundle and scenario.

        The ids of lists are random, so the n lowest ids are a sample of all lists; all of them, if
        there are no more than n.
        """
        ...
