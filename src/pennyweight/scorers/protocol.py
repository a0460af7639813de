"""What every scorer promises."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.scorers.item_vectors import TextRows

__all__ = ["RowReader", "Scale", "Scorer", "TextScorer"]

Scale = Literal["relative", "log-odds"]


class Scorer(Protocol):
    """Maps histories to scores over all items; knows no users.

    A batch of histories is scored as a whole, so callers bound memory by the size of
    the batch: (len(histories), n_items) float32 is the only dense array that leaves.
    """

    @property
    def name(self) -> str:
        """The name in plans, reports and on the command line."""
        ...

    @property
    def scale(self) -> Scale:
        """How a blend reads the scores.

        ``relative``: not negative, meaningful only against the best item of the same
        history. ``log-odds``: differences mean the same for every history.
        """
        ...

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Learn from events; forgets an earlier fit; returns self."""
        ...

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return scores, float32 (len(histories), n_items), higher is better, finite."""
        ...

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return what each event of one history added to the scores of some items.

        float32 (len(codes), n_events); all zero for a scorer that ignores histories.
        """
        ...

    def with_items(self, codes: NDArray[np.int32], texts: Sequence[str], n_items: int) -> "Scorer":
        """Return a scorer that also knows items which are new or whose text has changed.

        This one stays as it is; both share what did not change. What was learned from
        behaviour stays with an item whose text changes.

        Parameters
        ----------
        codes
            The items, each once, int32 (m,).
        texts
            Their texts.
        n_items
            Items in all; codes that are not new lie below the number there was.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the fitted state into a folder, without pickle."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; `BundleError` when it is missing or altered."""
        ...


@runtime_checkable
class TextScorer(Protocol):
    """A scorer that also understands words, and so a query or an item nobody has seen."""

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return scores for free texts, float32 (len(texts), n_items), finite."""
        ...


@runtime_checkable
class RowReader(Protocol):
    """A scorer that reads texts into rows, which can be kept so that no text is read again."""

    def read(self, texts: Sequence[str]) -> TextRows:
        """Return what texts are to it; each is read by itself, whatever stands beside it."""
        ...

    def with_rows(self, codes: NDArray[np.int32], rows: TextRows, n_items: int) -> Scorer:
        """Return a scorer that also knows some items, by what `read` made of their texts.

        Parameters are those of `Scorer.with_items`.
        """
        ...
