"""The training of a blend: fitted and chosen on one part of the events, refitted to more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pennyweight.config.plan import Plan
from pennyweight.data.dataset import Dataset
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import HeldOut, Split
from pennyweight.evaluation.ranking import Repeats
from pennyweight.fitting.ablation import AblationStudy, stage_name
from pennyweight.fitting.components import BY_TIME, Component, build_components
from pennyweight.fitting.encoder_choice import Encoders
from pennyweight.fitting.forecast import BLENDED, TUNED, UserSample
from pennyweight.fitting.stages import Stages
from pennyweight.fitting.tune import fit_component, sample
from pennyweight.fitting.warm import resume
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.protocol import Scorer

__all__ = ["BlendTrainer", "ChosenBlend"]


@dataclass(frozen=True)
class ChosenBlend:
    """A blend as fitted to the training events.

    Attributes
    ----------
    encoder
        The name of its encoder of texts.
    ablation
        The comparison with a blend of another encoder, where there was one.
    """

    blend: Blend
    encoder: str
    ablation: AblationStudy | None = None


@dataclass(frozen=True)
class BlendTrainer:
    """Trains the blend of one run.

    Attributes
    ----------
    data, plan
        The events and texts, and the settings.
    repeats
        Whether lists have items of the history.
    stages
        Time each fit.
    """

    data: Dataset
    plan: Plan
    repeats: Repeats
    stages: Stages

    def choose(
        self,
        components: Sequence[Component],
        encoders: Encoders,
        own_encoders: Mapping[str, Encoders],
        data_split: Split,
    ) -> ChosenBlend:
        """Fit on train; choose on validation, also whether to do without the language model."""
        evaluate, catalog = self.plan.evaluate, self.data.catalog
        make = partial(
            build_components, repeats=self.repeats, seed=evaluate.seed, own_encoders=own_encoders
        )
        scorers = make(components, encoders)
        blend = self._learn(scorers, scorers, data_split)
        chosen = ChosenBlend(blend, encoders.name)
        if not (evaluate.encoder_ablation and encoders.model and len(data_split.valid)):
            return chosen
        with self.stages.stage(stage_name("encode", plain=True)):
            words = encoders.without_model(catalog)
        replaced = [
            component
            for component in components
            if not component.has_own_encoder
            and component.id in scorers
            and scorers[component.id].uses_encoder
        ]
        if words.table is None or not replaced:
            return chosen
        shared_ids = {component.id for component in components} - {
            component.id for component in replaced
        }
        shared = {name: scorer for name, scorer in scorers.items() if name in shared_ids}
        plain_scorers = make(replaced, words, shared=shared)
        without = self._learn({**scorers, **plain_scorers}, plain_scorers, data_split, plain=True)
        with self.stages.stage("encoder ablation"):
            ablation = AblationStudy.compare(
                (blend, without),
                (encoders.name, words.name),
                self.sample(data_split.valid, BLENDED),
                evaluate,
                repeats=self.repeats,
                follow=self.plan.encoder.name == "auto",
            )
        if ablation.drop:
            return ChosenBlend(without, words.name, ablation)
        return ChosenBlend(blend, encoders.name, ablation)

    def _learn(
        self,
        scorers: Mapping[str, Scorer],
        new: Mapping[str, Scorer],
        data_split: Split,
        *,
        plain: bool = False,
    ) -> Blend:
        """Fit the new ones of the scorers and tune them; then learn the weights of all."""
        users, catalog = self.sample(data_split.valid, TUNED), self.data.catalog
        for name, scorer in new.items():
            with self.stages.stage(stage_name(f"fit {name}", plain=plain)) as tell:
                fit_component(scorer, users, catalog, repeats=self.repeats, progress=tell)
        blend = Blend(scorers, repeats=self.repeats)
        with self.stages.stage(stage_name("blend", plain=plain)) as tell:
            blend.learn(
                data_split.valid,
                rng=self._rng(),
                max_users=BLENDED.of(len(catalog)),
                texts=catalog.texts,
                new_items=data_split.protocol in BY_TIME,
                progress=tell,
            )
        return blend

    def refitted(
        self, blend: Scorer, train: Interactions, interactions: Interactions, stage: str
    ) -> Scorer:
        """Return a blend fitted to more events, with the choices and weights of an earlier one.

        Components that learn step by step go on from those of the earlier blend, which stay as
        they are; the others are shared, and fitted anew.

        Parameters
        ----------
        train, interactions
            The events that the earlier blend was fitted to, and these and later ones.
        stage
            Name of the stage, before that of the component.
        """
        catalog = self.data.catalog

        def fit(name: str, scorer: Scorer) -> None:
            with self.stages.stage(f"{stage} {name}") as tell:
                scorer.fit(interactions, catalog, progress=tell)

        codes = np.arange(len(catalog), dtype=np.int32)
        seen = np.bincount(train.user, minlength=len(interactions.users))
        components = resume(blend.components, codes, fit, seen_events=seen)
        return blend.with_components(components)

    def sample(self, held_out: HeldOut, users: UserSample) -> HeldOut:
        """Return a sample of held-out users, the same each time: rivals have the same users."""
        return sample(held_out, users.of(len(self.data.catalog)), self._rng())

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.plan.evaluate.seed)
