"""Re-ranking: the best items of a list put in order again by trees."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.errors import PlanError
from pennyweight.ranking.stages import RankingBatch
from pennyweight.ranking.top_k import best_rows, selected
from pennyweight.scorers.candidate_features import NO_CANDIDATE, padded
from pennyweight.scorers.protocol import Progress, Scorer
from pennyweight.scorers.ranking_trees import RankingTrees, RescoredAttribution

__all__ = ["RerankedScorer", "Reranker", "as_listed"]

BLOCK = 8  # lists ranked between two looks at the clock
SCORED = 64  # lists ranked at once without a clock


@dataclass(frozen=True, eq=False)
class Reranker:
    """The stage that ranks the best items of each list again by the trees of a blend.

    It changes lists that rest on a history alone: the trees were trained on these. Boosts stay in
    the scores, and excluded items are not among those selected.

    Attributes
    ----------
    scorer
        The blend.
    trees
        Its trees.
    seconds
        Budget for the lists of a batch together; once it is used up, the others keep their order.
        None is without limit.
    """

    scorer: Scorer
    trees: RankingTrees
    seconds: float | None = None

    def __call__(self, batch: RankingBatch) -> None:
        """Put `codes` in another order, write their scores, and cut the lists to their length."""
        began = time.monotonic()
        rows = [
            row
            for row, source in enumerate(batch.sources)
            if source == "history"
            and not batch.requests[row].query.is_item
            and len(batch.codes[row])
            and batch.attributions[row].scored
        ]
        done, size = 0, SCORED if self.seconds is None else BLOCK
        while done < len(rows):
            if self.seconds is not None and time.monotonic() - began >= self.seconds:
                break
            self._rerank(batch, rows[done : done + size])
            done = min(done + size, len(rows))
        batch.unranked.update(rows[done:])
        for row, request in enumerate(batch.requests):
            batch.codes[row] = batch.codes[row][: selected(request)]

    def _rerank(self, batch: RankingBatch, rows: Sequence[int]) -> None:
        """Rank some lists of a batch again; their scores are of one call of the scorer."""
        attributions = [batch.attributions[row] for row in rows]
        codes = padded([batch.codes[row][: self.trees.depth] for row in rows])
        margins, features = self.trees.margins(
            self.scorer,
            attributions[0].scored,
            [attribution.row for attribution in attributions],
            Histories.joined([batch.requests[row].query.history for row in rows]),
            codes,
        )
        at = np.array(rows)[:, None], np.maximum(codes, 0)
        present = codes != NO_CANDIDATE
        scores = np.where(present, batch.scores[at] + margins, np.float32(-np.inf))
        ranked = np.take_along_axis(codes, np.lexsort((codes, -scores), axis=1), axis=1)
        batch.scores[np.repeat(rows, present.sum(axis=1)), codes[present]] = scores[present]
        lowest = scores.min(axis=1, where=present, initial=np.inf)
        for list_, row in enumerate(rows):
            request, others = batch.requests[row], batch.codes[row][self.trees.depth :]
            n = len(batch.codes[row]) - len(others)
            batch.codes[row] = ranked[list_, : min(n, selected(request))]
            if len(others) and selected(request) > n:
                batch.codes[row] = np.concatenate([batch.codes[row], others])
                excess = batch.scores[row, others[0]] - lowest[list_]
                batch.scores[row, others] -= max(np.float32(0), excess)
            if request.explain:
                batch.attributions[row] = RescoredAttribution(
                    attributions[list_], codes[list_, :n], self.trees.shares(features[list_])
                )


def as_listed(scorer: Scorer, *, exclude_seen: bool) -> Scorer:
    """Return the scorer that ranks as lists do: with the trees, where there are some."""
    return scorer if scorer.trees is None else RerankedScorer(scorer, exclude_seen=exclude_seen)


class RerankedScorer(Scorer):
    """A blend with its trees as one scorer, to measure it as it makes lists.

    Parameters
    ----------
    blend
        A blend with trees.
    exclude_seen
        Whether items of the history are in no list.
    """

    kind = "reranked"
    scale = "log-odds"
    evidence = "text and behavior"

    def __init__(self, blend: Scorer, *, exclude_seen: bool) -> None:
        self.blend, self.exclude_seen = blend, exclude_seen

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Fit the blend; the trees stay."""
        self.blend.fit(interactions, catalog, progress=progress)
        return self

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return the scores of the blend, and of the best items those with the trees."""
        blocks = [self._block(block) for _, block in histories.blocks(SCORED)]
        return np.concatenate(blocks) if blocks else self.blend.score(histories)

    def _block(self, histories: Histories) -> NDArray[np.float32]:
        trees, (scores, attributions) = self.blend.trees, self.blend.attribute(histories)
        if trees is None:
            return scores
        eligible = scores.copy()
        if self.exclude_seen:
            eligible[histories.row, histories.item] = -np.inf
        best = best_rows(eligible, [trees.depth] * len(scores))
        rows = [row for row in np.flatnonzero(histories.length).tolist() if len(best[row])]
        if not rows:
            return scores
        margins, _ = trees.margins(
            self.blend,
            attributions[0].scored,
            rows,
            histories.take(rows),
            padded([best[row] for row in rows]),
        )
        for row, added in zip(rows, margins, strict=True):
            codes = best[row]
            rescored_items = scores[row, codes] + added[: len(codes)]
            others = np.ones(scores.shape[1], bool)
            others[codes] = False
            lowest, highest = rescored_items.min(), eligible[row, others].max(initial=-np.inf)
            if highest >= lowest:
                below = np.nextafter(lowest, np.float32(-np.inf))
                scores[row] = np.minimum(scores[row] - (highest - lowest), below)
            scores[row, codes] = rescored_items
        return scores

    def save(self, folder: Path) -> None:
        """Save the blend, which has the trees."""
        self.blend.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Refuse: the blend is loaded, with its trees."""
        raise PlanError(f"{folder}: load the blend, which has the trees")
