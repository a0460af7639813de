"""Simple baselines that a blend must beat to have any merit.

They are fitted on the training events, their few settings are chosen on validation, and they
are ranked by the package's own evaluator, like the blend:

- popularity, and TF-IDF alone;
- EASE + TF-IDF, and directed item-to-item transitions + TF-IDF: two scorers, one weight;
- a graph of transitions from the last item, and from the last two: nothing is learned or chosen.
"""

from collections.abc import Iterable
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.split import HeldOut, Split
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.fitting.tune import fit_component, sample
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.linear import Linear
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity
from pennyweight.scorers.protocol import Scorer

__all__ = ["LastTransitions", "choices", "chosen_baselines"]

PENALTIES = (30.0, 100.0, 300.0)  # of EASE
EASE_ITEMS = 15_000  # above, its sparse form: 2.7 GB of matrices
BACKWARD = (0.0, 0.5)  # weight of a transition in the other direction
WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of TF-IDF, the rest of the other
USERS = 2_000  # of the validation part, for each choice


class LastTransitions:
    """Score = how often users went on to an item right after the last items of a history.

    Counts of transitions a -> b are divided by those from a; the item before the last counts
    half. Popularity breaks ties, too small to change any other order.
    """

    name = "transitions"
    scale = "relative"

    def __init__(self, last: int) -> None:
        self.last = last
        self.matrix = sparse.csr_matrix((0, 0), dtype=np.float32)
        self.level = np.empty(0, np.float32)

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Count transitions."""
        user, item, n = interactions.user, interactions.item, len(catalog)
        follows = (user[1:] == user[:-1]) & (item[1:] != item[:-1])
        places = (item[:-1][follows], item[1:][follows])
        counts = sparse.csr_matrix((np.ones(len(places[0]), np.float32), places), shape=(n, n))
        total = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
        self.matrix = sparse.csr_matrix(sparse.diags(1 / total) @ counts, dtype=np.float32)
        self.level = (1e-5 * interactions.counts / max(1, interactions.counts.max())).astype("f4")
        return self

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return the chances of each next item, float32 (n, n_items)."""
        recent = histories.newest(self.last)
        value = (0.5**recent.lag).astype(np.float32)
        shape = (len(recent), self.matrix.shape[0])
        rows = sparse.csr_matrix((value, recent.item.copy(), recent.offsets), shape=shape)
        scores: NDArray[np.float32] = (rows @ self.matrix).toarray() + self.level
        return scores


def chosen_baselines(
    parted: Split, catalog: Catalog, *, repeats: Repeats, seed: int
) -> dict[str, Scorer]:
    """Return the baselines by name, fitted on the training events, choices made on validation."""
    few = sample(parted.valid, USERS, np.random.default_rng(seed))

    def best(candidates: Iterable[Scorer]) -> Scorer:
        return max(candidates, key=lambda scorer: quality(scorer, few, repeats))

    def fitted(part: Scorer) -> Scorer:
        fit_component(part, few, catalog, repeats=repeats)
        return part

    def pair(other: Scorer) -> Scorer:
        parts = {"content": content, other.kind: other}
        return best(
            Blend(parts, {"content": w, other.kind: 1 - w}, repeats=repeats) for w in WEIGHTS
        )

    content = fitted(Content())
    ease = best(fitted(Linear(penalty=p, dense_items=EASE_ITEMS)) for p in PENALTIES)
    moves = best(fitted(Neighbors(backward=backward)) for backward in BACKWARD)
    # They are fitted and measured, and need no other method of a scorer.
    plain: dict[str, Scorer] = {
        "popularity": Popularity(),
        "transitions, last item": cast("Scorer", LastTransitions(1)),
        "transitions, last two items": cast("Scorer", LastTransitions(2)),
    }
    for scorer in plain.values():
        scorer.fit(parted.train, catalog)
    return plain | {
        "TF-IDF": content,
        "EASE + TF-IDF": pair(ease),
        "transitions + TF-IDF": pair(moves),
    }


def quality(scorer: Scorer, held_out: HeldOut, repeats: Repeats) -> float:
    """Return NDCG@10; 0 without held-out users."""
    if not len(held_out):
        return 0.0
    result = measure({"one": scorer}, held_out, repeats=repeats)["one"]
    return float(result.column("ndcg@10").mean())


def choices(scorer: Scorer) -> str:
    """Return the chosen settings of a baseline as text."""
    if not isinstance(scorer, Blend):
        return f"decay {scorer.decay}" if isinstance(scorer, Content) else ""
    settings = [f"{name} {weight:.1f}" for name, weight in scorer.weights.items()]
    for name, component in scorer.components.items():
        values = {**component.setting_values(), **component.choices()}
        for key in ("decay", "penalty", "backward"):
            if key in values:
                settings.append(f"{name}.{key} {values[key]:g}")
    return ", ".join(settings)
