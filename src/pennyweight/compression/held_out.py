"""The parent fitted again to training data, so that held-out data can compare its children."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.plan import Plan, RerankPlan
from pennyweight.config.reranking import Reranking
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import HeldOut, Protocol, default_protocol, split
from pennyweight.encoders.protocol import LanguageModelEncoder
from pennyweight.encoders.weights import ModelWeights
from pennyweight.errors import DataError
from pennyweight.evaluation.measure import PerUser, measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.fitting.components import BY_TIME, build_context
from pennyweight.fitting.encoder_choice import Encoders, choose_encoders, encoders_of
from pennyweight.fitting.forecast import BLENDED, MEASURED, RANKED, TUNED
from pennyweight.fitting.reranking import learn_trees
from pennyweight.fitting.stages import Stages
from pennyweight.fitting.tune import choose_settings, sample
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.protocol import Scorer

if TYPE_CHECKING:
    from pennyweight.training.settings import TrainSettings

__all__ = ["HeldOutFit", "blend_of", "distillation_settings", "language_model_of", "text_component"]

BATCH = 32  # pairs in a step of distillation


def blend_of(parent: Recommender) -> Scorer:
    """Return a recommender's blend; `DataError` where it has none, or no events."""
    if not parent.scorer.component_weights:
        raise DataError(f"the scorer is a {parent.scorer.kind}; compress what `fit` has made")
    if parent.interactions is None:
        raise DataError("this bundle keeps no events, and without them quality cannot be measured")
    return parent.scorer


def text_component(blend: Scorer) -> str | None:
    """Return the id of the component whose encoder is to be replaced, if there is one.

    That is the first that encodes with a language model, or else the first that takes an encoder.
    """
    takers = {name: scorer for name, scorer in blend.components.items() if scorer.takes_encoder}
    with_model = (name for name, scorer in takers.items() if language_model_of(scorer) is not None)
    return next(with_model, next(iter(takers), None))


def language_model_of(scorer: Scorer) -> LanguageModelEncoder | None:
    """Return the language model that a scorer encodes texts with, if it has one."""
    return None if scorer.encoder is None else scorer.encoder.language_model


class HeldOutFit:
    """One data split, and the parent's components fitted to either side of it.

    Attributes
    ----------
    protocol
        That of the parent's report.
    valid
        Users on whose held-out events the candidates are measured.
    components
        The parent's scorers by id, fitted to the events before `valid`; their settings and choices,
        such as decay and epochs, are the parent's.
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
            max_users = plan.evaluate.max_users or MEASURED.of(len(self.catalog))
            self._split = split(log, self.protocol, max_users=max_users, rng=self.rng())
        if not len(self._split.valid):
            raise DataError("no event could be held out; comparing candidates takes more events")
        self._tuning_users = sample(self._split.valid, TUNED.of(len(self.catalog)), self.rng())
        self.valid = sample(self._split.valid, BLENDED.of(len(self.catalog)), self.rng())
        with stages.stage("read"):
            encoders = _encoders(parent, plan)
        self.components: dict[str, Scorer] = {}
        for name, scorer in blend.components.items():
            fitted = self.components
            context = build_context(encoders, fitted, repeats=self.repeats, seed=self.seed)
            if scorer.evidence == "text":  # looks at no events
                self.components[name] = scorer
            elif scorer.can_be_built(context):
                self.components[name] = scorer.rebuilt(context)
        self._fit(self._split.valid.before, "learn")

    def rng(self) -> np.random.Generator:
        """Return the same generator each time, so that rivals are measured on the same users."""
        return np.random.default_rng(self.seed)

    def fit_texts(self, scorer: Scorer) -> Scorer:
        """Fit a scorer of texts and choose its settings."""
        scorer.fit(self._split.valid.before, self.catalog)
        choose_settings(scorer, self._tuning_users, self.repeats)
        return scorer

    def weigh(self, blend: Blend) -> Blend:
        """Learn the weights of a blend."""
        return blend.learn(
            self._split.valid,
            rng=self.rng(),
            max_users=len(self.valid),
            texts=self.catalog.texts,
            new_items=self.protocol in BY_TIME,
        )

    def learn_trees(self, blend: Scorer) -> Reranking | None:
        """Train the ranking stage of a blend of these components, kept where it gains."""
        with self.stages.stage("ranking stage") as tell:
            return learn_trees(
                blend,
                sample(self._split.valid, RANKED.of(len(self.catalog)), self.rng()),
                self.catalog,
                RerankPlan(),
                repeats=self.repeats,
                by_time=self.protocol in BY_TIME,
                seed=self.seed,
                resamples=self.resamples,
                progress=tell,
            )

    def measure(self, scorers: Mapping[str, Scorer]) -> dict[str, PerUser]:
        """Measure scorers on the users of `valid`."""
        return measure(scorers, self.valid, repeats=self.repeats)

    @property
    def test(self) -> HeldOut:
        """The test users, which no choice depends on."""
        return self._split.test

    def distil(
        self, student: ModelWeights, teacher: NDArray[np.float32], steps: int
    ) -> ModelWeights:
        """Train a cut model on the teacher's vectors and on behavior; needs the extra train."""
        from pennyweight.training.distillation import distilled

        return distilled(
            student,
            teacher,
            self.catalog,
            distillation_settings(steps, seed=self.seed),
            self._tuning_users,
            repeats=self.repeats,
            progress=self.stages.tracker,
        )

    def learn_all(self) -> None:
        """Fit the components to all that came before the test."""
        self._fit(self.test.before, "learn again")

    def _fit(self, interactions: Interactions, stage: str) -> None:
        for name, scorer in self.components.items():
            if scorer.evidence != "text":
                with self.stages.stage(f"{stage} {name}") as tell:
                    scorer.fit(interactions, self.catalog, progress=tell)
            if self.protocol not in BY_TIME:
                scorer.ignore_new_items()


def distillation_settings(steps: int, *, seed: int) -> "TrainSettings":
    """Return how a smaller model learns a teacher's vectors; needs the extra train."""
    from pennyweight.training.settings import TrainSettings

    # Many small steps teach a cut model more than few large ones over the same texts.
    return TrainSettings(steps=steps, batch=BATCH, layers=None, every=max(1, steps // 4), seed=seed)


def _encoders(parent: Recommender, plan: Plan) -> Encoders:
    """Return the encoders of the parent's scorers, before they learned from behavior."""
    blend, ablation = blend_of(parent), parent.report.encoder_ablation if parent.report else None
    name = text_component(blend)
    encoder = None if name is None else blend.components[name].encoder
    if encoder is not None:
        return encoders_of(encoder, parent.catalog, plan.encoder)
    if ablation is not None and ablation.followed and not ablation.keep:
        plan = plan.override({"encoder.name": "tfidf"})
    return choose_encoders(plan.encoder, parent.catalog)
