"""The search for smaller versions: encoders first, then the vectors of the best of them."""

import functools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.compression.encoder_variants import (
    Distillation,
    EncoderVariant,
    encoder_variants,
)
from pennyweight.compression.held_out import HeldOutFit, blend_of, text_component
from pennyweight.compression.resource_use import measure_resource_use
from pennyweight.compression.stages import PROMISING, format_stages, search_stages
from pennyweight.compression.tasks import HeldOutTasks
from pennyweight.compression.vector_formats import AS_IT_IS, EIGHT_BITS, STORAGES, VectorFormat
from pennyweight.config.budget import Budget, Task
from pennyweight.config.frontier import Point
from pennyweight.data.split import HeldOut
from pennyweight.encoders.protocol import Encoder
from pennyweight.evaluation.bootstrap import bootstrap, bootstrap_ratios
from pennyweight.evaluation.user_results import PRIMARY_METRIC
from pennyweight.fitting.stages import Stages
from pennyweight.progress.tracker import ExpectedStage
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.text_search import TextSearch

__all__ = ["Candidate", "Search", "number_of_variants"]

ORIGINAL = "original"
WORDS_SEARCH = "original, search with TF-IDF"


@dataclass(frozen=True)
class MeasuredVariant:
    """An encoder of texts, and the scorers learned with it.

    Attributes
    ----------
    replaced
        The component that encodes with it, by its id, with its vectors whole; empty where no
        component of the blend takes an encoder.
    weights
        A blend of the same components, whose weights, routes and search count.
    """

    variant: EncoderVariant
    replaced: Mapping[str, Scorer]
    weights: Scorer

    def among(self, scorers: Mapping[str, Scorer]) -> dict[str, Scorer]:
        """Return scorers with this one in its place."""
        return {**scorers, **self.replaced}


@dataclass(frozen=True)
class Candidate:
    """A smaller version of a blend: the encoder of texts, and how vectors are kept."""

    name: str
    measured: MeasuredVariant
    storage: VectorFormat

    def build(self, scorers: Mapping[str, Scorer], texts: Sequence[str]) -> Scorer:
        """Return the blend of fitted scorers, over items of these texts, as small as it says."""
        small = self.storage.quantize(self.measured.among(scorers), texts)
        return self.measured.weights.with_components(small)


class Search:
    """Measures candidates one after the other, all on the same held-out users.

    Attributes
    ----------
    folder
        Where cut models are, which candidates read from.
    coming
        Stages after the search, for the progress.
    candidates, points
        Those measured so far, in the same order; the parent first.
    tasks
        Tasks measured besides lists.
    """

    def __init__(
        self,
        parent: Recommender,
        stages: Stages,
        *,
        models: Distillation | None,
        folder: Path,
        coming: Sequence[ExpectedStage] = (),
        tasks: Sequence[Task] | None = None,
    ) -> None:
        self.trial, self.stages = HeldOutFit(parent, stages), stages
        self.names = tasks
        self.models, self.folder = models, folder
        self.coming = tuple(coming)
        self.candidates: list[Candidate] = []
        self.points: list[Point] = []
        self._reference: NDArray[np.float64] | None = None
        self._blend = blend_of(parent)
        self.tasks = self.tasks_of(self.trial.valid, half=0)
        self._of_tasks: dict[str, NDArray[np.float64]] | None = None
        self._searched: dict[str, dict[str, NDArray[np.float64]]] = {}  # by encoder variant

    def tasks_of(self, held_out: HeldOut, *, half: int) -> HeldOutTasks:
        """Return the tasks besides lists, on half of the queries and on some users."""
        trial = self.trial
        return HeldOutTasks.make(
            self.names, self._blend, trial.catalog, held_out, half=half, seed=trial.seed
        )

    def run(self) -> None:
        """Measure every candidate."""
        name = text_component(self._blend)
        scorer = {} if name is None else {name: self._blend.components[name]}
        original = MeasuredVariant(EncoderVariant(ORIGINAL, (), None), scorer, self._blend)
        measured = [original]
        at_first = self._unmeasured([original], (AS_IT_IS, EIGHT_BITS))
        variants = number_of_variants(self._blend, self.models)
        last = len(self._unmeasured([original], STORAGES) - at_first)
        self._expect(search_stages(variants, first=len(at_first), last=last))
        self._measure(original, (AS_IT_IS, EIGHT_BITS))
        if name is not None:
            for encoder_variant in self._variants(scorer[name].encoder):
                with self.stages.stage("learn weights"):
                    measured.append(self._learn_weights(name, encoder_variant))
                self._measure(measured[-1], (EIGHT_BITS,))
        searches = self._other_searches(measured)
        self._expect(format_stages(len(self.points) + 1, len(searches)))
        for variant in searches:
            self._measure(variant, (EIGHT_BITS,))
        promising = self._promising([*measured, *searches])
        self._expect(
            format_stages(len(self.points) + 1, len(self._unmeasured(promising, STORAGES)))
        )
        for variant in promising:
            self._measure(variant, STORAGES)

    def _expect(self, stages: Iterable[ExpectedStage]) -> None:
        self.stages.tracker.expect([*stages, *self.coming])

    def _unmeasured(
        self, variants: Sequence[MeasuredVariant], storages: Sequence[VectorFormat]
    ) -> set[str]:
        """Return the names of the candidates that are not measured yet."""
        names = {
            self._candidate_name(variant, storage) for variant in variants for storage in storages
        }
        return names - {point.name for point in self.points}

    def _variants(self, encoder: Encoder | None) -> Iterator[EncoderVariant]:
        """Yield encoders to put in the place of one."""
        if self.models is not None:
            train = functools.partial(self.trial.distil, steps=self.models.steps)
            for variant in encoder_variants(
                self.models,
                self.trial.catalog.texts,
                self.folder,
                train=train if self.models.steps else None,
                progress=functools.partial(self.stages.tracker, "make readers"),
            ):
                fingerprint = None if encoder is None else encoder.fingerprint
                if variant.encoder is None or variant.encoder.fingerprint != fingerprint:
                    yield variant
        if encoder is not None:
            yield EncoderVariant("TF-IDF", ("no language model in content",), None)

    def _learn_weights(self, name: str, variant: EncoderVariant) -> MeasuredVariant:
        """Fit a component with an encoder, and learn the weights of the blend it is part of."""
        scorer = self._blend.components[name].with_encoder(variant.encoder)
        replaced = {name: self.trial.fit_texts(scorer)}
        weights = Blend({**self.trial.components, **replaced}, repeats=self.trial.repeats)
        learned = self.trial.weigh(weights).with_search(self._search_with(variant.search_encoder))
        return MeasuredVariant(variant, replaced, learned)

    def _search_with(self, encoder: Encoder | None) -> TextSearch | None:
        """Return the parent's search, with another encoder where it has a language model."""
        search = self._blend.search
        if search is None or search.language_model is None:
            return search
        return None if encoder is None else search.with_encoder(encoder, self.trial.catalog)

    def _other_searches(self, measured: Sequence[MeasuredVariant]) -> list[MeasuredVariant]:
        """Return candidates that search with another encoder than the lists have.

        TF-IDF where a static table searches; and for lists by TF-IDF, the search of the static
        table, and that of the smallest encoder that keeps 99 % of the search.
        """
        search = self._blend.search
        if search is None:
            return []
        original, *others = measured
        if search.language_model is None:
            variant = EncoderVariant(WORDS_SEARCH, ("no language model in the search",), None)
            weights = original.weights.with_search(None)
            return [MeasuredVariant(variant, original.replaced, weights)]
        lists = [one for one in others if one.variant.encoder is None]
        dense = [one for one in others if one.variant.encoder is not None]
        sizes = {point.name: point.encoder_bytes for point in self.points}
        keeping = [one for one in dense if self._keeps_search(one)]
        chosen = {one.variant.name: one for one in dense[-1:]}
        if keeping:
            best = min(keeping, key=lambda one: sizes[self._candidate_name(one, EIGHT_BITS)])
            chosen[best.variant.name] = best
        return [_mixed(words, other) for words in lists for other in chosen.values()]

    def _keeps_search(self, measured: MeasuredVariant) -> bool:
        name = self._candidate_name(measured, EIGHT_BITS)
        (point,) = (point for point in self.points if point.name == name)
        budget = Budget(max_loss=0.01, tasks=("search",))
        return not point.excess(budget)

    def _promising(self, measured: Sequence[MeasuredVariant]) -> list[MeasuredVariant]:
        """Return some variants, the smallest that no other beats first, vectors in 8 bits."""
        by_name = {self._candidate_name(variant, EIGHT_BITS): variant for variant in measured}
        points = [point for point in self.points if point.name in by_name]

        def order(point: Point) -> tuple[bool, int]:
            return any(point.beaten_by(rival) for rival in points), point.nbytes

        return [by_name[point.name] for point in sorted(points, key=order)[:PROMISING]]

    def _measure(self, measured: MeasuredVariant, storages: Sequence[VectorFormat]) -> None:
        for storage in storages:
            candidate = Candidate(self._candidate_name(measured, storage), measured, storage)
            if any(
                point.name == candidate.name for point in self.points
            ):  # nothing it could change
                continue
            with self.stages.stage(f"measure candidate {len(self.candidates) + 1}"):
                self.points.append(self._point(candidate))
                self.candidates.append(candidate)

    def _format(self, measured: MeasuredVariant, storage: VectorFormat) -> tuple[str, ...]:
        name = storage.name(measured.among(self.trial.components))
        return (name,) if name else ()

    def _candidate_name(self, measured: MeasuredVariant, storage: VectorFormat) -> str:
        return "; ".join((measured.variant.name, *self._format(measured, storage)))

    def _point(self, candidate: Candidate) -> Point:
        trial = self.trial
        blend = candidate.build(trial.components, trial.catalog.texts)
        scorers: dict[str, Scorer] = {"blend": blend}
        for name in candidate.measured.replaced:
            scorers["content"] = blend.components[name]
        by_scorer = {
            name: results.column(PRIMARY_METRIC) for name, results in trial.measure(scorers).items()
        }
        if self._reference is None:
            self._reference = by_scorer["blend"]
        of_tasks = self._task_values(candidate.measured, blend)
        if self._of_tasks is None:
            self._of_tasks = of_tasks
        values = np.column_stack([*by_scorer.values(), self._reference])
        sampling = {"resamples": trial.resamples, "rng": trial.seed}
        means = dict(zip(by_scorer, bootstrap(values, **sampling), strict=False))
        (retained,) = bootstrap_ratios(values, [(0, values.shape[1] - 1)], **sampling)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            place = Path(folder) / "candidate"
            Recommender(trial.catalog, blend, repeats=trial.repeats).save(place)
            encoder = blend.encoder_nbytes(place / "scorer")
            resources = measure_resource_use(place)
        return Point(
            name=candidate.name,
            steps=(
                *candidate.measured.variant.steps,
                *self._format(candidate.measured, candidate.storage),
            ),
            quality=means["blend"].measured(),
            relative_quality=retained.measured(),
            content=means["content"].measured() if "content" in means else None,
            encoder_bytes=encoder,
            index_bytes=blend.vector_nbytes,
            tasks=self.tasks.results(of_tasks, self._of_tasks, **sampling),
            **resources.model_dump(),
        )

    def _task_values(
        self, measured: MeasuredVariant, blend: Scorer
    ) -> dict[str, NDArray[np.float64]]:
        """Return the value of each case of the tasks besides lists."""
        name = measured.variant.name
        # The vectors of a search keep their format: one measurement stands for all.
        known = self._searched.get(name) if blend.search is not None else None
        searched = self.tasks.search(blend) if known is None else known
        self._searched[name] = searched
        return {**searched, **self.tasks.rank_new_items(blend)}


def _mixed(lists: MeasuredVariant, searching: MeasuredVariant) -> MeasuredVariant:
    """Return the lists of one variant with the search of another."""
    name = f"{lists.variant.name}, search with {searching.variant.name}"
    steps = (*lists.variant.steps, *(f"search: {step}" for step in searching.variant.steps))
    weights = lists.weights.with_search(searching.weights.search)
    return MeasuredVariant(EncoderVariant(name, steps, None), lists.replaced, weights)


def number_of_variants(blend: Scorer, models: Distillation | None) -> int:
    """Return the number of encoders that are measured in the place of the parent's."""
    name = text_component(blend)
    if name is None:
        return 0
    of_words = blend.components[name].encoder is not None
    return of_words + (models.n_variants if models is not None else 0)
