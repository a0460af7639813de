"""Encoders compared on a catalog: speed, size, neighbors, and the quality of content alone."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pennyweight.config.comparison import ComparedEncoder, EncoderComparison
from pennyweight.config.plan import Plan
from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import HeldOut
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.endpoint_client import is_endpoint
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.static import distil
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.errors import DataError, PlanError
from pennyweight.evaluation.bootstrap import bootstrap
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.evaluation.user_results import PRIMARY_METRIC
from pennyweight.fitting.forecast import TUNED
from pennyweight.fitting.measurable import measurable
from pennyweight.fitting.pretrained import open_endpoint, open_pretrained
from pennyweight.fitting.tune import choose_settings, sample
from pennyweight.machine.machine import matrix_threads
from pennyweight.progress.display import tracked
from pennyweight.progress.tracker import ExpectedStage, ProgressTracker
from pennyweight.progress.update import Progress
from pennyweight.scorers.content import Content
from pennyweight.vectors.unit_rows import unit_rows

__all__ = [
    "compare_encoders",
    "content_encoder",
    "encode_catalog",
    "open_encoder",
    "texts_per_second",
]

STATIC_DIM = 256
SECONDS = 2.0  # of encoding, after which the speed is known well enough
QUERIES, POOL, NEIGHBORS = 200, 5_000, 10

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Trial:
    """The held-out events that encoders are measured on."""

    held_out: HeldOut
    tuning: HeldOut
    repeats: Repeats
    protocol: str


def compare_encoders(
    names: Sequence[str],
    catalog: Catalog,
    interactions: Interactions | None = None,
    plan: Plan | None = None,
    *,
    progress: Progress = True,
) -> EncoderComparison:
    """Measure encoders one after the other.

    Quality is NDCG@10 of the content scorer alone on the validation users of a fit, with the
    settings that are best for each encoder; vectors of pretrained models are whitened, as in a
    fit.

    Parameters
    ----------
    names
        ``tfidf``, ``static``, ``minilm``, or anything that `open_pretrained` opens; the first is
        the reference.
    interactions
        The event log; without it, quality is not measured.

    Raises
    ------
    DataError
        An encoder cannot be opened, or there are no items with text.
    PlanError
        Fewer than one name, or the same twice.
    """
    if not names or len(set(names)) < len(names):
        raise PlanError("name one encoder or more, each once")
    plan = plan or Plan()
    if not any(catalog.texts):
        raise DataError("no item has a text; name the text columns (--text-columns)")
    with tracked(progress) as tracker, threadpool_limits(matrix_threads()):
        stages = [f"{verb} {name}" for name in names for verb in ("encode with", "measure")]
        tracker.expect(map(ExpectedStage, stages))
        trial = None if interactions is None else _trial(interactions, plan)
        rows: list[ComparedEncoder] = []
        first: tuple[Float, NDArray[np.float64] | None] | None = None
        for name in names:
            encoder = open_encoder(name, catalog, plan)
            vectors = encode_catalog(encoder, catalog, tracker, f"encode with {name}")
            tracker(f"measure {name}")
            content = content_encoder(name, encoder, vectors)
            results = None if trial is None else _qualities(trial, content, catalog)
            first = first or (vectors, results)
            rows.append(_row(name, encoder, vectors, results, first, catalog, plan))
    return EncoderComparison(
        items=len(catalog),
        users=0 if trial is None else len(trial.held_out),
        protocol=None if trial is None else trial.protocol,
        encoders=tuple(rows),
    )


def texts_per_second(
    encode: Callable[[Sequence[str]], Float], texts: Sequence[str], *, seconds: float = SECONDS
) -> float:
    """Return how many texts are encoded in a second, in batches."""
    encode(texts[:2])  # sessions are built, pages come in
    done, spent, size = 0, 0.0, 8
    while spent < seconds and size <= 1 << 14:
        block = [texts[i % len(texts)] for i in range(done, done + size)]
        began = time.perf_counter()
        encode(block)
        spent += time.perf_counter() - began
        done, size = done + size, 2 * size
    return done / max(spent, 1e-9)


def open_encoder(name: str, catalog: Catalog, plan: Plan) -> Encoder:
    """Return the encoder of a name, as `compare_encoders` takes it; `DataError` where none is.

    The name of the model at a server is that of the plan.
    """
    if name == "tfidf":
        return LexicalEncoder.fit(catalog.texts)
    settings = plan.encoder
    if is_endpoint(name):
        return open_endpoint(settings.model_copy(update={"name": name}))
    encoder = open_pretrained(
        None if name in ("static", "minilm") else name,
        precision=settings.precision,
        max_tokens=settings.max_tokens or READ_TOKENS,
    )
    model = encoder.language_model
    if name == "static" and model is not None:
        return distil(model, dim=min(STATIC_DIM, model.dim)).weighted(catalog.texts)
    return encoder


def encode_catalog(
    encoder: Encoder, catalog: Catalog, tracker: ProgressTracker, stage: str
) -> Float:
    """Return the vectors of a catalog, from the cache where they are there."""
    tracker(stage)
    return encode_cached(
        encoder, catalog.texts, progress=lambda done, total: tracker(stage, done, total)
    )


def _trial(interactions: Interactions, plan: Plan) -> Trial:
    setting = measurable(interactions, plan.evaluate)
    valid = setting.split(interactions, plan.evaluate).valid
    if not len(valid):
        raise DataError("no event could be held out; comparing encoders takes more events")
    rng = np.random.default_rng(plan.evaluate.seed)
    tuning = sample(valid, TUNED.of(interactions.n_items), rng)
    return Trial(valid, tuning, setting.repeats, setting.protocol)


def content_encoder(name: str, encoder: Encoder, vectors: Float) -> Encoder | None:
    """Return an encoder as a fit gives it to the content scorer."""
    if name == "tfidf":
        return None  # sparse
    return (
        encoder
        if name == "static"
        else ProjectedEncoder.of_vectors(encoder, vectors, dim=encoder.dim)
    )


def _qualities(trial: Trial, encoder: Encoder | None, catalog: Catalog) -> NDArray[np.float64]:
    """Return NDCG@10 of each user, ranked by content with an encoder."""
    content = Content(encoder)
    content.fit(trial.held_out.before, catalog)
    choose_settings(content, trial.tuning, trial.repeats)
    results = measure({"content": content}, trial.held_out, repeats=trial.repeats)
    return np.asarray(results["content"].column(PRIMARY_METRIC), np.float64)


def _row(
    name: str,
    encoder: Encoder,
    vectors: Float,
    results: NDArray[np.float64] | None,
    first: tuple[Float, NDArray[np.float64] | None],
    catalog: Catalog,
    plan: Plan,
) -> ComparedEncoder:
    sampling: dict[str, int] = {"resamples": plan.evaluate.bootstrap, "rng": plan.evaluate.seed}
    ndcg = difference = None
    if results is not None:
        ndcg = bootstrap(results[:, None], **sampling)[0].measured()
    if results is not None and first[1] is not None and results is not first[1]:
        difference = bootstrap((results - first[1])[:, None], **sampling)[0].measured()
    return ComparedEncoder(
        name=name,
        dim=encoder.dim,
        ndcg=ndcg,
        difference=difference,
        neighbors=_shared_neighbors(vectors, first[0], plan.evaluate.seed),
        texts_per_second=round(texts_per_second(encoder.encode, catalog.texts), 1),
        nbytes=encoder.nbytes,
    )


def _shared_neighbors(vectors: Float, reference: Float, seed: int) -> float:
    """Return the share of nearest neighbors that two encoders have in common."""
    rng = np.random.default_rng(seed)
    pool = np.sort(rng.permutation(len(vectors))[:POOL])
    queries = np.sort(rng.permutation(len(pool))[:QUERIES])
    k = min(NEIGHBORS, len(pool) - 1)
    if k < 1:
        return 1.0
    near = [_nearest(unit_rows(part[pool]), queries, k) for part in (vectors, reference)]
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(*near, strict=True)]))


def _nearest(vectors: Float, queries: NDArray[np.int64], k: int) -> list[list[int]]:
    scores = vectors[queries] @ vectors.T
    scores[np.arange(len(queries)), queries] = -np.inf
    nearest: list[list[int]] = np.argpartition(-scores, k - 1, axis=1)[:, :k].tolist()
    return nearest
