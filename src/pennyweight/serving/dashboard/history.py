"""What a user did, as people read it."""

from dataclasses import dataclass

from pennyweight.serving.live.histories import NEWEST
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store

__all__ = ["Done", "newest_events"]

TURNED_DOWN = "negative"  # events of which the log of a bundle does not keep the type


@dataclass(frozen=True)
class Done:
    """An event: when (None: not known), its type, the item, and where it is kept."""

    time: float | None
    kind: str
    item: str
    title: str
    kept: str


def newest_events(shelf: ServedBundle, store: Store, user: str) -> list[Done]:
    """Return the events that count in lists for a user, newest first; each once."""
    live = [
        Done(event.time, event.kind, event.item, _title(shelf, event.item), "live")
        for event in reversed(store.history(user, NEWEST, shelf.is_neutral))
    ]
    told = {(done.item, done.time) for done in live}
    old = [done for done in _of_bundle(shelf, user) if (done.item, done.time) not in told]
    if any(done.time is None for done in old):
        return live + old
    return sorted(live + old, key=lambda done: -(done.time or 0.0))


def _of_bundle(shelf: ServedBundle, user: str) -> list[Done]:
    log = shelf.recommender.interactions
    code = -1 if log is None else int(log.users.codes([user])[0])
    if log is None or code < 0:
        return []
    own = slice(int(log.offsets[code]), int(log.offsets[code + 1]))
    found = [
        Done(
            time if log.real_time else None,
            log.kinds[kind] if log.kinds else "",
            shelf.catalog.ids[item],
            shelf.catalog.title(item),
            f"bundle {shelf.version}",
        )
        for item, kind, time in zip(
            log.item[own].tolist(), log.kind[own].tolist(), log.time[own].tolist(), strict=True
        )
    ]
    gone = log.turned_down.block(code, code + 1)
    found += [
        Done(time if log.real_time else None, TURNED_DOWN, shelf.catalog.ids[item],
             shelf.catalog.title(item), f"bundle {shelf.version}")
        for item, time in zip(gone.item.tolist(), gone.time.tolist(), strict=True)
    ]  # fmt: skip
    return found[-NEWEST:][::-1]


def _title(shelf: ServedBundle, item: str) -> str:
    code = int(shelf.catalog.ids.codes([item])[0])
    return "not in the catalog" if code < 0 else shelf.catalog.title(code)
