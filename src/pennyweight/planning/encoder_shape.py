"""The shape of a transformer: its parameters, operations and bytes from a config alone."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pennyweight.errors import DataError, did_you_mean
from pennyweight.planning.model_configs import settings_of

__all__ = ["WEIGHT_BYTES", "EncoderShape", "PublishedShape", "published_shapes", "shape"]

WEIGHT_BYTES: Mapping[str, float] = {
    "fp32": 4.0,
    "fp16": 2.0,
    "bf16": 2.0,
    "int8": 1.0,
    "int4": 0.5,
    # The blocks of GGUF: 32 values and a scale of 16 bits; q6_k and q4_k have blocks of 256.
    "q8_0": 34 / 32,
    "q6_k": 210 / 256,
    "q5_0": 22 / 32,
    "q4_k": 144 / 256,
    "q4_0": 18 / 32,
}
"""Bytes of a parameter in a matrix, by the format of the weights."""

_TABLE = Path(__file__).with_name("encoder_shapes.toml")
_CACHE_BYTES = 2  # keys and values are kept in 16 bits


@dataclass(frozen=True)
class EncoderShape:
    """A transformer as far as its size and its operations depend on it.

    Attributes
    ----------
    name
        Name of the model.
    kind
        ``encoder``: each token attends to all; ``decoder``: to itself and those before.
    layers
        Number of layers.
    width
        Width of the token states.
    heads, kv_heads
        Heads of the queries, and of the keys and values.
    head_dim
        Width of a head.
    intermediate
        Width inside the feed-forward part.
    gated
        Whether the feed-forward part has a third matrix, a gate.
    vocabulary
        Number of tokens.
    max_tokens
        Tokens that the model reads at most.
    dim
        Width of the vector of a text.
    embedding_width
        Width of the token embeddings; other than `width`, a matrix maps one to the other.
    positions
        Rows of embeddings of positions and segments.
    layer_vectors
        Parameters of biases and norms in each layer.
    vectors
        Parameters of norms and biases outside the layers.
    pooler
        Whether the weights have BERT's pooler, which no vector of a text needs.
    dense
        Widths of the dense layers after the pooling, the output last.
    head
        The matrix that scores the next token: ``none``, ``tied`` to the token embeddings, or
        ``own``.
    window
        Tokens that a token of a windowed layer attends to at most; None for no such layers.
    windowed_layers
        Number of layers with that window.
    stored_layers
        Number of layers with weights of their own, fewer than `layers` where they are shared.
    """

    name: str
    kind: Literal["encoder", "decoder"]
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    gated: bool
    vocabulary: int
    max_tokens: int
    dim: int
    embedding_width: int
    positions: int = 0
    layer_vectors: int = 0
    vectors: int = 0
    pooler: bool = False
    dense: tuple[int, ...] = ()
    head: Literal["none", "tied", "own"] = "none"
    window: int | None = None
    windowed_layers: int = 0
    stored_layers: int | None = None

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        name: str = "model",
        *,
        dense: tuple[int, ...] = (),
        source: str = "config.json",
    ) -> Self:
        """Read the shape from the settings of a model.

        Parameters
        ----------
        config
            The content of ``config.json`` of BERT, RoBERTa, XLM-R, CamemBERT, ELECTRA, ALBERT,
            DistilBERT, MPNet, ModernBERT, T5 (its encoder), GPT-2, Llama, Mistral, Qwen2, Qwen3,
            Gemma 2 or Gemma 3. Keys that a family has a default for may be missing.
        name
            Name of the model.
        dense
            Widths of dense layers after the pooling, from the model's ``modules.json``.
        source
            Name of the file in errors.

        Raises
        ------
        DataError
            The family is unknown, or a setting is missing or no positive number.
        """
        made = cls(name=name, **settings_of(config, source))
        return replace(made, dense=dense, dim=dense[-1]) if dense else made

    @property
    def layer_parameters(self) -> int:
        """Parameters of the matrices of one layer."""
        attention = 2 * self.width * self.head_dim * (self.heads + self.kv_heads)
        return attention + (3 if self.gated else 2) * self.width * self.intermediate

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the token embeddings."""
        return self.vocabulary * self.embedding_width

    @property
    def position_parameters(self) -> int:
        """Parameters of the embeddings of positions and segments."""
        return self.positions * self.embedding_width

    @property
    def head_parameters(self) -> int:
        """Parameters of a head with weights of its own; 0 for one tied to the embeddings."""
        return self.vocabulary * self.width if self.head == "own" else 0

    @property
    def parameters(self) -> int:
        """All parameters."""
        embeddings = self.embedding_parameters + self.position_parameters
        return self._matrices + embeddings + self._vectors

    @property
    def _matrices(self) -> int:
        """Parameters of all matrices but the embeddings."""
        total = (self.stored_layers or self.layers) * self.layer_parameters
        total += self._projection + self._dense + self.head_parameters
        return total + (self.width**2 if self.pooler else 0)

    @property
    def _vectors(self) -> int:
        """Parameters of all biases and norms."""
        return (self.stored_layers or self.layers) * self.layer_vectors + self.vectors

    @property
    def _projection(self) -> int:
        return 0 if self.embedding_width == self.width else self.embedding_width * self.width

    @property
    def _dense(self) -> int:
        widths = (self.width, *self.dense)
        return sum(a * b for a, b in zip(widths, self.dense, strict=False))

    def operations(self, tokens: int) -> float:
        """Return the operations of the vector of one text.

        A multiplication and an addition are two operations. Counted are the matrix products of
        the layers and the attention; norms, activations and softmax are a few per cent at most.

        Parameters
        ----------
        tokens
            Tokens of the text, special ones included.
        """
        _check_tokens(tokens)
        matrices = self.layers * self.layer_parameters + self._projection
        return 2.0 * (matrices * tokens + self._dense) + self._attention(tokens)

    def next_token_operations(self, context: int) -> float:
        """Return the operations that generate one token, the scores of the vocabulary included.

        Parameters
        ----------
        context
            Tokens before it, whose keys and values are cached.
        """
        _check_tokens(context)
        matrices = self.layers * self.layer_parameters + self._projection
        pairs = (self.layers - self.windowed_layers) * (context + 1)
        pairs += self.windowed_layers * min(context + 1, self.window or context + 1)
        scores = self.vocabulary * self.width
        return 2.0 * (matrices + scores) + 4.0 * pairs * self.heads * self.head_dim

    def _attention(self, tokens: int) -> float:
        """Return the operations of queries with keys, and of their weights with values."""
        full = self.layers - self.windowed_layers
        pairs = full * self._pairs(tokens, tokens)
        pairs += self.windowed_layers * self._pairs(tokens, min(tokens, self.window or tokens))
        return 4.0 * pairs * self.heads * self.head_dim

    def _pairs(self, tokens: int, reach: int) -> float:
        """Return the pairs of tokens that attend, at most `reach` for each."""
        if self.kind == "encoder":
            return float(tokens * reach)
        return reach * (reach + 1) / 2 + (tokens - reach) * reach

    def weight_bytes(self, dtype: str = "fp32", embedding_dtype: str | None = None) -> int:
        """Return the bytes of all weights.

        Parameters
        ----------
        dtype
            Format of the matrices, one of `WEIGHT_BYTES`.
        embedding_dtype
            Format of the token embeddings; that of the matrices by default.

        Raises
        ------
        ValueError
            A format is unknown.

        Notes
        -----
        Biases, norms and the embeddings of positions have 4 bytes a parameter where the matrices
        have fewer than 16 bits. The scales of ``int8`` and ``int4`` are not counted, those of the
        GGUF formats are.
        """
        matrix, embedding = _bytes_of(dtype), _bytes_of(embedding_dtype or dtype)
        total = self._matrices * matrix + self.embedding_parameters * embedding
        rest = self.position_parameters + self._vectors
        return round(total + rest * (matrix if matrix >= 2 else 4))

    @property
    def kv_bytes_per_token(self) -> int:
        """Bytes of the keys and values of one token in 16 bits, in all layers."""
        return self.layers * self._layer_kv_bytes

    def kv_bytes(self, tokens: int) -> int:
        """Return the bytes of the keys and values of a text in 16 bits.

        A layer with a window keeps no more tokens than its window.
        """
        _check_tokens(tokens)
        kept = (self.layers - self.windowed_layers) * tokens
        kept += self.windowed_layers * min(tokens, self.window or tokens)
        return kept * self._layer_kv_bytes

    @property
    def _layer_kv_bytes(self) -> int:
        return 2 * self.kv_heads * self.head_dim * _CACHE_BYTES


@dataclass(frozen=True)
class PublishedShape:
    """A shape of the built-in table with its source.

    Attributes
    ----------
    shape
        The shape, read from the model's config.
    parameters, embedding_parameters
        Parameters of the model, and of its token embeddings where the source has them.
    source, counted
        Addresses of the model, and of the numbers of parameters.
    """

    shape: EncoderShape
    parameters: int
    embedding_parameters: int | None
    source: str
    counted: str


@cache
def published_shapes() -> Mapping[str, PublishedShape]:
    """Return the built-in table: name of the model -> shape and source."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {name: _published(name, entry) for name, entry in table.items()}


def shape(name: str) -> EncoderShape:
    """Return the shape of a model of the built-in table.

    Parameters
    ----------
    name
        Name of the model, with or without its publisher, such as
        ``sentence-transformers/all-MiniLM-L6-v2``; upper and lower case are the same.

    Raises
    ------
    DataError
        The table has no such model.
    """
    table = published_shapes()
    names = {known.lower(): known for known in table}
    wanted = name.rsplit("/", 1)[-1]
    if wanted.lower() not in names:
        raise DataError(
            f"{name!r} is not in the table of encoder shapes{did_you_mean(wanted, table)} "
            f"It has {', '.join(table)}. Give the config.json of another model"
        )
    return table[names[wanted.lower()]].shape


def _published(name: str, entry: Mapping[str, Any]) -> PublishedShape:
    made = EncoderShape.from_config(
        entry["config"], name, dense=tuple(entry.get("dense", ())), source=f"{_TABLE.name}: {name}"
    )
    made = replace(made, max_tokens=entry.get("max_tokens", made.max_tokens))
    if not entry.get("head", True):
        made = replace(made, head="none")
    return PublishedShape(
        shape=made,
        parameters=entry["parameters"],
        embedding_parameters=entry.get("embedding_parameters"),
        source=entry["source"],
        counted=entry["counted"],
    )


def _bytes_of(dtype: str) -> float:
    if dtype not in WEIGHT_BYTES:
        raise ValueError(
            f"format of weights {dtype!r}{did_you_mean(dtype, WEIGHT_BYTES)} "
            f"Supported are {', '.join(WEIGHT_BYTES)}"
        )
    return WEIGHT_BYTES[dtype]


def _check_tokens(tokens: int) -> None:
    if tokens < 0:
        raise ValueError(f"{tokens} tokens; the number must be 0 or more")
