"""Recommendations as data frames."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.ranking.request import Recommendations
from pennyweight.scorers.protocol import Scorer

__all__ = ["EXPLORATION", "lists_frame", "to_frame", "vectors_frame"]

EXPLORATION = "exploration"  # the source of an item that is in a list for exploration alone


def to_frame(recommendations: Recommendations, catalog: Catalog) -> pl.DataFrame:
    """Return rank, item_id, title, score and source of a list, and reason where there are any."""
    codes = recommendations.codes.tolist()
    columns = [
        pl.Series("rank", range(1, len(codes) + 1), pl.Int64),
        pl.Series("item_id", [catalog.ids[code] for code in codes], pl.String),
        pl.Series("title", [catalog.title(code) for code in codes], pl.String),
        pl.Series("score", recommendations.scores, pl.Float64),
        pl.Series("source", _sources(recommendations), pl.String),
    ]
    if recommendations.reasons is not None:
        columns.append(pl.Series("reason", [r.text for r in recommendations.reasons], pl.String))
    return pl.DataFrame(columns)


def lists_frame(
    names: pl.Series, lists: Sequence[Recommendations], item_ids: pl.Series, *, explain: bool
) -> pl.DataFrame:
    """Return the names, rank, the items, score, source and perhaps reason, list after list.

    Parameters
    ----------
    names, lists
        The user of each list; the column keeps its name.
    item_ids
        The ids of the catalog, by code; the column keeps its name.
    explain
        Whether the lists have reasons.
    """
    lengths = [len(recommendations.codes) for recommendations in lists]
    rows = np.repeat(np.arange(len(names)), lengths)
    codes = np.concatenate(
        [np.empty(0, np.int32), *(recommendations.codes for recommendations in lists)]
    )
    scores = np.concatenate(
        [np.empty(0, np.float32), *(recommendations.scores for recommendations in lists)]
    )
    columns = [
        names.gather(rows),
        pl.Series("rank", [rank for n in lengths for rank in range(1, n + 1)], pl.Int64),
        item_ids.gather(codes),
        pl.Series("score", scores, pl.Float64),
        _sources_column(lists, rows),
    ]
    if explain:
        reasons = [
            reason.text for recommendations in lists for reason in recommendations.reasons or ()
        ]
        columns.append(pl.Series("reason", reasons, pl.String))
    return pl.DataFrame(columns)


def _sources(recommendations: Recommendations) -> list[str]:
    """Return the source of each item: that of the list, or ``exploration``."""
    codes, source = recommendations.codes.tolist(), recommendations.source
    if not recommendations.explored:
        return [source] * len(codes)
    return [EXPLORATION if code in recommendations.explored else source for code in codes]


def _sources_column(lists: Sequence[Recommendations], rows: NDArray[np.int64]) -> pl.Series:
    """Return the source of each item of several lists; `rows` are the lists of the items."""
    if any(recommendations.explored for recommendations in lists):
        sources = [source for recommendations in lists for source in _sources(recommendations)]
        return pl.Series("source", sources, pl.String)
    sources = [recommendations.source for recommendations in lists]
    return pl.Series("source", sources, pl.String).gather(rows)


def vectors_frame(scorer: Scorer, catalog: Catalog) -> pl.DataFrame:
    """Return item_id, and a column of dense vectors for each component that has some."""
    columns = [pl.Series("item_id", list(catalog.ids), pl.String)]
    for name, component in scorer.components.items():
        vectors = _dense_vectors(component)
        if vectors is not None:
            columns.append(pl.Series(name, vectors))
    return pl.DataFrame(columns)


def _dense_vectors(component: Scorer) -> NDArray[np.float32] | None:
    """Return the item vectors of a component, float32 (n_items, dim)."""
    if component.learns_item_vectors:
        return component.item_vectors
    if component.text_vectors is None or component.term_matrix() is not None:
        return None
    vectors = component.text_vectors[:]
    return None if sparse.issparse(vectors) else np.asarray(vectors, np.float32)
