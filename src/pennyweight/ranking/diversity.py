"""Diversity of a list: maximal marginal relevance."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.encoders.vectorizer import Vectorizer
from pennyweight.errors import DataError
from pennyweight.ranking.request import check_diversity
from pennyweight.ranking.stages import RankingBatch
from pennyweight.scorers.protocol import Scorer

__all__ = ["Diversifier", "diversify", "item_similarity", "pool_size"]

MAX_POOL = 2_000  # items compared pairwise, 4 bytes and more a pair


def pool_size(k: int) -> int:
    """Return how many of the best items k diverse ones are chosen from."""
    return max(k, min(max(5 * k, 50), MAX_POOL))


@dataclass(frozen=True, eq=False)
class Diversifier:
    """The stage that chooses diverse items from the best ones, where a request asks for them.

    Attributes
    ----------
    scorer, catalog
        The scorer by which items are compared, and the catalog.
    """

    scorer: Scorer
    catalog: Catalog

    def __call__(self, batch: RankingBatch) -> None:
        """Cut `codes` to k items."""
        for row, request in enumerate(batch.requests):
            if request.diversity:
                codes = batch.codes[row]
                similarity = item_similarity(self.scorer, self.catalog, codes)
                chosen = diversify(
                    batch.scores[row, codes], similarity, request.k, request.diversity
                )
                batch.codes[row] = codes[chosen]


def diversify(
    scores: NDArray[np.float32], similarity: NDArray[Any], k: int, diversity: float
) -> NDArray[np.intp]:
    """Choose k candidates by relevance less similarity to those chosen before.

    Maximal marginal relevance (Carbonell and Goldstein 1998), scores scaled to [0, 1] over
    the candidates.

    Parameters
    ----------
    scores
        float32 (n,).
    similarity
        Of each two candidates, at most 1, (n, n).
    k
        How many to choose.
    diversity
        From 0, the order of the scores, to 1, the least similar.

    Returns
    -------
    ndarray
        Positions of the candidates chosen, first choice first, intp (min(k, n),).
    """
    check_diversity(diversity)
    weight = float(diversity)
    if not len(scores):
        return np.empty(0, np.intp)
    span = float(np.ptp(scores))
    relevance = (scores - scores.min()) / span if span > 0 else np.ones(len(scores))
    nearest = np.zeros(len(scores))  # similarity to the most similar candidate chosen
    remaining = np.ones(len(scores), dtype=bool)
    chosen = []
    for _ in range(min(k, len(scores))):
        gain = (1 - weight) * relevance - weight * nearest
        gain = np.where(remaining, gain, -np.inf)
        # Equal gains go to the better score, so that diversity 1 is not at random.
        best = np.flatnonzero(gain == gain.max())
        pick = int(best[np.argmax(scores[best])])
        chosen.append(pick)
        remaining[pick] = False
        nearest = np.maximum(nearest, similarity[pick])
    return np.array(chosen, np.intp)


def item_similarity(
    scorer: Scorer, catalog: Catalog, codes: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return cosines of some items' texts, float32 (n, n)."""
    vectors = scorer.text_vectors
    if vectors is not None and len(vectors) == len(catalog):
        rows = vectors[codes]
    else:
        texts = [catalog.texts[code] for code in codes]
        try:
            rows = Vectorizer.fit(texts).transform(texts)
        except DataError:  # no words: all are equally dissimilar
            return np.zeros((len(codes), len(codes)), np.float32)
    similarity: Any = rows @ rows.T
    dense = similarity.toarray() if sparse.issparse(similarity) else similarity
    return np.asarray(dense, np.float32)
