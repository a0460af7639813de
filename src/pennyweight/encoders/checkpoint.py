"""The tensors of a BERT checkpoint, found by name and checked against config.json.

A layer may be smaller than config.json says: its heads and the width of its feed-forward part
are read from the shapes of its matrices, so that a pruned model is an ordinary checkpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import DataError

__all__ = [
    "ACTIVATIONS",
    "PLACES",
    "SEGMENTS",
    "WEIGHT_STEPS",
    "WORDS",
    "Checkpoint",
    "Norm",
    "Projection",
    "TransformerLayer",
    "prefix_of",
    "read_checkpoint",
]

ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh")
WORDS = "embeddings.word_embeddings.weight"
PLACES = "embeddings.position_embeddings.weight"
SEGMENTS = "embeddings.token_type_embeddings.weight"
# Processors without VNNI add two products in 16 bits: 255 * 63 * 2 still fits, 255 * 127 * 2
# would be clipped, and the vectors would then depend on the processor.
WEIGHT_STEPS = 63

Array = NDArray[Any]


@dataclass(frozen=True)
class Projection:
    """x @ weight.T + bias: weight (out, in) as checkpoints store it, bias (out,)."""

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Norm:
    """Layer normalization: gamma and beta (hidden,)."""

    gamma: Array
    beta: Array


@dataclass(frozen=True)
class TransformerLayer:
    """One layer: attention of `heads` heads, then two feed-forward projections."""

    heads: int
    query: Projection  # (heads * head_dim, hidden); key and value alike
    key: Projection
    value: Projection
    attended: Projection  # (hidden, heads * head_dim)
    attended_norm: Norm
    inner: Projection  # (width, hidden)
    outer: Projection  # (hidden, width)
    outer_norm: Norm


@dataclass(frozen=True)
class Checkpoint:
    """A BERT model as arrays, float32.

    Attributes
    ----------
    hidden
        Width of the token states.
    head_dim
        Width of a head, the same in all layers.
    activation
        One of `ACTIVATIONS`.
    epsilon
        Of the layer normalizations.
    words
        Token vectors (vocabulary, hidden).
    places
        Position embeddings, the segment's vector included, (positions, hidden).
    norm
        After the sum of both.
    layers
        From the first to the last.
    """

    hidden: int
    head_dim: int
    activation: str
    epsilon: float
    words: Array
    places: Array
    norm: Norm
    layers: tuple[TransformerLayer, ...]


def prefix_of(tensors: Mapping[str, Array]) -> str:
    """Return the prefix of the tensors' names that the training head of a model left."""
    return next((name[: -len(WORDS)] for name in tensors if name.endswith(WORDS)), "")


def read_checkpoint(config: Mapping[str, Any], tensors: Mapping[str, Array]) -> Checkpoint:
    """Find and check the tensors of a model.

    Parameters
    ----------
    config
        The model's ``config.json``; `model_type` bert, roberta or xlm-roberta.
    tensors
        Checkpoint tensors by name, float32.

    Raises
    ------
    DataError
        A tensor is missing or misshapen, or the activation is not supported.
    """
    hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    activation = str(config.get("hidden_act", "gelu"))
    if activation not in ACTIVATIONS:
        raise DataError(f"activation {activation!r}: supported are {', '.join(ACTIVATIONS)}")
    if hidden % heads:
        raise DataError(f"config.json: hidden_size {hidden} is no multiple of {heads} heads")
    source = _Source(tensors, hidden, hidden // heads)
    words = source.get(WORDS, (int(config["vocab_size"]), hidden))
    places = source.get(PLACES, (None, hidden))
    if config.get("model_type") != "bert":  # RoBERTa counts positions from pad + 1
        places = places[int(config.get("pad_token_id", 1)) + 1 :]
    # Only one segment is ever used: its vector is added to every position beforehand.
    places = places + source.get(SEGMENTS, (None, hidden))[0]
    return Checkpoint(
        hidden=hidden,
        head_dim=hidden // heads,
        activation=activation,
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        words=words,
        places=places,
        norm=source.norm("embeddings"),
        layers=tuple(source.layer(number) for number in range(int(config["num_hidden_layers"]))),
    )


@dataclass(frozen=True)
class _Source:
    """Tensors by name, shapes checked."""

    tensors: Mapping[str, Array]
    hidden: int
    head_dim: int

    def get(self, name: str, shape: tuple[int | None, ...]) -> Array:
        """Return a tensor of a shape; None in it is any number above 0."""
        name = prefix_of(self.tensors) + name
        value = self.tensors.get(name)
        if value is None:
            raise DataError(f"checkpoint has no tensor {name!r}; is it a BERT model?")
        fits = value.ndim == len(shape) and all(
            n > 0 and size in (None, n) for n, size in zip(value.shape, shape, strict=True)
        )
        if not fits:
            expected = ", ".join("any" if n is None else str(n) for n in shape)
            raise DataError(f"{name}: shape {value.shape} does not fit config.json: ({expected})")
        return value.astype(np.float32, copy=False)

    def linear(self, name: str, out: int | None, width: int | None) -> Projection:
        weight = self.get(f"{name}.weight", (out, width))
        return Projection(weight, self.get(f"{name}.bias", (len(weight),)))

    def norm(self, name: str) -> Norm:
        gamma, beta = (
            self.get(f"{name}.LayerNorm.{part}", (self.hidden,)) for part in ("weight", "bias")
        )
        return Norm(gamma, beta)

    def layer(self, number: int) -> TransformerLayer:
        name = f"encoder.layer.{number}"
        query = self.linear(f"{name}.attention.self.query", None, self.hidden)
        width = len(query.weight)
        if width % self.head_dim:
            raise DataError(
                f"{name}: query.weight has {width} rows, no multiple of {self.head_dim}, the "
                "width of a head (hidden_size / num_attention_heads of config.json)"
            )
        inner = self.linear(f"{name}.intermediate.dense", None, self.hidden)
        return TransformerLayer(
            heads=width // self.head_dim,
            query=query,
            key=self.linear(f"{name}.attention.self.key", width, self.hidden),
            value=self.linear(f"{name}.attention.self.value", width, self.hidden),
            attended=self.linear(f"{name}.attention.output.dense", self.hidden, width),
            attended_norm=self.norm(f"{name}.attention.output"),
            inner=inner,
            outer=self.linear(f"{name}.output.dense", self.hidden, len(inner.weight)),
            outer_norm=self.norm(f"{name}.output"),
        )
