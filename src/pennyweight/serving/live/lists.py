"""Lists of the service: requests by ids, ranked by the bundle that answers them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.cleaning.event_types import NO_TYPE
from pennyweight.data.documents import fields_of
from pennyweight.data.times import moment
from pennyweight.errors import DataError, UnknownIdError
from pennyweight.ranking.explanations import explored_reason
from pennyweight.ranking.exploration import Exploration
from pennyweight.ranking.filter_masks import check_cost
from pennyweight.ranking.query import FALLBACKS, NO_QUERY, Query, Source, item_query
from pennyweight.ranking.reasons import Reason
from pennyweight.ranking.request import Boost, RankingRequest, Recommendations
from pennyweight.recommender.exploration import exploration
from pennyweight.recommender.frames import EXPLORATION
from pennyweight.serving.live.histories import (
    NEWEST,
    HistoryCache,
    event_rows,
    joined_history,
    query_of,
)
from pennyweight.serving.live.new_item_feedback import NewItemFeedback
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Recommendation, Store

__all__ = [
    "ListRequest",
    "RankedList",
    "explain_list",
    "rank_latest",
    "rank_lists",
    "rank_similar",
]

DAY = 86_400.0
LATEST: Literal["latest"] = "latest"
MAX_SCORES = 4_000_000  # held at a time, 4 bytes each and a few times over


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list that a client requests; `RankingRequest` is the same with ids resolved.

    Attributes
    ----------
    user
        Whose history counts.
    history, weights, kinds
        Item ids instead, oldest first, their weights (none: 1 each) and event types.
    text
        A search in words.
    k
        How many items.
    filter, boosts, exclude_seen, diversity, explain
        See `RankingRequest`; `exclude_seen` None is as the bundle says.
    freshness, half_life
        Added to the score of an item published now (log-odds), and the seconds after which it is
        half of that.
    candidates
        Rank these ids only.
    scenario
        Where the list is displayed.
    fields
        Columns whose values the list has.
    explore
        Largest share of the positions for exploration of new items; None is that of the bundle.
    """

    user: str | None = None
    history: tuple[str, ...] = ()
    weights: tuple[float, ...] | None = None
    kinds: tuple[str, ...] | None = None
    text: str | None = None
    k: int = 10
    filter: str | None = None
    boosts: tuple[Boost, ...] = ()
    exclude_seen: bool | None = None
    diversity: float = 0.0
    freshness: float = 0.0
    half_life: float = DAY
    candidates: tuple[str, ...] | None = None
    explain: bool = False
    scenario: str | None = None
    fields: tuple[str, ...] = ()
    explore: float | None = None


@dataclass(frozen=True, slots=True)
class RankedList:
    """Recommendations by the ids of their bundle.

    Attributes
    ----------
    items
        Id and score, best first.
    source, reasons, unknown, over_budget
        See `Recommendations`; the source of a list of new items is ``latest``.
    attributes
        Column -> value of each item, where columns were requested.
    drafted_by
        The bundle that each item stands for, where lists of two bundles were interleaved.
    explored
        Ids of the new items that are in the list for exploration.
    """

    items: tuple[tuple[str, float], ...]
    source: Source | Literal["latest"]
    reasons: tuple[Reason, ...] | None = None
    unknown: tuple[str, ...] = ()
    over_budget: bool = False
    attributes: tuple[dict[str, Any], ...] | None = None
    drafted_by: tuple[str, ...] = ()
    explored: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, bundle: ServedBundle, ranked: Recommendations, fields: Sequence[str] = ()
    ) -> "RankedList":
        """Return recommendations of a bundle, with columns of their items."""
        codes = ranked.codes.tolist()
        items = tuple(
            zip(map(bundle.catalog.ids.__getitem__, codes), ranked.scores.tolist(), strict=True)
        )
        return cls(
            items,
            ranked.source,
            ranked.reasons,
            ranked.unknown,
            ranked.over_budget,
            tuple(fields_of(bundle.catalog, codes, fields)) if fields else None,
            explored=frozenset(map(bundle.catalog.ids.__getitem__, ranked.explored)),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the list as JSON values."""
        items: list[dict[str, Any]] = [
            {"item_id": item, "score": score} for item, score in self.items
        ]
        if self.explored:
            for item in items:
                if item["item_id"] in self.explored:
                    item["source"] = EXPLORATION
        if self.reasons is not None:
            for item, reason in zip(items, self.reasons, strict=True):
                item["reason"] = reason.text
        if self.attributes is not None:
            for item, attributes in zip(items, self.attributes, strict=True):
                item["attributes"] = attributes
        values: dict[str, Any] = {"source": self.source, "items": items}
        if self.unknown:
            values["unknown"] = list(self.unknown)
        return values


def rank_lists(
    bundle: ServedBundle,
    requests: Sequence[ListRequest],
    cache: HistoryCache,
    store: Store,
    now: float,
    feedback: NewItemFeedback | None = None,
) -> list[RankedList | Exception]:
    """Answer several requests with one bundle, scored together.

    Parameters
    ----------
    cache, store
        Where histories of users come from.
    now
        Epoch seconds.
    feedback
        On new items, for lists that explore.

    Returns
    -------
    list
        One entry for each request; an error in the place of a list that cannot be made.
    """
    results: list[RankedList | Exception] = [RankedList((), "popularity")] * len(requests)
    resolved: list[tuple[int, RankingRequest]] = []
    for place, request in enumerate(requests):
        try:
            resolved.append((place, _resolved(bundle, request, cache, store, now, feedback)))
        except Exception as error:
            results[place] = error
    size = max(1, MAX_SCORES // max(1, len(bundle.open)))
    for start in range(0, len(resolved), size):
        block = resolved[start : start + size]
        try:
            answers = bundle.ranker.rank_each([request for _, request in block])
            for (place, _), answer in zip(block, answers, strict=True):
                results[place] = (
                    answer
                    if isinstance(answer, Exception)
                    else _with_fields(bundle, answer, requests[place].fields)
                )
        except Exception as error:
            for place, _ in block:
                results[place] = error
    return results


def _with_fields(
    bundle: ServedBundle, ranked: Recommendations, fields: Sequence[str]
) -> RankedList | Exception:
    try:
        return RankedList.of(bundle, ranked, fields)
    except DataError as error:  # of this list, not of those scored with it
        return error


def _resolved(
    bundle: ServedBundle,
    request: ListRequest,
    cache: HistoryCache,
    store: Store,
    now: float,
    feedback: NewItemFeedback | None,
) -> RankingRequest:
    """Return a request with the history of its user, and codes in the place of ids."""
    filters = [boost.filter for boost in request.boosts]
    if request.filter is not None:
        filters.append(request.filter)
    if filters:
        check_cost(filters, len(bundle.open))
    query, unknown = _query(bundle, request, cache, store)
    candidates = None
    if request.candidates is not None:
        candidates = bundle.catalog.ids.codes(request.candidates)
        unknown += _missing(request.candidates, candidates)
        candidates = candidates[candidates >= 0]
    bonus = None
    if request.freshness:
        bonus = np.float32(request.freshness) * bundle.freshness(now, request.half_life)
    return RankingRequest(
        query if request.text is None else replace(query, text=request.text),
        request.k,
        request.filter,
        request.exclude_seen,
        request.diversity,
        request.explain,
        candidates=candidates,
        boosts=request.boosts,
        bonus=bonus,
        exploration=_exploration(bundle, request, now, feedback),
        unknown=unknown,
    )


def _exploration(
    bundle: ServedBundle, request: ListRequest, now: float, feedback: NewItemFeedback | None
) -> Exploration | None:
    """Return the exploration of a list; its draws are the same all day."""
    seed = f"{request.user or ''} {int(now // DAY)}"
    exploring = exploration(request.explore, bundle.recommender, seed, text=request.text)
    if exploring is None or feedback is None:
        return exploring
    return replace(exploring, feedback=feedback.of(bundle))


def _query(
    bundle: ServedBundle, request: ListRequest, cache: HistoryCache, store: Store
) -> tuple[Query, tuple[str, ...]]:
    """Return the history of a request, and ids in it that the bundle does not have."""
    if request.user is not None:
        return cache.of(request.user, bundle, store), ()
    if not request.history:
        return NO_QUERY, ()
    codes = bundle.catalog.ids.codes(request.history)
    n = len(codes)
    weights, kinds = request.weights or (1.0,) * n, request.kinds or (NO_TYPE,) * n
    rows = event_rows(bundle.rules, codes, range(n), kinds, weights)
    return query_of(rows), _missing(request.history, codes)


def _missing(ids: Sequence[str], codes: NDArray[np.int32]) -> tuple[str, ...]:
    return tuple(id for id, code in zip(ids, codes.tolist(), strict=True) if code < 0)


def rank_similar(
    bundle: ServedBundle,
    item_id: str,
    k: int,
    filter: str | None,
    *,
    explain: bool,
    fields: Sequence[str] = (),
) -> RankedList:
    """Return the items most similar to one; `UnknownIdError` where the bundle lacks it."""
    if item_id not in bundle.catalog.ids:
        raise UnknownIdError(f"item {item_id!r} is not in the catalog")
    if filter is not None:
        check_cost([filter], len(bundle.open))
    query = item_query(bundle.catalog.ids.codes([item_id]))
    request = RankingRequest(query, k, filter, explain=explain)
    return RankedList.of(bundle, bundle.ranker.rank([request])[0], fields)


def rank_latest(
    bundle: ServedBundle,
    k: int,
    filter: str | None,
    *,
    explain: bool,
    fields: Sequence[str] = (),
) -> RankedList:
    """Return the items published last, newest first; their scores are epoch seconds.

    Items without a known time are left out.
    """
    if filter is not None:
        check_cost([filter], len(bundle.open))
    eligible = bundle.ranker.retriever.eligible(filter)
    codes = np.flatnonzero(eligible & ~np.isnan(bundle.published))
    newest = codes[np.argsort(-bundle.published[codes], kind="stable")[:k]].tolist()
    items = tuple((bundle.catalog.ids[code], float(bundle.published[code])) for code in newest)
    return RankedList(
        items,
        LATEST,
        publication_reasons(time for _, time in items) if explain else None,
        attributes=tuple(fields_of(bundle.catalog, newest, fields)) if fields else None,
    )


def publication_reasons(times: Iterable[float]) -> tuple[Reason, ...]:
    """Return the reasons for items that were published at some times."""
    return tuple(Reason(f"published {moment(time)}", "published") for time in times)


def explain_list(
    bundle: ServedBundle, store: Store, recommendation: Recommendation
) -> tuple[Reason, ...]:
    """Return why the items of a list were recommended, by the events stored by then.

    Items that the bundle no longer has are left out; the history of a session is not stored.
    """
    names = [item for item, _ in recommendation.items]
    codes = bundle.catalog.ids.codes(names)
    if recommendation.source == LATEST:
        times = [time for _, time in recommendation.items]
        return publication_reasons(
            time for time, code in zip(times, codes.tolist(), strict=True) if code >= 0
        )
    query = NO_QUERY
    if recommendation.user is not None:
        events = store.history(recommendation.user, NEWEST, bundle.is_neutral)
        log = bundle.recommender.interactions
        earlier = [event for event in events if event.time <= recommendation.time]
        query, _ = joined_history(log, bundle, recommendation.user, earlier)
    has_history = len(query.history.item) and recommendation.source not in FALLBACKS
    source: Source = "history" if has_history else "popularity"
    reasons = bundle.ranker.explainer.explain(codes[codes >= 0], query, source)
    present = (name for name, code in zip(names, codes.tolist(), strict=True) if code >= 0)
    return tuple(
        explored_reason(reason) if name in recommendation.explored else reason
        for name, reason in zip(present, reasons, strict=True)
    )
