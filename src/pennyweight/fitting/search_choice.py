"""The choice of the search by text, on queries that are made from the catalog."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.plan import EncoderPlan, Plan, SearchPlan
from pennyweight.config.search import SearchQuality, SearchTaskQuality
from pennyweight.data.catalog import Catalog
from pennyweight.data.dataset import Dataset
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.encoders.endpoint_client import is_endpoint
from pennyweight.encoders.gguf_header import is_gguf
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.static import distil
from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.encoders.weights import OF_DEFAULT, may_be_model
from pennyweight.errors import DataError, PlanError, did_you_mean
from pennyweight.evaluation.bootstrap import bootstrap, paired_difference
from pennyweight.evaluation.search import (
    SearchTask,
    category_search,
    known_item_search,
    search_quality,
)
from pennyweight.fitting.components import Component
from pennyweight.fitting.encoder_choice import uses_language_model
from pennyweight.fitting.pretrained import open_pretrained, with_prefixes
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.text_search import BM25_WEIGHTS, TextSearch
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = [
    "AUTO",
    "MAX_ITEMS",
    "NONE",
    "NO_QUERIES",
    "SEARCHED",
    "SEARCH_NAMES",
    "STATIC",
    "SearchResults",
    "best_weight",
    "check_search_encoder",
    "check_search_prefixes",
    "learn_search",
    "open_search_encoder",
    "search_encoder_name",
    "search_results",
    "search_tasks",
    "search_work",
]

AUTO, NONE, STATIC = "auto", "none", "static"
DIM = 256  # of the static table
SEARCHED = 2_000  # items that encoders are compared on; a longer catalog is sampled
SEARCH_NAMES = {"categories": "search by category", "known items": "known-item search"}
NO_QUERIES = (
    "search is not measured: the catalog has neither categories nor descriptions of two sentences "
    "to make queries of"
)
MAX_ITEMS = 4_000  # that the candidates are measured on; a longer catalog is sampled

Float = NDArray[np.float64]


@dataclass(frozen=True)
class SearchResults:
    """The results of a search and of TF-IDF on one task, a value a query.

    Attributes
    ----------
    by_weight
        Weight of BM25 -> the values of the search.
    seconds
        Of all queries by TF-IDF, and by the search.
    """

    task: SearchTask
    tfidf: Float
    by_weight: dict[float, Float]
    seconds: tuple[float, float]


def search_encoder_name(
    plan: SearchPlan, encoder_plan: EncoderPlan, own_encoder: Encoder | None
) -> str:
    """Return the name of the encoder of a search; ``none`` for TF-IDF alone.

    ``auto`` takes the encoder that the plan names for the scorers, or the static table of the
    default model: a language model that encodes every new item and every query is taken only
    where it is named. A server or a GGUF file is not taken: measuring it would encode thousands of
    texts more, which cost money or hours.
    """
    if plan.encoder != AUTO:
        return plan.encoder
    if own_encoder is not None:
        return encoder_plan.name if own_encoder.language_model is not None else NONE
    if is_endpoint(encoder_plan.name) or is_gguf(encoder_plan.name):
        return NONE
    if not uses_language_model(encoder_plan.name)[0]:
        return NONE
    return STATIC if encoder_plan.name == AUTO else encoder_plan.name


def search_work(
    name: str, encoder_plan: EncoderPlan, components: Sequence[Component]
) -> Literal["none", "table", "model"]:
    """Return how a catalog is encoded for a search with the encoder of a name."""
    if name == NONE or not any(component.type.scores_texts for component in components):
        return "none"
    # Vectors of the encoder of the scorers are there already.
    return "table" if name in (STATIC, encoder_plan.name) else "model"


def check_search_encoder(name: str) -> None:
    """Raise `PlanError` where no encoder of dense vectors can have the name."""
    names = (AUTO, NONE, *OF_DEFAULT[1:])
    if name not in names and not may_be_model(name):
        raise PlanError(
            f"search.encoder: {name!r} is none of {', '.join(names)}, a model folder or a model id "
            f"(owner/name); servers, GGUF files and encoders of words do not search"
            f"{did_you_mean(name, names)}"
        )


def check_search_prefixes(plan: SearchPlan, name: str) -> None:
    """Raise `PlanError` where a plan has prompts for a search whose encoder takes none from it."""
    if plan.has_prefix and name in (NONE, STATIC):
        searches = "TF-IDF searches, which" if name == NONE else "the static table searches, which"
        raise PlanError(
            f"search.query_prefix, document_prefix: {searches} puts no prompts before texts; name "
            "a transformer in search.encoder (minilm, a folder, an id), or leave them out"
        )


def open_search_encoder(
    name: str, plan: Plan, own_encoder: Encoder | None = None, *, optional: bool = False
) -> Encoder | None:
    """Return the encoder of a name that `search_encoder_name` gave.

    Its prompts are those of the search in the plan; else, where it is the encoder of the scorers
    too, the prompts of that.

    Parameters
    ----------
    optional
        Return None where no weights are installed, in place of an error.
    """
    settings = plan.encoder
    if own_encoder is not None and name == settings.name:
        return with_prefixes(own_encoder, plan.search)
    try:
        encoder: Encoder = open_pretrained(
            None if name in OF_DEFAULT else name,
            precision=settings.precision if name == settings.name else "int8",
            max_tokens=settings.max_tokens or READ_TOKENS,
        )
    except DataError:
        if optional:
            return None
        raise
    if name == settings.name:
        encoder = with_prefixes(encoder, settings)
    encoder = with_prefixes(encoder, plan.search)
    model = encoder.language_model
    if name == STATIC and model is not None:
        table = distil(model, dim=min(DIM, model.dim))
        # All tokens stay: a query may have words that the catalog has not.
        packed = QuantizedRows.of(table.table, "int8", by_row=True)
        return table.with_table(packed, name=table.name)
    return encoder


def learn_search(
    name: str, blend: Blend, data: Dataset, plan: Plan, own_encoder: Encoder | None
) -> SearchQuality | None:
    """Give a blend a search by text where it finds more than TF-IDF, or where the plan says so.

    Parameters
    ----------
    name
        Of the encoder, by `search_encoder_name`.
    """
    automatic = plan.search.encoder == AUTO
    encoder = open_search_encoder(name, plan, own_encoder, optional=automatic)
    if encoder is None:
        return None
    blend.search, quality = _choose(
        encoder,
        blend.components,
        data,
        forced=not automatic,
        resamples=plan.evaluate.bootstrap,
        seed=plan.evaluate.seed,
    )
    return quality


def _choose(
    encoder: Encoder,
    components: Mapping[str, Scorer],
    data: Dataset,
    *,
    forced: bool,
    resamples: int,
    seed: int,
) -> tuple[TextSearch | None, SearchQuality | None]:
    """Measure a search on queries made from the catalog, and fit it to the catalog if it pays.

    The weight of BM25 is chosen on every other query, and the search is measured against TF-IDF on
    the rest. It is used where it is better over all tasks and worse in none, each at 95 %.

    Parameters
    ----------
    components
        Of the blend; a search shares the words of the first that has some.
    forced
        Use it whatever it gains.
    """
    catalog, interactions = data.catalog, data.interactions
    tasks = search_tasks(catalog, MAX_ITEMS, seed)
    measured = [search_results(task, encoder, interactions) for task in tasks]
    measured = [result for result in measured if len(result.tfidf) > 1]
    if not measured and not forced:
        return None, None
    weight = best_weight(measured)
    qualities = tuple(_quality(result, weight, resamples, seed) for result in measured)
    used = forced or _pays(measured, qualities, weight, resamples, seed)
    n_items = min(len(catalog), MAX_ITEMS)
    report = SearchQuality(
        encoder=encoder.name, bm25_weight=weight, tasks=qualities, items=n_items, used=used
    )
    if not used:
        return None, report
    words_id = next((name for name, c in components.items() if c.word_search()), None)
    words: Scorer
    if words_id is None:
        words = Content().fit(interactions, catalog)
    else:
        words = components[words_id]
    search = TextSearch.fit(encoder, words, catalog, words_id=words_id)
    return replace(search, bm25_weight=weight), report


def search_tasks(catalog: Catalog, limit: int, seed: int) -> list[SearchTask]:
    """Return the queries that a catalog gives, on at most `limit` items of it."""
    sample = _sample_items(catalog, limit, seed)
    tasks = (make(sample, seed=seed) for make in (category_search, known_item_search))
    return [task for task in tasks if task is not None]


def _sample_items(catalog: Catalog, limit: int, seed: int) -> Catalog:
    """Return a catalog of at most `limit` items, drawn at random, in their order."""
    if len(catalog) <= limit:
        return catalog
    drawn = np.random.default_rng(seed).choice(len(catalog), limit, replace=False)
    rows = np.sort(drawn).tolist()
    return replace(
        catalog,
        ids=Ids([catalog.ids[row] for row in rows], "items"),
        texts=[catalog.texts[row] for row in rows],
        attributes=catalog.attributes[rows] if catalog.attributes.width else catalog.attributes,
    )


def search_results(task: SearchTask, encoder: Encoder, interactions: Interactions) -> SearchResults:
    """Search the items of a task by an encoder with BM25 at each weight, and by TF-IDF."""
    words = Content().fit(interactions, task.catalog)
    search = TextSearch.fit(encoder, words, task.catalog)
    began = time.perf_counter()
    by_words = search_quality(task, words.score_texts)
    middle = time.perf_counter()
    by_weight = {
        weight: search_quality(task, replace(search, bm25_weight=weight).score_texts)
        for weight in BM25_WEIGHTS
    }
    seconds = middle - began, (time.perf_counter() - middle) / len(BM25_WEIGHTS)
    return SearchResults(task, by_words, by_weight, seconds)


def best_weight(measured: Sequence[SearchResults]) -> float:
    """Return the weight that is best on every other query, over all tasks alike."""
    if not measured:
        return BM25_WEIGHTS[-1]

    def gain(weight: float) -> float:
        return float(np.mean([result.by_weight[weight][::2].mean() for result in measured]))

    return max(BM25_WEIGHTS, key=gain)


def _quality(result: SearchResults, weight: float, resamples: int, seed: int) -> SearchTaskQuality:
    search, tfidf = (v[1::2, None] for v in (result.by_weight[weight], result.tfidf))
    options = {"resamples": resamples, "rng": seed}
    return SearchTaskQuality(
        task=result.task.name,
        metric=result.task.metric,
        queries=len(search),
        tfidf=bootstrap(tfidf, **options)[0].measured(),
        search=bootstrap(search, **options)[0].measured(),
        difference=paired_difference(search, tfidf, **options)[0].measured(),
    )


def _pays(
    measured: Sequence[SearchResults],
    qualities: Sequence[SearchTaskQuality],
    weight: float,
    resamples: int,
    seed: int,
) -> bool:
    if any(quality.difference.high < 0 for quality in qualities):
        return False
    gains = [result.by_weight[weight][1::2] - result.tfidf[1::2] for result in measured]
    overall = bootstrap(np.concatenate(gains)[:, None], resamples=resamples, rng=seed)[0]
    return overall.low > 0
