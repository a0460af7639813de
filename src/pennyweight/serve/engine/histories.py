"""Histories of users, of what the bundle knows and the store was told, kept while there is room."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.cleaning.feedback import AGAINST, FeedbackRules
from pennyweight.data.cleaning.taking_back import taken_back
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.recommender.query import Query
from pennyweight.serve.engine.shelf import Shelf
from pennyweight.serve.store.protocol import Event, Store

__all__ = ["NEWEST", "HistoryCache", "joined_history", "query_of", "strengths"]

NEWEST = 2_000  # events of a user that are looked at
EVENT_BYTES = 16 + 8  # of the arrays, and something for the entry
ENTRY_BYTES = 900

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    query: Query
    unknown: bool  # events on items that the shelf did not have
    n_items: int  # of the shelf then


class HistoryCache:
    """Histories in the codes of a bundle, the least recently used of them dropped.

    Parameters
    ----------
    nbytes
        Bytes of memory they may take, about.
    """

    def __init__(self, nbytes: int = 64 << 20) -> None:
        self._most, self._held = nbytes, 0
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._reading: dict[_Key, object] = {}
        self._versions: set[str] = set()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def of(self, user: str, shelf: Shelf, store: Store) -> Query:
        """Return a user's history, and what the user turned down; empty for somebody unknown."""
        key, token = (shelf.version, user), object()
        with self._lock:
            entry = self._entries.get(key)
            if entry and not (entry.unknown and entry.n_items != len(shelf.catalog)):
                self._entries.move_to_end(key)
                self.hits += 1
                return entry.query
            self.misses += 1
            self._versions.add(shelf.version)
            self._reading[key] = token
        events = store.history(user, NEWEST, shelf.is_neutral)
        query, unknown = joined_history(shelf.recommender.interactions, shelf, user, events)
        with self._lock:
            # Told of an event meanwhile, what was read is old and must not be kept.
            if self._reading.get(key) is token:
                del self._reading[key]
                self._keep(key, _Entry(query, unknown, len(shelf.catalog)))
        return query

    def _keep(self, key: _Key, entry: _Entry) -> None:
        self._drop(key)
        self._entries[key] = entry
        self._held += _size(entry)
        while self._held > self._most and self._entries:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._held -= _size(entry)

    def forget(self, users: Iterable[str]) -> None:
        """Read these users anew from now on."""
        with self._lock:
            for user in users:
                for version in self._versions:
                    self._drop((version, user))
                    self._reading.pop((version, user), None)

    def keep_versions(self, versions: Iterable[str]) -> None:
        """Drop what belongs to other bundles."""
        with self._lock:
            self._versions &= set(versions)
            for key in [key for key in self._entries if key[0] not in self._versions]:
                self._drop(key)

    @property
    def nbytes(self) -> int:
        """Bytes that the histories take, about."""
        return self._held

    def __len__(self) -> int:
        return len(self._entries)


def _size(entry: _Entry) -> int:
    query = entry.query
    return ENTRY_BYTES + EVENT_BYTES * (len(query.history.item) + len(query.turned_down))


def joined_history(
    log: Interactions | None, shelf: Shelf, user: str, events: list[Event]
) -> tuple[Query, bool]:
    """Return the events of the bundle and of the store, oldest first, each once.

    Negative events are no part of a history: they take back what the user did before with
    the item, as in a log that is fitted to.

    Also whether some are on items that the shelf does not have; these are left out. An event
    in both, as when a bundle was fitted to what the store was told, has the same item and time.
    Where the bundle knows no times, its events come first.
    """
    old = gone = Histories.of([[]])
    if log is not None and (code := int(log.users.codes([user])[0])) >= 0:
        old = log.histories.block(code, code + 1).newest(NEWEST)
        gone = log.turned_down.block(code, code + 1)
    if not events:
        return Query(old, turned_down=gone.item), False
    codes = shelf.catalog.ids.codes([event.item for event in events])
    told = strengths(shelf.rules, [(event.kind, event.weight) for event in events])
    known = (codes >= 0) & ~np.isnan(told)
    item = np.concatenate([gone.item, old.item, codes[known]])
    time = np.concatenate([gone.time, old.time, np.array([e.time for e in events])[known]])
    weight = np.concatenate([np.full(len(gone.item), AGAINST), old.weight, told[known]])
    if log is not None and log.real_time and len(item) > known.sum():
        order = np.argsort(time, kind="stable")
        item, time, weight = item[order], time[order], weight[order]
        _, first = np.unique(np.stack([item, time, weight < 0]), axis=1, return_index=True)
        first.sort()
        item, time, weight = item[first], time[first], weight[first]
    return query_of(item, time, weight), bool((codes < 0).any())


def strengths(rules: FeedbackRules, events: Iterable[tuple[str, float]]) -> NDArray[np.float64]:
    """Return what events say by type and weight, below zero: against the item, NaN: nothing."""
    told = (rules.strength(kind, weight) for kind, weight in events)
    return np.array([np.nan if one is None else one for one in told], np.float64)


def query_of(
    item: NDArray[np.int32], time: NDArray[np.float64], strength: NDArray[np.float64]
) -> Query:
    """Return the history that events make, in their order, and what they turn down."""
    negative = strength < 0
    taken, lasting = taken_back(np.zeros(len(item), np.int32), item, time, negative)
    kept = np.flatnonzero(~negative & ~taken)[-NEWEST:]
    offsets = np.array([0, len(kept)], np.int64)
    weight = strength[kept].astype(np.float32)
    history = Histories(item[kept].astype(np.int32), weight, time[kept], offsets)
    return Query(history, turned_down=item[lasting].astype(np.int32))
