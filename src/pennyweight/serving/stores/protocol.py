"""The protocol of all stores, and the records that they hold."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from pennyweight.bundle import Position
from pennyweight.errors import StoreError
from pennyweight.serving.stores.browsing import Browser

__all__ = [
    "IMPRESSION",
    "AttributedEvent",
    "Audit",
    "ErasureCounts",
    "Event",
    "ListExposure",
    "ReadOnlyError",
    "Recommendation",
    "Store",
    "StoredItem",
    "Table",
    "UnfinishedErasureError",
]

IMPRESSION = "impression"  # the type of events that only display an item


class ReadOnlyError(StoreError):
    """The store can only be read; the message gives the reason without file names."""


class UnfinishedErasureError(StoreError):
    """A user was deleted, but a file may still hold the id; the message names no file."""


@dataclass(frozen=True, slots=True)
class Event:
    """An action of a user on an item, or an impression of it.

    Attributes
    ----------
    event_id, position
        Unique together; the position is that of an item within an impression of several.
    user, item
        Ids.
    kind
        Such as ``view`` or ``purchase``; `IMPRESSION` does not count in histories.
    time
        Epoch seconds.
    weight
        Strength.
    recommendation_id
        The list that led to it, if known.
    seq
        Grows with every event; set by the store.
    """

    event_id: str
    user: str
    item: str
    kind: str
    time: float
    weight: float = 1.0
    recommendation_id: str | None = None
    position: int = 0
    seq: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item that was added, changed or deleted after the fit.

    Attributes
    ----------
    item_id
        Its id.
    document
        Column -> value; None where the columns are those of the bundle.
    available
        Whether it may be recommended.
    published
        Epoch seconds since when it counts as new, if known.
    changed
        Epoch seconds of the last change.
    removed
        Whether it was deleted.
    seq
        Grows with every change of any item; set by the store.
    field_seqs
        Field, such as ``available`` -> the seq of the last change that set it, 0 for this one;
        other fields are as in the bundle. None: this change set all.
    """

    item_id: str
    document: dict[str, Any] | None
    available: bool
    published: float | None
    changed: float
    removed: bool = False
    seq: int = 0
    field_seqs: Mapping[str, int] | None = None

    def numbered(self, seq: int) -> "StoredItem":
        """Return the item as the change of a seq."""
        seqs = self.field_seqs and {
            name: field_seq or seq for name, field_seq in self.field_seqs.items()
        }
        return replace(self, seq=seq, field_seqs=seqs)

    def changed_after(self, field: str, seq: int) -> bool:
        """Whether a change later than a seq set a field."""
        return (self.seq if self.field_seqs is None else self.field_seqs.get(field, 0)) > seq


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A served list.

    Attributes
    ----------
    recommendation_id, user, time, bundle_version, scenario
        Its id, the user (None: for a session), the time (epoch seconds), the bundle, and the
        scenario.
    source
        The basis of the list, such as ``history``.
    items
        Ids and scores, best first.
    drafted_by
        The bundle that each item stands for, where lists of two bundles were interleaved.
    explored
        Ids of the new items that were in the list for exploration.
    """

    recommendation_id: str
    user: str | None
    time: float
    bundle_version: str
    scenario: str | None
    source: str
    items: tuple[tuple[str, float], ...]
    drafted_by: tuple[str, ...] = ()
    explored: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ListExposure:
    """The lists that a user was given since some time.

    Attributes
    ----------
    user
        Id.
    lists
        How many.
    first_version, last_version
        Of the bundles that made them, in the order of the alphabet: equal where it was one.
    """

    user: str
    lists: int
    first_version: str
    last_version: str


@dataclass(frozen=True, slots=True)
class AttributedEvent:
    """An event that names a list.

    Attributes
    ----------
    recommendation_id, seq
        The list; the number of the event in the store.
    user, kind, weight, time
        Of the event.
    bundle_version, list_user, list_time
        The bundle of the list (of the item, where lists were interleaved), its user (None: a
        session), and its time.
    """

    recommendation_id: str
    seq: int
    user: str
    kind: str
    weight: float
    time: float
    bundle_version: str
    list_user: str | None
    list_time: float


@dataclass(frozen=True, slots=True)
class ErasureCounts:
    """The number of a user's deleted rows."""

    events: int
    recommendations: int


@dataclass(frozen=True, slots=True)
class Audit:
    """Something an administrator did: when (epoch seconds), who (name of a key), what."""

    time: float
    actor: str
    action: str
    detail: str


Table = Literal["items", "events"]


class Store(Protocol):
    """Durable storage of live events, items and lists; used by one thread at a time.

    Writes outside of `transaction` are on disk when the method returns; writes inside, when the
    outermost block ends. On an error of the disk `StoreError` is raised and nothing is stored.
    """

    refusal: str | None
    """Why nothing can be written; None where it can."""

    @property
    def browser(self) -> Browser:
        """Reads events and users in pages, each in bounded time."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Write all changes of the block or none of them; may be nested."""
        ...

    def reader(self) -> Self:
        """Return a store over the same data for another thread, to read from."""
        ...

    def begin_branch(self) -> None:
        """Give changes from here on to a new branch, by which `position` names them.

        Each start begins one. Changes in one of two copies of a store, such as a restored backup,
        are therefore not part of the branch of the other copy.
        """
        ...

    def position(self, table: Table) -> Position:
        """Return the last change of a table, to be noted with an export."""
        ...

    def covered(self, table: Table, position: Position | None) -> int:
        """Return the seq up to which a position covers the changes here.

        0 for a position of another store, or one that this store has not come to: it proves
        nothing.
        """
        ...

    def add_events(self, events: Sequence[Event]) -> int:
        """Keep events whose id is not known yet; return how many those were.

        Events of erased users are dropped.
        """
        ...

    def history(
        self, user: str, newest: int, ignored: Callable[[str], bool] = lambda kind: False
    ) -> list[Event]:
        """Return a user's newest events, oldest first; not impressions, nor types to ignore."""
        ...

    def events_of(self, user: str, n: int | None = None, after: Event | None = None) -> list[Event]:
        """Return up to n events of a user that come after one.

        First those of the history, oldest first, then impressions in the order of arrival.
        """
        ...

    def all_events(self) -> Iterator[Event]:
        """Yield all events in the order in which they came; not while the store is written to."""
        ...

    def events_after(self, seq: int, n: int) -> list[Event]:
        """Return up to n events with a higher seq, in its order."""
        ...

    def users(self, n: int, after: str = "") -> list[str]:
        """Return up to n users with events, in order, those after one."""
        ...

    def put_items(self, items: Iterable[StoredItem]) -> int:
        """Keep items, each in the place of the last one of its id; return the last seq."""
        ...

    def item(self, item_id: str) -> StoredItem | None:
        """Return an item that was put, if any."""
        ...

    def items(self, after: int = 0, *, documents: bool = True) -> list[StoredItem]:
        """Return the items with a higher seq, in its order, with or without documents."""
        ...

    def items_named(self, item_ids: Sequence[str], *, documents: bool = True) -> list[StoredItem]:
        """Return those of some items that were put, with or without documents."""
        ...

    def add_recommendations(self, recommendations: Iterable[Recommendation]) -> None:
        """Store served lists, except those of erased users."""
        ...

    def recommendation(self, recommendation_id: str) -> Recommendation | None:
        """Return a served list, if it is still stored."""
        ...

    def recommendations_of(
        self, user: str, n: int | None = None, after: Recommendation | None = None
    ) -> list[Recommendation]:
        """Return up to n lists served to a user after another one, oldest first."""
        ...

    def user_counts(self, user: str) -> tuple[int, int]:
        """Return the numbers of events and of served lists of a user."""
        ...

    def forget_recommendations(self, before: float) -> int:
        """Delete lists served before a time; return their number."""
        ...

    def list_counts(self, since: float, until: float) -> dict[str, int]:
        """Return how many lists each bundle gave from one time until before another."""
        ...

    def exposures(self, since: float, n: int, after: str = "") -> list[ListExposure]:
        """Return up to n users who got lists from a time on, in order, those after one."""
        ...

    def attributed(
        self, since: float, n: int, after: tuple[str, int] = ("", 0)
    ) -> list[AttributedEvent]:
        """Return up to n events that name a list given from a time on, by list and number.

        Goes on after the (recommendation_id, seq) of the last.
        """
        ...

    def erase(self, user: str) -> ErasureCounts:
        """Delete all that names a user, so that no byte on disk does; not in a transaction.

        A keyed hash of the id stays: nothing of the user is kept again until `readmit`.

        Raises
        ------
        UnfinishedErasureError
            Deleted for all readers, but not from every byte yet; erase again.
        StoreError
            Nothing was deleted.
        """
        ...

    def empty_log(self) -> None:
        """Remove every byte of deleted rows from the files; not in a transaction.

        Raises
        ------
        UnfinishedErasureError
            The disk refuses, or a reader is active.
        """
        ...

    def erased(self, users: Collection[str]) -> set[str]:
        """Return those of the users who have been erased and not readmitted."""
        ...

    def readmit(self, user: str) -> bool:
        """Store events of an erased user again; return whether the user had been erased."""
        ...

    def save_setting(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep a setting, any JSON."""
        ...

    def setting(self, key: str) -> Any:  # noqa: ANN401
        """Return a setting, or None."""
        ...

    def add_audit(self, entry: Audit) -> None:
        """Record an action of an administrator."""
        ...

    def audits(self, n: int) -> list[Audit]:
        """Return the last n entries, newest first."""
        ...

    def counts(self) -> dict[Literal["events", "items", "recommendations"], int]:
        """Return how many of each are kept."""
        ...

    def copy_to(self, path: Path, on_step: Callable[[int, int], None]) -> None:
        """Write all data as of one moment to a new file; not in a transaction.

        Other connections may write meanwhile. `on_step` is called with the steps done and all.
        """
        ...

    def unwritable(self) -> str | None:
        """Return why the disk takes no more, None where it does; tries it. For any thread."""
        ...

    def check(self) -> list[str]:
        """Return the faults of the files; none if all is well."""
        ...

    def quick_check(self, seconds: float) -> list[str] | None:
        """Look for damage for some seconds; None where they did not do. For any thread."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...
