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

__all__ = ["KINDS", "Blend"]

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

        Weights stay as they are where no held-out item is among the candidates, or so few are
        that no part seems worth anything.
        """
        rows = np.sort(rng.permutation(len(held_out))[:max_users])
        found: list[NDArray[np.float32]] = []
        user: list[int] = []
        size = self._block_size(held_out.before.n_items)
        for start in range(0, len(rows), size):
            for row, choice in self._choices(held_out, rows[start : start + size]):
                found.append(choice)
                user.append(row)
            if progress is not None:
                progress(min(start + size, len(rows)), len(rows))
        if found:
            length = np.diff(held_out.histories.offsets)[user]
            self._weigh(Choices.of(found, length, user), rng)
        return self

    def _weigh(self, choices: Choices, rng: np.random.Generator) -> None:
        fitted = conditional_logit(choices, self._start(), self._bounds())
        if np.abs(fitted).max() <= 1e-3:
            return

        def named(weights: NDArray[np.float64]) -> dict[str, float]:
            return dict(zip(self.parts, map(float, weights), strict=True))

        self.weights = named(fitted)
        routes = route(choices, fitted, self._bounds(), rng=rng)
        self.routes = {least: named(own) for least, own in routes.items()}

    def _start(self) -> NDArray[np.float64]:
        return np.array([1.0 if part.scale == "relative" else 0.5 for part in self.parts.values()])

    def _bounds(self) -> list[tuple[float | None, None]]:
        parts = self.parts.values()
        return [(None if isinstance(part, Popularity) else 0.0, None) for part in parts]

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
        for name, weight in self._weights(histories).items():
            if not weight.any():
                continue
            part = self.parts[name]
            scores = part.score(histories)
            scores *= weight / self._divisor(part.scale, scores, histories)
            total = scores if total is None else np.add(total, scores, out=total)
        if total is None:  # every weight is zero
            return np.zeros_like(next(iter(self.parts.values())).score(histories))
        return total.astype(np.float32, copy=False)

    def _weights(self, histories: Histories) -> dict[str, NDArray[np.float32]]:
        """Return the weight of each part for each history, float32 (n, 1)."""
        if not self.routes:
            shape = (len(histories), 1)
            return {n: np.full(shape, weight, np.float32) for n, weight in self.weights.items()}
        routes = list(self.routes.values())
        at = np.searchsorted(list(self.routes), np.diff(histories.offsets), side="right") - 1
        return {
            name: np.array([own[name] for own in routes], np.float32)[at][:, None]
            for name in self.parts
        }

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


def _candidates(features: NDArray[np.float32], hidden: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the best items of any part that tells items apart, features (n_items, n_parts)."""
    found = []
    for column in features.T:
        column = np.where(hidden, -np.inf, column)
        best = np.argpartition(-column, min(CANDIDATES, len(column) - 1))[:CANDIDATES]
        found.append(best[np.isfinite(column[best])])
    return np.unique(np.concatenate(found))
