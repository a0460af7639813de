"""Scorers that take in items added after the fit."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.scorers.item_vectors import TextVectors, picked, stacked
from pennyweight.scorers.protocol import Scorer

__all__ = ["EncodedTexts", "changed_texts", "with_texts"]


def changed_texts(
    catalog: Catalog, items: Catalog, again: Set[str] | None = None
) -> NDArray[np.int64]:
    """Return the positions of items that are new to a catalog or have another text, ascending.

    Parameters
    ----------
    again
        Ids of items that count as changed in any case.
    """
    codes, texts, ids = catalog.ids.codes(items.ids).tolist(), catalog.texts, list(items.ids)
    return np.array(
        [
            at
            for at, code in enumerate(codes)
            if code < 0 or items.texts[at] != texts[code] or (again and ids[at] in again)
        ],
        np.int64,
    )


@dataclass(frozen=True)
class EncodedTexts:
    """Vectors that a scorer encoded of some of several texts.

    Attributes
    ----------
    at
        Which texts those are, positions, ascending, int64 (n,).
    rows
        Made by `Recommender.encode_texts`, in that order.
    again
        Ids of items that get their vectors anew, with the same text too.
    """

    at: NDArray[np.int64]
    rows: TextVectors
    again: frozenset[str] = frozenset()

    def take(self, at: NDArray[np.int64]) -> TextVectors:
        """Return the rows at some places of `at`."""
        return {name: picked(part, at) for name, part in self.rows.items()}


def with_texts(
    scorer: Scorer,
    texts: Sequence[str],
    codes: NDArray[np.int32],
    changed: NDArray[np.int64],
    read: EncodedTexts | None,
    n_items: int,
) -> Scorer:
    """Return a scorer with some new or changed texts.

    Parameters
    ----------
    texts, codes
        Of items that came, one each.
    changed
        Positions of those that are new or changed, ascending.
    read
        Their vectors as far as they are encoded already.
    n_items
        Total number of items.
    """
    encoded = np.empty(0, np.int64)
    parts: list[TextVectors] = []
    if read is not None:
        if np.array_equal(read.at, changed):  # as almost always
            return scorer.with_vectors(codes[changed], read.rows, n_items)
        place = np.flatnonzero(np.isin(read.at, changed))
        encoded = read.at[place]
        if len(encoded):
            parts.append(read.take(place))
    remaining = np.setdiff1d(changed, encoded)
    if len(remaining):
        parts.append(scorer.encode_texts([texts[at] for at in remaining.tolist()]))
    rows = {name: stacked([part[name] for part in parts]) for name in parts[0]}
    return scorer.with_vectors(codes[np.concatenate([encoded, remaining])], rows, n_items)
