"""How far the shop has moved from what the served bundle learned, measured in the background."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pennyweight.data.words import TOKENIZER, fold, words_by
from pennyweight.errors import PennyweightError
from pennyweight.serving.live.last_runs import BACKUP_RUN, REFIT_RUN, LastRun, read_run
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.live.traffic_split import Traffic
from pennyweight.serving.stores.protocol import IMPRESSION, AttributedEvent, Event, Store

__all__ = ["Drift", "DriftState", "OnlineRate"]

_log = logging.getLogger(__name__)

DAY, HOUR = 86_400.0, 3_600.0
EVERY = 300.0  # seconds between measurements
REST = 20  # a measurement is followed by a pause of this multiple of its time
PAGE = 5_000  # rows read at once: others read in between
AHEAD = 60.0  # seconds by which clocks may differ: later times are of a fast clock
NEW_TEXTS = 2_000  # newest items whose words are looked up
SETTLED = HOUR  # before which a list may still get events
WEEKS = 28 * DAY
UNKNOWN = math.nan
Row = TypeVar("Row")
Key = TypeVar("Key")


@dataclass(frozen=True)
class OnlineRate:
    """The share of lists that a positive event names.

    Attributes
    ----------
    lists
        How many lists.
    share
        From 0 to 1; NaN without lists.
    """

    lists: int = 0
    share: float = UNKNOWN


@dataclass(frozen=True)
class DriftState:
    """A measurement; NaN where nothing is known.

    Attributes
    ----------
    new_items
        Share of the recommended items that the served bundle did not learn from.
    events
        Events since the data of the served bundle.
    new_item_events
        Share of these on items that the bundle did not have.
    unknown_words
        Share of the words in texts of new items that no item of the bundle has.
    newest_event
        Epoch seconds of the newest event of the store or the bundle.
    day, weeks
        Online rate of a day, and of the four weeks before. The lists of the last hour are left
        out, since events may still come.
    refit, backup
        The last runs, None where none is noted.
    """

    new_items: float = UNKNOWN
    events: int = 0
    new_item_events: float = UNKNOWN
    unknown_words: float = UNKNOWN
    newest_event: float = UNKNOWN
    day: OnlineRate = OnlineRate()
    weeks: OnlineRate = OnlineRate()
    refit: LastRun | None = None
    backup: LastRun | None = None


@dataclass
class _EventCounts:
    """Events since the data of a bundle, counted as they come."""

    version: str = ""
    seq: int = 0
    events: int = 0
    on_new_items: int = 0
    newest: float = -math.inf

    def add(self, page: list[Event], bundle: ServedBundle, now: float) -> None:
        """Count a page of events."""
        events = [event for event in page if event.kind != IMPRESSION]
        codes = bundle.own.ids.codes([event.item for event in events])
        self.events += len(events)
        self.on_new_items += int((codes < 0).sum())
        times = [event.time for event in events if event.time <= now + AHEAD]
        self.newest = max([self.newest, *times])
        self.seq = page[-1].seq


@dataclass
class _ListCounts:
    """Lists of a period, and those that a positive event names."""

    since: float
    until: float
    followed: set[str] = field(default_factory=set)

    def add(self, event: AttributedEvent) -> None:
        """Count the list of a positive event."""
        if self.since <= event.list_time < self.until:
            self.followed.add(event.recommendation_id)


class Drift:
    """Measures drift every five minutes, until it is closed.

    Parameters
    ----------
    store
        Whose events and lists are read, a page at a time, with pauses as long as the reading.
    traffic
        The served bundles; the one of most users counts.
    folder
        The folder of the service.
    clock
        Epoch seconds.

    Attributes
    ----------
    state
        The last measurement.
    """

    def __init__(
        self, store: StoreAccess, traffic: Traffic, folder: Path, clock: Callable[[], float]
    ) -> None:
        self.state = DriftState()
        self._store, self._traffic, self._folder, self._clock = store, traffic, folder, clock
        self._counts = _EventCounts()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Measure in the background from now on."""
        self._thread = threading.Thread(target=self._run, name="pennyweight-drift", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the page that is being read."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def measure(self) -> None:
        """Measure now, and replace `state`."""
        refit, backup = (read_run(self._folder, name) for name in (REFIT_RUN, BACKUP_RUN))
        self.state = replace(self.state, refit=refit, backup=backup)  # the rest may take long
        bundle, now = self._traffic.split.primary, self._clock()
        counts = self._count_events(bundle, now)
        day, weeks = self._online_rates(bundle, now)
        newest = max(counts.newest, bundle.newest_event or -math.inf)
        self.state = DriftState(
            new_items=_share(int(bundle.open[len(bundle.own) :].sum()), int(bundle.open.sum())),
            events=counts.events,
            new_item_events=_share(counts.on_new_items, counts.events),
            unknown_words=_unknown_words(bundle),
            newest_event=newest if math.isfinite(newest) else UNKNOWN,
            day=day,
            weeks=weeks,
            refit=refit,
            backup=backup,
        )

    def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                self.measure()
            except PennyweightError as error:
                _log.warning("drift cannot be measured: %s", error)
            spent = time.monotonic() - began
            if self._stopping.wait(max(EVERY, REST * spent)):
                return

    def _count_events(self, bundle: ServedBundle, now: float) -> _EventCounts:
        if self._counts.version != bundle.version:
            self._counts = _EventCounts(bundle.version, bundle.covered.events)
        counts = self._counts
        for page in self._pages(counts.seq, lambda store, seq: store.events_after(seq, PAGE), _seq):
            counts.add(page, bundle, now)
        return counts

    def _online_rates(self, bundle: ServedBundle, now: float) -> tuple[OnlineRate, OnlineRate]:
        end = now - SETTLED
        day = _ListCounts(end - DAY, end)
        weeks = _ListCounts(day.since - WEEKS, day.since)
        strength = lru_cache(4_096)(bundle.rules.strength)

        def read(store: Store, after: tuple[str, int]) -> list[AttributedEvent]:
            return store.attributed(weeks.since, PAGE, after)

        for page in self._pages(("", 0), read, _place):
            for event in page:
                if (strength(event.kind, event.weight) or 0) > 0:
                    day.add(event)
                    weeks.add(event)
        return self._rate(day), self._rate(weeks)

    def _rate(self, counts: _ListCounts) -> OnlineRate:
        lists, since = 0, counts.since
        while since < counts.until:
            until = min(since + DAY, counts.until)
            by_bundle = self._store.read_now(
                lambda store, since=since, until=until: store.list_counts(since, until)  # type: ignore[misc]
            )
            lists, since = lists + sum(by_bundle.values()), until
        return OnlineRate(lists, _share(len(counts.followed), lists))

    def _pages(
        self, after: Key, read: Callable[[Store, Key], list[Row]], key: Callable[[Row], Key]
    ) -> Iterator[list[Row]]:
        """Yield pages until one is short or this is closed, and pause after each."""
        while not self._stopping.is_set():
            began = time.monotonic()
            page = self._store.read_now(lambda store, after=after: read(store, after))  # type: ignore[misc]
            if page:
                yield page
                after = key(page[-1])
            if len(page) < PAGE:
                return
            self._stopping.wait(time.monotonic() - began)


def _seq(event: Event) -> int:
    return event.seq


def _place(event: AttributedEvent) -> tuple[str, int]:
    return event.recommendation_id, event.seq


def _share(part: int, whole: int) -> float:
    return part / whole if whole else UNKNOWN


def _unknown_words(bundle: ServedBundle) -> float:
    """Return the share of words of new items that are in no text of the bundle's own items."""
    known = _vocabulary(bundle)
    if known is None:
        return UNKNOWN
    texts = bundle.catalog.texts[len(bundle.own) :][-NEW_TEXTS:]
    words = [word for text in texts for word in words_by(TOKENIZER)(text)]
    return _share(sum(word not in known and fold(word) not in known for word in words), len(words))


def _vocabulary(bundle: ServedBundle) -> dict[str, int] | None:
    """Return the words of the bundle's items; None for one without TF-IDF."""
    scorer = bundle.recommender.scorer
    candidates = [*scorer.components.values()]
    if scorer.search is not None:
        candidates.append(scorer.search.words)
    for component in candidates:
        search = component.word_search()
        if search is not None:
            return search.lookup.vocabulary
    return None
