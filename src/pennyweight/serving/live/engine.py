"""The service without its doors: bundles, histories, items and events, live."""

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

from pennyweight.data.interactions import Interactions
from pennyweight.errors import PennyweightError, PlanError, UnknownIdError
from pennyweight.serving.http.deadline import Deadline, current_deadline
from pennyweight.serving.live.bundles import BundleStore, StoredBundle
from pennyweight.serving.live.clocks import ChangeClock
from pennyweight.serving.live.encoded_item_files import Readings
from pennyweight.serving.live.encoded_items import ReadItems
from pennyweight.serving.live.erasure import erase_user, readmit_user
from pennyweight.serving.live.histories import HistoryCache
from pennyweight.serving.live.item_ingestion import ItemIngestion
from pennyweight.serving.live.lists import ListRequest, RankedList
from pennyweight.serving.live.micro_batching import Answering, Call
from pennyweight.serving.live.precedence import Precedence
from pennyweight.serving.live.publishing import (
    PREVIOUS,
    add_bundle,
    drop_bundle,
    load_bundle,
    publish_variants,
)
from pennyweight.serving.live.recommendation_log import RecommendationLog
from pennyweight.serving.live.registry import Registry
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.live.startup import start_serving
from pennyweight.serving.live.traffic_split import TrafficSplit, Variant
from pennyweight.serving.stores.integrity import Integrity
from pennyweight.serving.stores.protocol import Audit, Event, Recommendation, Store, StoredItem
from pennyweight.serving.stores.writer import Writer
from pennyweight.serving.worker import Worker

__all__ = ["Engine", "EventCounts", "Limits"]

_log = logging.getLogger(__name__)
T = TypeVar("T")

CHANGES = 32  # of bundles, that may wait for each other
PIECE = 128  # items to read in one go
AWAY = 0.02  # seconds for which they give way to lists, at the most
ID_BYTES = 12  # from the operating system: an id that was seen tells nothing of another


class EventCounts(NamedTuple):
    """Events that were new, known already, and of erased users, which were dropped."""

    accepted: int
    duplicates: int
    erased: int


@dataclass(frozen=True)
class Limits:
    """How much the engine takes on.

    Attributes
    ----------
    threads
        That score.
    requests, writes
        That may wait, however quickly they are done.
    history_bytes
        Of memory for histories.
    keep_lists
        Seconds for which lists given out are kept.
    """

    threads: int = 1
    requests: int = 1_024
    writes: int = 4_096
    history_bytes: int = 64 << 20
    keep_lists: float = 30 * 86_400.0


class Engine:
    """Answers from bundles, takes events and items, and swaps bundles while it answers.

    Parameters
    ----------
    store
        Where events and items are kept; the engine closes it.
    bundles
        Where bundles are.
    clock
        Epoch seconds.
    make_id
        Gives ids for lists and for events that have none; random bits of the operating system
        by default.

    Attributes
    ----------
    on_stocked
        Called with the seconds from the change of each item to its being recommendable.
    on_encoded
        Called with the seconds that putting some new items on the shelves took.
    under_way
        Answers that somebody waits for.
    erasing
        Erasures that began and did not succeed yet.
    notes
        What operators must see, by what it is about.
    """

    def __init__(
        self,
        store: Store,
        bundles: BundleStore,
        limits: Limits = Limits(),
        *,
        clock: Callable[[], float] = time.time,
        make_id: Callable[[], str] | None = None,
    ) -> None:
        self.bundles, self.limits, self.clock = bundles, limits, clock
        self.make_id = make_id or partial(secrets.token_hex, ID_BYTES)
        self.under_way: WeakSet[asyncio.Future[Any]] = WeakSet()
        self.erasing = 0
        self.cache = HistoryCache(limits.history_bytes)
        self.on_stocked: Callable[[float], None] = lambda seconds: None
        self.on_encoded: Callable[[float], None] = lambda seconds: None
        self.publishing = threading.RLock()  # held while bundles are added, loaded or dropped
        self._change = threading.RLock()  # held for a moment, while what is served is replaced
        self._traffic_split: TrafficSplit | None = None
        self._store = store
        self.integrity = Integrity(store.quick_check)
        self._reader = store.reader()
        self._read_lock = threading.RLock()
        self.turns = Worker(
            "bundles",
            depth=CHANGES,
            busy=f"{CHANGES} changes of bundles wait for each other; come again",
        )
        self.registry = Registry(bundles, self._read, self.note)
        self.notes: dict[str, str] = {}
        self._change_clock = ChangeClock()
        self.writer = Writer(store, depth=limits.writes)
        self.shown = RecommendationLog(self.writer, clock, keep=limits.keep_lists)
        self.precedence = Precedence()
        self.readings = Readings(bundles.folder.with_name("readings"))
        self.stock = ItemIngestion(self._stocked, self._after_stocking)
        self.answering = Answering(
            store,
            self.cache,
            threads=limits.threads,
            depth=limits.requests,
            clock=clock,
            precedence=self.precedence,
        )
        self.failed_items: dict[str, str] = {}

    # Bundles

    @property
    def traffic_split(self) -> TrafficSplit:
        """What is served now; `PlanError` before anything is."""
        if self._traffic_split is None:
            raise PlanError("no bundle is published yet")
        return self._traffic_split

    @property
    def refusal(self) -> str | None:
        """Why nothing can be kept, None where it can."""
        return self._store.refusal or self.writer.refusal

    @property
    def is_ready(self) -> bool:
        """Whether anything is served."""
        return self._traffic_split is not None

    def start(self, bundle: Path | str | None) -> None:
        """Serve what was served before, or a bundle that was not known here yet.

        Where that is damaged, what was served before it answers; `notes` say so.

        Raises
        ------
        BundleError
            It cannot be read, and no other can.
        PlanError
            No bundle was given and none was ever published.
        """
        self.integrity.begin()
        start_serving(self, bundle)

    def say(self, key: str, text: str) -> None:
        """Note what operators must see, in the log, on the dashboard and in ``/v1/bundles``."""
        _log.warning("%s", text)
        self.notes[key] = text

    def known(self) -> list[StoredBundle]:
        """Return the bundles that can be served, in the order in which they came."""
        return [*self.registry.known(), *self.bundles.borrowed()]

    def add(self, bundle: Path | str, *, actor: str) -> StoredBundle:
        """Take a bundle over, so that it can be published."""
        return add_bundle(self, bundle, actor=actor)

    def publish(self, bundle: Path | str, *, actor: str) -> StoredBundle:
        """Take a bundle over and let it answer, with nothing else in between."""
        with self.publishing:
            stored = self.add(bundle, actor=actor)
            self.serve([Variant(stored.version, 1.0)], actor=actor)
            return stored

    def serve(self, variants: Sequence[Variant], *, actor: str) -> None:
        """Load and try bundles, then let them answer; those before stay for `roll_back`.

        Errors leave what is served as it is.
        """
        publish_variants(self, variants, actor=actor)

    def roll_back(self, *, actor: str) -> None:
        """Serve what was served before; `PlanError` where there was nothing."""
        with self.publishing:
            before = self.before()
            if not before:
                raise PlanError("nothing was published before; there is nothing to roll back to")
            self.serve(before, actor=actor)

    def drop(self, version: str, *, actor: str) -> None:
        """Delete a bundle; `PlanError` where it is served or would be rolled back to."""
        drop_bundle(self, version, actor=actor)

    def before(self) -> list[Variant]:
        """Return what `roll_back` would serve."""
        return self.saved_variants(PREVIOUS)

    def saved_variants(self, key: str) -> list[Variant]:
        """Return which bundles a setting of the store names."""
        return [Variant(**variant) for variant in self._noted(key) or ()]

    def load(self, variants: Sequence[Variant]) -> dict[str, tuple[ServedBundle, int]]:
        """Load and try those bundles that do not answer now; see `switch`."""
        held = {} if self._traffic_split is None else self._traffic_split.bundles
        renewed = self.bundles.renewed  # the damaged files are mapped still
        versions = [
            v for v in (variant.version for variant in variants) if v not in held or v in renewed
        ]
        return {version: load_bundle(self, version) for version in versions}

    def switch(
        self, variants: Sequence[Variant], loaded: Mapping[str, tuple[ServedBundle, int]]
    ) -> None:
        """Let bundles answer that were loaded, with the items that came since."""
        with self._change:
            held = {} if self._traffic_split is None else self._traffic_split.bundles
            for version, (shelf, seq) in loaded.items():
                came = self._read(lambda store, seq=seq: store.items(after=seq))  # type: ignore[misc]
                held = {**held, version: shelf.with_items(came)}
            self._traffic_split = TrafficSplit(
                tuple(variants), {variant.version: held[variant.version] for variant in variants}
            )
        self.cache.keep_versions(self.traffic_split.bundles)

    # Lists

    def ask(self, shelf: ServedBundle, what: ListRequest | Call) -> "asyncio.Future[Any]":
        """Return a future of a `RankedList`, or of what a call returns; see `Answering.submit`."""
        answer = self.answering.submit(shelf, what)
        self.under_way.add(answer)
        return answer

    def give_out(self, wanted: ListRequest, found: RankedList, version: str) -> str:
        """Note a list that goes out; return its id, by which events can name it."""
        name = self.make_id()
        if self._store.refusal is not None:
            return name
        self.shown.add(
            Recommendation(
                name, wanted.user, self.clock(), version, wanted.scenario, found.source, found.items
            )
        )
        return name

    def recommendation(self, recommendation_id: str, store: Store) -> Recommendation:
        """Return a list that went out; `UnknownIdError` where none is kept."""
        waiting = self.shown.waiting_one(recommendation_id)
        found = waiting or store.recommendation(recommendation_id)
        if found is None:
            raise UnknownIdError(f"no recommendation {recommendation_id!r} is kept")
        return found

    # Events and users

    async def add_events(self, events: Sequence[Event]) -> EventCounts:
        """Keep events, none of erased users; return how many, once they are on disk and count."""

        def add(store: Store) -> EventCounts:
            added = store.add_events(events)
            if added == len(events):
                return EventCounts(added, 0, 0)
            erased = store.erased({event.user for event in events})
            dropped = sum(event.user in erased for event in events)
            return EventCounts(added, len(events) - added - dropped, dropped)

        counts = await self.written(add, deadline=current_deadline())
        self.cache.forget({event.user for event in events})
        return counts

    async def erase(self, user: str, *, actor: str) -> dict[str, Any]:
        """Delete all that names a user, for good; say what, and which bundles were made with it."""
        return await erase_user(self, user, actor=actor)

    async def readmit(self, user: str, *, actor: str) -> bool:
        """Keep what an erased user does again; return whether the user had been erased."""
        return await readmit_user(self, user, actor=actor)

    def forget_users(self, version: str, users: Collection[str]) -> int | None:
        """Take users out of a bundle; return how many events, None where it knows none of them.

        Where its files cannot be changed, what is served from them forgets the users.
        """
        with self.publishing:
            try:
                n = self.bundles.forget(version, users)
                log = None if n is None else self.bundles.interactions(version)
            except PennyweightError:  # damaged: its arrays are mapped, so nobody looks them up
                self._use_log(version, lambda shelf: shelf.log_without_names(users))
                raise
            if n is not None:
                self._use_log(version, lambda shelf: log)
        return n

    def _use_log(self, version: str, log: Callable[[ServedBundle], Interactions | None]) -> None:
        with self._change:
            if self._traffic_split is not None and version in self._traffic_split.bundles:
                shelf = self._traffic_split.bundles[version]
                shelves = {**self._traffic_split.bundles, version: shelf.with_log(log(shelf))}
                self._traffic_split = self._traffic_split.with_bundles(shelves)

    # Items

    async def put_items(self, items: Sequence[StoredItem]) -> list[StoredItem]:
        """Keep items; return them with their seq, once they are on disk.

        What is sold out is gone then; what is new may take a moment, see `ItemIngestion.wait`.
        """

        def put(store: Store) -> list[StoredItem]:
            last = store.put_items(items)
            first = last - len(items) + 1
            return [item.numbered(first + at) for at, item in enumerate(items)]

        kept: list[StoredItem] = await self.written(put, deadline=current_deadline())
        await self._apply(kept)
        return kept

    async def change_item(self, item: StoredItem, before: StoredItem | None) -> StoredItem | None:
        """Keep an item as `put_items` does, unless it is not as it was before any more.

        Returns
        -------
        StoredItem, optional
            With its seq; None where another change came first: read the item again.
        """
        seq = 0 if before is None else before.seq

        def put(store: Store) -> StoredItem | None:
            now = store.item(item.item_id)
            if (0 if now is None else now.seq) != seq:
                return None
            return item.numbered(store.put_items([item]))

        changed: StoredItem | None = await self.written(put, deadline=current_deadline())
        if changed is not None:
            await self._apply([changed])
        return changed

    async def _apply(self, items: Sequence[StoredItem]) -> None:
        """Let items that are on disk count."""
        for item in items[-1:]:
            if text := self._change_clock.watch(item.changed):
                self.say("clock", text)
        await asyncio.to_thread(self._open_or_close, items)  # may wait for who holds the lock
        self.stock.add([item for item in items if item.document is not None])

    def _open_or_close(self, items: Sequence[StoredItem]) -> None:
        with self._change:
            shelves = {v: s.with_availability(items) for v, s in self.traffic_split.bundles.items()}
            self._traffic_split = self.traffic_split.with_bundles(shelves)

    async def stocked(self, items: Sequence[StoredItem], seconds: float) -> int:
        """Wait for items to be on the shelves, a while at the most; return how many are."""
        end = time.monotonic() + seconds
        while self.stock.has(items) and time.monotonic() < end:
            await asyncio.sleep(0.005)  # a thread that waits would be missed elsewhere
        shelf = self.traffic_split.primary
        return sum(shelf.is_open(item.item_id) for item in items)

    def _stocked(self, items: Sequence[StoredItem]) -> None:
        # Encoding takes long and is done outside of the lock; what is to be had may change
        # meanwhile, and so may the bundles: then it is done again for those.
        read: dict[str, ReadItems] = {}
        start, names = time.perf_counter(), [item.item_id for item in items]
        while True:
            before = self.traffic_split.bundles
            for version, shelf in before.items():
                if version not in read:
                    read[version] = self._read_items(shelf, items)
            grown = {version: shelf.with_read(read[version]) for version, shelf in before.items()}
            with self._change:
                now = self.traffic_split.bundles
                same = (now[v].recommender is before[v].recommender for v in before if v in now)
                if not all(same):
                    continue
                told = self._read(lambda store: store.items_named(names, documents=False))
                shelves = {
                    # A bundle that came meanwhile has the items: they were on disk by then.
                    v: grown[v].opened_as(shelf).with_availability(told) if v in grown else shelf
                    for v, shelf in now.items()
                }
                self._traffic_split = self.traffic_split.with_bundles(shelves)
                break
        seconds = time.perf_counter() - start
        self.on_encoded(seconds)
        for version, some in read.items():
            self.readings.note(version, some, seconds)

    def _read_items(self, shelf: ServedBundle, items: Sequence[StoredItem]) -> ReadItems:
        parts = []
        for start in range(0, len(items), PIECE):
            self.precedence.give_way(AWAY)
            parts.append(shelf.read(items[start : start + PIECE]))
        return ReadItems.joined(parts)

    def checked(self, told: Mapping[str, Mapping[str, Any]]) -> list[bool]:
        """Return for each item whether its columns call it available; see `ServedBundle.check`."""
        shelf, found = self.traffic_split.primary, []
        some = list(told.items())
        for start in range(0, len(some), PIECE):
            if start:
                self.precedence.give_way(AWAY)
            found += shelf.check(dict(some[start : start + PIECE]))
        return found

    def _after_stocking(self, items: Sequence[StoredItem], failed: Exception | None) -> None:
        now = self.clock()
        for item in items:
            if failed is None:
                self.failed_items.pop(item.item_id, None)
                self.on_stocked(max(0.0, now - item.changed))
            else:
                self.failed_items[item.item_id] = str(failed)
        if failed is not None:
            _log.error("%d items could not be put on the shelves: %s", len(items), failed)

    # The store

    async def written(
        self, job: Callable[[Store], T], *, alone: bool = False, deadline: Deadline | None = None
    ) -> T:
        """Return what a job returns, once it is on disk; see `Writer.submit`."""
        return await self.writer.written(job, alone=alone, deadline=deadline)

    async def read(self, job: Callable[[Store], T]) -> T:
        """Return what a job that only reads returns, run off the event loop."""
        return await asyncio.to_thread(self._read, job)

    def read_now(self, job: Callable[[Store], T]) -> T:
        """Return what a job that only reads returns, run in this thread."""
        return self._read(job)

    def audit(self, actor: str, action: str, detail: str) -> None:
        """Note what an administrator did; returns when it is on disk."""
        entry = Audit(self.clock(), actor, action, detail)
        self.writer.submit(lambda store: store.add_audit(entry)).result()

    def _read(self, job: Callable[[Store], T]) -> T:
        with self._read_lock:
            return job(self._reader)

    def _noted(self, key: str) -> Any:  # noqa: ANN401
        return self._read(lambda store: store.noted(key))

    def note(self, settings: Mapping[str, Any], entry: Audit | None = None) -> None:
        """Keep settings, and what was done, in one write; returns when it is on disk."""

        def job(store: Store) -> None:
            for key, value in settings.items():
                store.note(key, value)
            if entry is not None:
                store.add_audit(entry)

        self.writer.submit(job).result()

    def close(self) -> None:
        """Finish what was begun, and let go of the store."""
        self.turns.close()
        self.integrity.close()
        self.answering.close()
        self.stock.close()
        self.readings.flush()
        self.shown.close()
        self.writer.close()
        self._reader.close()
        self._store.close()
