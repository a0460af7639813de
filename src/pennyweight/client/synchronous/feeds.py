"""Calls that send events and items, and read events."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pennyweight.client.calls import Call, path_of
from pennyweight.client.errors import UnreachableError
from pennyweight.client.synchronous.connection import Connection
from pennyweight.records import (
    MAX_EVENTS,
    EventRecord,
    ItemRecord,
    Time,
    batches,
    given,
    item_body,
)
from pennyweight.responses import (
    CatalogItem,
    EventsStored,
    ExportedEvent,
    ItemsStored,
    ItemStored,
    ResponseModel,
)

__all__ = ["FeedCalls"]

MAX_ITEMS = 1_000  # of a request
Row = TypeVar("Row", bound=ResponseModel)


class FeedCalls(Connection):
    """Events and items. What a call returned is on the disk of the service."""

    def send_event(
        self,
        user_id: str,
        item_id: str,
        event_type: str = "view",
        *,
        timestamp: Time | None = None,
        weight: float = 1.0,
        event_id: str | None = None,
        recommendation_id: str | None = None,
    ) -> EventsStored:
        """Store an event; it counts in the next list of the user."""
        event = EventRecord(
            user_id,
            item_id,
            event_type=event_type,
            timestamp=timestamp,
            weight=weight,
            recommendation_id=recommendation_id,
            **({} if event_id is None else {"event_id": event_id}),
        )
        return self.send_events([event])

    def send_events(self, events: Iterable[EventRecord]) -> EventsStored:
        """Store any number of events, in requests of 1,000, and add up the responses.

        The id of each event is made before it is first sent, so that an event whose response was
        lost is stored once. If a later request fails, the events of the earlier ones stay stored;
        send all again with the same records.
        """
        total = EventsStored(
            accepted=0,
            duplicates=0,
            erased=0,
            event_ids=[],
            unknown_items=[],
            unknown_event_types=[],
        )
        for stored in self.stream_events(events):
            total = EventsStored(
                accepted=total.accepted + stored.accepted,
                duplicates=total.duplicates + stored.duplicates,
                erased=total.erased + stored.erased,
                event_ids=total.event_ids + stored.event_ids,
                unknown_items=sorted({*total.unknown_items, *stored.unknown_items}),
                unknown_event_types=sorted(
                    {*total.unknown_event_types, *stored.unknown_event_types}
                ),
            )
        return total

    def stream_events(
        self, events: Iterable[EventRecord], *, batch: int = MAX_EVENTS
    ) -> Iterator[EventsStored]:
        """Send events while they are read, and yield the response to each request.

        Memory holds one batch, so the events may be more than fit into it.
        """
        for bodies in batches(events, batch):
            content = b'{"events":[' + b",".join(bodies) + b"]}"
            yield self._read(EventsStored, Call("POST", "/v1/events", body=content))

    def put_item(
        self,
        item_id: str,
        attributes: Mapping[str, Any],
        *,
        available: bool | None = None,
        published: Time | None = None,
    ) -> ItemStored:
        """Create an item, or replace it completely."""
        body = given(attributes=dict(attributes), available=available, published=published)
        return self._read(ItemStored, Call("PUT", path_of("/v1/items", item_id), body=body))

    def change_item(
        self,
        item_id: str,
        attributes: Mapping[str, Any] | None = None,
        *,
        available: bool | None = None,
        published: Time | None = None,
    ) -> ItemStored:
        """Change attributes or availability of an item; an attribute of None is removed."""
        body = given(attributes=dict(attributes or {}), available=available, published=published)
        return self._read(ItemStored, Call("PATCH", path_of("/v1/items", item_id), body=body))

    def delete_item(self, item_id: str) -> ItemStored:
        """Delete an item; it stays in the histories of its users."""
        call = Call("DELETE", path_of("/v1/items", item_id), is_safe=False)
        return self._read(ItemStored, call)

    def get_item(self, item_id: str) -> CatalogItem:
        """Return an item."""
        return self._read(CatalogItem, Call("GET", path_of("/v1/items", item_id)))

    def put_items(self, items: Iterable[ItemRecord]) -> ItemsStored:
        """Create or replace any number of items, in requests of 1,000, each all or none."""
        bodies = [item_body(item) for item in items]
        accepted = recommendable = 0
        for start in range(0, len(bodies), MAX_ITEMS):
            body = {"items": bodies[start : start + MAX_ITEMS]}
            stored = self._read(ItemsStored, Call("POST", "/v1/items", body=body))
            accepted += stored.accepted
            recommendable += stored.recommendable
        return ItemsStored(accepted=accepted, recommendable=recommendable)

    def export_items(self) -> Iterator[CatalogItem]:
        """Yield all items with their live changes, in the order of the catalog.

        A connection that breaks is made again from the last item on.
        """
        items = self._rows("/v1/items:export", {}, CatalogItem, lambda item: item.item_id)
        for item in items:
            yield item

    def export_events(
        self, *, after: int = 0, since: float | str | None = None
    ) -> Iterator[ExportedEvent]:
        """Yield the live events in the order of their arrival, each once.

        A connection that breaks is made again from the last event on.

        Parameters
        ----------
        after
            Only events with a higher `seq`.
        since
            Only events of this time or later.
        """
        params = given(after=after, since=since)
        for event in self._rows(
            "/v1/events:export", params, ExportedEvent, lambda event: event.seq
        ):
            yield event

    def _rows(
        self,
        path: str,
        params: Mapping[str, object],
        kind: type[Row],
        place: Callable[[Row], object],
    ) -> Iterator[Row]:
        """Yield the rows of an export; after a break, those behind the `place` of the last row."""
        breaks = 0
        while True:
            try:
                for line in self._lines(Call("GET", path, params)):
                    row = kind.model_validate(json.loads(line))
                    params, breaks = {**params, "after": place(row)}, 0
                    yield row
                return
            except UnreachableError:
                breaks += 1
                if breaks > 1:  # the call itself was patient already
                    raise
