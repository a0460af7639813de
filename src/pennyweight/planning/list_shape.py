"""The work of one list: how many items it scores, and with which data."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pennyweight.recommender.recommender import Recommender
from pennyweight.vectors.list_work import ListWork

__all__ = ["LIST_TERMS", "ListShape"]

LIST_TERMS = (
    "list",
    "item",
    "component",
    "component_item",
    "int8_byte",
    "float_byte",
    "widened_value",
    "sparse_entry",
    "posting",
    "ranking",
    "tree",
)
HISTORY = 20  # events of a history that count, where nothing else is known


@dataclass(frozen=True)
class ListShape:
    """The sizes on which the time of one list depends.

    Attributes
    ----------
    items
        Of the catalog; all are scored.
    components
        Scorers of the blend.
    work
        Data that their scores read.
    trees
        Trees of the ranking stage, 0 without one.
    """

    items: int
    components: int = 1
    work: ListWork = field(default_factory=ListWork)
    trees: int = 0

    @classmethod
    def of(cls, recommender: Recommender, *, history: int = HISTORY) -> "ListShape":
        """Return the shape of the lists of a recommender, for histories of some length."""
        scorer = recommender.scorer
        trees = 0 if scorer.trees is None else len(scorer.trees.ensemble)
        return cls(
            len(recommender.catalog), len(scorer.components), scorer.list_work(history), trees
        )

    def terms(self) -> NDArray[np.float64]:
        """Return the factors of the seconds of a list, in the order of `LIST_TERMS`, (11,)."""
        work = self.work
        return np.array(
            [
                1.0,
                self.items,
                self.components,
                self.items * self.components,
                work.int8_bytes,
                work.float_bytes,
                work.widened_values,
                work.sparse_entries,
                work.postings,
                float(self.trees > 0),
                self.trees,
            ],
            np.float64,
        )
