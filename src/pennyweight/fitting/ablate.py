"""`ablate`: encoders in the same blend, slice by slice, and the requests that each pays for."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pennyweight.config.ablation_table import ALL_LISTS, AblatedModel, AblationTable
from pennyweight.config.plan import Plan
from pennyweight.data.catalog import Catalog
from pennyweight.data.dataset import Dataset
from pennyweight.data.input_size import volume
from pennyweight.data.interactions import Histories
from pennyweight.data.split import HeldOut
from pennyweight.data.tables import Source
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import DataError, PlanError
from pennyweight.evaluation.ablation_slices import list_slices
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.new_item_cases import NO_NEW_ITEMS, hidden_items, new_item_quality
from pennyweight.evaluation.search import SearchTask
from pennyweight.evaluation.user_results import PRIMARY_METRIC
from pennyweight.fitting.ablation_results import SliceValues, route_of, slice_results
from pennyweight.fitting.components import BY_TIME, build_components, components_of
from pennyweight.fitting.data import dataset
from pennyweight.fitting.encoder_choice import Encoders
from pennyweight.fitting.encoder_comparison import content_encoder, encode_catalog, open_encoder
from pennyweight.fitting.forecast import BLENDED, TUNED, forecast
from pennyweight.fitting.measurable import Measurable, measurable
from pennyweight.fitting.search_choice import (
    NO_QUERIES,
    SEARCH_NAMES,
    SEARCHED,
    SearchResults,
    best_weight,
    search_results,
    search_tasks,
)
from pennyweight.fitting.stages import Stages
from pennyweight.fitting.tune import choose_settings, sample
from pennyweight.machine.forecast import speed
from pennyweight.machine.machine import Machine, matrix_threads, usable_cores
from pennyweight.progress.display import tracked
from pennyweight.progress.tracker import ExpectedStage, ProgressTracker
from pennyweight.progress.update import Progress
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.protocol import Scorer

__all__ = ["DEFAULT_MODELS", "SEARCH_SHARE", "ablate"]

TFIDF = "tfidf"
DEFAULT_MODELS = (TFIDF, "static", "minilm")
SEARCH_SHARE = 0.1  # of the requests, where nobody says
FAST = ("popularity", "content", "neighbors")
CONTENT = "content"
AMONG_ALL, AMONG_NEW = "new items among all", "new items among themselves"
REMEDY = "ablate on a machine with more memory, or name fewer scorers (--scorers)"
NO_WEIGHTS = "static and minilm are left out: no weights of the default model are installed"

Values = NDArray[np.float64]


def ablate(
    items: Source | Dataset,
    events: Source | None = None,
    *,
    models: Sequence[str] = (),
    plan: Plan | None = None,
    search_share: float = SEARCH_SHARE,
    progress: Progress = True,
) -> AblationTable:
    """Measure for which requests a language model pays.

    Each encoder takes the place of TF-IDF in the content scorer of the same blend, whose weights
    are learned anew, and searches by text with BM25. Which requests it pays for is chosen on
    validation data; the same slices on test data stand beside it.

    Parameters
    ----------
    items, events
        Paths or data frames as for `read`; or one `Dataset`.
    models
        Encoders besides TF-IDF, the static table and the default model: folders, such as those of
        ``pennyweight tune``, ids, GGUF files and servers.
    plan
        Settings. With scorers ``auto``, popularity and neighbors stand beside content: scorers
        that train for minutes are left out unless they are named.
    search_share
        Assumed share of searches among the requests, 0 to 1.
    progress
        True for a bar in terminals and notebooks, False for none, or a function that is called
        with each `ProgressUpdate`.

    Raises
    ------
    DataError
        The data or an encoder cannot be used, or no event can be held out.
    PlanError
        A model is named twice, no encoder is left to compare, `search_share` is no share, or the
        plan names folds or no content scorer.
    BudgetError
        This machine has not the memory.
    """
    plan = plan or Plan()
    names, notices = _names(models)
    if not 0 <= search_share <= 1:
        raise PlanError(f"search_share (--search-share) is {search_share}; give a share, 0 to 1")
    if plan.evaluate.folds > 1:
        raise PlanError("evaluate.folds: an ablation measures one split; leave folds out")
    if plan.scorers.names == "auto":
        plan = plan.override({"scorers.names": FAST})
    elif CONTENT not in plan.scorers.names:
        raise PlanError("scorers.names (--scorers): an ablation needs the scorer 'content'")
    with tracked(progress) as tracker:
        run = _Run(items, events, plan, names, tracker)
        with threadpool_limits(matrix_threads()):
            run.measure()
        return run.result(search_share, notices)


def _names(models: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the encoders to compare, and notices."""
    given = tuple(models)
    if len(set(given)) < len(given):
        raise PlanError("an encoder is named twice; name each once")
    try:
        find_weights()
    except DataError:
        names = tuple(dict.fromkeys((TFIDF, *given)))
        if len(names) == 1:
            raise PlanError(f"{NO_WEIGHTS}; name an encoder (--models)") from None
        return names, (NO_WEIGHTS,)
    return tuple(dict.fromkeys((*DEFAULT_MODELS, *given))), ()


@dataclass
class _Model:
    """An encoder, its content scorer, and their measurements."""

    name: str
    encoder: Encoder
    content: Content
    blend: Blend
    validation: list[SliceValues] = field(default_factory=list)
    test: list[SliceValues] = field(default_factory=list)
    list_seconds: float = 0.0
    search_seconds: float | None = None

    @property
    def nbytes(self) -> int:
        if self.content.words is not None:
            return self.content.encoder_nbytes(Path()) + self.content.vector_nbytes
        return self.encoder.nbytes + self.content.vector_nbytes


class _Run:
    """One ablation: the data, the scorers that all encoders share, and the encoders."""

    def __init__(
        self,
        items: Source | Dataset,
        events: Source | None,
        plan: Plan,
        names: Sequence[str],
        tracker: ProgressTracker,
    ) -> None:
        self.plan, self.names, self.stages = plan, names, Stages(tracker)
        self.seed = plan.evaluate.seed
        kinds = {c.id: c.type for c in components_of(plan.scorers, None, plan.evaluate.repeats)}
        size = volume(items, events, columns=plan.data.columns)
        expected = forecast(
            size, kinds, speed(), model=True, encode=True, ablation=False, final=False
        )
        expected.state(REMEDY)
        encodes = [f"encode with {name}" for name in names]
        measures = [f"measure {name}" for name in names]
        stages = ["read", *encodes, "fit", *measures, "hide items", "refit", "test"]
        tracker.expect(map(ExpectedStage, stages))
        with self.stages.stage("read"):
            self.data = dataset(items, events, plan)
            self.setting: Measurable = measurable(self.data.interactions, plan.evaluate)
            self.split = self.setting.split(self.data.interactions, plan.evaluate)
            self.catalog: Catalog = self.data.catalog
        if not any(self.catalog.texts):
            raise DataError("no item has a text; name the text columns (--text-columns)")
        if not len(self.split.valid):
            raise DataError("no event could be held out; an ablation takes more events")
        self.models: list[_Model] = []
        self.shared: dict[str, Scorer] = {}
        self.has_text = np.array([bool(text) for text in self.catalog.texts])
        self.searches = self._searches()

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def measure(self) -> None:
        """Encode, fit, and measure all on validation data and on test data."""
        valid, test = self.split.valid, self.split.test
        tuning = sample(valid, TUNED.of(len(self.catalog)), self._rng())
        encoded = [self._encode(name, tuning) for name in self.names]
        with self.stages.stage("fit"):
            self.shared = self._shared_scorers()
            self._fit(valid)
        for name, encoder, content in encoded:
            with self.stages.stage(f"measure {name}"):
                model = _Model(name, encoder, content, self._blend(content))
                self.models.append(model)
                model.validation += self._lists(model, valid)
                model.list_seconds = self._seconds_a_list(model, valid)
                if name != TFIDF:
                    self._search(model)
        with self.stages.stage("hide items"):
            self._new_items(valid, lambda model: model.validation)
        with self.stages.stage("refit"):
            self._fit(test)
        with self.stages.stage("test"):
            for model in self.models:
                model.test[:0] = self._lists(model, test)
            self._new_items(test, lambda model: model.test)

    def _encode(self, name: str, tuning: HeldOut) -> tuple[str, Encoder, Content]:
        stage = f"encode with {name}"
        with self.stages.stage(stage):
            encoder = open_encoder(name, self.catalog, self.plan)
            if name == TFIDF:
                content = Content()
            else:
                vectors = encode_catalog(encoder, self.catalog, self.stages.tracker, stage)
                content = Content(content_encoder(name, encoder, vectors))
            content.fit(tuning.before, self.catalog)
            choose_settings(content, tuning, self.setting.repeats)
        return name, encoder, content

    def _shared_scorers(self) -> dict[str, Scorer]:
        """Return the scorers besides content; those that start from texts get TF-IDF."""
        components = [
            component
            for component in components_of(
                self.plan.scorers, self.setting.protocol, self.setting.repeats
            )
            if component.id != CONTENT
        ]
        if not components:
            return {}
        table = LexicalEncoder.fit(self.catalog.texts)
        encoders = Encoders(None, table, TFIDF)
        return build_components(components, encoders, repeats=self.setting.repeats, seed=self.seed)

    def _fit(self, held_out: HeldOut) -> None:
        """Fit the shared scorers to the events before held-out ones."""
        for scorer in self.shared.values():
            scorer.fit(held_out.before, self.catalog)
            if self.setting.protocol not in BY_TIME:
                scorer.ignore_new_items()

    def _blend(self, content: Content) -> Blend:
        blend = Blend({**self.shared, CONTENT: content}, repeats=self.setting.repeats)
        return blend.learn(
            self.split.valid,
            rng=self._rng(),
            max_users=BLENDED.of(len(self.catalog)),
            texts=self.catalog.texts,
            new_items=self.setting.protocol in BY_TIME,
        )

    def _lists(self, model: _Model, held_out: HeldOut) -> list[SliceValues]:
        """Rank for all users, and once more for those whose histories are cut."""
        everyone = self._ndcg(model.blend, held_out)
        values = []
        for part in list_slices(held_out, self._rng()):
            ndcg = self._ndcg(model.blend, part.held_out) if part.made else everyone[part.rows]
            length = held_out.histories.length if part.name == ALL_LISTS else None
            values.append(
                SliceValues(part.name, PRIMARY_METRIC, ndcg, part.traffic, part.made, length)
            )
        return values

    def _ndcg(self, blend: Scorer, held_out: HeldOut) -> Values:
        results = measure({CONTENT: blend}, held_out, repeats=self.setting.repeats)
        return results[CONTENT].column(PRIMARY_METRIC)

    def _seconds_a_list(self, model: _Model, held_out: HeldOut) -> float:
        """Return the seconds of the ranking of one list, the best of three runs."""
        users, spent = sample(held_out, TUNED.of(len(self.catalog)), self._rng()), []
        for _ in range(3):
            began = time.perf_counter()
            self._ndcg(model.blend, users)
            spent.append(time.perf_counter() - began)
        return min(spent) / len(users)

    def _searches(self) -> list[SearchTask]:
        made = search_tasks(self.catalog, SEARCHED, self.seed)
        return [task for task in made if len(task.queries) >= 4]

    def _search(self, model: _Model) -> None:
        """Search by an encoder with BM25; every other query is test data."""
        results = [
            search_results(task, model.encoder, self.data.interactions) for task in self.searches
        ]
        if not results:
            return
        weight = best_weight(results)
        _add_searches(model, results, [result.by_weight[weight] for result in results], 1)
        if self.models[0].search_seconds is None:
            _add_searches(self.models[0], results, [result.tfidf for result in results], 0)

    def _new_items(self, held_out: HeldOut, slices: Callable[[_Model], list[SliceValues]]) -> None:
        """Measure choices of items that are hidden from the events."""
        made = hidden_items(held_out, self.has_text, self._rng())
        if made is None:
            return
        cases, hidden = made
        blends = [model.blend.with_novelty() for model in self.models]
        for scorer in {
            id(s): s for b in blends for n, s in b.components.items() if n != CONTENT
        }.values():
            scorer.fit(hidden.before, self.catalog)
        for model, blend in zip(self.models, blends, strict=True):

            def score(histories: Histories, blend: Blend = blend) -> NDArray[np.float32]:
                return blend.score(histories)[:, cases.items]

            among = new_item_quality(cases, score)
            for name, values in ((AMONG_ALL, self._ndcg(blend, hidden)), (AMONG_NEW, among)):
                slices(model).append(
                    SliceValues(name, PRIMARY_METRIC, values, None, len(cases), None, items=True)
                )

    def result(self, search_share: float, notices: Sequence[str]) -> AblationTable:
        """Return the tables, with the choice of the requests that a model pays for."""
        evaluate, reference = self.plan.evaluate, self.models[0]
        share = search_share if self.searches else 0.0
        sampling = {"resamples": evaluate.bootstrap, "rng": self.seed}
        cores_price = usable_cores() * evaluate.core_hour_price / 3_600
        models = tuple(
            AblatedModel(
                name=model.name,
                nbytes=model.nbytes,
                ms_per_list=round(1_000 * model.list_seconds, 4),
                ms_per_search=None
                if model.search_seconds is None
                else round(1_000 * model.search_seconds, 4),
                price_per_million=model.list_seconds * 1e6 * cores_price,
                validation=slice_results(model.validation, reference.validation, share, sampling),
                test=slice_results(model.test, reference.test, share, sampling),
            )
            for model in self.models
        )
        values = {model.name: (model.validation, model.test) for model in self.models}
        machine = Machine.measure()
        return AblationTable(
            protocol=self.setting.protocol,
            users=len(self.split.valid),
            items=len(self.catalog),
            seed=self.seed,
            scorers=tuple(reference.blend.components),
            models=models,
            route=route_of(models, values, share, cores_price, sampling),
            search_share=share,
            core_hour_price=evaluate.core_hour_price,
            notices=(*notices, *self._notices()),
            seconds=round(time.perf_counter() - self.stages.began, 1),
            machine={"cpu": machine.cpu, "cores": machine.cores, "memory_bytes": machine.memory},
            versions={"python": python_version(), "pennyweight": version("pennyweight")},
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _notices(self) -> tuple[str, ...]:
        measured = {part.name for part in self.models[0].validation}
        notices = [] if self.searches else [NO_QUERIES]
        if AMONG_NEW not in measured:
            notices.append(NO_NEW_ITEMS)
        return tuple(notices)


def _add_searches(
    model: _Model, results: Sequence[SearchResults], values: Sequence[Values], column: int
) -> None:
    """Add the searches of a model: even queries to its validation, odd ones to its test."""
    for result, of_queries in zip(results, values, strict=True):
        name, metric = SEARCH_NAMES[result.task.name], result.task.metric
        for part, slices in ((of_queries[::2], model.validation), (of_queries[1::2], model.test)):
            slices.append(SliceValues(name, metric, part, None, len(part), None))
    queries = sum(len(result.task.queries) for result in results)
    model.search_seconds = sum(result.seconds[column] for result in results) / queries
