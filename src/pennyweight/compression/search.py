"""Down the ladder: readers first, then how the vectors of the best of them are kept."""

import functools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.compression.encoder_variants import EncoderVariant, readers
from pennyweight.compression.held_out import HeldOutFit, blend_of, content_of
from pennyweight.compression.resource_use import encoder_bytes, measure_resource_use
from pennyweight.compression.vector_formats import AS_IT_IS, EIGHT_BITS, STORAGES, VectorFormat
from pennyweight.config.frontier import Point
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.evaluation.bootstrap import bootstrap, bootstrap_ratios
from pennyweight.evaluation.user_results import JUDGED_BY
from pennyweight.fitting.stages import Stages
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.two_tower import TwoTower

__all__ = ["Candidate", "Search"]

WHOLE = "original"
PROMISING = 3  # readers whose vectors are made smaller still


@dataclass(frozen=True)
class MeasuredVariant:
    """What reads the texts, and what was learned with it.

    Attributes
    ----------
    content
        The content scorer with its vectors whole; None where the blend has none.
    weights
        A blend of the same parts, whose weights and routes count.
    """

    reader: EncoderVariant
    content: Content | None
    weights: Blend

    def among(self, parts: Mapping[str, Scorer]) -> dict[str, Scorer]:
        """Return parts with this content scorer for theirs."""
        return {**parts, **({} if self.content is None else {"content": self.content})}


@dataclass(frozen=True)
class Candidate:
    """A smaller version of a blend: what reads, and how vectors are kept."""

    name: str
    reading: MeasuredVariant
    storage: VectorFormat

    def build(self, parts: Mapping[str, Scorer], texts: Sequence[str]) -> Blend:
        """Return the blend of fitted parts, over items of these texts, as small as it says."""
        small, weights = self.storage.keep(self.reading.among(parts), texts), self.reading.weights
        return Blend(small, weights.weights, routes=weights.routes, repeats=weights.repeats)


class Search:
    """Measures candidates one after the other, all on the same held-out users.

    Attributes
    ----------
    folder
        Where cut models are, which candidates read from.
    candidates, points
        Those measured so far, in the same order; the parent first.
    """

    def __init__(
        self,
        parent: Recommender,
        stages: Stages,
        *,
        model: TransformerEncoder | None,
        folder: Path,
        distil: int = 0,
    ) -> None:
        self.trial, self.stages = HeldOutFit(parent, stages), stages
        self.model, self.folder, self.distil = model, folder, distil
        self.candidates: list[Candidate] = []
        self.points: list[Point] = []
        self._whole: NDArray[np.float64] | None = None
        self._blend = blend_of(parent)

    def run(self) -> None:
        """Measure every candidate."""
        content = content_of(self._blend)
        readings = [MeasuredVariant(EncoderVariant(WHOLE, (), None), content, self._blend)]
        self._measure(readings[0], (AS_IT_IS, EIGHT_BITS))
        if content is not None:
            for reader in self._readers(content):
                with self.stages.stage("learn weights"):
                    readings.append(self._learned(reader, content.decay))
                self._measure(readings[-1], (EIGHT_BITS,))
        for reading in self._promising(readings):
            self._measure(reading, STORAGES)

    def _readers(self, content: Content) -> Iterator[EncoderVariant]:
        if self.model is not None:
            train = functools.partial(self.trial.distil, steps=self.distil)
            own = content.encoder.fingerprint if content.encoder is not None else None
            texts = self.trial.catalog.texts
            for reader in readers(
                self.model,
                texts,
                self.folder,
                train=train if self.distil else None,
                progress=functools.partial(self.stages.tell, "make readers"),
            ):
                if reader.encoder is None or reader.encoder.fingerprint != own:
                    yield reader
        if content.encoder is not None:
            yield EncoderVariant("TF-IDF", ("no language model in content",), None)

    def _learned(self, reader: EncoderVariant, decay: float) -> MeasuredVariant:
        """Fit content with a reader, and learn the weights of the blend it is part of."""
        found = self.trial.read(Content(reader.encoder, decay=decay))
        weights = Blend({**self.trial.parts, "content": found}, repeats=self._blend.repeats)
        return MeasuredVariant(reader, found, self.trial.weigh(weights))

    def _promising(self, readings: Sequence[MeasuredVariant]) -> list[MeasuredVariant]:
        """Return some readings, the smallest that no other beats first, vectors in 8 bits."""
        named = {self._named(reading, EIGHT_BITS): reading for reading in readings}
        points = [point for point in self.points if point.name in named]

        def order(point: Point) -> tuple[bool, int]:
            return any(point.beaten_by(rival) for rival in points), point.nbytes

        return [named[point.name] for point in sorted(points, key=order)[:PROMISING]]

    def _measure(self, reading: MeasuredVariant, storages: Sequence[VectorFormat]) -> None:
        for storage in storages:
            candidate = Candidate(self._named(reading, storage), reading, storage)
            if any(
                point.name == candidate.name for point in self.points
            ):  # nothing it could change
                continue
            with self.stages.stage(f"measure candidate {len(self.candidates) + 1}"):
                self.points.append(self._point(candidate))
                self.candidates.append(candidate)

    def _kept(self, reading: MeasuredVariant, storage: VectorFormat) -> tuple[str, ...]:
        kept = storage.name(reading.among(self.trial.parts))
        return (kept,) if kept else ()

    def _named(self, reading: MeasuredVariant, storage: VectorFormat) -> str:
        return "; ".join((reading.reader.name, *self._kept(reading, storage)))

    def _point(self, candidate: Candidate) -> Point:
        trial = self.trial
        blend = candidate.build(trial.parts, trial.catalog.texts)
        judged: dict[str, Scorer] = {"blend": blend}
        if "content" in blend.parts:
            judged["content"] = blend.parts["content"]
        found = {name: one.column(JUDGED_BY) for name, one in trial.judge(judged).items()}
        if self._whole is None:
            self._whole = found["blend"]
        values = np.column_stack([*found.values(), self._whole])
        drawn = {"resamples": trial.resamples, "rng": trial.seed}
        means = dict(zip(found, bootstrap(values, **drawn), strict=False))
        (kept,) = bootstrap_ratios(values, [(0, values.shape[1] - 1)], **drawn)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            place = Path(folder) / "candidate"
            Recommender(trial.catalog, blend, repeats=trial.repeats).save(place)
            read, index = encoder_bytes(place / "scorer", blend), _index_bytes(blend)
            weighed = measure_resource_use(place)
        return Point(
            name=candidate.name,
            steps=(
                *candidate.reading.reader.steps,
                *self._kept(candidate.reading, candidate.storage),
            ),
            quality=means["blend"].measured(),
            kept=kept.measured(),
            content=means["content"].measured() if "content" in means else None,
            encoder_bytes=read,
            index_bytes=index,
            **weighed.model_dump(),
        )


def _index_bytes(blend: Blend) -> int:
    """Return the bytes of the item vectors in memory."""
    total = 0
    for part in blend.parts.values():
        if isinstance(part, Content):
            total += part.nbytes
        elif isinstance(part, TwoTower):
            total += part.items.nbytes + part.histories.nbytes
    return total
