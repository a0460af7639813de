"""Events and items as they are sent."""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["EventRecord", "ItemRecord", "batches", "event_body", "given", "item_body"]

MAX_EVENTS = 1_000  # of a request
MAX_ITEMS = 10_000  # of all events of a request
MAX_BYTES = 3 << 20  # of a request; the service takes 4 MiB
ID_BYTES = 12

Time = float | str | datetime


@dataclass(frozen=True)
class EventRecord:
    """An event to send.

    Attributes
    ----------
    user_id, item_id
        Who acted on which item.
    items
        Several items instead, for an impression.
    event_type
        Such as ``view``, ``purchase`` or ``dislike``.
    timestamp
        Epoch seconds, ISO 8601 or a datetime, UTC without a zone; by default the arrival.
    weight
        The strength, or the rating where the bundle was fitted to ratings.
    event_id
        Each id is stored once; by default the client makes one before it sends the event.
    recommendation_id
        The list from which the event results.
    """

    user_id: str
    item_id: str | None = None
    items: Sequence[str] = ()
    event_type: str = "view"
    timestamp: Time | None = None
    weight: float = 1.0
    event_id: str = field(default_factory=lambda: secrets.token_hex(ID_BYTES))
    recommendation_id: str | None = None


@dataclass(frozen=True)
class ItemRecord:
    """An item to send.

    Attributes
    ----------
    item_id, attributes
        Its id, and column -> value.
    available
        Whether lists may have it; by default as the attributes say.
    published
        When it was published; by default now.
    """

    item_id: str
    attributes: Mapping[str, Any]
    available: bool | None = None
    published: Time | None = None


def given(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the fields of a body that are not None, with times as text."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in fields.items()
        if value is not None
    }


def event_body(event: EventRecord) -> dict[str, Any]:
    """Return an event as JSON."""
    return given(
        user_id=event.user_id,
        item_id=event.item_id,
        items=list(event.items) or None,
        event_type=event.event_type,
        timestamp=event.timestamp,
        weight=event.weight,
        event_id=event.event_id,
        recommendation_id=event.recommendation_id,
    )


def item_body(item: ItemRecord) -> dict[str, Any]:
    """Return an item as JSON."""
    return given(
        item_id=item.item_id,
        attributes=dict(item.attributes),
        available=item.available,
        published=item.published,
    )


def batches(events: Iterable[EventRecord], size: int = MAX_EVENTS) -> Iterator[list[bytes]]:
    """Yield the JSON of events in batches that one request may hold."""
    batch, n_items, nbytes = list[bytes](), 0, 0
    for event in events:
        body = json.dumps(event_body(event)).encode()
        items = len(event.items) or 1
        is_full = n_items + items > MAX_ITEMS or nbytes + len(body) > MAX_BYTES
        if batch and (len(batch) == min(size, MAX_EVENTS) or is_full):
            yield batch
            batch, n_items, nbytes = [], 0, 0
        batch.append(body)
        n_items, nbytes = n_items + items, nbytes + len(body)
    if batch:
        yield batch
