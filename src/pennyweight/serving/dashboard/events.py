"""Events of the store: by user, item, type and time, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from pennyweight.serving.dashboard.browse_query import counted, given, moment, place, place_text
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.browsing import EventFilter, EventPage, RowCount
from pennyweight.serving.stores.protocol import Event, Store

__all__ = ["TitledEvent", "event_routes", "event_rows"]

EVENTS_PATH = "/dashboard/events"
ROWS, COUNTED, TYPES = 50, 10_000, 100


@dataclass(frozen=True)
class TitledEvent:
    """An event with the title of its item; empty where the bundle has no such item."""

    event: Event
    title: str


def event_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get(EVENTS_PATH)
    async def events(
        request: Request,
        user: str = "",
        item: str = "",
        type: str = "",
        since: str = "",
        until: str = "",
        after: str = "",
    ) -> Response:
        fields = {"user": user, "item": item, "type": type, "since": since, "until": until}
        filter = EventFilter(
            user or None,
            item or None,
            type or None,
            moment("from", since),
            moment("before", until),
        )
        at = place(after)

        def read(store: Store) -> tuple[EventPage, RowCount, list[str]]:
            browser = store.browser
            found = browser.events(filter, ROWS, at)
            return found, browser.count_events(filter, COUNTED), browser.event_types(TYPES)

        found, total, types = await engine.store.read(read)
        return page(
            request,
            "events.html",
            {
                "fields": fields,
                "types": types,
                "total": counted(total, "event", COUNTED),
                "events": event_rows(engine.traffic.split.primary, found.events),
                "first": given(**fields) if after else None,
                "next": given(**fields) | {"after": place_text(found.next)} if found.next else None,
            },
        )

    return router


def event_rows(bundle: ServedBundle, events: Sequence[Event]) -> list[TitledEvent]:
    """Return events with the titles of their items."""
    catalog = bundle.catalog
    codes = catalog.ids.codes([event.item for event in events]).tolist()
    return [
        TitledEvent(event, "" if code < 0 else catalog.title(code))
        for event, code in zip(events, codes, strict=True)
    ]
