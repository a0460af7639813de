"""The history of a user, and the lists that were served before."""

from collections.abc import Sequence
from dataclasses import dataclass

from pennyweight.serving.live.histories import NEWEST
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store

__all__ = ["EventRow", "ServedList", "newest_events", "served_lists"]

NAMED = 5  # items of a list that are named
UNKNOWN = "not in the catalog"
NEGATIVE = "negative"  # the log of a bundle does not keep the type of negative events


@dataclass(frozen=True)
class EventRow:
    """An event in the table of a history: time (None: unknown), type, item, and origin."""

    time: float | None
    kind: str
    item: str
    title: str
    origin: str


def newest_events(bundle: ServedBundle, store: Store, user: str) -> list[EventRow]:
    """Return the events that rank items for a user, newest first, each once."""
    live = [
        EventRow(event.time, event.kind, event.item, _title(bundle, event.item, UNKNOWN), "live")
        for event in reversed(store.history(user, NEWEST, bundle.is_neutral))
    ]
    live_keys = {(event.item, event.time) for event in live}
    old = [event for event in _of_bundle(bundle, user) if (event.item, event.time) not in live_keys]
    if any(event.time is None for event in old):
        return live + old
    return sorted(live + old, key=lambda event: -(event.time or 0.0))


@dataclass(frozen=True)
class ServedList:
    """A list that was served: when, from what, where, by which bundle, with its first items."""

    time: float
    source: str
    scenario: str
    version: str
    items: Sequence[tuple[str, str]]
    length: int


def served_lists(bundle: ServedBundle, store: Store, user: str, n: int) -> list[ServedList]:
    """Return up to n lists that were served to a user, newest first; titles are of a bundle."""
    return [
        ServedList(
            served.time,
            served.source,
            served.scenario or "-",
            served.bundle_version,
            [(item, _title(bundle, item)) for item, _ in served.items[:NAMED]],
            len(served.items),
        )
        for served in store.browser.lists_to(user, n)
    ]


def _of_bundle(bundle: ServedBundle, user: str) -> list[EventRow]:
    log = bundle.recommender.interactions
    code = -1 if log is None else int(log.users.codes([user])[0])
    if log is None or code < 0:
        return []
    own = slice(int(log.offsets[code]), int(log.offsets[code + 1]))

    def row(item: int, kind: str, time: float) -> EventRow:
        catalog, when = bundle.catalog, time if log.real_time else None
        origin = f"bundle {bundle.version}"
        return EventRow(when, kind, catalog.ids[item], catalog.title(item), origin)

    columns = log.item[own].tolist(), log.kind[own].tolist(), log.time[own].tolist()
    events = [
        row(item, log.kinds[kind] if log.kinds else "", time)
        for item, kind, time in zip(*columns, strict=True)
    ]
    negative = log.turned_down.block(code, code + 1)
    events += [
        row(item, NEGATIVE, time)
        for item, time in zip(negative.item.tolist(), negative.time.tolist(), strict=True)
    ]
    return events[-NEWEST:][::-1]


def _title(bundle: ServedBundle, item: str, unknown: str = "") -> str:
    code = int(bundle.catalog.ids.codes([item])[0])
    return unknown if code < 0 else bundle.catalog.title(code)
