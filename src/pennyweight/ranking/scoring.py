"""Scores of all items for a query, and the fallback where a query distinguishes no items."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.ranking.query import Query, Source
from pennyweight.ranking.stages import RankingBatch
from pennyweight.ranking.unknown_items import UnknownItems
from pennyweight.scorers.attribution import Attribution
from pennyweight.scorers.protocol import Scorer

__all__ = ["QueryScorer", "QueryScores", "popularity_scores"]

Scores = NDArray[np.float32]


class QueryScores(NamedTuple):
    """Scores for some queries.

    Attributes
    ----------
    scores
        Of all items, float32 (n, n_items).
    sources
        Basis of the scores of each query.
    attributions
        Row -> attribution, of scores that rest on a history where a later stage takes them.
    """

    scores: Scores
    sources: list[Source]
    attributions: dict[int, Attribution]


@dataclass(frozen=True, eq=False)
class QueryScorer:
    """The stage that scores all items for each query.

    Attributes
    ----------
    scorer, catalog
        The scorer and its items.
    interactions
        Events by which items count as known and as popular, if there are any.
    attributes
        Whether a later stage takes attributions of every list, not only of those to explain.
    """

    scorer: Scorer
    catalog: Catalog
    interactions: Interactions | None
    attributes: bool = False

    def __call__(self, batch: RankingBatch) -> None:
        """Fill `scores`, `sources` and `attributions`."""
        queries = [request.query for request in batch.requests]
        explain = any(request.explain for request in batch.requests)
        batch.scores, batch.sources, batch.attributions = self.score(queries, explain=explain)

    def score(self, queries: Sequence[Query], *, explain: bool = False) -> QueryScores:
        """Return the scores of all items for each query.

        Queries are scored together, which costs less. With history and text, a score is the mean
        of both, each scaled to [0, 1] over the catalog. Scores that are the same for every item,
        such as those of a text that is no title and has no known word, do not count, nor does a
        history of unknown items; where nothing is left, items are ranked by popularity.
        """
        rows = _Rows()
        by_history = [
            at
            for at, query in enumerate(queries)
            if len(query.history.item) and not self.unknown_items.covers(query.history.item)
        ]
        by_item = [at for at in by_history if queries[at].is_item]
        by_history = [at for at in by_history if not queries[at].is_item]
        by_text = [at for at, query in enumerate(queries) if query.text is not None]
        if by_history:
            histories = Histories.joined([queries[at].history for at in by_history])
            scores, each = self._score_histories(histories, explain=explain)
            rows.attributions = dict(zip(by_history, each, strict=False))
            informative = _distinguish(scores)
            if len(by_history) == len(queries) and not by_text and informative.all():
                return QueryScores(scores, ["history"] * len(queries), rows.attributions)
            rows.scores = {at: scores[i] for i, at in enumerate(by_history) if informative[i]}
            rows.sources = dict.fromkeys(rows.scores, "history")
        if by_text:
            rows.add_texts(by_text, self._score_texts([queries[at].text or "" for at in by_text]))
        for at in by_item:
            item = queries[at].history
            if explain:
                rows.attributions[at] = self.scorer.attribute(item)[1][0]
            rows.add_item(at, self._similarity(item, rows.attributions.get(at)))
        result = np.empty((len(queries), len(self.catalog)), np.float32)
        for at in range(len(queries)):
            result[at] = rows.scores[at] if at in rows.scores else self.popularity
        sources = [rows.sources.get(at, query.fallback) for at, query in enumerate(queries)]
        return QueryScores(result, sources, rows.attributions)

    def _score_histories(
        self, histories: Histories, *, explain: bool
    ) -> tuple[Scores, list[Attribution]]:
        if explain or self.attributes:
            return self.scorer.attribute(histories)
        return self.scorer.score(histories), []

    def _score_texts(self, texts: Sequence[str]) -> Scores:
        """Score items for free texts; where no word is known, those that have the text as title.

        The title of an item that came after the fit may have no word that an earlier item had.
        """
        scores = self.scorer.score_texts(texts)
        for row in np.flatnonzero(~_distinguish(scores)).tolist():
            scores[row, self.catalog.with_title(texts[row])] += 1
        return scores

    @cached_property
    def popularity(self) -> Scores:
        """Scores where nothing else distinguishes items, float32 (n_items,)."""
        return popularity_scores(self.scorer, self.interactions, len(self.catalog))

    @cached_property
    def unknown_items(self) -> UnknownItems:
        """The items of which nothing is known."""
        counts = None if self.interactions is None else self.interactions.counts
        return UnknownItems(self.catalog, self.scorer, counts)

    def _similarity(self, item: Histories, attribution: Attribution | None) -> Scores | None:
        """Score all items by similarity to one: its contribution as the only event of a history.

        Popularity adds nothing there and so has no say. An item that adds nothing either is
        looked up by its text; None where that says nothing.
        """
        code, codes = int(item.item[0]), np.arange(len(self.catalog), dtype=np.int32)
        attribution = attribution or Attribution(self.scorer, item)
        similarity: Scores = attribution.contributions(codes)[:, 0]
        if _distinguish(np.delete(similarity, code)[None])[0]:
            return similarity
        text = self.catalog.texts[code]
        if self.scorer.scores_texts and text:
            by_text = self.scorer.score_texts([text])
            row: Scores = by_text[0]
            return row if _distinguish(by_text)[0] else None
        return None


@dataclass
class _Rows:
    """Scores, sources and attributions by the position of the query."""

    scores: dict[int, Scores] = field(default_factory=dict)
    sources: dict[int, Source] = field(default_factory=dict)
    attributions: dict[int, Attribution] = field(default_factory=dict)

    def add_texts(self, places: Sequence[int], scores: Scores) -> None:
        """Add scores of texts that distinguish items to those of histories."""
        for at, row, informs in zip(places, scores, _distinguish(scores), strict=True):
            if not informs:
                continue
            both = at in self.scores
            if both:
                row = (_scaled(self.scores[at]) + _scaled(row)) / np.float32(2)
            self.scores[at], self.sources[at] = row, "history and text" if both else "text"

    def add_item(self, at: int, scores: Scores | None) -> None:
        """Add scores of similarity to an item, if there are any."""
        if scores is not None:
            self.scores[at], self.sources[at] = scores, "history"


def popularity_scores(scorer: Scorer, interactions: Interactions | None, n_items: int) -> Scores:
    """Return the scores for an unknown user, float32 (n_items,).

    Those of the blend's popularity, else ln(1 + events), else zeros: catalog order.
    """
    fallback = next(
        (component for component in scorer.components.values() if component.is_fallback), None
    )
    if fallback is not None:
        scores: Scores = fallback.score(Histories.of([[]]))[0]
        if interactions is not None:  # the scorer cannot identify items without events
            scores = np.where(interactions.counts > 0, scores, np.float32(0))
        return scores
    if interactions is not None:
        return np.log1p(interactions.counts).astype(np.float32)
    return np.zeros(n_items, np.float32)


def _distinguish(scores: Scores) -> NDArray[np.bool_]:
    """Return the mask of rows that distinguish items, bool (n,)."""
    if not scores.size:
        return np.zeros(len(scores), bool)
    return np.asarray(scores.max(axis=1) > scores.min(axis=1))


def _scaled(scores: Scores) -> Scores:
    span = float(np.ptp(scores))
    return np.asarray((scores - scores.min()) / max(span, 1e-30), np.float32)
