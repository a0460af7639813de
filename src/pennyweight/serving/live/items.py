"""Items that come, change and go while the service runs."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pennyweight.serving.http.deadline import DEADLINE
from pennyweight.serving.live.clocks import ChangeClock
from pennyweight.serving.live.encoded_item_files import EncodedItemFiles
from pennyweight.serving.live.encoded_items import EncodedItems
from pennyweight.serving.live.item_ingestion import ItemIngestion
from pennyweight.serving.live.operator_notes import OperatorNotes
from pennyweight.serving.live.precedence import Precedence
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.live.traffic_split import Traffic
from pennyweight.serving.live.vector_retries import VectorRetries
from pennyweight.serving.stores.protocol import Store, StoredItem

__all__ = ["Items"]

_log = logging.getLogger(__name__)

PIECE = 128  # items to read in one go
PAUSE = 0.02  # seconds for which they give way to lists, at most


class Items:
    """Keeps items, and adds them to the bundles that are served.

    Attributes
    ----------
    ingestion
        The thread that encodes new and changed items.
    failures
        Item id -> why it could not be added to the served bundles.
    on_indexed
        Called with the seconds from the change of each item to its being recommendable.
    on_encoded
        Called with the seconds that encoding and adding some items took.
    """

    def __init__(
        self,
        store: StoreAccess,
        traffic: Traffic,
        files: EncodedItemFiles,
        precedence: Precedence,
        notes: OperatorNotes,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._store, self._traffic, self._files = store, traffic, files
        self._precedence, self._notes, self._clock = precedence, notes, clock
        self._change_clock = ChangeClock()
        self.failures: dict[str, str] = {}
        self.on_indexed: Callable[[float], None] = lambda seconds: None
        self.on_encoded: Callable[[float], None] = lambda seconds: None
        self._retries = VectorRetries(store, traffic, notes, self._index)
        self.ingestion = ItemIngestion(self._index, self._after_indexing, self._retries)

    async def put(self, items: Sequence[StoredItem]) -> list[StoredItem]:
        """Keep items; return them with their seq, once they are on disk.

        Items that are not available are excluded then; new ones may take a moment, see
        `wait_until_indexed`.
        """

        def put(store: Store) -> list[StoredItem]:
            last = store.put_items(items)
            first = last - len(items) + 1
            return [item.numbered(first + at) for at, item in enumerate(items)]

        stored: list[StoredItem] = await self._store.writer.written(put, deadline=DEADLINE.get())
        await self._apply(stored)
        return stored

    async def change(self, item: StoredItem, before: StoredItem | None) -> StoredItem | None:
        """Keep an item as `put` does, unless it is not as it was before any more.

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

        changed: StoredItem | None = await self._store.writer.written(put, deadline=DEADLINE.get())
        if changed is not None:
            await self._apply([changed])
        return changed

    async def wait_until_indexed(self, items: Sequence[StoredItem], seconds: float) -> int:
        """Wait until items are in the served bundles, for some seconds at most; return how many."""
        await self.ingestion.indexed(items, seconds)
        bundle = self._traffic.split.primary
        return sum(bundle.is_open(item.item_id) for item in items)

    def check(self, documents: Mapping[str, Mapping[str, Any]]) -> list[bool]:
        """Return for each item whether its columns call it available; see `ServedBundle.check`."""
        bundle, available = self._traffic.split.primary, []
        rows = list(documents.items())
        for start in range(0, len(rows), PIECE):
            if start:
                self._precedence.give_way(PAUSE)
            available += bundle.check(dict(rows[start : start + PIECE]))
        return available

    def encode_again(self) -> None:
        """Have items encoded again to which a server gave no vector, once it answers."""
        if self._retries.are_due():
            self.ingestion.call_again(self._retries.pause)

    def close(self) -> None:
        """Finish the step under way, and save the encoded items."""
        self.ingestion.close()
        self._files.flush()

    async def _apply(self, items: Sequence[StoredItem]) -> None:
        """Let items that are on disk count."""
        for item in items[-1:]:
            if text := self._change_clock.watch(item.changed):
                self._notes.add("clock", text)
        await asyncio.to_thread(self._set_availability, items)  # may wait for who holds the lock
        self.ingestion.add([item for item in items if item.document is not None])

    def _set_availability(self, items: Sequence[StoredItem]) -> None:
        self._traffic.replace_bundles(
            lambda bundles: {v: b.with_availability(items) for v, b in bundles.items()}
        )

    def _index(self, items: Sequence[StoredItem]) -> None:
        # Encoding takes long and is done outside of the lock; availability may change
        # meanwhile, and so may the bundles: then it is done again for those.
        encoded: dict[str, EncodedItems] = {}
        start, ids = time.perf_counter(), [item.item_id for item in items]
        while True:
            before = self._traffic.split.bundles
            for version, bundle in before.items():
                if version not in encoded:
                    encoded[version] = self._encode(bundle, items)
            grown = {v: bundle.with_encoded(encoded[v]) for v, bundle in before.items()}
            with self._traffic.lock:
                now = self._traffic.split.bundles
                if any(now[v].recommender is not before[v].recommender for v in before if v in now):
                    continue
                states = self._store.read_now(lambda store: store.items_named(ids, documents=False))
                self._traffic.replace_bundles(
                    lambda bundles, grown=grown, states=states: {  # type: ignore[misc]
                        # A bundle that came meanwhile has the items: they were on disk by then.
                        v: grown[v].with_availability_of(bundle).with_availability(states)
                        if v in grown
                        else bundle
                        for v, bundle in bundles.items()
                    }
                )
                break
        seconds = time.perf_counter() - start
        self.on_encoded(seconds)
        for version, items_encoded in encoded.items():
            self._files.queue(version, items_encoded, seconds)

    def _encode(self, bundle: ServedBundle, items: Sequence[StoredItem]) -> EncodedItems:
        parts = []
        for start in range(0, len(items), PIECE):
            self._precedence.give_way(PAUSE)
            parts.append(bundle.encode(items[start : start + PIECE]))
        return EncodedItems.joined(parts)

    def _after_indexing(self, items: Sequence[StoredItem], failed: Exception | None) -> None:
        self.encode_again()
        now = self._clock()
        for item in items:
            if failed is None:
                self.failures.pop(item.item_id, None)
                self.on_indexed(max(0.0, now - item.changed))
            else:
                self.failures[item.item_id] = str(failed)
        if failed is not None:
            _log.error("%d items could not be added to the bundles: %s", len(items), failed)
