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
from pennyweight.compression.vector_formats import AS_IT_IS, EIGHT_BITS, STORAGES, VectorFormat
from pennyweight.config.frontier import Point
from pennyweight.encoders.protocol import Encoder
from pennyweight.evaluation.bootstrap import bootstrap, bootstrap_ratios
from pennyweight.evaluation.user_results import PRIMARY_METRIC
from pennyweight.fitting.stages import Stages
from pennyweight.progress.tracker import ExpectedStage
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.protocol import Scorer

__all__ = ["Candidate", "Search", "number_of_variants"]

ORIGINAL = "original"


@dataclass(frozen=True)
class MeasuredVariant:
    """An encoder of texts, and the scorers learned with it.

    Attributes
    ----------
    replaced
        The component that encodes with it, by its id, with its vectors whole; empty where no
        component of the blend takes an encoder.
    weights
        A blend of the same components, whose weights and routes count.
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
    """

    def __init__(
        self,
        parent: Recommender,
        stages: Stages,
        *,
        models: Distillation | None,
        folder: Path,
        coming: Sequence[ExpectedStage] = (),
    ) -> None:
        self.trial, self.stages = HeldOutFit(parent, stages), stages
        self.models, self.folder = models, folder
        self.coming = tuple(coming)
        self.candidates: list[Candidate] = []
        self.points: list[Point] = []
        self._reference: NDArray[np.float64] | None = None
        self._blend = blend_of(parent)

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
        promising = self._promising(measured)
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
        weights = Blend(
            {**self.trial.components, **replaced},
            repeats=self.trial.repeats,
            search=self._blend.search,
        )
        return MeasuredVariant(variant, replaced, self.trial.weigh(weights))

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
            **resources.model_dump(),
        )


def number_of_variants(blend: Scorer, models: Distillation | None) -> int:
    """Return the number of encoders that are measured in the place of the parent's."""
    name = text_component(blend)
    if name is None:
        return 0
    of_words = blend.components[name].encoder is not None
    return of_words + (models.n_variants if models is not None else 0)
