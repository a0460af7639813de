"""Items with neither events nor a text that is like another's: nothing to rank by."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.words import has_word
from pennyweight.scorers.protocol import Scorer

__all__ = ["UnknownItems"]


@dataclass(frozen=True)
class UnknownItems:
    """Finds the items that have neither an event nor a text that is like another's.

    A neural network scores these too, but such scores mean nothing.

    Attributes
    ----------
    catalog
        The items.
    scorer
        Finds similar texts by its vectors.
    counts
        Events of each item, int64 (n_items,); without them no item is called unknown.
    """

    catalog: Catalog
    scorer: Scorer
    counts: NDArray[np.int64] | None
    _is_known_by_code: dict[int, bool] = field(default_factory=dict, repr=False, compare=False)

    def covers(self, items: NDArray[np.int32]) -> bool:
        """Return whether there are items, and nothing is known of any of them."""
        if self.counts is None or not len(items) or self.counts[items].any():
            return False
        return not any(self._is_known(code) for code in items.tolist())

    def _is_known(self, code: int) -> bool:
        if code not in self._is_known_by_code:
            self._is_known_by_code[code] = self._is_like_another(code)
        return self._is_known_by_code[code]

    def _is_like_another(self, code: int) -> bool:
        if not has_word(self.catalog.texts[code]):
            return False
        vectors = self.scorer.text_vectors
        if vectors is None or len(vectors) != len(self.catalog):
            return self.scorer.scores_texts
        row = vectors[np.array([code], np.int32)]
        if not (row.nnz if sparse.issparse(row) else np.any(row)):
            return False
        similarity = vectors.products(row)[0]
        similarity[code] = 0
        return bool(similarity.any())
