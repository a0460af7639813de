"""The activations of a model on the catalog's own texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.compression.model import LanguageModel
from pennyweight.encoders.graph import build_graph
from pennyweight.encoders.texts import check_texts
from pennyweight.encoders.tokens import TokenLists, batches, load_tokenizer, padded, tokenize
from pennyweight.errors import DataError
from pennyweight.machine.machine import usable_cores
from pennyweight.vectors.unit_rows import unit_rows

__all__ = ["Activations", "Moments", "record_activations"]

TOKENS = 16_384  # as many, of texts evenly spaced, stand for all: 10 for each neuron
MAX_TOKENS = 128


@dataclass
class Moments:
    """Mean and covariance of activations, summed up token by token.

    Attributes
    ----------
    count
        Tokens seen.
    total
        Their sum, float64 (width,).
    products
        The sum of their outer products, float64 (width, width).
    """

    count: int
    total: NDArray[np.float64]
    products: NDArray[np.float64]

    @classmethod
    def of_width(cls, width: int) -> "Moments":
        """Return the moments of nothing."""
        return cls(0, np.zeros(width), np.zeros((width, width)))

    def add(self, rows: NDArray[np.float32]) -> None:
        """Take in activations, float32 (tokens, width)."""
        self.count += len(rows)
        self.total += rows.sum(axis=0, dtype=np.float64)
        self.products += rows.T @ rows

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.count + other.count, self.total + other.total, self.products + other.products
        )

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean activation, float64 (width,)."""
        return self.total / self.count

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance of the activations, float64 (width, width)."""
        return self.products / self.count - np.outer(self.mean, self.mean)


@dataclass
class Activations:
    """The activations of a model's parts on some texts.

    Attributes
    ----------
    influence
        Block influence of each layer, float64 (layers,): 1 - mean cosine between a token's
        state before and after the layer (Men et al. 2024, ShortGPT, equation 1). 0 is a layer
        that does nothing.
    contexts
        Moments of the heads' results, a layer each: the inputs of the attention's projection.
    inners
        Moments of the feed-forward neurons' activations, a layer each.
    """

    influence: NDArray[np.float64]
    contexts: list[Moments]
    inners: list[Moments]
    tokens: int = field(default=0)


def record_activations(
    model: LanguageModel,
    texts: Sequence[str],
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Activations:
    """Run a model over texts and record its layers, heads and neurons.

    Texts evenly spaced are read, each up to 128 tokens, until there are 16,384 tokens.

    Parameters
    ----------
    progress
        Called with (texts done, total texts).

    Raises
    ------
    DataError
        There is no text with a word.
    """
    checkpoint = model.checkpoint
    ids = _sample(model, texts)
    graph = build_graph(checkpoint, probe=True)
    session = graph.session(threads or usable_cores())
    outputs = [name for name in session.outputs if "." in name]
    layers = checkpoint.layers
    activations = Activations(
        np.zeros(len(layers)),
        [Moments.of_width(layer.attended.weight.shape[1]) for layer in layers],
        [Moments.of_width(len(layer.inner.weight)) for layer in layers],
    )
    done = 0
    for batch in batches(ids):
        feed = padded([ids[i] for i in batch])
        real = feed["mask"].astype(bool)
        values = session.run(outputs, feed)
        _add(activations, {name: value[real] for name, value in zip(outputs, values, strict=True)})
        done += len(batch)
        if progress is not None:
            progress(done, len(ids))
    activations.influence = 1 - activations.influence / activations.tokens
    return activations


def _sample(model: LanguageModel, texts: Sequence[str]) -> TokenLists:
    check_texts(texts)
    max_texts = TOKENS // 4
    chosen = [texts[int(i)] for i in np.linspace(0, len(texts) - 1, min(max_texts, len(texts)))]
    cut = min(MAX_TOKENS, len(model.checkpoint.places))
    tokenizer = load_tokenizer(model.tokenizer_json, max_tokens=cut)
    markers = len(tokenizer.encode("").ids)
    rows = tokenize(tokenizer, chosen, special=True, prompt=model.like.prompts.document)
    ids = [row for row in rows if len(row) > markers]
    if not ids:
        raise DataError("pruning needs texts to watch the model on; none has a word")
    # Texts with this many tokens together, spread evenly over the catalog.
    step = max(1, round(sum(map(len, ids)) / TOKENS))
    return ids[::step]


def _add(activations: Activations, values: dict[str, NDArray[Any]]) -> None:
    """Add one batch: values by output, float32 (tokens, width), without padding."""
    activations.tokens += len(values["state.0"])
    before = unit_rows(values["state.0"])
    for layer in range(len(activations.influence)):
        after = unit_rows(values[f"state.{layer + 1}"])
        activations.influence[layer] += np.einsum("td,td->", before, after, dtype=np.float64)
        before = after
        activations.contexts[layer].add(values[f"context.{layer}"])
        activations.inners[layer].add(values[f"inner.{layer}"])
