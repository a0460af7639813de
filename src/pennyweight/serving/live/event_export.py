"""All live events as JSON lines, read in pieces so that neither memory nor others wait."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from pennyweight.bundle import Position
from pennyweight.serving.stores.protocol import Event, Store

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine

__all__ = ["export_events"]

PIECE = 1_000  # events


async def export_events(
    engine: "Engine", *, after: int = 0, since: float | None = None
) -> tuple[Position, AsyncIterator[bytes]]:
    """Return the position of the store, and its events up to there in the order of arrival.

    Each event comes once. A user that is erased meanwhile is in no piece read later.

    Parameters
    ----------
    after
        Only events with a higher seq.
    since
        Only events of this time or later, epoch seconds.
    """
    position = await engine.store.read(lambda store: store.position("events"))
    return position, _pieces(engine, after, position.seq, since)


async def _pieces(
    engine: "Engine", after: int, last: int, since: float | None
) -> AsyncIterator[bytes]:
    while after < last:

        def read(store: Store, after: int = after) -> list[Event]:
            return store.events_after(after, PIECE)

        events = await engine.store.read(read)
        if not events:
            return
        after = events[-1].seq
        chosen = [e for e in events if e.seq <= last and (since is None or e.time >= since)]
        if chosen:
            yield b"".join(to_json(_row(event)) + b"\n" for event in chosen)


def _row(event: Event) -> dict[str, Any]:
    return {
        "user_id": event.user,
        "item_id": event.item,
        "event_type": event.kind,
        "timestamp": event.time,
        "weight": event.weight,
        "event_id": event.event_id,
        "recommendation_id": event.recommendation_id,
        "seq": event.seq,
    }
