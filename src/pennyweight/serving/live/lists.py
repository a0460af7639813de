"""Lists: what is wanted, and the items that answer it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.cleaning.event_types import NO_TYPE
from pennyweight.errors import UnknownIdError
from pennyweight.ranking.explanations import Reason
from pennyweight.ranking.query import Query
from pennyweight.ranking.request import RankingRequest, Recommendations
from pennyweight.ranking.scoring import FALLBACKS, Source
from pennyweight.serving.live.filter_masks import check_cost
from pennyweight.serving.live.histories import (
    NEWEST,
    NOTHING,
    HistoryCache,
    joined_history,
    query_of,
    told,
)
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Recommendation, Store

__all__ = ["Boost", "ListRequest", "RankedList", "as_json", "find", "reasons_of", "similar"]

DAY = 86_400.0
SCORES = 4_000_000  # held at a time, 4 bytes each and a few times over


@dataclass(frozen=True, slots=True)
class Boost:
    """Items that meet a filter, and what is added to their scores (log-odds)."""

    filter: str
    weight: float


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list that somebody asks for.

    Attributes
    ----------
    user
        Whose history counts.
    history, weights, kinds
        Item ids instead, oldest first, their weights (none: 1 each) and event types.
    text
        What is wanted, in words.
    n
        How many items.
    filter, boosts, exclude_seen, diversity
        Which items, see `Recommender.recommend`; `exclude_seen` None is as the bundle says.
    freshness, half_life
        What is added to the score of an item published now (log-odds), and the seconds after
        which it is half of that.
    candidates
        Choose among these ids only.
    explain
        Say why.
    scenario
        The place where the list is shown.
    """

    user: str | None = None
    history: tuple[str, ...] = ()
    weights: tuple[float, ...] | None = None
    kinds: tuple[str, ...] | None = None
    text: str | None = None
    n: int = 10
    filter: str | None = None
    boosts: tuple[Boost, ...] = ()
    exclude_seen: bool | None = None
    diversity: float = 0.0
    freshness: float = 0.0
    half_life: float = DAY
    candidates: tuple[str, ...] | None = None
    explain: bool = False
    scenario: str | None = None


@dataclass(frozen=True, slots=True)
class RankedList:
    """The items of a list, and what they rest on.

    Attributes
    ----------
    items
        Id and score, best first.
    source
        Such as ``history``.
    reasons
        One an item, where they were wanted.
    unknown
        Ids of the history or the candidates that the bundle does not have.
    """

    items: tuple[tuple[str, float], ...]
    source: Source
    reasons: tuple[Reason, ...] | None = None
    unknown: tuple[str, ...] = ()


def find(
    shelf: ServedBundle,
    wanted: Sequence[ListRequest],
    cache: HistoryCache,
    store: Store,
    now: float,
) -> list[RankedList | Exception]:
    """Answer several lists of one shelf, scored together.

    Parameters
    ----------
    cache, store
        Where histories of users come from.
    now
        Epoch seconds.

    Returns
    -------
    list
        In the order asked; an error in the place of a list that cannot be had.
    """
    found: list[RankedList | Exception] = [RankedList((), "popularity")] * len(wanted)
    asks: list[tuple[int, RankingRequest, tuple[str, ...]]] = []
    for at, one in enumerate(wanted):
        try:
            asks.append((at, *_ask(shelf, one, cache, store, now)))
        except Exception as error:
            found[at] = error
    size = max(1, SCORES // max(1, len(shelf.catalog)))
    for start in range(0, len(asks), size):
        some = asks[start : start + size]
        try:
            answers = shelf.recommender.answer([ask for _, ask, _ in some])
            for (at, ask, unknown), answer in zip(some, answers, strict=True):
                found[at] = _found(shelf, wanted[at], ask, answer, unknown)
        except Exception as error:
            for at, *_ in some:
                found[at] = error
    return found


def _ask(
    shelf: ServedBundle, wanted: ListRequest, cache: HistoryCache, store: Store, now: float
) -> tuple[RankingRequest, tuple[str, ...]]:
    if wanted.boosts or wanted.filter is not None:
        filters = [boost.filter for boost in wanted.boosts]
        if wanted.filter is not None:
            filters.append(wanted.filter)
        check_cost(filters, len(shelf.catalog))
    query, unknown = _query(shelf, wanted, cache, store)
    allowed = shelf.mask(wanted.filter)
    if wanted.candidates is not None:
        codes = shelf.catalog.ids.codes(wanted.candidates)
        unknown += _missing(wanted.candidates, codes)
        among = np.zeros_like(allowed)
        among[codes[codes >= 0]] = True
        allowed = allowed & among
    seen = wanted.exclude_seen
    ask = RankingRequest(
        replace(query, text=wanted.text),
        allowed,
        wanted.n,
        exclude_seen=shelf.recommender.repeats == "exclude" if seen is None else seen,
        exclude_turned_down=seen is not False,
        diversity=wanted.diversity,
        bonus=_bonus(shelf, wanted, now),
    )
    return ask, unknown


def _query(
    shelf: ServedBundle, wanted: ListRequest, cache: HistoryCache, store: Store
) -> tuple[Query, tuple[str, ...]]:
    if wanted.user is not None:
        if shelf.is_missing(wanted.user, "user"):  # kept before such ids were refused
            return NOTHING, ()
        return cache.of(wanted.user, shelf, store), ()
    if not wanted.history:
        return NOTHING, ()
    codes = shelf.catalog.ids.codes(wanted.history)
    n = len(codes)
    weights, kinds = wanted.weights or (1.0,) * n, wanted.kinds or (NO_TYPE,) * n
    rows = told(shelf.rules, codes, range(n), kinds, weights)
    return query_of(rows), _missing(wanted.history, codes)


def _missing(ids: Sequence[str], codes: NDArray[np.int32]) -> tuple[str, ...]:
    return tuple(one for one, code in zip(ids, codes.tolist(), strict=True) if code < 0)


def _bonus(shelf: ServedBundle, wanted: ListRequest, now: float) -> NDArray[np.float32] | None:
    bonus: NDArray[np.float32] | None = None
    if wanted.freshness:
        bonus = np.float32(wanted.freshness) * shelf.freshness(now, wanted.half_life)
    for boost in wanted.boosts:
        more = shelf.meets(boost.filter) * np.float32(boost.weight)
        bonus = more if bonus is None else bonus + more
    return bonus


def _found(
    shelf: ServedBundle,
    wanted: ListRequest,
    ask: RankingRequest,
    answer: Recommendations,
    unknown: tuple[str, ...],
) -> RankedList:
    reasons = shelf.recommender.reasons(answer, ask.query) if wanted.explain else None
    return RankedList(_items(shelf, answer.codes, answer.scores), answer.source, reasons, unknown)


def _items(
    shelf: ServedBundle, codes: NDArray[np.int32], scores: NDArray[np.float32]
) -> tuple[tuple[str, float], ...]:
    names = map(shelf.catalog.ids.__getitem__, codes.tolist())
    return tuple(zip(names, scores[codes].tolist(), strict=True))


def similar(
    shelf: ServedBundle, item_id: str, n: int, filter: str | None, *, explain: bool
) -> RankedList:
    """Return the items nearest to one; `UnknownIdError` where it is not there."""
    if item_id not in shelf.catalog.ids:
        raise UnknownIdError(f"item {item_id!r} is not in the catalog")
    if filter is not None:
        check_cost([filter], len(shelf.catalog))
    answer, reasons = shelf.recommender.nearest(item_id, n, shelf.mask(filter), explain=explain)
    return RankedList(_items(shelf, answer.codes, answer.scores), answer.source, reasons)


def reasons_of(shelf: ServedBundle, store: Store, shown: Recommendation) -> tuple[Reason, ...]:
    """Say why the items of a list were recommended, by the events that were there by then.

    Items that are not there any more are passed over; the history of a session is not kept.
    """
    query = NOTHING
    if shown.user is not None:
        events = store.history(shown.user, NEWEST, shelf.is_neutral)
        log = shelf.recommender.interactions
        there = [event for event in events if event.time <= shown.time]
        query, _ = joined_history(log, shelf, shown.user, there)
    codes = shelf.catalog.ids.codes([item for item, _ in shown.items])
    codes = codes[codes >= 0]
    known = len(query.history.item) and shown.source not in FALLBACKS
    source: Source = "history" if known else "popularity"
    answer = Recommendations(codes, np.zeros(len(shelf.catalog), np.float32), source)
    return shelf.recommender.reasons(answer, query)


def as_json(found: RankedList) -> dict[str, Any]:
    """Return a list as it goes out."""
    items: list[dict[str, Any]] = [{"item_id": item, "score": score} for item, score in found.items]
    if found.reasons is not None:
        for item, reason in zip(items, found.reasons, strict=True):
            item["reason"] = reason.text
    out: dict[str, Any] = {"source": found.source, "items": items}
    if found.unknown:
        out["unknown"] = list(found.unknown)
    return out
