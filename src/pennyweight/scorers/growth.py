"""A scorer of behavior over a catalog that has grown since it was fitted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.errors import PlanError
from pennyweight.scorers.item_vectors import TextVectors
from pennyweight.scorers.protocol import Progress, Scorer
from pennyweight.vectors.list_work import ListWork

__all__ = ["NOT_SAVED", "GrownScorer"]

NOT_SAVED = "a recommender with items added live is not saved; fit again with them"


class GrownScorer(Scorer):
    """Score = that of a fitted scorer; zero for items that came later.

    Events of later items are ignored, for nothing has been learned from them.

    Parameters
    ----------
    scorer
        Fitted to the first `n_known` items.
    n_known, n_items
        Number of fitted items, and of all items.
    """

    def __init__(self, scorer: Scorer, n_known: int, n_items: int) -> None:
        self.scorer, self.n_known, self.n_items = scorer, n_known, n_items
        self.kind, self.scale, self.evidence = scorer.kind, scorer.scale, scorer.evidence
        self.is_personal, self.is_fallback = scorer.is_personal, scorer.is_fallback
        self.lifts_new_items, self.encoder = scorer.lifts_new_items, scorer.encoder
        self.scores_texts = scorer.scores_texts

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Refuse: the scorer inside is fitted, to the catalog as it was."""
        raise PlanError(f"{self.kind}: with items added live it is not fitted; fit anew")

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return scores, float32 (n, n_items)."""
        scores = np.zeros((len(histories), self.n_items), np.float32)
        scores[:, : self.n_known] = self.scorer.score(
            histories.where(histories.item < self.n_known)
        )
        return scores

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return scores for free texts, float32 (len(texts), n_items)."""
        scores = self.scorer.score_texts(texts)
        return np.pad(scores, ((0, 0), (0, self.n_items - scores.shape[1])))

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the contribution of each event, float32 (len(codes), n_events)."""
        added = np.zeros((len(codes), len(history.item)), np.float32)
        events, items = history.item < self.n_known, codes < self.n_known
        added[np.ix_(items, events)] = self.scorer.contributions(
            history.where(events), codes[items]
        )
        return added

    @property
    def nbytes(self) -> int:
        """Bytes of the scorer inside."""
        return self.scorer.nbytes

    def list_work(self, n_events: int) -> ListWork:
        """Return the work of the scorer inside."""
        return self.scorer.list_work(n_events)

    def check(self) -> None:
        """Check the scorer inside."""
        self.scorer.check()

    def with_vectors(
        self, codes: NDArray[np.int32], vectors: TextVectors, n_items: int
    ) -> "GrownScorer":
        """Return a scorer of more items."""
        return GrownScorer(self.scorer, self.n_known, n_items)

    def save(self, folder: Path) -> None:
        """Refuse: items added live are kept by the service, not in a bundle."""
        raise PlanError(NOT_SAVED)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Refuse: none is ever saved."""
        raise PlanError(f"{folder}: a recommender with items added live cannot be loaded")
