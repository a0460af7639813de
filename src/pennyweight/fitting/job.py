"""One run of `fit` or `evaluate`: its data, its plan, and the state its stages share."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import version
from platform import python_version

import numpy as np
from threadpoolctl import threadpool_limits

from pennyweight.config.ablation import EncoderAblation
from pennyweight.config.exploration import ExplorationShare
from pennyweight.config.plan import Plan
from pennyweight.config.report import (
    BEFORE_REFIT,
    WITHOUT_TREES,
    CleaningFinding,
    Cost,
    FittedOn,
    Measurement,
    Report,
)
from pennyweight.config.reranking import Reranking
from pennyweight.config.search import SearchQuality
from pennyweight.data.dataset import Dataset
from pennyweight.data.fingerprint import fingerprint
from pennyweight.data.input_size import Volume, volume
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import CUTS, Cuts, HeldOut, Split
from pennyweight.data.tables import Source
from pennyweight.encoders.endpoint_client import is_endpoint
from pennyweight.encoders.protocol import Encoder
from pennyweight.evaluation.analysis import LISTED, Analysis, analyze
from pennyweight.evaluation.measure import PerUser, measure
from pennyweight.evaluation.new_items import reach
from pennyweight.evaluation.ranking import Repeats
from pennyweight.evaluation.user_results import UserResults
from pennyweight.fitting.ablation import AblationStudy, stage_name
from pennyweight.fitting.components import (
    BY_TIME,
    Component,
    build_components,
    components_of,
)
from pennyweight.fitting.data import dataset, enriched, origin_of
from pennyweight.fitting.encoder_choice import (
    Encoders,
    check_encoder,
    check_prefixes,
    check_server_settings,
    choose_encoders,
    encoders_of,
    prompts_used,
    uses_language_model,
)
from pennyweight.fitting.exploration import choose_share
from pennyweight.fitting.forecast import BLENDED, RANKED, REMEDY, TUNED, forecast
from pennyweight.fitting.measurable import check_folds, measurable, on_weights
from pennyweight.fitting.quality import grouping_of, means, word_vectors
from pennyweight.fitting.reranking import check_budget, learn_trees
from pennyweight.fitting.search_choice import (
    AUTO,
    NONE,
    check_search_encoder,
    check_search_prefixes,
    learn_search,
    search_encoder_name,
    search_work,
)
from pennyweight.fitting.stages import Stages
from pennyweight.fitting.tune import chosen_settings, fit_component, sample
from pennyweight.machine.forecast import Forecast, speed
from pennyweight.machine.machine import Machine, matrix_threads, peak_rss
from pennyweight.progress.tracker import ExpectedStage, ProgressTracker
from pennyweight.ranking.reranking import as_listed
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.protocol import Scorer

__all__ = ["Job", "rounded"]

BLEND = "blend"
VERSIONS = ("pennyweight", "numpy", "scipy", "polars", "onnxruntime", "tokenizers")


class Job:
    """One run: the data, the plan, and the state that the stages share.

    Parameters
    ----------
    whole
        Turns the stages of a fit into those of the call that it is a part of.

    Attributes
    ----------
    split, results
        The held-out events of `measure`, and the results of each scorer for each user.
    """

    def __init__(
        self,
        items: Source | Dataset,
        events: Source | None,
        plan: Plan,
        tracker: ProgressTracker,
        *,
        final: bool,
        scorers: Mapping[str, Scorer] | None = None,
        encoder: Encoder | None = None,
        whole: Callable[[Sequence[ExpectedStage]], Sequence[ExpectedStage]] = tuple,
    ) -> None:
        self._whole = whole
        self.plan, self.stages, self.final = plan, Stages(tracker), final
        self.seed, self.scorers, self.own_encoder = plan.evaluate.seed, scorers, encoder
        # A misspelled name is found before the work, not after it.
        components = components_of(plan.scorers, None, plan.evaluate.repeats, scorers)
        if encoder is None:
            check_encoder(plan.encoder.name)
        if plan.search.encoder not in (AUTO, NONE):
            check_search_encoder(plan.search.encoder)
        check_prefixes(plan.encoder, encoder)
        check_search_prefixes(plan.search, self._search_encoder)
        check_server_settings(plan.encoder)
        check_budget(plan.rerank)
        size = volume(items, events, columns=plan.data.columns)
        self.expected = self._forecast(size, components)
        self.expected.state(REMEDY)
        check_folds(plan.evaluate.folds, plan.evaluate.protocol)
        tracker.expect(whole(self.expected.stages))
        with self.stages.stage("read"):
            self.data = dataset(items, events, plan)
            self.origin = origin_of(items, events, plan, self.data.interactions)
            self.setting = measurable(self.data.interactions, plan.evaluate)
        self.repeats: Repeats = self.setting.repeats
        self.blend, self.encoder = Blend({}, repeats=self.repeats), ""
        self.reranking: Reranking | None = None
        self.exploration: ExplorationShare | None = None
        self.split: Split | None = None
        self.results: UserResults | None = None

    def _forecast(self, data: Volume, components: Sequence[Component]) -> Forecast:
        plan = self.plan
        model, encode = uses_language_model(plan.encoder.name)
        if is_endpoint(plan.encoder.name):
            encode = False  # the server's time, which is not known
        if self.own_encoder is not None:
            model = encode = self.own_encoder.language_model is not None
        return forecast(
            data,
            {component.id: component.type for component in components},
            self._speed,
            dim=plan.encoder.dim,
            users=plan.evaluate.max_users,
            model=model,
            encode=encode,
            ablation=plan.evaluate.encoder_ablation,
            search=search_work(self._search_encoder, plan.encoder, components),
            refit=plan.evaluate.refit,
            rerank=plan.rerank.name != "none",
            final=self.final,
            folds=plan.evaluate.folds,
        )

    @cached_property
    def _search_encoder(self) -> str:
        return search_encoder_name(self.plan.search, self.plan.encoder, self.own_encoder)

    @cached_property
    def _speed(self) -> float:
        return speed()

    def _expect(self, components: Sequence[Component]) -> None:
        """Tell the tracker the stages after the first split, with the components as known now."""
        expected = self._forecast(volume(self.data, None), components)
        self.stages.tracker.expect(self._whole(expected.after("split")))

    def measure(self, cuts: Cuts = CUTS) -> Report:
        """Fit on train, choose on validation, refit on both, measure on test.

        The blend is measured before the refit as well; where the plan asks for no refit, all
        scorers are measured as they were fitted on the training events.

        Parameters
        ----------
        cuts
            Of time, see `pennyweight.data.split.split`.
        """
        earlier = dict(self.stages.seconds)
        catalog, log = self.data.catalog, self.data.interactions
        protocol = self.setting.protocol
        plan, resamples = self.plan.evaluate, self.plan.evaluate.bootstrap
        with threadpool_limits(matrix_threads()):
            with self.stages.stage("split"):
                components = components_of(self.plan.scorers, protocol, self.repeats, self.scorers)
                data_split = self.setting.split(log, plan, cuts)
                grouping = grouping_of(self.data, data_split.test, plan)
                if "split" not in earlier:
                    self._expect(components)
            with self.stages.stage("encode") as tell:
                encoders = self._encoders(tell)
                own_encoders = {
                    name: choose_encoders(self.plan.encoder.of_name(name), catalog)
                    for name in {component.encoder for component in components if component.encoder}
                }
            ablation = self._choose(components, encoders, own_encoders, data_split)
            self.reranking = self._learn_trees(data_split)
            search_quality = self._choose_search()
            self.exploration = self._choose_exploration(data_split)
            first = self._measure_before_refit(data_split)
            if plan.refit:
                self._fit(data_split.test.before, "refit", ablation)
            rival = dict([ablation.rival]) if ablation is not None else {}
            scorers = {**self.blend.components, BLEND: self._as_listed(), **rival}
            if self.blend.trees is not None:
                scorers[WITHOUT_TREES] = self.blend
            by_scorer, seconds = self._measure(scorers, data_split.test)
            results = UserResults(by_scorer | first, data_split.test)
            self.split, self.results = data_split, results
            with self.stages.stage("intervals"):
                measured = means(results.by_scorer, resamples=resamples, seed=self.seed)
            with self.stages.stage("lists and slices"):
                grouping = replace(grouping, words=word_vectors(self.blend.components, catalog))
                analysis = analyze(results, grouping, resamples=resamples, rng=self.seed)
                spent = {n: s - earlier.get(n, 0.0) for n, s in self.stages.seconds.items()}
                added = (
                    ablation.report(results, seconds, spent, plan) if ablation is not None else None
                )
        report = self._report(protocol, data_split.test, measured, analysis, added, search_quality)
        reached = reach(results, BLEND, learned=self.blend.lift is None)
        fitted_on = self._fitted_on(measured, data_split)
        return report.model_copy(update={"fitted_on": fitted_on, "new_items": reached})

    def _measure_before_refit(self, data_split: Split) -> dict[str, PerUser]:
        """Measure the blend as fitted on the training events, where a refit will change it."""
        if not self.plan.evaluate.refit or not _has_validation(data_split):
            return {}
        scorers = {BEFORE_REFIT: self._as_listed()}
        return self._measure(scorers, data_split.test, "measure before refit")[0]

    def _learn_trees(self, data_split: Split) -> Reranking | None:
        """Train the trees of the blend, where the plan asks for them and they gain."""
        plan = self.plan.rerank
        if plan.name == "none":
            return None
        with self.stages.stage("ranking stage") as tell:
            return learn_trees(
                self.blend,
                sample(data_split.valid, RANKED.of(len(self.data.catalog)), self._rng()),
                self.data.catalog,
                plan,
                repeats=self.repeats,
                by_time=data_split.protocol in BY_TIME,
                seed=self.seed,
                resamples=self.plan.evaluate.bootstrap,
                progress=tell,
            )

    def _as_listed(self) -> Scorer:
        return as_listed(self.blend, exclude_seen=self.repeats == "exclude")

    def _fitted_on(self, scorers: Iterable[str], data_split: Split) -> dict[str, FittedOn]:
        refitted = self.plan.evaluate.refit and _has_validation(data_split)
        return {
            name: "train+validation" if refitted and name != BEFORE_REFIT else "train"
            for name in scorers
        }

    def _encoders(self, progress: Callable[[int, int], None]) -> Encoders:
        """Return the encoders of the scorers."""
        plan, catalog = self.plan.encoder, self.data.catalog
        if self.own_encoder is not None:
            return encoders_of(self.own_encoder, catalog, plan)
        return choose_encoders(plan, catalog, progress=progress)

    def _choose(
        self,
        components: Sequence[Component],
        encoders: Encoders,
        own_encoders: Mapping[str, Encoders],
        data_split: Split,
    ) -> AblationStudy | None:
        """Fit on train; choose on validation, also whether to do without the language model."""
        evaluate, catalog = self.plan.evaluate, self.data.catalog
        make = partial(
            build_components, repeats=self.repeats, seed=self.seed, own_encoders=own_encoders
        )
        scorers = make(components, encoders)
        self.encoder, self.blend = encoders.name, self._learn(scorers, scorers, data_split)
        if not (evaluate.encoder_ablation and encoders.model and len(data_split.valid)):
            return None
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
            return None
        shared_ids = {component.id for component in components} - {
            component.id for component in replaced
        }
        shared = {name: scorer for name, scorer in scorers.items() if name in shared_ids}
        plain_scorers = make(replaced, words, shared=shared)
        without = self._learn({**scorers, **plain_scorers}, plain_scorers, data_split, plain=True)
        with self.stages.stage("encoder ablation"):
            users = sample(data_split.valid, BLENDED.of(len(catalog)), self._rng())
            ablation = AblationStudy.compare(
                (self.blend, without),
                (encoders.name, words.name),
                users,
                evaluate,
                repeats=self.repeats,
                follow=self.plan.encoder.name == "auto",
            )
        if ablation.drop:
            self.encoder, self.blend = words.name, without
        return ablation

    def _choose_search(self) -> SearchQuality | None:
        """Give the blend a search by text where it finds more than TF-IDF."""
        if self._search_encoder == NONE or not self.blend.scores_texts:
            return None
        with self.stages.stage("search"):
            return learn_search(
                self._search_encoder, self.blend, self.data, self.plan, self.own_encoder
            )

    def _choose_exploration(self, data_split: Split) -> ExplorationShare | None:
        """Choose the share of exploration on validation users, where the plan asks for that."""
        if self.plan.recommend.explore != "auto":
            return None
        users = sample(data_split.valid, TUNED.of(len(self.data.catalog)), self._rng())
        with self.stages.stage("exploration") as tell:
            return choose_share(self._as_listed(), users, repeats=self.repeats, progress=tell)

    def _learn(
        self,
        scorers: Mapping[str, Scorer],
        new: Mapping[str, Scorer],
        data_split: Split,
        *,
        plain: bool = False,
    ) -> Blend:
        """Fit the new ones of the scorers and tune them; then learn the weights of all."""
        n_items = len(self.data.catalog)
        users = sample(data_split.valid, TUNED.of(n_items), self._rng())
        for name, scorer in new.items():
            with self.stages.stage(stage_name(f"fit {name}", plain=plain)) as tell:
                fit_component(scorer, users, self.data.catalog, repeats=self.repeats, progress=tell)
        blend = Blend(scorers, repeats=self.repeats)
        with self.stages.stage(stage_name("blend", plain=plain)) as tell:
            blend.learn(
                data_split.valid,
                rng=self._rng(),
                max_users=BLENDED.of(n_items),
                texts=self.data.catalog.texts,
                new_items=data_split.protocol in BY_TIME,
                progress=tell,
            )
        return blend

    def _fit(
        self, interactions: Interactions, stage: str, ablation: AblationStudy | None = None
    ) -> None:
        """Fit the components of the blend again; with an ablation, those of both blends once."""
        blend = self.blend if ablation is None else ablation.with_model
        stages = [
            (stage_name(f"{stage} {name}", plain=False), component)
            for name, component in blend.components.items()
        ]
        if ablation is not None:
            unshared = ablation.unshared.items()
            stages += [
                (stage_name(f"{stage} {name}", plain=True), component)
                for name, component in unshared
            ]
        for name, scorer in stages:
            with self.stages.stage(name) as tell:
                scorer.fit(interactions, self.data.catalog, progress=tell)

    def _measure(
        self, scorers: Mapping[str, Scorer], test: HeldOut, stage: str = "measure"
    ) -> tuple[dict[str, PerUser], dict[str, float]]:
        """Return the results of each scorer, and the seconds of its measurement."""
        results: dict[str, PerUser] = {}
        seconds: dict[str, float] = {}
        with self.stages.stage(stage) as tell:

            def progress(_: str, users: int, __: int) -> None:
                tell(len(results) * len(test) + users, len(scorers) * len(test))

            for name, scorer in scorers.items():
                began, single = time.perf_counter(), {name: scorer}
                results |= measure(single, test, repeats=self.repeats, k=LISTED, progress=progress)
                seconds[name] = time.perf_counter() - began
        return results, seconds

    def _rng(self) -> np.random.Generator:
        """Return the same generator each time, so that rivals are measured on the same users."""
        return np.random.default_rng(self.seed)

    def refit(self, report: Report) -> Recommender:
        """Fit the chosen blend on every event; now items without events are new ones."""
        if self.plan.scorers.names == "auto":
            self.blend = self.blend.with_novelty()
        with threadpool_limits(matrix_threads()):
            self._fit(self.data.interactions, "final")
        cost = self._cost(report.cost)
        recommender = Recommender(
            self.data.catalog, self.blend, self.data.interactions, repeats=self.repeats
        )
        recommender.report = report.model_copy(update={"cost": cost})
        recommender.plan, recommender.origin = self.plan, self.origin
        return recommender

    def _cost(self, cost: Cost) -> Cost:
        """Return the cost with the stages so far and the peak of memory so far."""
        stages = self.stages
        return cost.model_copy(
            update={
                "seconds": dict(stages.seconds),
                "peak_rss_bytes": peak_rss(),
                "peak_rss_after": dict(stages.peak_rss),
            }
        )

    def _report(
        self,
        protocol: str,
        test: HeldOut,
        measured: dict[str, dict[str, Measurement]],
        analysis: Analysis,
        ablation: EncoderAblation | None,
        search: SearchQuality | None,
    ) -> Report:
        catalog, log = self.data.catalog, self.data.interactions
        machine = Machine.measure()
        return Report(
            protocol=protocol,
            users=len(log.users),
            items=len(catalog),
            events=len(log),
            scorers=measured,
            cost=self._cost(
                Cost(
                    expected_seconds=round(self.expected.seconds, 1),
                    expected_rss_bytes=self.expected.rss_bytes,
                )
            ),
            data=fingerprint(catalog, log),
            repeats=self.repeats,
            evidence=self.setting.evidence,
            notices=(
                *self.setting.notices,
                *on_weights(self.blend.learned_from),
                *prompts_used(self.blend),
                *enriched(self.plan.data),
                *(one.sentence() for one in (self.reranking, self.exploration) if one is not None),
            ),
            seed=self.seed,
            evaluated_users=len(test),
            encoder=self.encoder,
            encoder_ablation=ablation,
            reranking=self.reranking,
            exploration=self.exploration,
            search=search,
            blend=rounded(self.blend.weights),
            routes={n: rounded(route) for n, route in self.blend.routes.items()} or None,
            chosen=chosen_settings(self.blend),
            slices=analysis.slices,
            comparisons=analysis.comparisons,
            lists=analysis.lists,
            exposure=analysis.exposure,
            cleaning=tuple(CleaningFinding(**asdict(entry)) for entry in self.data.log.entries),
            columns=self.data.columns.roles,
            machine={"cpu": machine.cpu, "cores": machine.cores, "memory_bytes": machine.memory},
            versions={"python": python_version(), **{name: version(name) for name in VERSIONS}},
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def rounded(weights: Mapping[str, float]) -> dict[str, float]:
    """Return weights as reports have them."""
    return {name: round(weight, 4) for name, weight in weights.items()}


def _has_validation(data_split: Split) -> bool:
    """Return whether there are validation events between the training events and the test."""
    return len(data_split.train) < len(data_split.test.before)
