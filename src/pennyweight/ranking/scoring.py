"""Scores of all items for a query, and the fallback where a query tells no items apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.ranking.query import Query, Source
from pennyweight.ranking.stages import RankingBatch
from pennyweight.ranking.unknown_items import UnknownItems
from pennyweight.scorers.protocol import Scorer

__all__ = ["Scoring", "popularity_scores"]

Scores = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scoring:
    """The stage that scores all items for each query.

    Attributes
    ----------
    scorer, catalog
        The scorer and its items.
    interactions
        Events by which items count as known and as popular, if there are any.
    """

    scorer: Scorer
    catalog: Catalog
    interactions: Interactions | None

    def __call__(self, batch: RankingBatch) -> None:
        """Fill `scores` and `sources`."""
        queries = [request.query for request in batch.requests]
        batch.scores, batch.sources = self.score(queries)

    def score(self, queries: Sequence[Query]) -> tuple[Scores, list[Source]]:
        """Return scores over all items, float32 (len(queries), n_items), and their sources.

        Queries are scored together, which costs less. With history and text, a score is the mean
        of both, each scaled to [0, 1] over the catalog. Scores that are the same for every item,
        such as those of a text without a known word, do not count, nor does a history of unknown
        items; where nothing is left, items are ranked by popularity.
        """
        rows: dict[int, Scores] = {}
        sources: dict[int, Source] = {}
        by_history = [
            at
            for at, query in enumerate(queries)
            if len(query.history.item)
            and not query.is_item
            and not self.unknown_items.covers(query.history.item)
        ]
        by_text = [at for at, query in enumerate(queries) if query.text is not None]
        if by_history:
            scores = self.scorer.score(Histories.joined([queries[at].history for at in by_history]))
            informative = _tell_apart(scores)
            if len(by_history) == len(queries) and not by_text and informative.all():
                return scores, ["history"] * len(queries)
            rows = {at: scores[i] for i, at in enumerate(by_history) if informative[i]}
            sources = dict.fromkeys(rows, "history")
        if by_text:
            scores = self.scorer.score_texts([queries[at].text or "" for at in by_text])
            for at, row, informs in zip(by_text, scores, _tell_apart(scores), strict=True):
                if informs:
                    both = at in rows
                    rows[at] = (_scaled(rows[at]) + _scaled(row)) / np.float32(2) if both else row
                    sources[at] = "history and text" if both else "text"
        for at, query in enumerate(queries):
            if query.is_item and (near := self._similarity(query.history.item)) is not None:
                rows[at], sources[at] = near, "history"
        result = np.empty((len(queries), len(self.catalog)), np.float32)
        for at in range(len(queries)):
            result[at] = rows.get(at, self.popularity)
        return result, [sources.get(at, query.fallback) for at, query in enumerate(queries)]

    @cached_property
    def popularity(self) -> Scores:
        """Scores where nothing else tells items apart, float32 (n_items,)."""
        return popularity_scores(self.scorer, self.interactions, len(self.catalog))

    @cached_property
    def unknown_items(self) -> UnknownItems:
        """The items of which nothing is known."""
        counts = None if self.interactions is None else self.interactions.counts
        return UnknownItems(self.catalog, self.scorer, counts)

    def _similarity(self, codes: NDArray[np.int32]) -> Scores | None:
        """Score all items by similarity to one: what it adds as the only event of a history.

        Popularity adds nothing there and so has no say. An item that adds nothing either is
        looked up by its text; None where that says nothing, or nothing is known of the item.
        """
        if self.unknown_items.covers(codes):
            return None
        code, every = int(codes[0]), np.arange(len(self.catalog), dtype=np.int32)
        near: Scores = self.scorer.contributions(Histories.of([[code]]), every)[:, 0]
        if _tell_apart(np.delete(near, code)[None])[0]:
            return near
        text = self.catalog.texts[code]
        if self.scorer.scores_texts and text:
            by_text = self.scorer.score_texts([text])
            row: Scores = by_text[0]
            return row if _tell_apart(by_text)[0] else None
        return None


def popularity_scores(scorer: Scorer, interactions: Interactions | None, n_items: int) -> Scores:
    """Return the scores for an unknown user, float32 (n_items,).

    Those of the blend's popularity, else ln(1 + events), else zeros: catalog order.
    """
    fallback = next((one for one in scorer.components.values() if one.is_fallback), None)
    if fallback is not None:
        scores: Scores = fallback.score(Histories.of([[]]))[0]
        if interactions is not None:  # the scorer does not know which items nobody has touched
            scores = np.where(interactions.counts > 0, scores, np.float32(0))
        return scores
    if interactions is not None:
        return np.log1p(interactions.counts).astype(np.float32)
    return np.zeros(n_items, np.float32)


def _tell_apart(scores: Scores) -> NDArray[np.bool_]:
    """Return which rows tell items apart, bool (n,)."""
    if not scores.size:
        return np.zeros(len(scores), bool)
    return np.asarray(scores.max(axis=1) > scores.min(axis=1))


def _scaled(scores: Scores) -> Scores:
    span = float(np.ptp(scores))
    return np.asarray((scores - scores.min()) / max(span, 1e-30), np.float32)
