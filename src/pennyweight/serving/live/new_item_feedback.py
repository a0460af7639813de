"""Feedback on new items for exploration: the lists that they were in, and events that followed."""

import logging
import threading
from collections import Counter
from collections.abc import Callable

import numpy as np

from pennyweight.errors import PennyweightError
from pennyweight.ranking.exploration import ItemFeedback
from pennyweight.ranking.explorer import MIN_EVENTS
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.live.traffic_split import Traffic

__all__ = ["NewItemFeedback"]

_log = logging.getLogger(__name__)

EVERY = 60.0  # seconds between readings
SETTLED = 5.0  # seconds after which a list is in the log
LISTS = 20_000  # newest lists in one reading: others read in between
EVENTS, PAGE = 500_000, 5_000  # newest events in the first reading; events read at once


class NewItemFeedback:
    """Counts exposures and events of items, from the recommendation log and the events.

    The first list that explores starts it: a service that never explores reads nothing. There is
    no feedback before the end of the first reading.

    Parameters
    ----------
    store
        Holds lists and events.
    traffic
        The served bundles; the one of most users says which events are positive.
    clock
        Epoch seconds.
    keep
        Seconds for which lists are stored.
    """

    def __init__(
        self, store: StoreAccess, traffic: Traffic, clock: Callable[[], float], *, keep: float
    ) -> None:
        self._store, self._traffic, self._clock = store, traffic, clock
        self._exposures: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._until = clock() - keep  # lists before it are counted
        self._seq: int | None = None  # so are events up to it
        self._arrays: dict[str, ItemFeedback] = {}  # by version of the bundle
        self._is_read = False
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def of(self, bundle: ServedBundle) -> ItemFeedback | None:
        """Return the feedback on the new items of a bundle; None before the first reading."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="pennyweight-new-item-feedback", daemon=True
                )
                self._thread.start()
            if not self._is_read:
                return None
            feedback = self._arrays.get(bundle.version) or self._feedback(bundle)
            self._arrays[bundle.version] = resized(feedback, len(bundle.open))
            return self._arrays[bundle.version]

    def read(self) -> None:
        """Count the lists and events since the last reading."""
        until, since = self._clock() - SETTLED, self._until
        listed: dict[str, int] = {}
        if until > since:
            listed = self._store.read_now(
                lambda store: store.browser.item_exposures(since, until, LISTS)
            )
        events = self._new_events()
        with self._lock:
            self._exposures.update(listed)
            self._events.update(events)
            self._until = max(since, until)
        # Here, and not while a list waits for it.
        bundles = self._traffic.split.bundles
        arrays = {version: self._feedback(bundle) for version, bundle in bundles.items()}
        with self._lock:
            self._arrays, self._is_read = arrays, True

    def close(self) -> None:
        """Stop after the page that is being read."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self.read()
            except PennyweightError as error:
                _log.warning("the feedback on new items cannot be read: %s", error)
            if self._stopping.wait(EVERY):
                return

    def _new_events(self) -> Counter[str]:
        """Return the positive events that name a list, by item."""
        bundle = self._traffic.split.primary
        events: Counter[str] = Counter()
        if self._seq is None:
            last = self._store.read_now(lambda store: store.position("events")).seq
            self._seq = max(0, last - EVENTS)
        while not self._stopping.is_set():
            seq = self._seq
            page = self._store.read_now(lambda store, seq=seq: store.events_after(seq, PAGE))  # type: ignore[misc]
            events.update(
                event.item
                for event in page
                if event.recommendation_id is not None and bundle.meaning(event.kind) == "positive"
            )
            if not page:
                break
            self._seq = page[-1].seq
        return events

    def _feedback(self, bundle: ServedBundle) -> ItemFeedback:
        log, ids = bundle.recommender.interactions, bundle.catalog.ids
        feedback = ItemFeedback(np.zeros(len(ids)), np.zeros(len(ids)))
        for counted, array in (
            (self._exposures, feedback.exposures),
            (self._events, feedback.events),
        ):
            codes = ids.codes(list(counted))
            known = codes >= 0
            array[codes[known]] = np.fromiter(counted.values(), np.float64, len(counted))[known]
            if log is not None:
                array[log.counts >= MIN_EVENTS] = 0
        return feedback


def resized(feedback: ItemFeedback, n_items: int) -> ItemFeedback:
    """Return the feedback for more items, which have none yet, or for the first ones alone.

    Items of a bundle that come later follow those that are there.
    """
    n = len(feedback.exposures)
    if n == n_items:
        return feedback
    return ItemFeedback(
        *(
            np.pad(array[:n_items], (0, max(0, n_items - n)))
            for array in (feedback.exposures, feedback.events)
        )
    )
