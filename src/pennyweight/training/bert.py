"""BERT and its kin in torch, for training: the same numbers as the ONNX graph.

Widths of heads and feed-forward layers are read from the tensors, layer by layer, so that a
pruned checkpoint is a checkpoint like any other.
Architectures: see `pennyweight.encoders.graph`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.checkpoint import (
    EMBEDDINGS_PROJECT,
    PLACES,
    RELATIVE,
    SEGMENTS,
    WORDS,
    prefix_of,
    read_checkpoint,
    relative_buckets,
    stored_layers,
)
from pennyweight.encoders.modules import Activation, Pooling
from pennyweight.encoders.weights import ModelWeights
from pennyweight.errors import DataError, MissingExtraError

try:
    import torch
    from torch.nn import functional
except ImportError as error:
    raise MissingExtraError("training a language model", "train") from error

__all__ = ["Bert"]

OWN_RELATIVE = f"attention.self.{RELATIVE}"  # within a layer
PARTS = (
    *(f"attention.self.{part}" for part in ("query", "key", "value")),
    *("attention.output.dense", "attention.output.LayerNorm", "intermediate.dense"),
    *("output.dense", "output.LayerNorm"),
)


DENSE_ACTIVATIONS: dict[Activation, Callable[[torch.Tensor], torch.Tensor]] = {
    "Identity": lambda x: x,
    "Tanh": torch.tanh,
    "ReLU": functional.relu,
    "GELU": functional.gelu,
    "Sigmoid": torch.sigmoid,
}


class Bert:
    """The tensors of a checkpoint, and the forward pass with them.

    Projections after pooling stay as they are.

    Parameters
    ----------
    weights
        Of one of the families in `pennyweight.encoders.families`.
    device
        Where the tensors are kept.

    Raises
    ------
    DataError
        A tensor is missing or does not fit the others.

    Attributes
    ----------
    tensors
        The tensors that are read, by name without the prefix of the checkpoint.
    depth, width, dim
        Number of layers; size of a token's state and of a text's vector.
    stored
        Number of the stored layer of each layer.
    places
        Tokens that a text can have at most.
    """

    def __init__(self, weights: ModelWeights, device: str = "cpu") -> None:
        self._all = weights.tensors()
        try:
            checked = read_checkpoint(weights.config, self._all)
        except DataError as error:
            raise DataError(f"{weights.folder}: {error}") from error
        self.depth, self.width = len(checked.layers), checked.hidden
        self.pooling, self.dim = weights.pooling, weights.dim
        self._dense = [
            (
                step,
                torch.tensor(step.projection.weight, device=device),
                torch.tensor(step.projection.bias, device=device),
            )
            for step in weights.dense()
        ]
        self._head_dim, self._epsilon = checked.head_dim, checked.epsilon
        self._approximate = "none" if checked.activation == "gelu" else "tanh"
        self._prefix = prefix_of(self._all)
        self.stored = stored_layers(weights.config)
        names = [WORDS, PLACES, *_names("embeddings", ("LayerNorm",))]
        for layer in dict.fromkeys(self.stored):
            names += _names(f"encoder.layer.{layer}", PARTS)
        optional = [SEGMENTS, *_names(EMBEDDINGS_PROJECT), f"encoder.{RELATIVE}"]
        optional += [
            f"encoder.layer.{layer}.{OWN_RELATIVE}" for layer in dict.fromkeys(self.stored)
        ]
        names += [name for name in optional if self._prefix + name in self._all]
        self.tensors = {
            name: torch.tensor(self._all[self._prefix + name], dtype=torch.float32, device=device)
            for name in names
        }
        # Some families count positions from pad + 1.
        self.places = len(checked.places)
        self._first = len(self.tensors[PLACES]) - self.places

    def layer(self, layer: int) -> dict[str, torch.Tensor]:
        """Return the tensors of one layer, by name within it."""
        at = f"encoder.layer.{self.stored[layer]}."
        tensors = {n[len(at) :]: value for n, value in self.tensors.items() if n.startswith(at)}
        if f"encoder.{RELATIVE}" in self.tensors:
            tensors.setdefault(OWN_RELATIVE, self.tensors[f"encoder.{RELATIVE}"])
        return tensors

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the input of the first layer, (n, tokens, width), of ids (n, tokens)."""
        tensors = self.tensors
        place = tensors[PLACES][self._first : self._first + ids.shape[1]]
        if SEGMENTS in tensors:
            place = place + tensors[SEGMENTS][0]
        x = functional.embedding(ids, tensors[WORDS]) + place
        x = self._residual(tensors, "embeddings", x)
        if f"{EMBEDDINGS_PROJECT}.weight" not in tensors:
            return x
        weight, bias = (tensors[f"{EMBEDDINGS_PROJECT}.{kind}"] for kind in ("weight", "bias"))
        return functional.linear(x, weight, bias)

    def run(
        self, x: torch.Tensor, mask: torch.Tensor, *, start: int = 0, stop: int | None = None
    ) -> torch.Tensor:
        """Pass x through the layers from `start` to before `stop`; by default all of them.

        Parameters
        ----------
        x
            (n, tokens, width).
        mask
            Which tokens are not padding, bool (n, tokens).
        """
        for layer in range(start, self.depth if stop is None else stop):
            x = self._layer(self.layer(layer), x, mask)
        return x

    def _layer(
        self, tensors: dict[str, torch.Tensor], x: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        n, tokens, _ = x.shape

        def linear(part: str, value: torch.Tensor) -> torch.Tensor:
            return functional.linear(value, tensors[f"{part}.weight"], tensors[f"{part}.bias"])

        def heads(part: str) -> torch.Tensor:
            rows = linear(f"attention.self.{part}", x)
            return rows.view(n, tokens, -1, self._head_dim).transpose(1, 2)

        query = heads("query")
        attended = functional.scaled_dot_product_attention(
            query, heads("key"), heads("value"), attn_mask=_attention_mask(tensors, query, mask)
        )
        attention = linear("attention.output.dense", attended.transpose(1, 2).flatten(2))
        x = self._residual(tensors, "attention.output", x + attention)
        inner = functional.gelu(linear("intermediate.dense", x), approximate=self._approximate)
        return self._residual(tensors, "output", x + linear("output.dense", inner))

    def _residual(
        self, tensors: dict[str, torch.Tensor], part: str, x: torch.Tensor
    ) -> torch.Tensor:
        gain, bias = (tensors[f"{part}.LayerNorm.{kind}"] for kind in ("weight", "bias"))
        return functional.layer_norm(x, gain.shape, gain, bias, self._epsilon)

    def pool(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return one unit vector a text, float32 (n, dim), as the checkpoint pools."""
        pooled = _pooled(x.float(), mask, self.pooling)
        for step, weight, bias in self._dense:
            if step.normalized:
                pooled = functional.normalize(pooled, dim=-1)
            pooled = DENSE_ACTIVATIONS[step.activation](functional.linear(pooled, weight, bias))
        return functional.normalize(pooled, dim=-1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every tensor of the checkpoint under its own name, trained ones as they are."""
        trained = {
            self._prefix + name: np.array(value.detach().cpu().numpy())
            for name, value in self.tensors.items()
        }
        return {**self._all, **trained}


def _attention_mask(
    tensors: dict[str, torch.Tensor], query: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Return which tokens are read, (n, 1, 1, tokens), or the summands of their attention."""
    visible = mask[:, None, None]
    if OWN_RELATIVE not in tensors:
        return visible
    table = tensors[OWN_RELATIVE]
    positions = np.arange(mask.shape[1])
    buckets = relative_buckets(positions[:, None] - positions, len(table))
    bias = table[torch.from_numpy(buckets).to(table.device)].permute(2, 0, 1)
    return bias.to(query.dtype).masked_fill(~visible, -torch.inf)


def _pooled(x: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return the states of each text as one, (n, width); see `build_graph`."""
    if pooling == "cls":
        return x[:, 0]
    if pooling == "max":
        return x.masked_fill(~mask[..., None], -1e9).amax(dim=1)
    weight = mask.float()
    count = weight.sum(dim=1, keepdim=True)
    position = weight.cumsum(dim=1) * weight
    if pooling == "mean":
        weight = weight / count
    elif pooling == "mean_sqrt_len":
        weight = weight / count.sqrt()
    elif pooling == "lasttoken":
        weight = (position == count).float()
    else:
        weight = position / position.sum(dim=1, keepdim=True)
    return torch.einsum("ij,ijk->ik", weight, x)


def _names(at: str, parts: tuple[str, ...] = ()) -> list[str]:
    starts = [f"{at}.{part}" for part in parts] or [at]
    return [f"{start}.{kind}" for start in starts for kind in ("weight", "bias")]
