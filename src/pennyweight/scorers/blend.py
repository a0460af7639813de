"""The blend: scorers weighed against each other on held-out choices."""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.split import HeldOut
from pennyweight.errors import BundleError, PlanError
from pennyweight.scorers.attribution import Attribution, ComponentScores
from pennyweight.scorers.blend_attribution import BlendAttribution
from pennyweight.scorers.blend_weights import MIN_NEW, draw, weigh
from pennyweight.scorers.item_vectors import ItemVectors, TextVectors
from pennyweight.scorers.new_items import Lift, lift
from pennyweight.scorers.popularity import Novelty
from pennyweight.scorers.protocol import Evidence, Progress, Scale, Scorer
from pennyweight.scorers.ranking_trees import RankingTrees
from pennyweight.scorers.registry import load_scorer
from pennyweight.scorers.text_search import TextSearch
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.list_work import ListWork

__all__ = ["Blend"]

FILE = "blend.safetensors"
SEARCH, SEARCH_WORDS = "text-search", "text-search-words"  # folders, and names of vectors
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.IGNORECASE)  # a folder of the bundle


class Blend(Scorer):
    """Score = sum of the components' scores, each times its weight.

    Components on the ``relative`` scale are first divided by their best score among the items
    the history does not hold. Weights are those of a conditional logit (McFadden 1974):
    the probability of the held-out item among the components' candidates is largest. Only
    popularity may count against an item; the others weigh zero or more. Where it pays,
    histories of different length have different weights (see `route`).

    Parameters
    ----------
    components
        Fitted scorers by id, in order. Several may be of one kind.
    weights
        Weights of the components, by id; missing ones are zero.
    routes
        Minimum length of a history -> its weights, by id.
    repeats
        Whether items of the history compete for being the best.
    search
        Scores free texts in place of the components.

    Attributes
    ----------
    learned_from
        Number of choices that the weights were learned from; None without learning.
    lift
        Lift of items without events where no choice teaches it, or the one they would have
        with `Novelty` among the components.
    trees
        Rank the best items again, see `pennyweight.ranking.reranking`; `score` is without them.

    Raises
    ------
    PlanError
        An id cannot be the name of a folder.
    """

    kind = "blend"
    scale: Scale = "log-odds"
    evidence: Evidence = "text and behavior"

    def __init__(
        self,
        components: Mapping[str, Scorer],
        weights: Mapping[str, float] | None = None,
        *,
        routes: Mapping[int, Mapping[str, float]] | None = None,
        repeats: Literal["exclude", "include"] = "exclude",
        search: TextSearch | None = None,
    ) -> None:
        for name in components:
            if not ID.fullmatch(name) or name.startswith(SEARCH):
                raise PlanError(
                    f"scorer id {name!r}: use letters, digits, - and _ only, 64 at most, and begin "
                    f"with a letter or digit, but not with {SEARCH!r}"
                )
        self._components = dict(components)
        initial = dict.fromkeys(components, 1.0) if weights is None else weights
        self.weights = {name: float(initial.get(name, 0.0)) for name in components}
        self.routes: dict[int, dict[str, float]] = {
            min_length: dict(route) for min_length, route in sorted((routes or {}).items())
        }
        self.repeats = repeats
        self.learned_from: int | None = None
        self.lift: Lift | None = None
        self.trees: RankingTrees | None = None
        self.search = search
        self.scores_texts = any(component.scores_texts for component in components.values())

    @property
    def components(self) -> dict[str, Scorer]:
        """The scorers by id."""
        return self._components

    @property
    def component_weights(self) -> Mapping[str, float]:
        """The weight of each component, those for histories of some lengths aside."""
        return self.weights

    def with_components(self, components: Mapping[str, Scorer]) -> "Blend":
        """Return a blend of other components with these weights, and with the trees if they fit."""
        search = None if self.search is None else self.search.with_words(components)
        other = Blend(
            components, self.weights, routes=self.routes, repeats=self.repeats, search=search
        )
        if self.trees is not None and self.trees.fits(other):
            other.trees = self.trees
        return other

    def with_search(self, search: TextSearch | None) -> "Blend":
        """Return the same blend with another search; None to search with the components."""
        other = self.with_components(self.components)
        other.search = search
        return other

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Fit every component; the weights stay."""
        for component in self.components.values():
            component.fit(interactions, catalog, progress=progress)
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
        """Learn the weights on held-out choices of components fitted to earlier events.

        Few choices leave the weights near `DEFAULTS`, none leave these. An empty history
        teaches nothing, since for it only the order of popularity counts.

        Parameters
        ----------
        texts
            Those of the items, to see how far items without events have to be lifted where
            no choice teaches it.
        new_items
            Whether an item without events among the choices is a new one. It is not under
            leave-last-out, where its only events may have been held out.
        """
        rows = np.flatnonzero(held_out.histories.length > 0)
        rows = np.sort(rng.permutation(rows)[:max_users])
        sample = draw(self, held_out, rows, progress)
        has_new = new_items and sample.new >= MIN_NEW
        self.learned_from = len(sample)
        length = held_out.histories.length
        self.weights, self.routes = weigh(self, sample, length, rng, new=has_new)
        if not has_new:
            self.lift = Lift() if texts is None else lift(self, held_out, texts, rng)
            self._lift_new(self.lift)
        return self

    def _lift_new(self, lift: Lift) -> None:
        """Give novelty the weight that lifts items without events this far."""
        for name, component in self.components.items():
            if component.lifts_new_items:
                live = lift.live / lift.listed if lift.listed > 0 else 0.0
                component.choose("live", live)
                for route in (self.weights, *self.routes.values()):
                    route[name] = lift.listed

    def features(
        self, histories: Histories, *, among: int | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Return the components' scores as they are weighed, each float32 (n, n_items).

        With `among`, only this many first items compete for being the best.
        """
        features = {}
        for name, component in self.components.items():
            scores = component.score(histories)
            features[name] = scores / self._divisor(component.scale, scores[:, :among], histories)
        return features

    def _divisor(
        self, scale: Scale, scores: NDArray[np.float32], histories: Histories | None
    ) -> NDArray[np.float32]:
        """Return the divisor of each row, float32 (n, 1)."""
        if scale == "log-odds":
            return np.ones((len(scores), 1), np.float32)
        hides = histories is not None and self.repeats == "exclude"
        if histories is None or not hides:
            best = scores.max(axis=1, keepdims=True, initial=0)
        else:  # without a copy, which would cost as much again
            history_cells = histories.row, histories.item
            saved = scores[history_cells]
            scores[history_cells] = 0
            best = scores.max(axis=1, keepdims=True, initial=0)
            scores[history_cells] = saved
        return np.where(best > 0, best, 1).astype(np.float32)

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return the weighted sum, float32 (n, n_items)."""
        return self._score(histories)

    def attribute(self, histories: Histories) -> tuple[NDArray[np.float32], list[Attribution]]:
        """Return the weighted sum, and attributions that hold the scores of the components."""
        scored: dict[str, ComponentScores] = {}
        total = self._score(histories, scored)
        return total, [
            BlendAttribution(self, histories.block(row, row + 1), scored, row)
            for row in range(len(histories))
        ]

    def _score(
        self, histories: Histories, scored: dict[str, ComponentScores] | None = None
    ) -> NDArray[np.float32]:
        """Return the weighted sum; add the components' scores to `scored` where it is given."""
        total: NDArray[np.float32] | None = None
        weights = self.weights_of(histories)
        # The same for every history come last, when it is known whether others decide anything.
        for name in self._in_order():
            component, weight = self.components[name], weights[name]
            if component.is_fallback and (weight < 0).any():
                weight = _flip_negative(weight, total)
            if not weight.any():
                continue
            scores = component.score(histories)
            divisor = self._divisor(component.scale, scores, histories)
            scores *= weight / divisor
            if scored is not None:
                scored[name] = ComponentScores(scores, weight, divisor)
                scores = scores.copy() if total is None else scores
            total = scores if total is None else np.add(total, scores, out=total)
        if total is None:  # every weight is zero
            return np.zeros_like(next(iter(self.components.values())).score(histories))
        return total.astype(np.float32, copy=False)

    def _in_order(self) -> list[str]:
        """Return the ids, last those of components that score alike for every history."""

        def order(name: str) -> int:
            component = self.components[name]
            return 0 if component.is_personal else 1 if component.is_fallback else 2

        return sorted(self.components, key=order)

    def weights_of(self, histories: Histories) -> dict[str, NDArray[np.float32]]:
        """Return the weight of each component for each history, float32 (n, 1)."""
        length = np.diff(histories.offsets)
        sets = [self.weights] if not self.routes else list(self.routes.values())
        at = np.zeros(len(length), np.int64)
        if self.routes:
            at = np.searchsorted(list(self.routes), length, side="right") - 1
        weights = {
            name: np.array([route[name] for route in sets], np.float32)[at][:, None]
            for name in self.components
        }
        fallbacks = [component.is_fallback for component in self.components.values()]
        if any(fallbacks):  # nothing else distinguishes items for an unknown user
            for weight, is_fallback in zip(weights.values(), fallbacks, strict=True):
                weight[length == 0] = 1.0 if is_fallback else 0.0
        return weights

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the scores of free texts, float32 (len(texts), n_items).

        Those of the search; without one, the weighted sum of the components that score texts.
        """
        if self.search is not None:
            return self.search.score_texts(texts)
        total: NDArray[np.float32] | None = None
        for name, component in self.components.items():
            if component.scores_texts:
                scores = component.score_texts(texts)
                weight = max(self.weights[name], 0.05)  # so that a text query always counts
                divisor = self._divisor(component.scale, scores, None)
                scores = scores * (np.float32(weight) / divisor)
                total = scores if total is None else total + scores
        return super().score_texts(texts) if total is None else total

    def contributions(
        self,
        history: Histories,
        codes: NDArray[np.int32],
        *,
        divisors: Mapping[str, np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Return the addition of each event to the weighted sum, float32 (len(codes), n_events).

        `divisors` are those of components that have been scored.
        """
        total = np.zeros((len(codes), len(history.item)), np.float32)
        for name, weight in self.weights_of(history).items():
            if not weight.any():
                continue
            component, divisor = self.components[name], np.float32(1)
            if divisors is not None and name in divisors:
                divisor = divisors[name]
            elif component.scale == "relative":
                divisor = self._divisor(component.scale, component.score(history), history)[0, 0]
            total += component.contributions(history, codes) * (weight[0, 0] / divisor)
        return total

    def component_shares(
        self, history: Histories, codes: NDArray[np.int32]
    ) -> dict[str, NDArray[np.float32]]:
        """Return each component's addition to some items over the average item, (len(codes),)."""
        weights = self.weights_of(history)
        return {
            name: ((scores[0, codes] - scores[0].mean()) * weights[name][0, 0]).astype(np.float32)
            for name, scores in self.features(history).items()
        }

    def with_novelty(self) -> "Blend":
        """Return a blend that lifts items without events, its novelty not yet fitted."""
        lifted = any(component.lifts_new_items for component in self.components.values())
        if lifted or self.lift is None:
            return self
        other = self.with_components({**self.components, Novelty.kind: Novelty()})
        other.learned_from, other.lift = self.learned_from, self.lift
        other._lift_new(self.lift)
        return other

    def shared_terms(self, code: int, other: int, *, limit: int = 3) -> list[str]:
        """Return the words that two items share, from the first component with any."""
        for component in self.components.values():
            terms = component.shared_terms(code, other, limit=limit)
            if terms:
                return terms
        return []

    @property
    def text_vectors(self) -> ItemVectors | None:
        """The text vectors of the first component that has some."""
        vectors_of_components = (component.text_vectors for component in self.components.values())
        return next((vectors for vectors in vectors_of_components if vectors is not None), None)

    @property
    def nbytes(self) -> int:
        """Bytes of all components, of the search and of the trees."""
        others = [part.nbytes for part in (self.search, self.trees) if part is not None]
        return sum(others) + sum(component.nbytes for component in self.components.values())

    def list_work(self, n_events: int) -> ListWork:
        """Return the work of all components."""
        works = (component.list_work(n_events) for component in self.components.values())
        return sum(works, ListWork())

    @property
    def vector_nbytes(self) -> int:
        """Bytes of the item vectors of all components, and of the search."""
        search = 0 if self.search is None else self.search.vector_nbytes
        return search + sum(component.vector_nbytes for component in self.components.values())

    def encoder_nbytes(self, folder: Path) -> int:
        """Return the bytes of all that encodes texts, as saved to a folder."""
        search = 0 if self.search is None else self.search.encoder_nbytes(folder / SEARCH)
        parts = (c.encoder_nbytes(folder / name) for name, c in self.components.items())
        return search + sum(parts)

    def encode_texts(self, texts: Sequence[str]) -> TextVectors:
        """Return the vectors of texts of all components, keyed by the component's id."""
        return {
            f"{name}/{key}": vectors
            for name, part in self._text_encoders().items()
            for key, vectors in part.encode_texts(texts).items()
        }

    def _text_encoders(self) -> dict[str, Scorer]:
        """Return all that encodes texts, by id: the components, and the parts of the search."""
        parts = dict(self.components)
        if self.search is not None:
            parts[SEARCH] = self.search.embeddings
            parts[self.search.words_id or SEARCH_WORDS] = self.search.words
        return parts

    def without_vector(self, vectors: TextVectors) -> Set[int]:
        """Return which texts lack the vector of a component."""
        parts = self._text_encoders().items()
        return frozenset().union(*(p.without_vector(_of_part(vectors, name)) for name, p in parts))

    def with_vectors(self, codes: NDArray[np.int32], vectors: TextVectors, n_items: int) -> "Blend":
        """Return a blend whose components have the vectors; the weights stay."""
        grown = {}
        rows: dict[str, TextVectors] = {}
        for name, part in self._text_encoders().items():
            rows[name] = _of_part(vectors, name)
            if name != SEARCH:
                grown[name] = part.with_vectors(codes, rows[name], n_items)
        other = self.with_components({name: grown[name] for name in self.components})
        if self.search is not None:
            words = self.search.words_id or SEARCH_WORDS
            other.search = self.search.with_vectors(
                codes, rows[SEARCH], (grown[words], rows[words]), n_items
            )
        return other

    def save(self, folder: Path) -> None:
        """Write ``blend.safetensors``, the trees, and a folder a component, named by its id."""
        for name, component in self.components.items():
            component.save(folder / name)
        settings: dict[str, Any] = {
            "components": [{"id": name, "kind": c.kind} for name, c in self.components.items()],
            "repeats": self.repeats,
        }
        if self.search is not None:
            settings["search"] = self.search.save(folder / SEARCH, folder / SEARCH_WORDS)
        arrays = {"weights": np.array(list(self.weights.values()), np.float64)}
        if self.routes:
            arrays["route_lengths"] = np.array(list(self.routes), np.int64)
            rows = [[route[name] for name in self.components] for route in self.routes.values()]
            arrays["route_weights"] = np.array(rows, np.float64)
        write_arrays(folder / FILE, arrays, settings)
        if self.trees is not None:
            self.trees.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote."""
        arrays, settings = read_arrays(folder / FILE)
        kinds = {component["id"]: component["kind"] for component in settings["components"]}
        if not all(map(ID.fullmatch, kinds)):
            raise BundleError(f"{folder / FILE}: an id is no name of a folder; save it again")
        components = {name: load_scorer(kind, folder / name) for name, kind in kinds.items()}
        weights = dict(zip(components, arrays["weights"].tolist(), strict=True))
        routes = {}
        if "route_lengths" in arrays:
            rows = arrays["route_weights"].tolist()
            lengths = arrays["route_lengths"].tolist()
            routes = {
                min_length: dict(zip(components, row, strict=True))
                for min_length, row in zip(lengths, rows, strict=True)
            }
        search = None
        if "search" in settings:
            places = folder / SEARCH, folder / SEARCH_WORDS
            search = TextSearch.load(*places, settings["search"], components)
        blend = cls(components, weights, routes=routes, repeats=settings["repeats"], search=search)
        blend.trees = RankingTrees.load(folder)
        if blend.trees is not None and not blend.trees.fits(blend):
            raise BundleError(f"{folder}: the ranking stage is of another blend; fit again")
        return blend

    def check(self) -> None:
        """Check every component, and the search."""
        for part in self._text_encoders().values():
            part.check()


def _of_part(vectors: TextVectors, name: str) -> TextVectors:
    """Return the vectors that `Blend.encode_texts` has of one component, by their own keys."""
    prefix = f"{name}/"
    return {k.removeprefix(prefix): v for k, v in vectors.items() if k.startswith(prefix)}


def _flip_negative(
    weight: NDArray[np.float32], others: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Negate weights below zero where the other components distinguish no items, (n, 1)."""
    flat: NDArray[np.bool_] | bool = True
    if others is not None:
        flat = (others.max(axis=1) == others.min(axis=1))[:, None]
    return np.where(flat, np.abs(weight), weight)
