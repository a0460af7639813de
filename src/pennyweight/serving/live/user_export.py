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

__all__ = ["UserData", "count_user", "export_user"]

PIECE = 1_000  # events

Row = dict[str, Any]


class UserData(NamedTuple):
    """How much is kept of a user: events, lists, and bundles that learned from the user."""

    events: int
    lists: int
    bundles: int


def export_user(engine: "Engine", store: Store, user: str) -> bytes:
    """Return a user's events, live and of the bundles, and lists, as JSON."""
    trained: list[Row] = []
    parts = [b'{"user_id":', to_json(user), b',"erased":', to_json(bool(store.erased([user])))]
    parts.append(b',"events":[')
    first = True
    for piece in _events(engine, store, user, trained):
        parts += [b"" if first else b",", to_json(piece)[1:-1]]
        first = False
    parts += [b'],"recommendations":[']
    lists = store.recommendations_of(user)
    for start in range(0, len(lists), PIECE):
        rows = [_list(recommendation) for recommendation in lists[start : start + PIECE]]
        parts += [b"," if start else b"", to_json(rows)[1:-1]]
    parts += [b'],"trained_on":', to_json(trained), b"}"]
    return b"".join(parts)


def count_user(engine: "Engine", store: Store, user: str) -> UserData:
    """Return how much `export_user` would hand out."""
    trained: list[Row] = []
    events = sum(map(len, _events(engine, store, user, trained)))
    return UserData(events, len(store.recommendations_of(user)), len(trained))


def _events(engine: "Engine", store: Store, user: str, trained: list[Row]) -> Iterator[list[Row]]:
    """Yield events in pieces, none of them empty; the bundles that have some go into `trained`."""
    with closing(_live(store, user)) as told:
        yield from _pieces(told)
    for stored in engine.publishing.known():
        learned = _learned(engine, stored, user)
        if learned is not None:
            trained.append({"bundle_version": stored.version, "source": stored.source})
            yield from _pieces(learned)


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


def _pieces(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while piece := list(islice(rows, PIECE)):
        yield piece


def _live(store: Store, user: str) -> Generator[Row, None, None]:
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


def _learned(engine: "Engine", stored: StoredBundle, user: str) -> Iterator[Row] | None:
    """Return the events that a bundle has of a user; None where it does not know the user."""
    log = engine.publishing.bundles.interactions(stored.version)
    code = -1 if log is None else int(log.users.codes([user])[0])
    if log is None or code < 0:
        return None
    ids, source = engine.publishing.bundles.item_ids(stored.version), f"bundle {stored.version}"
    mine = slice(int(log.offsets[code]), int(log.offsets[code + 1]))
    negative = log.turned_down.block(code, code + 1)
    positive = zip(
        log.item[mine].tolist(),
        log.kind[mine].tolist(),
        log.time[mine].tolist(),
        log.weight[mine].tolist(),
        strict=True,
    )
    kinds = log.kinds

    def rows() -> Iterator[Row]:
        for item, kind, time, weight in positive:
            yield {
                "event_id": None,
                "item_id": ids[item],
                "event_type": kinds[kind] if kinds else "",
                "timestamp": time,
                "weight": weight,
                "recommendation_id": None,
                "source": source,
            }
        for item, time in zip(negative.item.tolist(), negative.time.tolist(), strict=True):
            yield {
                "event_id": None,
                "item_id": ids[item],
                "event_type": "negative",
                "timestamp": time,
                "weight": AGAINST,
                "recommendation_id": None,
                "source": source,
            }

    return rows()
