"""The tensors of a checkpoint, found by BERT's names and checked against config.json.

Names and settings of other families are translated first (`pennyweight.encoders.families`).

A layer may be smaller than config.json says: its heads and the width of its feed-forward part
are read from the shapes of its matrices, so that a pruned model is an ordinary checkpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.families import SHARED_LAYERS, Family, family_of
from pennyweight.errors import DataError

__all__ = [
    "ACTIVATIONS",
    "EMBEDDINGS_PROJECT",
    "PLACES",
    "RELATIVE",
    "SEGMENTS",
    "WEIGHT_STEPS",
    "WORDS",
    "Checkpoint",
    "Norm",
    "Projection",
    "TransformerLayer",
    "prefix_of",
    "read_checkpoint",
    "relative_buckets",
    "stored_layers",
]

ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh")
WORDS = "embeddings.word_embeddings.weight"
PLACES = "embeddings.position_embeddings.weight"
SEGMENTS = "embeddings.token_type_embeddings.weight"
EMBEDDINGS_PROJECT = "embeddings_project"
RELATIVE = "relative_attention_bias.weight"  # of the encoder, or of a layer's attention
MAX_DISTANCE = 128  # tokens further apart share a bucket
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
    relative: Array | None = None  # (buckets, heads), added to the attention by distance


@dataclass(frozen=True)
class Checkpoint:
    """A model of BERT's kind as arrays, float32.

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
        Token vectors (vocabulary, width); the width is hidden unless there is a `project`.
    places
        Position embeddings, the segment's vector included, (positions, width).
    norm
        After the sum of both.
    project
        From there to the layers, (hidden, width), or None.
    layers
        From the first to the last; layers that share their tensors are one object.
    """

    hidden: int
    head_dim: int
    activation: str
    epsilon: float
    words: Array
    places: Array
    norm: Norm
    project: Projection | None
    layers: tuple[TransformerLayer, ...]


def prefix_of(tensors: Mapping[str, Array]) -> str:
    """Return the prefix of the tensors' names that the training head of a model left."""
    return next((name[: -len(WORDS)] for name in tensors if name.endswith(WORDS)), "")


def stored_layers(config: Mapping[str, Any]) -> list[int]:
    """Return the number of the stored layer of each layer; ALBERT's share one."""
    layers = int(config["num_hidden_layers"])
    stored = config.get(SHARED_LAYERS)
    if stored is None:
        return list(range(layers))
    if not isinstance(stored, list) or len(stored) != layers or {*map(type, stored)} != {int}:
        raise DataError(f"config.json: {SHARED_LAYERS} {stored!r}: a number for each of {layers}")
    return stored


def relative_buckets(distance: NDArray[np.int64], buckets: int) -> NDArray[np.int64]:
    """Return the bucket of each distance, a token's position minus that of the one it reads.

    Half of the buckets are for each direction; of these, half for distances one by one, and
    the others for ranges that grow exponentially (Raffel et al. 2020, T5).
    """
    half = buckets // 2
    exact = half // 2
    size = np.abs(distance)
    logarithm = np.log(np.maximum(size, 1).astype(np.float32) / np.float32(exact))
    scale = np.float32(np.log(MAX_DISTANCE / exact))
    far = exact + (logarithm / scale * np.float32(half - exact)).astype(np.int64)
    return np.where(distance < 0, half, 0) + np.where(size < exact, size, np.minimum(far, half - 1))


def read_checkpoint(config: Mapping[str, Any], tensors: Mapping[str, Array]) -> Checkpoint:
    """Find and check the tensors of a model.

    Parameters
    ----------
    config
        The model's ``config.json`` under BERT's keys (see `Family.standard_config`).
    tensors
        Checkpoint tensors under BERT's names, float32.

    Raises
    ------
    DataError
        A tensor is missing or misshapen, or the family or activation is not supported.
    """
    hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    activation = str(config.get("hidden_act", "gelu"))
    if activation not in ACTIVATIONS:
        raise DataError(f"activation {activation!r}: supported are {', '.join(ACTIVATIONS)}")
    if hidden % heads:
        raise DataError(f"config.json: hidden_size {hidden} is no multiple of {heads} heads")
    family = family_of(config)
    width = int(config.get("embedding_size") or hidden)
    source = _Source(family, tensors, hidden, hidden // heads)
    words = source.get(WORDS, (int(config["vocab_size"]), width))
    places = source.get(PLACES, (None, width))
    first = family.first_position
    places = places[int(config.get("pad_token_id", 1)) + 1 if first is None else first :]
    if family.segments:
        # Only one segment is ever used: its vector is added to every position beforehand.
        places = places + source.get(SEGMENTS, (None, width))[0]
    project = None
    if source.has(f"{EMBEDDINGS_PROJECT}.weight") or width != hidden:
        project = source.linear(EMBEDDINGS_PROJECT, hidden, width)
    return Checkpoint(
        hidden=hidden,
        head_dim=hidden // heads,
        activation=activation,
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        words=words,
        places=places,
        norm=source.norm("embeddings", width),
        project=project,
        layers=source.layers(stored_layers(config)),
    )


@dataclass(frozen=True)
class _Source:
    """Tensors by name, shapes checked."""

    family: Family
    tensors: Mapping[str, Array]
    hidden: int
    head_dim: int

    def has(self, name: str) -> bool:
        return prefix_of(self.tensors) + name in self.tensors

    def get(self, name: str, shape: tuple[int | None, ...]) -> Array:
        """Return a tensor of a shape; None in it is any number above 0."""
        name = prefix_of(self.tensors) + name
        value, name = self.tensors.get(name), self.family.own_name(name)
        if value is None:
            raise DataError(
                f"checkpoint has no tensor {name!r}; is it of the family that config.json names?"
            )
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

    def norm(self, name: str, width: int | None = None) -> Norm:
        shape = (self.hidden if width is None else width,)
        gamma, beta = (self.get(f"{name}.LayerNorm.{part}", shape) for part in ("weight", "bias"))
        return Norm(gamma, beta)

    def layers(self, stored: Sequence[int]) -> tuple[TransformerLayer, ...]:
        layers = {number: self.layer(number) for number in dict.fromkeys(stored)}
        return tuple(layers[number] for number in stored)

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
        heads = width // self.head_dim
        own, shared = f"{name}.attention.self.{RELATIVE}", f"encoder.{RELATIVE}"
        table = own if self.has(own) else shared
        return TransformerLayer(
            heads=heads,
            query=query,
            key=self.linear(f"{name}.attention.self.key", width, self.hidden),
            value=self.linear(f"{name}.attention.self.value", width, self.hidden),
            attended=self.linear(f"{name}.attention.output.dense", self.hidden, width),
            attended_norm=self.norm(f"{name}.attention.output"),
            inner=inner,
            outer=self.linear(f"{name}.output.dense", self.hidden, len(inner.weight)),
            outer_norm=self.norm(f"{name}.output"),
            relative=self.get(table, (None, heads)) if self.family.relative else None,
        )
