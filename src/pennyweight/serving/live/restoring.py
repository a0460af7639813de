"""A bundle with the items that came live, as a service has it when it starts or publishes."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from pennyweight.errors import PennyweightError
from pennyweight.serving.live.encoded_item_files import EncodedItemFiles
from pennyweight.serving.live.encoded_items import EncodedItems, unchanged, with_known_rows
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store, StoredItem

__all__ = ["RestoredBundle", "restore_items"]

_log = logging.getLogger(__name__)
T = TypeVar("T")
TOGETHER = 1_000  # items read in one step
FEW = 64  # items that may be encoded while changes of items wait
ROUNDS = 8


class Reader(Protocol):
    """Runs a job on a store and returns its result."""

    def __call__(self, job: Callable[[Store], T]) -> T: ...


@dataclass(frozen=True)
class RestoredBundle:
    """A bundle with the items of a store in it.

    Attributes
    ----------
    bundle
        The bundle.
    seq
        Up to which it has them.
    failed
        Item id -> why the bundle cannot read it.
    states
        The items of the store, without their documents, in the order of their changes.
    """

    bundle: ServedBundle
    seq: int
    failed: dict[str, str]
    states: Sequence[StoredItem]


def restore_items(
    bundle: ServedBundle, item_files: EncodedItemFiles, read: Reader
) -> RestoredBundle:
    """Put the items of the store in a bundle that has its own alone.

    Items whose encoding was saved are not encoded again.

    Parameters
    ----------
    read
        Gives access to the store.
    """
    states = read(lambda store: store.items(documents=False))
    last = {item.item_id: item.seq for item in states if bundle.counts(item)}
    files = item_files.load(bundle.version, bundle.catalog)
    parts = []
    for is_lacking in (False, True):  # vectors that a server gave later count first
        for file in files:
            part = _lacking(bundle, unchanged(file, last), is_lacking)
            parts.append(part)
            for item in part.items.ids:
                del last[item]  # the remaining items have to be encoded
    if any(map(len, parts)):
        joined = EncodedItems.joined([part for part in parts if len(part)])
        bundle = bundle.with_encoded(with_known_rows(joined, files))
    failed: dict[str, str] = {}
    bundle = _add_items(bundle, list(last), item_files, read, failed).with_availability(states)
    seq = max((item.seq for item in states), default=0)
    for _ in range(ROUNDS):  # items that came meanwhile, until they are few
        newer = read(lambda store, seq=seq: store.items(after=seq))  # type: ignore[misc]
        if len(newer) <= FEW:
            break
        bundle = _add_items(bundle, [item.item_id for item in newer], item_files, read, failed)
        bundle, seq = bundle.with_availability(newer), newer[-1].seq
    return RestoredBundle(bundle, seq, failed, states)


def _lacking(bundle: ServedBundle, encoded: EncodedItems, is_lacking: bool) -> EncodedItems:
    """Return those items that lack the vector of a server, or the others."""
    lacking = bundle.lacking(encoded)
    return encoded.take(np.array([(i in lacking) == is_lacking for i in encoded.items.ids], bool))


def _add_items(
    bundle: ServedBundle,
    ids: Sequence[str],
    item_files: EncodedItemFiles,
    read: Reader,
    failed: dict[str, str],
) -> ServedBundle:
    for start in range(0, len(ids), TOGETHER):
        block = ids[start : start + TOGETHER]
        stored = read(lambda store, block=block: store.items_named(block))  # type: ignore[misc]
        for encoded in _read_parts(bundle, stored, failed):
            item_files.queue(bundle.version, encoded)
            bundle = bundle.with_encoded(encoded)
    if ids:
        item_files.flush()
    return bundle


def _read_parts(
    bundle: ServedBundle, items: Sequence[StoredItem], failed: dict[str, str]
) -> list[EncodedItems]:
    """Encode items, in several parts if some cannot be read; these go into `failed`."""
    try:
        return [bundle.encode(items)]
    except PennyweightError as error:
        if len(items) == 1:
            _log.error("item %r could not be added to the bundle: %s", items[0].item_id, error)
            failed[items[0].item_id] = str(error)
            return []
    half = len(items) // 2
    return [*_read_parts(bundle, items[:half], failed), *_read_parts(bundle, items[half:], failed)]
