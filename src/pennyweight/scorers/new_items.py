"""How far items without events are lifted where no held-out choice can say.

Most scorers rank an item without events low for want of data. Where validation has no choice of
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

USERS = 2_000  # whose lists are looked at
STAND_INS = 300  # items that stand in for new ones, at most
PLACES = 0.05  # share of the places that items without events take at most
FEW = 10  # items without events below which others stand in for them
MOST = 10.0  # a lift at most
LISTED = 10

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Lift:
    """What to add to the score of an item without events.

    Attributes
    ----------
    listed
        Where the catalog had it when the scorers were fitted.
    live
        Where it came later.
    """

    listed: float = Novelty.default_weight
    live: float = Novelty.default_weight


def lift(blend: "Blend", held_out: HeldOut, texts: Sequence[str], rng: np.random.Generator) -> Lift:
    """Return what gives items without events as many places, each, as items with events have.

    Places are those among the first ten; all such items together get `PLACES` of them at most.
    Items that come later are tried on stand-ins: items with events, read as if only now their
    text had come, and without the words that no other text has. These also serve where the
    catalog has fewer than `FEW` items without events.
    """
    rows = np.flatnonzero(held_out.histories.length > 0)
    rows = np.sort(rng.permutation(rows)[:USERS])
    counts = held_out.before.counts
    known, new = np.flatnonzero(counts > 0), np.flatnonzero(counts == 0)
    if not len(rows) or len(known) < 2:
        return Lift()
    others, stand_ins = _part(known, rng)
    copies = np.arange(len(counts), len(counts) + len(stand_ins))  # after the last item
    vectors = blend.encode_texts(_known_words(texts, stand_ins))
    grown = blend.with_vectors(copies.astype(np.int32), vectors, len(counts) + len(stand_ins))
    live = _even(grown, held_out, rows, others, copies, of=stand_ins)
    listed = _even(blend, held_out, rows, known, new, of=new) if len(new) >= FEW else live
    return Lift(listed, live)


def _part(
    known: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part items with events into those that stay and those that stand in for new ones."""
    n = max(1, min(STAND_INS, int(PLACES * len(known))))
    mixed = rng.permutation(known)
    return np.sort(mixed[n:]), np.sort(mixed[:n])


def _known_words(texts: Sequence[str], which: NDArray[np.int64]) -> list[str]:
    """Return some texts without the words that no other text has."""
    often = Counter(word for text in texts for word in set(words(text)))
    return [" ".join(w for w in words(texts[code]) if often[w] > 1) for code in which]


def _even(
    blend: "Blend",
    held_out: HeldOut,
    rows: NDArray[np.int64],
    known: NDArray[np.int64],
    new: NDArray[np.int64],
    *,
    of: NDArray[np.int64],
) -> float:
    """Return the lift that gives new items, or copies of some, their share of the places."""
    size = block_size(len(known) + len(new), len(blend.components))
    blocks = [
        _best(blend, held_out, rows[start : start + size], known, new, of)
        for start in range(0, len(rows), size)
    ]
    of_known, of_new = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return _lift(of_known, of_new, min(PLACES, len(new) / (len(known) + len(new))))


def _best(
    blend: "Blend",
    held_out: HeldOut,
    rows: NDArray[np.int64],
    known: NDArray[np.int64],
    new: NDArray[np.int64],
    of: NDArray[np.int64],
) -> tuple[Float, Float]:
    """Return each user's best scores among the items with events, and among those without.

    Nobody is offered a copy of an item that they have met.
    """
    histories, n_items = held_out.histories.take(rows), held_out.before.n_items
    weights = blend.weights_of(histories)
    features = blend.features(histories, among=n_items)
    total = np.zeros_like(next(iter(features.values())))
    for name, scores in features.items():
        if not blend.components[name].lifts_new_items:
            total += scores * weights[name]
    seen = hidden(blend, histories, n_items)
    total[:, :n_items][seen] = -np.inf
    total[:, new] = np.where(seen[:, of], -np.inf, total[:, new])
    return _top(total[:, known]), _top(total[:, new])


def _top(scores: Float) -> Float:
    """Return the best scores of each row, (n, LISTED), minus infinity where there are fewer."""
    scores = np.pad(scores, ((0, 0), (0, LISTED)), constant_values=-np.inf)
    return -np.partition(-scores, LISTED - 1, axis=1)[:, :LISTED]


def _lift(known: Float, new: Float, share: float) -> float:
    """Return the lift up to which new items take a share of the places, by halving."""
    low, high = 0.0, MOST
    for _ in range(30):
        middle = (low + high) / 2
        lifted = new + middle
        tenth = _top(np.concatenate([known, lifted], axis=1)).min(axis=1, keepdims=True)
        taken = ((lifted >= tenth) & np.isfinite(lifted)).mean()
        low, high = (middle, high) if taken <= share else (low, middle)
    return low
