"""The lift of items without events where no held-out choice can teach it.

Most scorers rank an item without events low for lack of data. Where validation has no choice of
such an item, it is lifted until items without events get their share of the places in lists.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.split import HeldOut
from pennyweight.data.words import words
from pennyweight.scorers.blend_weights import block_size, hidden
from pennyweight.scorers.popularity import Novelty

if TYPE_CHECKING:
    from pennyweight.scorers.blend import Blend

__all__ = ["PLACES", "STAND_INS", "Lift", "lift"]

USERS = 2_000  # sampled lists
STAND_INS = 300  # maximum of items that stand in for new ones
PLACES = 0.05  # maximum share of the places for items without events
MIN_NEW = 10  # with fewer items without events, others stand in for them
MAX_LIFT = 10.0
LIST_LENGTH = 10

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Lift:
    """Addend to the score of an item without events.

    Attributes
    ----------
    listed
        For items in the catalog when the scorers were fitted.
    live
        For items added later.
    """

    listed: float = Novelty.default_weight
    live: float = Novelty.default_weight


def lift(blend: "Blend", held_out: HeldOut, texts: Sequence[str], rng: np.random.Generator) -> Lift:
    """Return the lift at which an item without events gets as many places as one with events.

    Places are those among the first ten; all such items together get `PLACES` of them at most.
    Items that come later are tried on stand-ins: items with events, read as if only now their
    text had come, and without the words that no other text has. These also serve where the
    catalog has fewer than `MIN_NEW` items without events.
    """
    rows = np.flatnonzero(held_out.histories.length > 0)
    rows = np.sort(rng.permutation(rows)[:USERS])
    counts = held_out.before.counts
    with_events, new = np.flatnonzero(counts > 0), np.flatnonzero(counts == 0)
    if not len(rows) or len(with_events) < 2:
        return Lift()
    remaining, stand_ins = _split_stand_ins(with_events, rng)
    copies = np.arange(len(counts), len(counts) + len(stand_ins))  # after the last item
    vectors = blend.encode_texts(_common_words(texts, stand_ins))
    grown = blend.with_vectors(copies.astype(np.int32), vectors, len(counts) + len(stand_ins))
    live = _balance(grown, held_out, rows, remaining, copies, of=stand_ins)
    listed = (
        _balance(blend, held_out, rows, with_events, new, of=new) if len(new) >= MIN_NEW else live
    )
    return Lift(listed, live)


def _split_stand_ins(
    with_events: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split items with events into those that stay and those that stand in for new ones."""
    n = max(1, min(STAND_INS, int(PLACES * len(with_events))))
    mixed = rng.permutation(with_events)
    return np.sort(mixed[n:]), np.sort(mixed[:n])


def _common_words(texts: Sequence[str], codes: NDArray[np.int64]) -> list[str]:
    """Return the texts of `codes` without the words that no other text has."""
    frequency = Counter(word for text in texts for word in set(words(text)))
    return [" ".join(w for w in words(texts[code]) if frequency[w] > 1) for code in codes]


def _balance(
    blend: "Blend",
    held_out: HeldOut,
    rows: NDArray[np.int64],
    with_events: NDArray[np.int64],
    new: NDArray[np.int64],
    *,
    of: NDArray[np.int64],
) -> float:
    """Return the lift that gives new items, or copies of some, their share of the places."""
    size = block_size(len(with_events) + len(new), len(blend.components))
    blocks = [
        _best(blend, held_out, rows[start : start + size], with_events, new, of)
        for start in range(0, len(rows), size)
    ]
    known_scores, new_scores = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return _lift(known_scores, new_scores, min(PLACES, len(new) / (len(with_events) + len(new))))


def _best(
    blend: "Blend",
    held_out: HeldOut,
    rows: NDArray[np.int64],
    with_events: NDArray[np.int64],
    new: NDArray[np.int64],
    of: NDArray[np.int64],
) -> tuple[Float, Float]:
    """Return each user's best scores among the items with events, and among those without.

    A user is never offered a copy of an item in their history.
    """
    histories, n_items = held_out.histories.take(rows), held_out.before.n_items
    weights = blend.weights_of(histories)
    features = blend.features(histories, among=n_items)
    total = np.zeros_like(next(iter(features.values())))
    for name, scores in features.items():
        if not blend.components[name].lifts_new_items:
            total += scores * weights[name]
    masked = hidden(blend, histories, n_items)
    total[:, :n_items][masked] = -np.inf
    total[:, new] = np.where(masked[:, of], -np.inf, total[:, new])
    return _top(total[:, with_events]), _top(total[:, new])


def _top(scores: Float) -> Float:
    """Return the best scores of each row, (n, LISTED), minus infinity where there are fewer."""
    scores = np.pad(scores, ((0, 0), (0, LIST_LENGTH)), constant_values=-np.inf)
    return -np.partition(-scores, LIST_LENGTH - 1, axis=1)[:, :LIST_LENGTH]


def _lift(known_scores: Float, new_scores: Float, share: float) -> float:
    """Return the lift up to which new items take a share of the places, by halving."""
    low, high = 0.0, MAX_LIFT
    for _ in range(30):
        middle = (low + high) / 2
        lifted = new_scores + middle
        tenth = _top(np.concatenate([known_scores, lifted], axis=1)).min(axis=1, keepdims=True)
        places = ((lifted >= tenth) & np.isfinite(lifted)).mean()
        low, high = (middle, high) if places <= share else (low, middle)
    return low
