"""The event log; and histories, the form in which users reach a scorer."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennyweight.data.cleaning.event_types import Meaning
from pennyweight.data.ids import Ids
from pennyweight.formatting import count

__all__ = ["Histories", "Interactions", "NegativeFeedback"]


@dataclass(frozen=True)
class Histories:
    """A ragged batch of histories; the only form in which a scorer sees users.

    Attributes
    ----------
    item
        Item codes, int32 (n_events,), oldest first within a history.
    weight
        Strength of each event, float32 (n_events,).
    time
        Epoch seconds or positions, float64 (n_events,).
    offsets
        History i is ``item[offsets[i]:offsets[i + 1]]``, int64 (n + 1,).
    """

    item: NDArray[np.int32]
    weight: NDArray[np.float32]
    time: NDArray[np.float64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(
        cls, histories: Iterable[Sequence[int]], weights: Iterable[Sequence[float]] | None = None
    ) -> "Histories":
        """Build a batch from lists of item codes, oldest first (and their weights)."""
        lists = [np.asarray(h, dtype=np.int32).reshape(-1) for h in histories]
        offsets = np.concatenate([[0], np.cumsum([len(h) for h in lists])]).astype(np.int64)
        item = np.concatenate(lists) if lists else np.empty(0, np.int32)
        time = np.concatenate([np.arange(len(h)) for h in lists]) if lists else np.empty(0)
        if weights is None:
            weight = np.ones(len(item), np.float32)
        else:
            weight = np.array([w for row in weights for w in row], np.float32)
        return cls(item.astype(np.int32), weight, time.astype(np.float64), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"Histories({len(self):,} of {count(len(self.item), 'event')})"

    @cached_property
    def length(self) -> NDArray[np.int64]:
        """Events in each history, int64 (n,)."""
        return np.diff(self.offsets)

    @cached_property
    def row(self) -> NDArray[np.int64]:
        """The history each event belongs to, int64 (n_events,)."""
        return np.repeat(np.arange(len(self)), self.length)

    @cached_property
    def lag(self) -> NDArray[np.int64]:
        """Steps back from the newest event (0 is the newest), int64 (n_events,)."""
        return self.offsets[1:][self.row] - 1 - np.arange(len(self.item))

    def block(self, start: int, stop: int) -> "Histories":
        """Return histories start to stop (exclusive) as a batch."""
        offsets = self.offsets[start : stop + 1]
        events = slice(int(offsets[0]), int(offsets[-1]))
        return Histories(
            self.item[events], self.weight[events], self.time[events], offsets - offsets[0]
        )

    def blocks(self, size: int) -> Iterator[tuple[slice, "Histories"]]:
        """Yield (slice of rows, batch) over all histories in order, `size` at a time."""
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            yield slice(start, stop), self.block(start, stop)

    def take(self, rows: ArrayLike) -> "Histories":
        """Return the histories at the given positions, in that order."""
        rows = np.asarray(rows, dtype=np.int64)
        length = self.length[rows]
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        shift = np.repeat(self.offsets[rows] - offsets[:-1], length)
        events = np.arange(offsets[-1]) + shift
        return Histories(self.item[events], self.weight[events], self.time[events], offsets)

    def where(self, keep: NDArray[np.bool_]) -> "Histories":
        """Return the same histories with the events where `keep`, bool (n_events,)."""
        if keep.all():
            return self
        ends = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)
        return Histories(self.item[keep], self.weight[keep], self.time[keep], ends[self.offsets])

    @classmethod
    def joined(cls, batches: Sequence["Histories"]) -> "Histories":
        """Return several batches as one, in their order."""
        if len(batches) == 1:
            return batches[0]
        length = np.concatenate([[0], *(batch.length for batch in batches)])
        return cls(
            np.concatenate([np.empty(0, np.int32), *(batch.item for batch in batches)]),
            np.concatenate([np.empty(0, np.float32), *(batch.weight for batch in batches)]),
            np.concatenate([np.empty(0, np.float64), *(batch.time for batch in batches)]),
            np.cumsum(length).astype(np.int64),
        )

    def newest(self, n: int) -> "Histories":
        """Return the same histories cut to their newest n events."""
        return self.where(self.lag < n)


@dataclass(frozen=True)
class NegativeFeedback:
    """Items that users turned down, as by a dislike or a return, without a later event.

    Attributes
    ----------
    user, item
        Codes, int32 (n,), sorted by user; each pair once.
    time
        When, as the times of the events, float64 (n,).
    """

    user: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    item: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    time: NDArray[np.float64] = field(default_factory=lambda: np.empty(0, np.float64))

    def __len__(self) -> int:
        return len(self.item)

    def __repr__(self) -> str:
        return f"NegativeFeedback({count(len(self), 'item')} turned down)"

    def of(self, user: int) -> NDArray[np.int32]:
        """Return the items that a user turned down, by code."""
        start, stop = np.searchsorted(self.user, [user, user + 1])
        return self.item[start:stop]

    def where(self, keep: NDArray[np.bool_]) -> "NegativeFeedback":
        """Return the entries where `keep`, bool (n,)."""
        return NegativeFeedback(self.user[keep], self.item[keep], self.time[keep])


@dataclass(frozen=True)
class Interactions:
    """Cleaned events, sorted by user, then time; immutable.

    Attributes
    ----------
    users
        User ids; the position of an id is its code.
    n_items
        Size of the catalog the item codes point into.
    user, item
        Codes, int32 (n_events,).
    time
        Epoch seconds where `real_time`, otherwise positions, float64 (n_events,).
    weight
        Strength, float32 (n_events,).
    kind
        Position in `kinds` of the event type, uint8 (n_events,).
    kinds
        Names of the event types.
    split
        0 train, 1 valid, 2 test where the source says so, otherwise empty, uint8.
    real_time
        Whether `time` is a date; positions within a history cannot be compared across users.
    negative
        Items turned down, which are no events; a user may have nothing else.
    meanings
        The meaning of each event type, of those in the log and those chosen: a weight,
        ``"negative"`` or ``"ignore"``.
    liking
        The lowest rating that counts as liking; None where the weights are no ratings.
    """

    users: Ids
    n_items: int
    user: NDArray[np.int32]
    item: NDArray[np.int32]
    time: NDArray[np.float64]
    weight: NDArray[np.float32]
    kind: NDArray[np.uint8]
    kinds: tuple[str, ...]
    split: NDArray[np.uint8]
    real_time: bool
    negative: NegativeFeedback = field(default_factory=NegativeFeedback)
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    liking: float | None = None

    def __len__(self) -> int:
        return len(self.item)

    def __repr__(self) -> str:
        sizes = [count(len(self), "event"), count(len(self.users), "user")]
        sizes += [count(self.n_items, "item")]
        sizes += [" to ".join(self.dates)] if self.dates else []
        return f"Interactions({', '.join(sizes)})"

    @property
    def dates(self) -> tuple[str, ...]:
        """The days of the first and the last event; empty where times are no dates."""
        if not (self.real_time and len(self)):
            return ()
        return _date(self.time.min()), _date(self.time.max())

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Events of user u are ``offsets[u]:offsets[u + 1]``, int64 (n_users + 1,)."""
        counts = np.bincount(self.user, minlength=len(self.users))
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Events of each item, int64 (n_items,)."""
        return np.bincount(self.item, minlength=self.n_items)

    @cached_property
    def histories(self) -> Histories:
        """Every user's history, in user-code order (empty for users without events)."""
        return Histories(self.item, self.weight, self.time, self.offsets)

    @cached_property
    def turned_down(self) -> Histories:
        """Every user's negative feedback, in user-code order, in the form of histories."""
        negative = self.negative
        counts = np.bincount(negative.user, minlength=len(self.users))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Histories(negative.item, np.ones(len(negative), np.float32), negative.time, offsets)

    def of_more_items(self, n_items: int) -> "Interactions":
        """Return the same events for a catalog with additional items."""
        other = replace(self, n_items=n_items)
        # These depend on the events alone, which stay.
        for name in ("offsets", "histories", "turned_down"):
            other.__dict__[name] = getattr(self, name)
        counts = np.zeros(n_items, np.int64)
        counts[: self.n_items] = self.counts
        other.__dict__["counts"] = counts
        return other

    def without_users(self, users: Collection[str]) -> "Interactions":
        """Return the same log without some users and their events; itself where it has none."""
        codes = self.users.codes(list(users))
        codes = codes[codes >= 0]
        if not len(codes):
            return self
        removed = np.zeros(len(self.users), np.bool_)
        removed[codes] = True
        shift = np.cumsum(removed).astype(np.int32)  # decrease of the codes of later users
        names = zip(self.users, removed.tolist(), strict=True)
        remaining = self.where(~removed[self.user])
        negative = self.negative.where(~removed[self.negative.user])
        return replace(
            remaining,
            users=Ids([name for name, erased in names if not erased], "users"),
            user=remaining.user - shift[remaining.user],
            negative=replace(negative, user=negative.user - shift[negative.user]),
        )

    def where(self, keep: NDArray[np.bool_]) -> "Interactions":
        """Return the events where `keep`, bool (n_events,); users and items keep their codes."""
        return replace(
            self,
            user=self.user[keep],
            item=self.item[keep],
            time=self.time[keep],
            weight=self.weight[keep],
            kind=self.kind[keep],
            split=self.split[keep] if len(self.split) else self.split,
        )


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds), UTC).date().isoformat()
