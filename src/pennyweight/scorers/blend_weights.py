"""The weights of a blend from held-out choices, near the defaults where there are few."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories
from pennyweight.data.split import HeldOut
from pennyweight.scorers.conditional_logit import Choices, conditional_logit, route
from pennyweight.scorers.protocol import Scale, Scorer

if TYPE_CHECKING:
    from pennyweight.scorers.blend import Blend

__all__ = [
    "CANDIDATES",
    "DEFAULTS",
    "DOMINATED",
    "MIN_NEW",
    "SampledChoices",
    "draw",
    "hidden",
    "weigh",
]

CANDIDATES = 100  # of each component, the rivals among which weights are learned
BLOCK_BYTES = 64 << 20
# Weights of scorers without their own default: used where nothing was learned, and the center
# of the prior. The defaults of scorers are near the middle of those learned on datasets
# (docs/method-scorers.md).
DEFAULTS: dict[Scale, float] = {"relative": 1.0, "log-odds": 0.5}
DOMINATED = 0.5  # maximum spread of a negative popularity, as a share of that of the others
MIN_NEW = 20  # choices of items without events that suffice to learn the lift of such items

Float = NDArray[np.float64]


@dataclass(frozen=True)
class SampledChoices:
    """Held-out choices of some users among the best items of each component.

    Attributes
    ----------
    features
        The components' scores for each choice, the chosen item first.
    row
        The held-out user of each.
    new
        How many are of items that have no events.
    """

    features: list[NDArray[np.float32]]
    row: list[int]
    new: int

    def __len__(self) -> int:
        return len(self.features)


def draw(
    blend: "Blend",
    held_out: HeldOut,
    rows: NDArray[np.int64],
    progress: Callable[[int, int], None] | None = None,
) -> SampledChoices:
    """Gather the choices of some held-out users."""
    features: list[NDArray[np.float32]] = []
    row: list[int] = []
    new, counts = 0, held_out.before.counts
    size = block_size(held_out.before.n_items, len(blend.components))
    for start in range(0, len(rows), size):
        for user, target, choice in _choices(blend, held_out, rows[start : start + size]):
            if len(choice) > 1:  # without a rival there is no choice
                features.append(choice)
                row.append(user)
                new += int(counts[target] == 0)
        if progress is not None:
            progress(min(start + size, len(rows)), len(rows))
    return SampledChoices(features, row, new)


def block_size(n_items: int, n_components: int) -> int:
    """Return how many histories are scored at a time."""
    return max(1, BLOCK_BYTES // (4 * max(1, n_items) * (n_components + 1)))


def _choices(
    blend: "Blend", held_out: HeldOut, rows: NDArray[np.int64]
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Yield for each held-out item its row, its code, and the scores of it and its rivals."""
    histories = held_out.histories.take(rows)
    features = np.stack(list(blend.features(histories).values()), axis=2)
    masked = hidden(blend, histories, features.shape[1])
    for at, row in enumerate(rows):
        span = slice(held_out.target_offsets[row], held_out.target_offsets[row + 1])
        targets = held_out.targets[span]
        rivals = candidates(features[at], masked[at])
        chosen = targets[np.isin(targets, rivals)]
        rivals = rivals[~np.isin(rivals, targets)]
        for target in chosen:
            yield int(row), int(target), features[at][np.concatenate([[target], rivals])]


def hidden(blend: "Blend", histories: Histories, n_items: int) -> NDArray[np.bool_]:
    """Return the mask of items not to recommend, bool (n, n_items)."""
    masked = np.zeros((len(histories), n_items), dtype=bool)
    if blend.repeats == "exclude":
        masked[histories.row, histories.item] = True
    return masked


def candidates(features: NDArray[np.float32], masked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the union of the best items of each component; features (n_items, n_components)."""
    best_items = []
    for column in features.T:
        column = np.where(masked, -np.inf, column)
        best = np.argpartition(-column, min(CANDIDATES, len(column) - 1))[:CANDIDATES]
        best_items.append(best[np.isfinite(column[best])])
    return np.unique(np.concatenate(best_items))


def weigh(
    blend: "Blend",
    sample: SampledChoices,
    length: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    new: bool,
) -> tuple[dict[str, float], dict[int, dict[str, float]]]:
    """Return the weights for all users, and those by length of a history where they pay.

    Parameters
    ----------
    length
        Events of the history of each held-out user.
    new
        Whether the choices teach the lift of items without events; otherwise novelty is zero.
    """
    components = list(blend.components.values())
    center = np.array([_default(component) for component in components])
    novel = np.array([component.lifts_new_items for component in components])
    popular = np.array([component.is_fallback for component in components])
    if not new:
        center[novel] = 0

    def named(weights: Float) -> dict[str, float]:
        return dict(zip(blend.components, map(float, weights), strict=True))

    if not sample.features:
        return named(center), {}
    choices = Choices.of(sample.features, length[sample.row], sample.row)
    upper = [0.0 if fixed else None for fixed in novel & (not new)]
    lower = [None if free else 0.0 for free in popular]
    bounds = list(zip(lower, upper, strict=True))
    fitted = conditional_logit(choices, center, bounds)
    if _popularity_dominates(choices, fitted, popular):
        bounds = [(0.0, high) for _, high in bounds]
        fitted = conditional_logit(choices, center, bounds)
    routes = route(choices, fitted, center, bounds, rng=rng)
    for start, route_weights in routes.items():
        if _popularity_dominates(choices, route_weights, popular):
            routes[start] = np.where(popular, np.maximum(route_weights, 0), route_weights)
    return named(fitted), {start: named(route_weights) for start, route_weights in routes.items()}


def _default(scorer: Scorer) -> float:
    return DEFAULTS[scorer.scale] if scorer.default_weight is None else scorer.default_weight


def _popularity_dominates(choices: Choices, weights: Float, popular: NDArray[np.bool_]) -> bool:
    """Whether a popularity below zero decides as much as the other components together.

    A negative weight corrects components that already favor popular items. With little to
    correct, it would put the least popular items first.
    """
    if not (weights[popular] < 0).any():
        return False
    popularity_spread = choices.score_spread(np.where(popular, weights, 0))
    other_spread = choices.score_spread(np.where(popular, 0, weights))
    return popularity_spread > DOMINATED * other_spread
