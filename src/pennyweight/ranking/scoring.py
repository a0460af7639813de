"""Scores over all items for a query, and what stands in where there is nothing to go by."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.encoders.vectorizer import Vectorizer
from pennyweight.errors import DataError, PlanError
from pennyweight.ranking.explanations import parts_of
from pennyweight.ranking.query import Query
from pennyweight.ranking.unknown_items import Silence
from pennyweight.scorers.item_vectors import ItemRows
from pennyweight.scorers.protocol import Scorer, TextScorer

__all__ = [
    "FALLBACKS",
    "Source",
    "fallback_source",
    "item_similarity",
    "neighbours_of",
    "popular",
    "score_queries",
]

Source = Literal["history", "text", "history and text", "popularity", "negative events"]
# Sources of lists of what is popular: of a user with negative events it is not unknown what
# there is to leave out.
FALLBACKS: tuple[Source, ...] = ("popularity", "negative events")
Scores = NDArray[np.float32]


@runtime_checkable
class _HasVectors(Protocol):
    vectors: ItemRows


def popular(scorer: Scorer, interactions: Interactions | None, n_items: int) -> Scores:
    """Return the scores for somebody unknown, float32 (n_items,).

    Those of the blend's popularity part, else ln(1 + events), else zeros: catalog order.
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
    scorer: Scorer, queries: Sequence[Query], fallback: Scores, silence: Silence
) -> tuple[Scores, list[Source]]:
    """Return scores over all items for each query, float32 (n, n_items), and what they rest on.

    Queries are scored together, which costs less. History and text of one: the mean of
    both, each scaled to [0, 1] over the catalog. What says the same of every item, such
    as a text without a known word, is left out, and so is a history of unknown items.
    """
    asking = [
        at
        for at, query in enumerate(queries)
        if len(query.history.item) and not silence.covers(query.history.item)
    ]
    reading = [at for at, query in enumerate(queries) if query.text is not None]
    rows: dict[int, Scores] = {}
    sources: dict[int, Source] = {}
    if asking:
        found = scorer.score(Histories.joined([queries[at].history for at in asking]))
        if len(asking) == len(queries) and not reading and _tell(found).all():
            return found, ["history"] * len(queries)
        rows = {at: found[i] for i, at in enumerate(asking) if _tell(found)[i]}
        sources = dict.fromkeys(rows, "history")
    if reading:
        found = _score_texts(scorer, [queries[at].text or "" for at in reading])
        for at, row, tells in zip(reading, found, _tell(found), strict=True):
            if tells:
                known = at in rows
                rows[at] = (_scaled(rows[at]) + _scaled(row)) / np.float32(2) if known else row
                sources[at] = "history and text" if known else "text"
    scores = np.empty((len(queries), len(fallback)), np.float32)
    for at in range(len(queries)):
        scores[at] = rows.get(at, fallback)
    return scores, [sources.get(at, fallback_source(query)) for at, query in enumerate(queries)]


def fallback_source(query: Query) -> Source:
    """Return the source of a list of which neither history nor text says anything."""
    known = not len(query.history.item) and len(query.turned_down)
    return "negative events" if known else "popularity"


def _score_texts(scorer: Scorer, texts: Sequence[str]) -> Scores:
    if not isinstance(scorer, TextScorer):
        raise PlanError(
            f"the scorer {scorer.name!r} does not read texts; fit with a content scorer"
        )
    scores: Scores = scorer.score_texts(texts)
    return scores


def _tell(scores: Scores) -> NDArray[np.bool_]:
    """Say which rows tell items apart, bool (n,)."""
    if not scores.size:
        return np.zeros(len(scores), bool)
    return np.asarray(scores.max(axis=1) > scores.min(axis=1))


def _scaled(scores: Scores) -> Scores:
    span = float(np.ptp(scores))
    return np.asarray((scores - scores.min()) / max(span, 1e-30), np.float32)


def neighbours_of(code: int, scorer: Scorer, text: str, n_items: int) -> Scores | None:
    """Score all items by their nearness to one: what it adds as the only event of a history.

    Popularity adds nothing there and so has no say. An item that adds nothing either is
    looked up by its text; None where that says nothing.
    """
    everything = np.arange(n_items, dtype=np.int32)
    near: Scores = scorer.contributions(Histories.of([[code]]), everything)[:, 0]
    if _tell(np.delete(near, code)[None])[0]:
        return near
    if isinstance(scorer, TextScorer) and text:
        by_text = _score_texts(scorer, [text])
        row: Scores = by_text[0]
        return row if _tell(by_text)[0] else None
    return None


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
            rows = Vectorizer.fit(texts).transform(texts)
        except DataError:  # not a word among them: all are equally unlike
            return np.zeros((len(codes), len(codes)), np.float32)
    near: Any = rows @ rows.T
    return np.asarray(near.toarray() if sparse.issparse(near) else near, np.float32)
