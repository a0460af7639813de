"""The blend: scorers weighed against each other on held-out choices."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.split import HeldOut
from pennyweight.disk.arrays import read_arrays, write_arrays
from pennyweight.errors import BundleError
from pennyweight.score.again import Again
from pennyweight.score.content import Content
from pennyweight.score.linear import Linear
from pennyweight.score.neighbours import Neighbours
from pennyweight.score.popularity import Novelty, Popularity
from pennyweight.score.protocol import Scale, Scorer, TextScorer
from pennyweight.score.sequence import Sequence as SequenceScorer
from pennyweight.score.tower import Tower
from pennyweight.score.weighing import Choices, conditional_logit, route

__all__ = ["DEFAULTS", "KINDS", "Blend"]

KINDS: Mapping[str, type[Scorer]] = {
    kind.name: kind
    for kind in (
        Popularity,
        Novelty,
        Again,
        Content,
        Neighbours,
        Linear,
        Tower,
        SequenceScorer,
    )
}
FILE = "blend.safetensors"
CANDIDATES = 100  # of each part, and so the choices among which weights are learnt
BLOCK_BYTES = 64 << 20
# Weights where nothing was learnt, and what few choices are drawn to: about the middle of what
# four datasets teach (docs/method-scorers.md).
DEFAULTS: Mapping[str, float] = {
    "popularity": 0.2,
    "novelty": 0.5,
    "again": 4.0,
    "content": 1.0,
    "neighbours": 1.5,
    "linear": 1.5,
    "tower": 0.5,
    "sequence": 0.5,
}
_ALIKE = (Popularity, Novelty)  # parts that score alike for every history
DOMINATED = 0.5  # spread of a negative popularity at most, beside that of the other parts


class Blend:
    """Score = sum of the parts' scores, each times its weight.

    Parts on the ``relative`` scale are first divided by their best score among the items
    the history does not hold. Weights are those of a conditional logit (McFadden 1974):
    the probability of the held-out item among the parts' candidates is largest. Only
    popularity may count against an item; the others weigh zero or more. Where it pays,
    histories of different length have weights of their own (see `route`).

    Parameters
    ----------
    parts
        Fitted scorers by name, in order.
    weights
        One a part; missing ones are zero.
    routes
        Events of a history from which on other weights count -> these, by part.
    repeats
        Whether items of the history compete for being the best.

    Attributes
    ----------
    learnt_from
        Choices that the weights were learnt from; None where they were given.
    """

    name: Literal["blend"] = "blend"
    scale: Scale = "log-odds"

    def __init__(
        self,
        parts: Mapping[str, Scorer],
        weights: Mapping[str, float] | None = None,
        *,
        routes: Mapping[int, Mapping[str, float]] | None = None,
        repeats: Literal["exclude", "include"] = "exclude",
    ) -> None:
        self.parts = dict(parts)
        given = dict.fromkeys(parts, 1.0) if weights is None else weights
        self.weights = {name: float(given.get(name, 0.0)) for name in parts}
        self.routes = {least: dict(own) for least, own in sorted((routes or {}).items())}
        self.repeats = repeats
        self.learnt_from: int | None = None

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Fit every part; the weights stay."""
        for part in self.parts.values():
            part.fit(interactions, catalog)
        return self

    def learn(
        self,
        held_out: HeldOut,
        *,
        rng: np.random.Generator,
        max_users: int = 6000,
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Learn the weights on held-out choices of parts fitted to what came before.

        Few choices leave the weights near `DEFAULTS`, none leave these. An empty history
        teaches nothing, since for it only the order of popularity counts.
        """
        rows = np.flatnonzero(held_out.histories.length > 0)
        rows = np.sort(rng.permutation(rows)[:max_users])
        found: list[NDArray[np.float32]] = []
        user: list[int] = []
        size = self._block_size(held_out.before.n_items)
        for start in range(0, len(rows), size):
            for row, choice in self._choices(held_out, rows[start : start + size]):
                if len(choice) > 1:  # without a rival there is no choice
                    found.append(choice)
                    user.append(row)
            if progress is not None:
                progress(min(start + size, len(rows)), len(rows))
        self.learnt_from = len(found)
        self.weights, self.routes = self._named(self._defaults()), {}
        if found:
            length = held_out.histories.length[user]
            self._weigh(Choices.of(found, length, user), rng)
        return self

    def _weigh(self, choices: Choices, rng: np.random.Generator) -> None:
        defaults, bounds = self._defaults(), self._bounds(below_zero=True)
        fitted = conditional_logit(choices, defaults, bounds)
        if self._turned(choices, fitted):
            bounds = self._bounds(below_zero=False)
            fitted = conditional_logit(choices, defaults, bounds)
        self.weights = self._named(fitted)
        routes = route(choices, fitted, defaults, bounds, rng=rng)
        for least, own in routes.items():
            if self._turned(choices, own):
                own = np.where(self._popular(), np.maximum(own, 0), own)
            self.routes[least] = self._named(own)

    def _turned(self, choices: Choices, weights: NDArray[np.float64]) -> bool:
        """Whether a popularity below zero decides more than the other parts together.

        Below zero it corrects parts that favour what is popular already. Where there is little
        to correct it would put the least popular items first.
        """
        popular = self._popular()
        if not (weights[popular] < 0).any():
            return False
        against = choices.score_spread(np.where(popular, weights, 0))
        others = choices.score_spread(np.where(popular, 0, weights))
        return against > DOMINATED * others

    def _popular(self) -> NDArray[np.bool_]:
        return np.array([isinstance(part, Popularity) for part in self.parts.values()])

    def _named(self, weights: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(self.parts, map(float, weights), strict=True))

    def _defaults(self) -> NDArray[np.float64]:
        return np.array([DEFAULTS[part.name] for part in self.parts.values()])

    def _bounds(self, *, below_zero: bool) -> list[tuple[float | None, None]]:
        """Return the bounds of the weights; popularity alone may go below zero."""
        return [(None if below_zero and free else 0.0, None) for free in self._popular()]

    def _block_size(self, n_items: int) -> int:
        return max(1, BLOCK_BYTES // (4 * max(1, n_items) * (len(self.parts) + 1)))

    def _choices(
        self, held_out: HeldOut, rows: NDArray[np.int64]
    ) -> list[tuple[int, NDArray[np.float32]]]:
        """Return, a held-out item, its row, and the parts' scores of it (first) and its rivals."""
        histories = held_out.histories.take(rows)
        features = np.stack(list(self._features(histories).values()), axis=2)
        hidden = np.zeros(features.shape[:2], dtype=bool)
        if self.repeats == "exclude":
            hidden[histories.row, histories.item] = True
        out = []
        for at, row in enumerate(rows):
            span = slice(held_out.target_offsets[row], held_out.target_offsets[row + 1])
            targets = held_out.targets[span]
            rivals = _candidates(features[at], hidden[at])
            chosen = targets[np.isin(targets, rivals)]
            rivals = rivals[~np.isin(rivals, targets)]
            out += [(int(row), features[at][np.concatenate([[t], rivals])]) for t in chosen]
        return out

    def _features(self, histories: Histories) -> dict[str, NDArray[np.float32]]:
        return {
            name: self._scaled(part.scale, part.score(histories), histories)
            for name, part in self.parts.items()
        }

    def _scaled(
        self, scale: Scale, scores: NDArray[np.float32], histories: Histories | None
    ) -> NDArray[np.float32]:
        return scores / self._divisor(scale, scores, histories)

    def _divisor(
        self, scale: Scale, scores: NDArray[np.float32], histories: Histories | None
    ) -> NDArray[np.float32]:
        """Return what to divide each row by, float32 (n, 1)."""
        if scale == "log-odds":
            return np.ones((len(scores), 1), np.float32)
        hides = histories is not None and self.repeats == "exclude"
        if histories is None or not hides:
            best = scores.max(axis=1, keepdims=True, initial=0)
        else:  # without a copy, which would cost as much again
            seen = histories.row, histories.item
            kept = scores[seen]
            scores[seen] = 0
            best = scores.max(axis=1, keepdims=True, initial=0)
            scores[seen] = kept
        return np.where(best > 0, best, 1).astype(np.float32)

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return the weighted sum, float32 (n, n_items)."""
        total: NDArray[np.float32] | None = None
        weights = self._weights(histories)
        # The same for every history come last, when it is known whether others decide anything.
        for name in self._in_order():
            part, weight = self.parts[name], weights[name]
            if isinstance(part, Popularity) and (weight < 0).any():
                weight = _lifted(weight, total)
            if not weight.any():
                continue
            scores = part.score(histories)
            scores *= weight / self._divisor(part.scale, scores, histories)
            total = scores if total is None else np.add(total, scores, out=total)
        if total is None:  # every weight is zero
            return np.zeros_like(next(iter(self.parts.values())).score(histories))
        return total.astype(np.float32, copy=False)

    def _in_order(self) -> list[str]:
        """Return the parts, last those that score alike for every history."""
        alike = [name for kind in _ALIKE for name, p in self.parts.items() if isinstance(p, kind)]
        return [*(name for name in self.parts if name not in alike), *alike]

    def _weights(self, histories: Histories) -> dict[str, NDArray[np.float32]]:
        """Return the weight of each part for each history, float32 (n, 1)."""
        length = np.diff(histories.offsets)
        sets = [self.weights] if not self.routes else list(self.routes.values())
        at = np.zeros(len(length), np.int64)
        if self.routes:
            at = np.searchsorted(list(self.routes), length, side="right") - 1
        found = {
            name: np.array([own[name] for own in sets], np.float32)[at][:, None]
            for name in self.parts
        }
        if self._popular().any():  # nothing else tells items apart for somebody unknown
            for name, popular in zip(self.parts, self._popular(), strict=True):
                found[name][length == 0] = 1.0 if popular else 0.0
        return found

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the weighted sum over the parts that read, float32 (len(texts), n_items)."""
        total: NDArray[np.float32] | None = None
        for name, part in self.parts.items():
            if isinstance(part, TextScorer):
                scores = part.score_texts(texts)
                weight = max(self.weights[name], 0.05)  # a query is worth reading even so
                scores = np.float32(weight) * self._scaled(part.scale, scores, None)
                total = scores if total is None else total + scores
        if total is None:
            raise BundleError("this blend has no part that reads text; fit with content or tower")
        return total

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return each event's part of the weighted sum, float32 (len(codes), n_events)."""
        total = np.zeros((len(codes), len(history.item)), np.float32)
        for name, weight in self._weights(history).items():
            if not weight.any():
                continue
            part, divisor = self.parts[name], np.float32(1)
            if part.scale == "relative":
                divisor = self._divisor(part.scale, part.score(history), history)[0, 0]
            total += part.contributions(history, codes) * (weight[0, 0] / divisor)
        return total

    def part_shares(
        self, history: Histories, codes: NDArray[np.int32]
    ) -> dict[str, NDArray[np.float32]]:
        """Return what each part gives some items above the average item, float32 (len(codes),)."""
        shares, weights = {}, self._weights(history)
        for name, scores in self._features(history).items():
            above = scores[0, codes] - scores[0].mean()
            shares[name] = (above * weights[name][0, 0]).astype(np.float32)
        return shares

    def with_items(self, codes: NDArray[np.int32], texts: Sequence[str], n_items: int) -> "Blend":
        """Return a blend of parts that know the items; the weights stay."""
        parts = {name: part.with_items(codes, texts, n_items) for name, part in self.parts.items()}
        return Blend(parts, self.weights, routes=self.routes, repeats=self.repeats)

    def save(self, folder: Path) -> None:
        """Write ``blend.safetensors`` and a folder a part."""
        for name, part in self.parts.items():
            part.save(folder / name)
        settings = {"parts": list(self.parts), "repeats": self.repeats}
        arrays = {"weights": np.array(list(self.weights.values()), np.float64)}
        if self.routes:
            arrays["route_lengths"] = np.array(list(self.routes), np.int64)
            rows = [[own[name] for name in self.parts] for own in self.routes.values()]
            arrays["route_weights"] = np.array(rows, np.float64)
        write_arrays(folder / FILE, arrays, settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        arrays, settings = read_arrays(folder / FILE)
        unknown = set(settings["parts"]) - set(KINDS)
        if unknown:
            raise BundleError(f"{folder}: scorer {min(unknown)!r} is not known to this version")
        parts = {name: KINDS[name].load(folder / name) for name in settings["parts"]}
        weights = dict(zip(parts, arrays["weights"].tolist(), strict=True))
        routes = {}
        if "route_lengths" in arrays:
            rows = arrays["route_weights"].tolist()
            lengths = arrays["route_lengths"].tolist()
            routes = {
                least: dict(zip(parts, row, strict=True))
                for least, row in zip(lengths, rows, strict=True)
            }
        return cls(parts, weights, routes=routes, repeats=settings["repeats"])


def _lifted(weight: NDArray[np.float32], others: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Turn weights below zero where the other parts tell no items apart, (n, 1)."""
    flat: NDArray[np.bool_] | bool = True
    if others is not None:
        flat = (others.max(axis=1) == others.min(axis=1))[:, None]
    return np.where(flat, np.abs(weight), weight)


def _candidates(features: NDArray[np.float32], hidden: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the best items of any part that tells items apart, features (n_items, n_parts)."""
    found = []
    for column in features.T:
        column = np.where(hidden, -np.inf, column)
        best = np.argpartition(-column, min(CANDIDATES, len(column) - 1))[:CANDIDATES]
        found.append(best[np.isfinite(column[best])])
    return np.unique(np.concatenate(found))
