"""How long encoders take on this machine: graphs of random weights, timed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.checkpoint import Checkpoint, Norm, Projection, TransformerLayer
from pennyweight.encoders.graph import build_graph
from pennyweight.encoders.operators import Precision
from pennyweight.encoders.session import Session
from pennyweight.planning.encoder_shape import WEIGHT_BYTES, EncoderShape

__all__ = [
    "ENCODING_TERMS",
    "TimedBatch",
    "bert_shape",
    "encoding_terms",
    "random_checkpoint",
    "thread_speedup",
    "timed_batches",
]

ENCODING_TERMS = ("batch", "layer", "matrix_product", "attention", "activation", "weight_byte")
VOCABULARY, POSITIONS = 1_000, 512
# Layers, width, heads and width of the feed-forward part; MiniLM's, BERT's and smaller ones.
SHAPES = ((2, 384, 12, 1_536), (4, 128, 4, 512), (1, 768, 12, 3_072), (2, 384, 12, 768))
BATCHES = ((1, 8), (1, 16), (1, 128), (8, 32), (16, 128), (64, 16))  # texts, and tokens of each
REPEATS, SECONDS = 3, 0.1


@dataclass(frozen=True)
class TimedBatch:
    """One batch of texts: its terms and its seconds."""

    terms: NDArray[np.float64]
    seconds: float


def encoding_terms(
    shape: EncoderShape, texts: int, tokens: int, precision: Precision
) -> NDArray[np.float64]:
    """Return the factors of the seconds of a batch, in the order of `ENCODING_TERMS`, (6,).

    Parameters
    ----------
    shape
        Of the model.
    texts, tokens
        Texts of the batch, and tokens of each.
    precision
        Of the weights.
    """
    states = texts * tokens
    pairs = 4.0 * shape.layers * shape.heads * shape.head_dim * texts * tokens**2
    products = texts * shape.operations(tokens) - pairs
    activations = float(states * shape.layers * (6 * shape.width + 2 * shape.intermediate))
    weights = shape.layers * shape.layer_parameters * WEIGHT_BYTES[precision]
    return np.array([1.0, shape.layers, products, pairs, activations, weights], np.float64)


def timed_batches(precision: Precision, *, seed: int = 0) -> Iterator[TimedBatch]:
    """Time batches of several shapes on one thread; about ten seconds.

    Processor time is counted, so that other work on the machine counts little.

    Parameters
    ----------
    precision
        Of the weights.
    seed
        Of weights and tokens.
    """
    rng = np.random.default_rng(seed)
    for layers, width, heads, intermediate in SHAPES:
        shape = bert_shape(layers, width, heads, intermediate)
        session = build_graph(random_checkpoint(shape, rng), precision=precision).session(1)
        for texts, tokens in BATCHES:
            ids = rng.integers(0, VOCABULARY, (texts, tokens)).astype(np.int32)
            terms = encoding_terms(shape, texts, tokens, precision)
            yield TimedBatch(terms, _seconds(session, ids))


def thread_speedup(threads: int, *, seed: int = 0) -> float:
    """Return how many times faster a batch is on some threads than on one, at least 1."""
    rng = np.random.default_rng(seed)
    graph = build_graph(random_checkpoint(bert_shape(2, 384, 12, 1_536), rng), precision="int8")
    ids = rng.integers(0, VOCABULARY, (32, 32)).astype(np.int32)
    feed = {"ids": ids, "mask": np.ones_like(ids)}
    spent = []
    for session in (graph.session(1), graph.session(threads)):
        session.run(["unit"], feed)
        rounds = []
        for _ in range(5 * REPEATS):
            began = time.perf_counter()
            session.run(["unit"], feed)
            rounds.append(time.perf_counter() - began)
        spent.append(min(rounds))
    return max(1.0, spent[0] / spent[1])


def _seconds(session: Session, ids: NDArray[np.int32]) -> float:
    """Return the seconds of one batch: the best mean of some rounds."""
    feed = {"ids": ids, "mask": np.ones_like(ids)}

    def run(times: int) -> float:
        began = time.process_time()
        for _ in range(times):
            session.run(["unit"], feed)
        return (time.process_time() - began) / times

    run(2)
    times = max(1, round(SECONDS / max(run(1), 1e-6)))
    return min(run(times) for _ in range(REPEATS))


def bert_shape(layers: int, width: int, heads: int, intermediate: int) -> EncoderShape:
    """Return the shape of a small model of the type BERT."""
    return EncoderShape(
        name=f"{layers} layers of {width}",
        kind="encoder",
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=heads,
        head_dim=width // heads,
        intermediate=intermediate,
        gated=False,
        vocabulary=VOCABULARY,
        max_tokens=POSITIONS,
        dim=width,
        embedding_width=width,
        positions=POSITIONS,
    )


def random_checkpoint(shape: EncoderShape, rng: np.random.Generator) -> Checkpoint:
    """Return random weights of a shape."""

    def matrix(out: int, into: int) -> NDArray[np.float32]:
        return rng.standard_normal((out, into), np.float32) * np.float32(0.02)

    def linear(out: int, into: int) -> Projection:
        return Projection(matrix(out, into), np.zeros(out, np.float32))

    def norm() -> Norm:
        return Norm(np.ones(shape.width, np.float32), np.zeros(shape.width, np.float32))

    def layer() -> TransformerLayer:
        width, inner = shape.width, shape.intermediate
        query, key, value, attended = (linear(width, width) for _ in range(4))
        return TransformerLayer(
            shape.heads,
            query,
            key,
            value,
            attended,
            norm(),
            linear(inner, width),
            linear(width, inner),
            norm(),
        )

    return Checkpoint(
        hidden=shape.width,
        head_dim=shape.head_dim,
        activation="gelu",
        epsilon=1e-12,
        words=matrix(shape.vocabulary, shape.width),
        places=matrix(shape.positions, shape.width),
        norm=norm(),
        project=None,
        layers=tuple(layer() for _ in range(shape.layers)),
    )
