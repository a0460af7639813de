"""Scores over all items for a query, and what stands in where there is nothing to go by."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.encode.vectoriser import Vectoriser
from pennyweight.errors import DataError, PlanError
from pennyweight.recommender.query import Query
from pennyweight.recommender.reasons import parts_of
from pennyweight.score.protocol import Scorer, TextScorer
from pennyweight.score.rows import ItemRows

__all__ = ["Source", "item_similarity", "neighbours_of", "popular", "score_queries"]

Source = Literal["history", "text", "history and text", "popularity"]
Scores = NDArray[np.float32]


@runtime_checkable
class _HasVectors(Protocol):
    vectors: ItemRows


def popular(scorer: Scorer, interactions: Interactions | None, n_items: int) -> Scores:
    """Return the scores for somebody unknown, float32 (n_items,).

    Those of the blend's popularity part, else ln(1 + events), else zeros: catalogue order.
    """
    part = parts_of(scorer).get("popularity")
    if part is not None:
        scores: Scores = part.score(Histories.of([[]]))[0]
        if interactions is not None:  # the part does not know what nobody has touched
            scores = np.where(interactions.counts > 0, scores, np.float32(0))
        return scores
    if interactions is not None:
        return np.log1p(interactions.counts).astype(np.float32)
    return np.zeros(n_items, np.float32)


def score_queries(
    scorer: Scorer, queries: Sequence[Query], fallback: Scores
) -> list[tuple[Scores, Source]]:
    """Return scores over all items for each query, float32 (n_items,), and what they rest on.

    Queries are scored together, which costs less. History and text of one: the mean of
    both, each scaled to [0, 1] over the catalogue. What says the same of every item, such
    as a text without a known word, is left out.
    """
    some = [query.history for query in queries if len(query.history.item)]
    found = iter(scorer.score(Histories.joined(some)) if some else ())
    return [
        _joined(
            _telling(next(found)) if len(query.history.item) else None,
            None if query.text is None else _score_text(scorer, query.text),
            fallback,
        )
        for query in queries
    ]


def _joined(
    by_history: Scores | None, by_text: Scores | None, fallback: Scores
) -> tuple[Scores, Source]:
    if by_history is not None and by_text is not None:
        mean = (_scaled(by_history) + _scaled(by_text)) / np.float32(2)
        return mean, "history and text"
    if by_history is not None:
        return by_history, "history"
    if by_text is not None:
        return by_text, "text"
    return fallback, "popularity"


def _score_text(scorer: Scorer, text: str) -> Scores | None:
    if not isinstance(scorer, TextScorer):
        raise PlanError(
            f"the scorer {scorer.name!r} does not read texts; fit with a content scorer"
        )
    return _telling(scorer.score_texts([text])[0])


def _telling(scores: Scores) -> Scores | None:
    return scores if scores.size and np.ptp(scores) > 0 else None


def _scaled(scores: Scores) -> Scores:
    span = float(np.ptp(scores))
    return np.asarray((scores - scores.min()) / max(span, 1e-30), np.float32)


def neighbours_of(code: int, scorer: Scorer, text: str, fallback: Scores) -> Scores:
    """Score all items by their nearness to one: what it adds as the only event of a history.

    Popularity adds nothing there and so has no say. An item that adds nothing either is
    looked up by its text.
    """
    everything = np.arange(len(fallback), dtype=np.int32)
    near: Scores = scorer.contributions(Histories.of([[code]]), everything)[:, 0]
    if _telling(np.delete(near, code)) is not None:
        return near
    by_text = _score_text(scorer, text) if isinstance(scorer, TextScorer) and text else None
    return fallback if by_text is None else by_text


def item_similarity(
    scorer: Scorer, catalog: Catalog, codes: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return cosines of some items' texts, float32 (n, n)."""
    for part in (scorer, *parts_of(scorer).values()):
        if isinstance(part, _HasVectors) and len(part.vectors) == len(catalog):
            rows = part.vectors[codes]
            break
    else:
        texts = [catalog.texts[code] for code in codes]
        try:
            rows = Vectoriser.fit(texts).transform(texts)
        except DataError:  # not a word among them: all are equally unlike
            return np.zeros((len(codes), len(codes)), np.float32)
    near: Any = rows @ rows.T
    return np.asarray(near.toarray() if sparse.issparse(near) else near, np.float32)
