"""All data about a user as JSON, written in pieces, so that neither memory nor others wait for it.

Each piece is a separate read. Data that a slow client has not taken yet is not in memory, holds
no lock, and is not sent once the user is erased.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from pennyweight.data.cleaning.feedback import AGAINST
from pennyweight.errors import StoreError
from pennyweight.serving.live.bundles import StoredBundle
from pennyweight.serving.stores.protocol import Event, Recommendation, Store

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine

__all__ = ["UserData", "count_user", "export_user"]

PIECE = 1_000  # events or lists

Row = dict[str, Any]
T = TypeVar("T")


class UserData(NamedTuple):
    """How much is kept of a user: events, lists, and bundles that learned from the user."""

    events: int
    lists: int
    bundles: int


@dataclass(frozen=True, eq=False)
class _BundleEvents:
    """The events of one user in the log of a bundle.

    Attributes
    ----------
    stored
        The bundle.
    item_ids, types
        Ids of the user's items and names of types, which the codes of the events point to.
    item, type, time, weight
        Of each event, (n_events,).
    """

    stored: StoredBundle
    item_ids: list[str]
    types: list[str]
    item: NDArray[np.intp]
    type: NDArray[np.intp]
    time: NDArray[np.float64]
    weight: NDArray[np.float32]

    def rows(self, start: int) -> list[Row]:
        """Return the events of a piece; none where it begins after the last."""
        piece = slice(start, start + PIECE)
        columns = (self.item, self.type, self.time, self.weight)
        return [
            {
                "event_id": None,
                "item_id": self.item_ids[item],
                "event_type": self.types[type_],
                "timestamp": time,
                "weight": weight,
                "recommendation_id": None,
                "source": f"bundle {self.stored.version}",
            }
            for item, type_, time, weight in zip(
                *(column[piece].tolist() for column in columns), strict=True
            )
        ]


async def export_user(engine: "Engine", user: str) -> AsyncIterator[bytes]:
    """Return all data about a user as JSON, in pieces.

    Raises
    ------
    StoreError
        The store cannot be read; from the iterator, also where the user is erased meanwhile.
    """
    erased = await engine.store.read(lambda store: bool(store.erased([user])))
    return _pieces(engine, user, erased=erased)


async def _pieces(engine: "Engine", user: str, *, erased: bool) -> AsyncIterator[bytes]:
    async def read(job: Callable[[Store], list[T]]) -> list[T]:
        def checked(store: Store) -> list[T]:
            if not erased and store.erased([user]):
                raise StoreError("the user was erased while the data were handed out")
            return job(store)

        return await engine.store.read(checked)

    yield b'{"user_id":' + to_json(user) + b',"erased":' + to_json(erased) + b',"events":['
    separator, event = b"", None
    while events := await read(partial(_events, user, event)):
        yield separator + to_json([_live_event(row) for row in events])[1:-1]
        separator, event = b",", events[-1]
    trained_on: list[Row] = []
    async for bundle_events in _events_of_bundles(engine, user):
        stored = bundle_events.stored
        trained_on.append({"bundle_version": stored.version, "source": stored.source})
        for start in range(0, len(bundle_events.item), PIECE):
            rows = await read(partial(_bundle_rows, bundle_events, start))
            yield separator + to_json(rows)[1:-1]
            separator = b","
    yield b'],"recommendations":['
    separator, last = b"", None
    while lists := await read(partial(_lists, user, last)):
        yield separator + to_json([_list(row) for row in lists])[1:-1]
        separator, last = b",", lists[-1]
    yield b'],"trained_on":' + to_json(trained_on) + b"}"


async def count_user(engine: "Engine", user: str) -> UserData:
    """Return the number of rows that `export_user` would return."""
    events, lists = await engine.store.read(lambda store: store.user_counts(user))
    bundles = 0
    async for bundle_events in _events_of_bundles(engine, user):
        bundles += 1
        events += len(bundle_events.item)
    return UserData(events, lists, bundles)


async def _events_of_bundles(engine: "Engine", user: str) -> AsyncIterator[_BundleEvents]:
    """Yield the events of each bundle that knows the user."""
    for stored in engine.publishing.stored_bundles():
        events = await asyncio.to_thread(_bundle_events, engine, stored, user)
        if events is not None:
            yield events


def _bundle_events(engine: "Engine", stored: StoredBundle, user: str) -> _BundleEvents | None:
    """Return the events that a bundle has of a user; None where it does not know the user."""
    log = engine.publishing.bundles.interactions(stored.version)
    code = -1 if log is None else int(log.users.codes([user])[0])
    if log is None or code < 0:
        return None
    ids = engine.publishing.bundles.item_ids(stored.version)
    own = slice(int(log.offsets[code]), int(log.offsets[code + 1]))
    negative = log.turned_down.block(code, code + 1)
    types = [*(log.kinds or ("",)), "negative"]
    items, item = np.unique(np.concatenate([log.item[own], negative.item]), return_inverse=True)
    n = len(negative.item)
    return _BundleEvents(
        stored,
        [ids[code] for code in items.tolist()],
        types,
        item,
        np.concatenate([log.kind[own].astype(np.intp), np.full(n, len(types) - 1)]),
        np.concatenate([log.time[own], negative.time]),
        np.concatenate([log.weight[own], np.full(n, AGAINST, np.float32)]),
    )


def _events(user: str, after: Event | None, store: Store) -> list[Event]:
    return store.events_of(user, PIECE, after)


def _bundle_rows(events: _BundleEvents, start: int, store: Store) -> list[Row]:
    return events.rows(start)


def _lists(user: str, after: Recommendation | None, store: Store) -> list[Recommendation]:
    return store.recommendations_of(user, PIECE, after)


def _live_event(event: Event) -> Row:
    return {
        "event_id": event.event_id,
        "item_id": event.item,
        "event_type": event.kind,
        "timestamp": event.time,
        "weight": event.weight,
        "recommendation_id": event.recommendation_id,
        "source": "live",
    }


def _list(recommendation: Recommendation) -> Row:
    return {
        "recommendation_id": recommendation.recommendation_id,
        "user_id": recommendation.user,
        "timestamp": recommendation.time,
        "bundle_version": recommendation.bundle_version,
        "scenario": recommendation.scenario,
        "source": recommendation.source,
        "items": [{"item_id": item, "score": score} for item, score in recommendation.items],
    }
