"""One run of `fit` or `evaluate`: its data, its plan, and the state its stages share."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from threadpoolctl import threadpool_limits

from pennyweight.config.exploration import ExplorationShare
from pennyweight.config.plan import Plan
from pennyweight.config.report import BEFORE_REFIT, NOT_REFITTED, WITHOUT_TREES, Cost, Report
from pennyweight.config.reranking import Reranking
from pennyweight.config.search import SearchQuality
from pennyweight.data.dataset import Dataset
from pennyweight.data.input_size import Volume, volume
from pennyweight.data.split import CUTS, Cuts, HeldOut, Split
from pennyweight.data.tables import Source
from pennyweight.encoders.endpoint_client import is_endpoint
from pennyweight.encoders.protocol import Encoder
from pennyweight.evaluation.analysis import LISTED, Grouping, analyze
from pennyweight.evaluation.measure import PerUser, measure
from pennyweight.evaluation.new_items import reach
from pennyweight.evaluation.ranking import Repeats
from pennyweight.evaluation.user_results import UserResults
from pennyweight.fitting.ablation import Measured
from pennyweight.fitting.blend_trainer import BlendTrainer, ChosenBlend
from pennyweight.fitting.components import BY_TIME, Component, components_of
from pennyweight.fitting.data import dataset, origin_of
from pennyweight.fitting.encoder_choice import (
    Encoders,
    check_encoder,
    check_prefixes,
    check_server_settings,
    choose_encoders,
    encoders_of,
    uses_language_model,
)
from pennyweight.fitting.exploration import choose_share
from pennyweight.fitting.forecast import RANKED, REMEDY, TUNED, forecast
from pennyweight.fitting.job_report import ReportedFit
from pennyweight.fitting.measurable import check_folds, measurable
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
from pennyweight.machine.forecast import Forecast, speed
from pennyweight.machine.machine import matrix_threads, peak_rss
from pennyweight.progress.tracker import ExpectedStage, ProgressTracker
from pennyweight.ranking.reranking import as_listed
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.protocol import Scorer

__all__ = ["Job"]

BLEND = "blend"
UNMEASURED = "quality on test users was not measured, as the plan asks (evaluate.measure)"


class Job:
    """One run: the data, the plan, and the state that the stages share.

    Parameters
    ----------
    whole
        Turns the stages of a fit into those of the call that it is a part of.

    Attributes
    ----------
    blend
        The chosen blend, fitted to the training events.
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
        self.expected = self._forecast(size, components, refit=plan.evaluate.refit)
        self.expected.state(REMEDY)
        check_folds(plan.evaluate.folds, plan.evaluate.protocol)
        tracker.expect(whole(self.expected.stages))
        with self.stages.stage("read"):
            self.data = dataset(items, events, plan)
            self.origin = origin_of(items, events, plan, self.data.interactions)
            self.setting = measurable(self.data.interactions, plan.evaluate)
        self.repeats: Repeats = self.setting.repeats
        self.blend = Blend({}, repeats=self.repeats)
        self.reranking: Reranking | None = None
        self.search: SearchQuality | None = None
        self.exploration: ExplorationShare | None = None
        self.split: Split | None = None
        self.results: UserResults | None = None

    def _forecast(self, data: Volume, components: Sequence[Component], *, refit: bool) -> Forecast:
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
            refit=refit,
            rerank=plan.rerank.name != "none",
            final=self.final,
            measure=plan.evaluate.measure,
            folds=plan.evaluate.folds,
        )

    @cached_property
    def _search_encoder(self) -> str:
        return search_encoder_name(self.plan.search, self.plan.encoder, self.own_encoder)

    @cached_property
    def _speed(self) -> float:
        return speed()

    def _expect(self, *, refit: bool) -> None:
        """Tell the tracker the stages after the first split, with the components as known now."""
        expected = self._forecast(volume(self.data, None), self._components, refit=refit)
        self.stages.tracker.expect(self._whole(expected.after("split")))

    def measure(self, cuts: Cuts = CUTS) -> Report:
        """Fit on train, choose on validation, refit on both, measure on test.

        The blend is measured before the refit as well; where the plan asks for no refit, all
        scorers are measured as they were fitted on the training events. The rejected blend of the
        encoder ablation is measured as fitted on these in either case.

        Parameters
        ----------
        cuts
            Of time, see `pennyweight.data.split.split`.
        """
        earlier = dict(self.stages.seconds)
        plan, resamples = self.plan.evaluate, self.plan.evaluate.bootstrap
        with threadpool_limits(matrix_threads()):
            data_split, grouping = self._split(cuts, is_first="split" not in earlier)
            chosen = self._choose(data_split)
            refits = self._refits(data_split)
            before = self._measure_chosen(chosen, data_split.test, refits=refits)
            after = self._measure_refitted(data_split) if refits else before
            not_refitted = {n: r for n, r in before.results.items() if n in NOT_REFITTED}
            results = UserResults(after.results | not_refitted, data_split.test)
            self.split, self.results = data_split, results
            with self.stages.stage("intervals"):
                measured = means(results.by_scorer, resamples=resamples, seed=self.seed)
            with self.stages.stage("lists and slices"):
                words = word_vectors(self.blend.components, self.data.catalog)
                grouping = replace(grouping, words=words)
                analysis = analyze(results, grouping, resamples=resamples, rng=self.seed)
                spent = {n: s - earlier.get(n, 0.0) for n, s in self.stages.seconds.items()}
                study = chosen.ablation
                added = None if study is None else study.report(before, spent, plan)
        trained_on = {
            name: "train+validation" if refits and name not in not_refitted else "train"
            for name in measured
        }
        return self._report(chosen).model_copy(
            update={
                "scorers": measured,
                "fitted_on": trained_on,
                "evaluated_users": len(data_split.test),
                "encoder_ablation": added,
                "new_items": reach(results, BLEND, learned=self.blend.lift is None),
                "slices": analysis.slices,
                "comparisons": analysis.comparisons,
                "lists": analysis.lists,
                "exposure": analysis.exposure,
            }
        )

    def choose(self, cuts: Cuts = CUTS) -> Report:
        """Fit on train and choose on validation as `measure` does, and measure nothing.

        The report has the choices, and no figures of quality on test users.
        """
        is_first = "split" not in self.stages.seconds
        with threadpool_limits(matrix_threads()):
            self.split, _ = self._split(cuts, is_first=is_first)
            report = self._report(self._choose(self.split))
        return report.model_copy(update={"notices": (*(report.notices or ()), UNMEASURED)})

    def _split(self, cuts: Cuts, *, is_first: bool) -> tuple[Split, Grouping]:
        """Hold out events, and group the users and items that are measured."""
        with self.stages.stage("split"):
            data_split = self.setting.split(self.data.interactions, self.plan.evaluate, cuts)
            grouping = grouping_of(self.data, data_split.test, self.plan.evaluate)
            if is_first:
                self._expect(refit=self._refits(data_split))
        return data_split, grouping

    def _choose(self, data_split: Split) -> ChosenBlend:
        """Fit on train and choose on validation: the blend, its ranking stage and its search."""
        with self.stages.stage("encode") as tell:
            encoders = self._encoders(tell)
            own_encoders = {
                name: choose_encoders(self.plan.encoder.of_name(name), self.data.catalog)
                for name in {spec.encoder for spec in self._components if spec.encoder}
            }
        trainer = self._trainer
        chosen = trainer.choose(self._components, encoders, own_encoders, data_split)
        self.blend = chosen.blend
        self.reranking = self._learn_trees(data_split)
        self.search = self._choose_search()
        self.exploration = self._choose_exploration(data_split)
        return chosen

    @property
    def _components(self) -> tuple[Component, ...]:
        """The components to fit, now that the protocol is known."""
        setting = self.setting
        return components_of(self.plan.scorers, setting.protocol, setting.repeats, self.scorers)

    @property
    def _trainer(self) -> BlendTrainer:
        return BlendTrainer(self.data, self.plan, self.repeats, self.stages)

    def _refits(self, data_split: Split) -> bool:
        """Return whether a refit is measured: there are validation events to be learned."""
        return self.plan.evaluate.refit and len(data_split.train) < len(data_split.test.before)

    def _measure_chosen(self, chosen: ChosenBlend, test: HeldOut, *, refits: bool) -> Measured:
        """Measure the scorers as fitted on the training events; before a refit, the blends."""
        rival = dict([chosen.ablation.rival]) if chosen.ablation is not None else {}
        if not refits:
            return self._measure(self._scorers(self.blend) | rival, test)
        scorers = {BEFORE_REFIT: self._as_listed(self.blend), **rival}
        if rival and self.blend.trees is not None:  # the ablation compares blends without trees
            scorers[WITHOUT_TREES] = self.blend
        return self._measure(scorers, test, "measure before refit")

    def _measure_refitted(self, data_split: Split) -> Measured:
        """Measure the scorers as fitted on training and validation events."""
        train, test = data_split.train, data_split.test
        blend = self._trainer.refitted(self.blend, train, test.before, "refit")
        return self._measure(self._scorers(blend), test)

    def _scorers(self, blend: Scorer) -> dict[str, Scorer]:
        """Return what the report measures of a blend, by the names there."""
        scorers = {**blend.components, BLEND: self._as_listed(blend)}
        return scorers if blend.trees is None else {**scorers, WITHOUT_TREES: blend}

    def _learn_trees(self, data_split: Split) -> Reranking | None:
        """Train the trees of the blend, where the plan asks for them and they gain."""
        plan = self.plan.rerank
        if plan.name == "none":
            return None
        with self.stages.stage("ranking stage") as tell:
            return learn_trees(
                self.blend,
                self._trainer.sample(data_split.valid, RANKED),
                self.data.catalog,
                plan,
                repeats=self.repeats,
                by_time=data_split.protocol in BY_TIME,
                seed=self.seed,
                resamples=self.plan.evaluate.bootstrap,
                progress=tell,
            )

    def _as_listed(self, blend: Scorer) -> Scorer:
        return as_listed(blend, exclude_seen=self.repeats == "exclude")

    def _encoders(self, progress: Callable[[int, int], None]) -> Encoders:
        """Return the encoders of the scorers."""
        plan, catalog = self.plan.encoder, self.data.catalog
        if self.own_encoder is not None:
            return encoders_of(self.own_encoder, catalog, plan)
        return choose_encoders(plan, catalog, progress=progress)

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
        users, blend = self._trainer.sample(data_split.valid, TUNED), self._as_listed(self.blend)
        with self.stages.stage("exploration") as tell:
            return choose_share(blend, users, repeats=self.repeats, progress=tell)

    def _measure(
        self, scorers: Mapping[str, Scorer], test: HeldOut, stage: str = "measure"
    ) -> Measured:
        results: dict[str, PerUser] = {}
        seconds: dict[str, float] = {}
        with self.stages.stage(stage) as tell:

            def progress(_: str, users: int, __: int) -> None:
                tell(len(results) * len(test) + users, len(scorers) * len(test))

            for name, scorer in scorers.items():
                began, single = time.perf_counter(), {name: scorer}
                results |= measure(single, test, repeats=self.repeats, k=LISTED, progress=progress)
                seconds[name] = time.perf_counter() - began
        return Measured(results, seconds, test)

    def refit(self, report: Report) -> Recommender:
        """Fit the chosen blend on every event; now items without events are new ones.

        It goes on from the fit on the training events, whether the measurement refitted or not.
        """
        assert self.split is not None  # measured
        is_auto = self.plan.scorers.names == "auto"
        blend = self.blend.with_novelty() if is_auto else self.blend
        data, trainer = self.data, self._trainer
        with threadpool_limits(matrix_threads()):
            scorer = trainer.refitted(blend, self.split.train, data.interactions, "final")
        recommender = Recommender(data.catalog, scorer, data.interactions, repeats=self.repeats)
        cost = self._cost(report.cost)
        recommender.report = report.model_copy(update={"cost": cost})
        recommender.plan, recommender.origin = self.plan, self.origin
        return recommender

    def _report(self, chosen: ChosenBlend) -> Report:
        expected = self.expected
        cost = Cost(
            expected_seconds=round(expected.seconds, 1), expected_rss_bytes=expected.rss_bytes
        )
        described = ReportedFit(
            self.data,
            self.plan,
            self.setting,
            chosen,
            self.reranking,
            self.search,
            self.exploration,
        )
        return described.report(self._cost(cost))

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
