"""The blend: scorers weighed against each other on held-out choices."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.split import HeldOut
from pennyweight.errors import BundleError
from pennyweight.scorers.blend_weights import FEW_NEW, draw, weigh
from pennyweight.scorers.content import Content
from pennyweight.scorers.item_vectors import TextRows
from pennyweight.scorers.linear import Linear
from pennyweight.scorers.neighbours import Neighbours
from pennyweight.scorers.new_items import Lift, lift
from pennyweight.scorers.popularity import Novelty, Popularity
from pennyweight.scorers.protocol import RowReader, Scale, Scorer, TextScorer
from pennyweight.scorers.repeat_consumption import RepeatConsumption
from pennyweight.scorers.sequence import Sequence as SequenceScorer
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.storage.arrays import read_arrays, write_arrays

__all__ = ["KINDS", "Blend"]

KINDS: Mapping[str, type[Scorer]] = {
    kind.name: kind
    for kind in (
        Popularity,
        Novelty,
        RepeatConsumption,
        Content,
        Neighbours,
        Linear,
        TwoTower,
        SequenceScorer,
    )
}
FILE = "blend.safetensors"
_ALIKE = (Popularity, Novelty)  # parts that score alike for every history


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
    learned_from
        Choices that the weights were learned from; None where they were given.
    lift
        What items without events are lifted by where no choice says how far, or would be with
        `Novelty` among the parts.
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
        self.learned_from: int | None = None
        self.lift: Lift | None = None

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
        texts: Sequence[str] | None = None,
        new_items: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Learn the weights on held-out choices of parts fitted to what came before.

        Few choices leave the weights near `DEFAULTS`, none leave these. An empty history
        teaches nothing, since for it only the order of popularity counts.

        Parameters
        ----------
        texts
            Those of the items, to see how far items without events have to be lifted where
            no choice says so.
        new_items
            Whether an item without events among the choices is a new one. It is not under
            leave-last-out, where its only events may have been held out.
        """
        rows = np.flatnonzero(held_out.histories.length > 0)
        rows = np.sort(rng.permutation(rows)[:max_users])
        drawn = draw(self, held_out, rows, progress)
        says = new_items and drawn.new >= FEW_NEW
        self.learned_from = len(drawn)
        length = held_out.histories.length
        self.weights, self.routes = weigh(self, drawn, length, rng, new=says)
        if not says:
            found = Lift() if texts is None else lift(self, held_out, texts, rng)
            self.lift = found
            self._lift_new(found)
        return self

    def _lift_new(self, lift: Lift) -> None:
        """Give novelty the weight that lifts items without events so far."""
        for name, part in self.parts.items():
            if isinstance(part, Novelty):
                part.live = lift.live / lift.listed if lift.listed > 0 else 0.0
                for own in (self.weights, *self.routes.values()):
                    own[name] = lift.listed

    def features(
        self, histories: Histories, *, among: int | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Return the parts' scores as they are weighed, each float32 (n, n_items).

        With `among`, only so many first items compete for being the best.
        """
        found = {}
        for name, part in self.parts.items():
            scores = part.score(histories)
            found[name] = scores / self._divisor(part.scale, scores[:, :among], histories)
        return found

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
        weights = self.weights_of(histories)
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

    def weights_of(self, histories: Histories) -> dict[str, NDArray[np.float32]]:
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
        popular = [isinstance(part, Popularity) for part in self.parts.values()]
        if any(popular):  # nothing else tells items apart for somebody unknown
            for weight, one in zip(found.values(), popular, strict=True):
                weight[length == 0] = 1.0 if one else 0.0
        return found

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the weighted sum over the parts that read, float32 (len(texts), n_items)."""
        total: NDArray[np.float32] | None = None
        for name, part in self.parts.items():
            if isinstance(part, TextScorer):
                scores = part.score_texts(texts)
                weight = max(self.weights[name], 0.05)  # a query is worth reading even so
                scores = scores * (np.float32(weight) / self._divisor(part.scale, scores, None))
                total = scores if total is None else total + scores
        if total is None:
            raise BundleError("this blend has no part that reads text; fit with content or tower")
        return total

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return each event's part of the weighted sum, float32 (len(codes), n_events)."""
        total = np.zeros((len(codes), len(history.item)), np.float32)
        for name, weight in self.weights_of(history).items():
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
        shares, weights = {}, self.weights_of(history)
        for name, scores in self.features(history).items():
            above = scores[0, codes] - scores[0].mean()
            shares[name] = (above * weights[name][0, 0]).astype(np.float32)
        return shares

    def with_novelty(self) -> "Blend":
        """Return a blend that lifts items without events, its novelty not yet fitted."""
        name = Novelty.name
        if name in self.parts or self.lift is None:
            return self
        other = Blend(
            {**self.parts, name: Novelty()}, self.weights, routes=self.routes, repeats=self.repeats
        )
        other.learned_from, other.lift = self.learned_from, self.lift
        other._lift_new(self.lift)
        return other

    def with_items(self, codes: NDArray[np.int32], texts: Sequence[str], n_items: int) -> "Blend":
        """Return a blend of parts that know the items; the weights stay."""
        return self.with_rows(codes, self.read(texts), n_items)

    def read(self, texts: Sequence[str]) -> TextRows:
        """Return what the parts that read make of some texts."""
        readers = [part for part in self.parts.values() if isinstance(part, RowReader)]
        return {name: rows for part in readers for name, rows in part.read(texts).items()}

    def with_rows(self, codes: NDArray[np.int32], rows: TextRows, n_items: int) -> "Blend":
        """Return a blend of parts that know the items; the weights stay."""
        parts = {
            name: part.with_rows(codes, rows, n_items)
            if isinstance(part, RowReader)
            else part.with_items(codes, (), n_items)
            for name, part in self.parts.items()
        }
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
