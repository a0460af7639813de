"""User histories, joined from the bundle's log and the store, in a bounded cache."""

import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.cleaning.cancellation import resolve_negatives
from pennyweight.data.cleaning.feedback import AGAINST, FeedbackRules
from pennyweight.data.cleaning.vocabulary import is_purchase, is_removal
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.ranking.query import NO_QUERY, Query
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Event, Store

__all__ = ["NEWEST", "HistoryCache", "event_rows", "joined_history", "query_of"]

NEWEST = 2_000  # events of a user that are looked at
EVENT_BYTES = 16 + 8  # of the arrays, and something for the entry
ENTRY_BYTES = 900

# An event: below zero the strength speaks against the item.
ROW = np.dtype(
    [
        ("item", np.int32),
        ("time", np.float64),
        ("strength", np.float64),
        ("removal", np.bool_),
        ("purchase", np.bool_),
        ("seq", np.int64),
    ]
)
Rows = NDArray[np.void]

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    query: Query
    unknown: bool  # events on items that the bundle did not have
    n_items: int  # of the bundle then


class HistoryCache:
    """Histories in the codes of a bundle, the least recently used of them dropped.

    Parameters
    ----------
    nbytes
        Bytes of memory they may take, about.
    """

    def __init__(self, nbytes: int = 64 << 20) -> None:
        self._max_bytes, self._nbytes = nbytes, 0
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._reading: dict[_Key, object] = {}
        self._versions: set[str] = set()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def of(self, user: str, bundle: ServedBundle, store: Store) -> Query:
        """Return a user's history and the items turned down; both are empty for an unknown user.

        So are those of an id that stands for a missing one, stored before such ids were refused.
        """
        key, token = (bundle.version, user), object()
        with self._lock:
            entry = self._entries.get(key)
            if entry and not (entry.unknown and entry.n_items != len(bundle.open)):
                self._entries.move_to_end(key)
                self.hits += 1
                return entry.query
            self.misses += 1
            self._versions.add(bundle.version)
            self._reading[key] = token
        query, unknown = NO_QUERY, False
        if not bundle.is_missing(user, "user"):
            events = store.history(user, NEWEST, bundle.is_neutral)
            query, unknown = joined_history(bundle.recommender.interactions, bundle, user, events)
        with self._lock:
            # After an event meanwhile, the history is stale and must not be cached.
            if self._reading.get(key) is token:
                del self._reading[key]
                self._keep(key, _Entry(query, unknown, len(bundle.open)))
        return query

    def _keep(self, key: _Key, entry: _Entry) -> None:
        self._drop(key)
        self._entries[key] = entry
        self._nbytes += _size(entry)
        while self._nbytes > self._max_bytes and self._entries:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._nbytes -= _size(entry)

    def forget(self, users: Iterable[str]) -> None:
        """Read these users anew from now on."""
        with self._lock:
            for user in users:
                for version in self._versions:
                    self._drop((version, user))
                    self._reading.pop((version, user), None)

    def keep_versions(self, versions: Iterable[str]) -> None:
        """Drop the histories of other bundles."""
        with self._lock:
            self._versions &= set(versions)
            for key in [key for key in self._entries if key[0] not in self._versions]:
                self._drop(key)

    @property
    def nbytes(self) -> int:
        """Bytes that the histories take, about."""
        return self._nbytes

    def __len__(self) -> int:
        return len(self._entries)


def _size(entry: _Entry) -> int:
    query = entry.query
    return ENTRY_BYTES + EVENT_BYTES * (len(query.history.item) + len(query.turned_down))


def joined_history(
    log: Interactions | None, bundle: ServedBundle, user: str, events: list[Event]
) -> tuple[Query, bool]:
    """Return the events of the bundle and of the store, oldest first, each once.

    Negative events are no part of a history: they take back the user's earlier events with
    the item, as in the event log of a fit.

    Also whether some are on items that the bundle does not have; these are left out. Which
    events are in both, `_in_log` says. Where the bundle knows no times, its events come first.
    """
    code = -1 if log is None else int(log.users.codes([user])[0])
    if not events:
        return NO_QUERY if log is None or code < 0 else _logged_query(log, code), False
    old = np.empty(0, ROW) if log is None or code < 0 else _log_rows(log, code)
    codes = bundle.catalog.ids.codes([event.item for event in events])
    live = event_rows(
        bundle.rules,
        codes,
        [event.time for event in events],
        [event.kind for event in events],
        [event.weight for event in events],
        [event.seq for event in events],
    )
    if log is not None and len(old):
        live = live[~_in_log(live, old, bundle.covered.events, dated=log.real_time)]
    rows = np.concatenate([old, live])
    if log is not None and log.real_time and len(old):
        rows = rows[np.argsort(rows["time"], kind="stable")]
        key = np.stack([rows["item"], rows["time"], rows["strength"] < 0])
        rows = rows[np.sort(np.unique(key, axis=1, return_index=True)[1])]
    return query_of(rows), bool((codes < 0).any())


def _in_log(live: Rows, old: Rows, covered: int, *, dated: bool) -> NDArray[np.bool_]:
    """Return which live events the log of a bundle holds too, bool (len(live),).

    Up to the position in the store from which the log was exported: those on an item of which
    the log has an event of the user that says the same, for or against. Later ones: none. Where
    the log was not exported: those of the same item at the same time, or in the same second
    where the log has whole seconds.
    """
    items, against = 2 * live["item"].astype(np.int64), live["strength"] < 0
    same = 2 * old["item"].astype(np.int64) + (old["strength"] < 0)
    if covered:
        return np.isin(items + against, same) & (live["seq"] > 0) & (live["seq"] <= covered)
    if not dated or not len(live) or live["time"].min() >= old["time"].max() + 1:  # mostly
        return np.zeros(len(live), bool)
    is_whole_second = old["time"] == np.floor(old["time"])
    keys = set(
        zip(same[is_whole_second].tolist(), old["time"][is_whole_second].tolist(), strict=True)
    )
    # A log in whole seconds has either cut the rest off or rounded.
    return np.array(
        [
            (item, math.floor(time)) in keys or (item, math.floor(time + 0.5)) in keys
            for item, time in zip((items + against).tolist(), live["time"].tolist(), strict=True)
        ],
        bool,
    )


def _logged_query(log: Interactions, code: int) -> Query:
    negative = log.turned_down.block(code, code + 1)
    return Query(log.histories.block(code, code + 1).newest(NEWEST), turned_down=negative.item)


def _log_rows(log: Interactions, code: int) -> Rows:
    own = slice(
        max(int(log.offsets[code]), int(log.offsets[code + 1]) - NEWEST), int(log.offsets[code + 1])
    )
    old, negative = np.zeros(own.stop - own.start, ROW), log.turned_down.block(code, code + 1)
    old["item"], old["time"], old["strength"] = log.item[own], log.time[own], log.weight[own]
    if log.kinds:
        old["purchase"] = np.array([is_purchase(kind) for kind in log.kinds])[log.kind[own]]
    against = np.zeros(len(negative.item), ROW)
    against["item"], against["time"], against["strength"] = negative.item, negative.time, AGAINST
    return np.concatenate([against, old])


def event_rows(
    rules: FeedbackRules,
    codes: NDArray[np.int32],
    times: Sequence[float],
    kinds: Sequence[str],
    weights: Sequence[float],
    seqs: Sequence[int] = (),
) -> Rows:
    """Return rows for `query_of`, of the events on known items that are not neutral."""
    rows = np.zeros(len(codes), ROW)
    rows["item"], rows["time"] = codes, times
    rows["seq"] = seqs if len(seqs) else 0
    # Few pairs of type and weight are distinct: each is looked up once.
    pairs = list(zip(kinds, weights, strict=True))
    strength = {pair: rules.strength(*pair) for pair in dict.fromkeys(pairs)}
    rows["strength"] = np.array([strength[pair] for pair in pairs], np.float64)  # None is NaN
    names = {kind: (is_removal(kind), is_purchase(kind)) for kind in dict.fromkeys(kinds)}
    if any(map(any, names.values())):
        rows["removal"] = [names[kind][0] for kind in kinds]
        rows["purchase"] = [names[kind][1] for kind in kinds]
    meaningful: Rows = rows[(codes >= 0) & ~np.isnan(rows["strength"])]
    return meaningful


def query_of(rows: Rows) -> Query:
    """Return the history that events make, in their order, and the items turned down."""
    negative, turned_down = rows["strength"] < 0, np.empty(0, np.int32)
    if negative.any():
        taken, lasting = resolve_negatives(
            np.zeros(len(rows), np.int32),
            rows["item"],
            rows["time"],
            negative,
            rows["removal"],
            rows["purchase"],
        )
        turned_down, rows = rows["item"][lasting], rows[~negative & ~taken]
    rows = rows[-NEWEST:]
    offsets = np.array([0, len(rows)], np.int64)
    item, time = rows["item"].copy(), rows["time"].copy()
    history = Histories(item, rows["strength"].astype(np.float32), time, offsets)
    return Query(history, turned_down=turned_down)
