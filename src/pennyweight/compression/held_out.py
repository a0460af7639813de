"""The parent learned again from training data, so that what is held out can judge its children."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pennyweight.compression.encoder_variants import teacher_of
from pennyweight.config.plan import Plan
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import HeldOut, Protocol, default_protocol, split
from pennyweight.encoders.static import distil
from pennyweight.encoders.tuned import default_dim
from pennyweight.encoders.weights import Weights
from pennyweight.errors import DataError
from pennyweight.evaluation.measure import PerUser, measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.fitting.components import BY_TIME, Encoders, build_parts, choose_encoders
from pennyweight.fitting.forecast import BLENDED, MEASURED, TUNED
from pennyweight.fitting.stages import Stages
from pennyweight.fitting.tune import choose_decay, fit_showing, sample
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.popularity import Novelty
from pennyweight.scorers.protocol import Scorer

__all__ = ["HeldOutFit", "blend_of", "content_of"]

BATCH = 32  # pairs in a step of distillation


def blend_of(parent: Recommender) -> Blend:
    """Return a recommender's blend; `DataError` where it has none, or no events to judge by."""
    if not isinstance(parent.scorer, Blend):
        raise DataError(f"the scorer is a {parent.scorer.name}; compress what `fit` has made")
    if parent.interactions is None:
        raise DataError("this bundle keeps no events, and without them quality cannot be measured")
    return parent.scorer


def content_of(blend: Blend) -> Content | None:
    """Return the content scorer of a blend, if it has one."""
    found = blend.parts.get("content")
    return found if isinstance(found, Content) else None


class HeldOutFit:
    """One data split, and the parent's parts fitted to either side of it.

    Attributes
    ----------
    protocol
        That of the parent's report.
    valid
        Users whose held-out events judge the candidates.
    parts
        The parent's scorers, fitted to what came before `valid`; their settings, such as decay
        and epochs, are the parent's.
    """

    def __init__(self, parent: Recommender, stages: Stages) -> None:
        blend, log = blend_of(parent), parent.interactions
        assert log is not None
        self.parent, self.stages, self.catalog = parent, stages, parent.catalog
        self.repeats: Repeats = parent.repeats
        plan = parent.plan or Plan()
        self.seed, self.resamples = plan.evaluate.seed, plan.evaluate.bootstrap
        self.protocol: Protocol = plan.evaluate.protocol or default_protocol(log)
        with stages.stage("split"):
            most = plan.evaluate.max_users or MEASURED.of(len(self.catalog))
            self._split = split(log, self.protocol, max_users=most, rng=self.rng())
        if not len(self._split.valid):
            raise DataError("no event could be held out; comparing candidates takes more events")
        self._few = sample(self._split.valid, TUNED.of(len(self.catalog)), self.rng())
        self.valid = sample(self._split.valid, BLENDED.of(len(self.catalog)), self.rng())
        with stages.stage("read"):
            encoders = _encoders(parent, plan)
        names = tuple(blend.parts)
        self.parts = build_parts(names, encoders, repeats=self.repeats, seed=self.seed)
        for name, part in self.parts.items():
            for setting in ("decay", "epochs", "newest"):
                if hasattr(blend.parts[name], setting):
                    setattr(part, setting, getattr(blend.parts[name], setting))
        content = content_of(blend)
        if content is not None:  # looks at no events
            self.parts["content"] = content
        self._fit(self._split.valid.before, "learn")

    def rng(self) -> np.random.Generator:
        """Return the same generator each time, so that rivals are judged on the same users."""
        return np.random.default_rng(self.seed)

    def read(self, content: Content) -> Content:
        """Fit a content scorer and choose its decay."""
        content.fit(self._split.valid.before, self.catalog)
        choose_decay(content, self._few, self.repeats)
        return content

    def weigh(self, blend: Blend) -> Blend:
        """Learn the weights of a blend."""
        return blend.learn(
            self._split.valid,
            rng=self.rng(),
            max_users=len(self.valid),
            texts=self.catalog.texts,
            new_items=self.protocol in BY_TIME,
        )

    def judge(self, scorers: Mapping[str, Scorer]) -> dict[str, PerUser]:
        """Measure scorers on the users of `valid`."""
        return measure(scorers, self.valid, repeats=self.repeats)

    @property
    def test(self) -> HeldOut:
        """What no candidate was chosen by."""
        return self._split.test

    def distil(self, student: Weights, teacher: NDArray[np.float32], steps: int) -> Weights:
        """Train a cut model on the teacher's vectors and on behaviour; needs the extra train."""
        from pennyweight.training.distillation import distilled
        from pennyweight.training.settings import TrainSettings

        # Many small steps teach a cut model more than few large ones of the same texts in all.
        settings = TrainSettings(
            steps=steps, batch=BATCH, layers=None, every=max(1, steps // 4), seed=self.seed
        )
        return distilled(
            student,
            teacher,
            self.catalog,
            settings,
            self._few,
            repeats=self.repeats,
            progress=self.stages.tell,
        )

    def learn_all(self) -> None:
        """Fit the parts to all that came before the test."""
        self._fit(self.test.before, "learn again")

    def _fit(self, interactions: Interactions, stage: str) -> None:
        for name, part in self.parts.items():
            if name != "content":
                with self.stages.stage(f"{stage} {name}") as tell:
                    fit_showing(part, interactions, self.catalog, tell)
            if isinstance(part, Novelty) and self.protocol not in BY_TIME:
                part.new[:] = 0  # without events since its only ones were held out


def _encoders(parent: Recommender, plan: Plan) -> Encoders:
    """Return what the parent's scorers read with, before they learned from behaviour."""
    blend, worth = blend_of(parent), parent.report.worth if parent.report else None
    content = content_of(blend)
    teacher = teacher_of(content.encoder) if content is not None else None
    if teacher is not None and content is not None:
        width = plan.encoder.dim or default_dim(len(parent.catalog))
        table = distil(teacher, dim=min(width, teacher.dim))
        return Encoders(content.encoder, table, teacher.name, model=True)
    if worth is not None and worth.followed and not worth.keep:  # the value gate left it out
        plan = plan.override({"encoder.name": "tfidf"})
    return choose_encoders(plan.encoder, parent.catalog)
