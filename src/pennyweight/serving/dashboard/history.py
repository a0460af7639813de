"""The history of a user from the live store and from the log of a bundle."""

from dataclasses import dataclass

from pennyweight.serving.live.histories import NEWEST
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store

__all__ = ["EventRow", "newest_events"]

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
        EventRow(event.time, event.kind, event.item, _title(bundle, event.item), "live")
        for event in reversed(store.history(user, NEWEST, bundle.is_neutral))
    ]
    live_keys = {(event.item, event.time) for event in live}
    old = [event for event in _of_bundle(bundle, user) if (event.item, event.time) not in live_keys]
    if any(event.time is None for event in old):
        return live + old
    return sorted(live + old, key=lambda event: -(event.time or 0.0))


def _of_bundle(bundle: ServedBundle, user: str) -> list[EventRow]:
    log = bundle.recommender.interactions
    code = -1 if log is None else int(log.users.codes([user])[0])
    if log is None or code < 0:
        return []
    own = slice(int(log.offsets[code]), int(log.offsets[code + 1]))
    events = [
        EventRow(
            time if log.real_time else None,
            log.kinds[kind] if log.kinds else "",
            bundle.catalog.ids[item],
            bundle.catalog.title(item),
            f"bundle {bundle.version}",
        )
        for item, kind, time in zip(
            log.item[own].tolist(), log.kind[own].tolist(), log.time[own].tolist(), strict=True
        )
    ]
    negative = log.turned_down.block(code, code + 1)
    events += [
        EventRow(
            time if log.real_time else None,
            NEGATIVE,
            bundle.catalog.ids[item],
            bundle.catalog.title(item),
            f"bundle {bundle.version}",
        )
        for item, time in zip(negative.item.tolist(), negative.time.tolist(), strict=True)
    ]
    return events[-NEWEST:][::-1]


def _title(bundle: ServedBundle, item: str) -> str:
    code = int(bundle.catalog.ids.codes([item])[0])
    return "not in the catalog" if code < 0 else bundle.catalog.title(code)
