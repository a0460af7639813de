"""All that is kept of a user, made in pieces: others wait while one is made."""

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import to_json

from pennyweight.data.cleaning.feedback import AGAINST
from pennyweight.serving.live.bundles import StoredBundle
from pennyweight.serving.stores.protocol import Recommendation, Store

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine

__all__ = ["KeptOfUser", "count_user", "export_user"]

PIECE = 1_000  # events

_Told = dict[str, Any]


class KeptOfUser(NamedTuple):
    """How much is kept of a user: events, lists, and bundles that learned from the user."""

    events: int
    lists: int
    bundles: int


def export_user(engine: "Engine", store: Store, user: str) -> bytes:
    """Return a user's events, those told live and those of the bundles, and lists, as JSON."""
    trained: list[_Told] = []
    parts = [b'{"user_id":', to_json(user), b',"erased":', to_json(bool(store.erased([user])))]
    parts.append(b',"events":[')
    first = True
    for some in _events(engine, store, user, trained):
        parts += [b"" if first else b",", to_json(some)[1:-1]]
        first = False
    parts += [b'],"recommendations":[']
    lists = store.recommendations_of(user)
    for start in range(0, len(lists), PIECE):
        shown = [_list(one) for one in lists[start : start + PIECE]]
        parts += [b"," if start else b"", to_json(shown)[1:-1]]
    parts += [b'],"trained_on":', to_json(trained), b"}"]
    return b"".join(parts)


def count_user(engine: "Engine", store: Store, user: str) -> KeptOfUser:
    """Return how much `export_user` would hand out."""
    trained: list[_Told] = []
    events = sum(map(len, _events(engine, store, user, trained)))
    return KeptOfUser(events, len(store.recommendations_of(user)), len(trained))


def _events(
    engine: "Engine", store: Store, user: str, trained: list[_Told]
) -> Iterator[list[_Told]]:
    """Yield events in pieces, none of them empty; the bundles that have some go into `trained`."""
    with closing(_live(store, user)) as told:
        yield from _pieces(told)
    for stored in engine.publishing.known():
        learned = _learned(engine, stored, user)
        if learned is not None:
            trained.append({"bundle_version": stored.version, "source": stored.source})
            yield from _pieces(learned)


def _list(shown: Recommendation) -> _Told:
    return {
        "recommendation_id": shown.recommendation_id,
        "user_id": shown.user,
        "timestamp": shown.time,
        "bundle_version": shown.bundle_version,
        "scenario": shown.scenario,
        "source": shown.source,
        "items": [{"item_id": item, "score": score} for item, score in shown.items],
    }


def _pieces(told: Iterator[_Told]) -> Iterator[list[_Told]]:
    while some := list(islice(told, PIECE)):
        yield some


def _live(store: Store, user: str) -> Generator[_Told, None, None]:
    with closing(store.events_of(user)) as events:
        for e in events:
            yield {
                "event_id": e.event_id,
                "item_id": e.item,
                "event_type": e.kind,
                "timestamp": e.time,
                "weight": e.weight,
                "recommendation_id": e.recommendation_id,
                "source": "live",
            }


def _learned(engine: "Engine", stored: StoredBundle, user: str) -> Iterator[_Told] | None:
    """Return the events that a bundle has of a user; None where it does not know the user."""
    log = engine.publishing.bundles.interactions(stored.version)
    code = -1 if log is None else int(log.users.codes([user])[0])
    if log is None or code < 0:
        return None
    ids, source = engine.publishing.bundles.item_ids(stored.version), f"bundle {stored.version}"
    own = slice(int(log.offsets[code]), int(log.offsets[code + 1]))
    gone = log.turned_down.block(code, code + 1)
    liked = zip(
        log.item[own].tolist(),
        log.kind[own].tolist(),
        log.time[own].tolist(),
        log.weight[own].tolist(),
        strict=True,
    )
    kinds = log.kinds

    def told() -> Iterator[_Told]:
        for item, kind, time, weight in liked:
            yield {
                "event_id": None,
                "item_id": ids[item],
                "event_type": kinds[kind] if kinds else "",
                "timestamp": time,
                "weight": weight,
                "recommendation_id": None,
                "source": source,
            }
        for item, time in zip(gone.item.tolist(), gone.time.tolist(), strict=True):
            yield {
                "event_id": None,
                "item_id": ids[item],
                "event_type": "negative",
                "timestamp": time,
                "weight": AGAINST,
                "recommendation_id": None,
                "source": source,
            }

    return told()
