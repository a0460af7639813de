"""The tasks of a smaller version besides lists: search, and new items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.budget import TASKS, Task
from pennyweight.config.frontier import TaskQuality
from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.data.split import HeldOut
from pennyweight.errors import DataError
from pennyweight.evaluation.bootstrap import bootstrap, bootstrap_ratios
from pennyweight.evaluation.new_item_cases import (
    NO_NEW_ITEMS,
    NewItemCases,
    copied_items,
    new_item_quality,
)
from pennyweight.evaluation.search import (
    SearchTask,
    search_quality,
)
from pennyweight.evaluation.user_results import PRIMARY_METRIC
from pennyweight.fitting.search_choice import NO_QUERIES, SEARCH_NAMES, SEARCHED, search_tasks
from pennyweight.scorers.protocol import Scorer

__all__ = ["HeldOutTasks"]

NEW_ITEMS = "new items"
NO_SEARCH = "search is not measured: no scorer reads texts"
NO_TEXTS = "new items are not measured: no scorer reads texts"

Values = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class HeldOutTasks:
    """Queries and choices with known answers, the same for every candidate.

    Attributes
    ----------
    catalog
        The items of the candidates.
    searches
        Search tasks on the items, or on a sample of them.
    new_items
        Choices of items that are ranked as copies without events, among these copies.
    notices
        A sentence for each task that cannot be measured.
    """

    catalog: Catalog
    searches: tuple[SearchTask, ...]
    new_items: NewItemCases | None
    notices: tuple[str, ...]

    @classmethod
    def make(
        cls,
        names: Sequence[Task] | None,
        blend: Scorer,
        catalog: Catalog,
        held_out: HeldOut,
        *,
        half: int,
        seed: int,
    ) -> "HeldOutTasks":
        """Make the tasks of some names; None for all that the recommender serves.

        Parameters
        ----------
        half
            0 or 1: which half of the queries, so that a choice can be confirmed on the other.

        Raises
        ------
        DataError
            A named task cannot be measured.
        """
        tasks = TASKS if names is None else names
        searches: tuple[SearchTask, ...] = ()
        new_items, notices = None, []
        if "search" in tasks:
            searches = _searches(catalog, half, seed) if blend.scores_texts else ()
            if not searches:
                notices.append(NO_QUERIES if blend.scores_texts else NO_SEARCH)
        if "new-items" in tasks:
            has_text = np.array([bool(text) for text in catalog.texts])
            rng = np.random.default_rng(seed)
            new_items = copied_items(held_out, has_text, rng) if blend.scores_texts else None
            if new_items is None:
                notices.append(NO_NEW_ITEMS if blend.scores_texts else NO_TEXTS)
        if names is not None and notices:
            raise DataError(f"{notices[0]}; name other tasks (--tasks, budget.tasks)")
        return cls(catalog, searches, new_items, tuple(notices))

    def search(self, blend: Scorer) -> dict[str, NDArray[np.float64]]:
        """Return the value of each query, by task."""
        return {
            SEARCH_NAMES[task.name]: search_quality(task, self._scored_by(blend, task).score_texts)
            for task in self.searches
        }

    def rank_new_items(self, blend: Scorer) -> dict[str, NDArray[np.float64]]:
        """Return NDCG@10 of each choice of a new item."""
        if self.new_items is None:
            return {}
        n_items, codes = len(self.catalog), self.new_items.items
        copies = np.arange(n_items, n_items + len(codes), dtype=np.int32)
        texts = [self.catalog.texts[code] for code in codes.tolist()]
        grown = blend.with_search(None).with_items(copies, texts, n_items + len(codes))

        def score(histories: Histories) -> NDArray[np.float32]:
            return grown.score(histories)[:, n_items:]

        return {NEW_ITEMS: new_item_quality(self.new_items, score)}

    def _scored_by(self, blend: Scorer, task: SearchTask) -> "_SearchOf":
        """Return the search of a blend over the items of a task, with their texts there."""
        codes = self.catalog.ids.codes(list(task.catalog.ids))
        texts = [""] * len(self.catalog)
        for code, text in zip(codes.tolist(), task.catalog.texts, strict=True):
            texts[code] = text
        changed = np.arange(len(texts), dtype=np.int32)
        return _SearchOf(blend.with_items(changed, texts, len(texts)), codes)

    def results(
        self, values: Values, parent: Values, *, resamples: int, rng: int
    ) -> tuple[TaskQuality, ...]:
        """Return the quality of a candidate in each task that the parent can do at all."""
        metrics = {SEARCH_NAMES[task.name]: task.metric for task in self.searches}
        sampling = {"resamples": resamples, "rng": rng}
        qualities = []
        for name, mine in values.items():
            if not parent[name].any():
                continue
            both = np.column_stack([mine, parent[name]])
            qualities.append(
                TaskQuality(
                    task=name,
                    kind="new-items" if name == NEW_ITEMS else "search",
                    metric=metrics.get(name, PRIMARY_METRIC),
                    cases=len(mine),
                    quality=bootstrap(both, **sampling)[0].measured(),
                    relative_quality=bootstrap_ratios(both, [(0, 1)], **sampling)[0].measured(),
                )
            )
        return tuple(qualities)


@dataclass(frozen=True)
class _SearchOf:
    """The search of a scorer over some of its items."""

    scorer: Scorer
    codes: NDArray[np.int32]

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the scores of texts with these items, float32 (len(texts), n)."""
        return self.scorer.score_texts(texts)[:, self.codes]


def _searches(catalog: Catalog, half: int, seed: int) -> tuple[SearchTask, ...]:
    halves = (
        replace(task, queries=task.queries[half::2], relevant=task.relevant[half::2])
        for task in search_tasks(catalog, SEARCHED, seed)
    )
    return tuple(task for task in halves if len(task.queries) > 1)
