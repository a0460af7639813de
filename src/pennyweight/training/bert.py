"""A BERT-type encoder in torch, for training: the same numbers as the ONNX graph.

Widths of heads and feed-forward layers are read from the tensors, layer by layer, so that a
pruned checkpoint is a checkpoint like any other.
Architecture: Devlin et al. 2019 (BERT); Liu et al. 2019 (RoBERTa: shifted positions).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.checkpoint import WORDS, prefix_of, read_checkpoint
from pennyweight.encoders.weights import ModelWeights
from pennyweight.errors import DataError, MissingExtraError

try:
    import torch
    from torch.nn import functional
except ImportError as error:
    raise MissingExtraError("training a language model", "train") from error

__all__ = ["Bert"]

POSITIONS = "embeddings.position_embeddings.weight"
SEGMENTS = "embeddings.token_type_embeddings.weight"
PARTS = (
    *(f"attention.self.{part}" for part in ("query", "key", "value")),
    *("attention.output.dense", "attention.output.LayerNorm", "intermediate.dense"),
    *("output.dense", "output.LayerNorm"),
)


class Bert:
    """The tensors of a checkpoint, and the forward pass with them.

    Parameters
    ----------
    weights
        Of type bert, roberta or xlm-roberta.
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
    depth, width
        Number of layers; size of a token's vector.
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
        self.pooling = weights.pooling
        self._head_dim, self._epsilon = checked.head_dim, checked.epsilon
        self._approximate = "none" if checked.activation == "gelu" else "tanh"
        self._prefix = prefix_of(self._all)
        names = [WORDS, POSITIONS, SEGMENTS, *_names("embeddings", ("LayerNorm",))]
        for layer in range(self.depth):
            names += _names(f"encoder.layer.{layer}", PARTS)
        self.tensors = {
            name: torch.tensor(self._all[self._prefix + name], dtype=torch.float32, device=device)
            for name in names
        }
        # RoBERTa counts positions from pad + 1.
        self.places = len(checked.places)
        self._first = len(self.tensors[POSITIONS]) - self.places

    def layer(self, layer: int) -> dict[str, torch.Tensor]:
        """Return the tensors of one layer, by name within it."""
        at = f"encoder.layer.{layer}."
        return {n[len(at) :]: value for n, value in self.tensors.items() if n.startswith(at)}

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the input of the first layer, (n, tokens, width), of ids (n, tokens)."""
        tensors = self.tensors
        place = tensors[POSITIONS][self._first : self._first + ids.shape[1]] + tensors[SEGMENTS][0]
        x = functional.embedding(ids, tensors[WORDS]) + place
        return self._norm(
            x, tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"]
        )

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

        attended = functional.scaled_dot_product_attention(
            heads("query"), heads("key"), heads("value"), attn_mask=mask[:, None, None]
        )
        attention = linear("attention.output.dense", attended.transpose(1, 2).flatten(2))
        x = self._residual(tensors, "attention.output", x + attention)
        inner = functional.gelu(linear("intermediate.dense", x), approximate=self._approximate)
        return self._residual(tensors, "output", x + linear("output.dense", inner))

    def _residual(
        self, tensors: dict[str, torch.Tensor], part: str, x: torch.Tensor
    ) -> torch.Tensor:
        return self._norm(x, tensors[f"{part}.LayerNorm.weight"], tensors[f"{part}.LayerNorm.bias"])

    def _norm(self, x: torch.Tensor, gain: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(x, (self.width,), gain, bias, self._epsilon)

    def pool(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return one unit vector a text, float32 (n, width), as the checkpoint pools."""
        if self.pooling == "cls":
            pooled = x[:, 0].float()
        else:
            share = mask / mask.sum(dim=1, keepdim=True)
            pooled = torch.einsum("ij,ijk->ik", share, x.float())
        return functional.normalize(pooled, dim=-1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every tensor of the checkpoint under its own name, trained ones as they are."""
        trained = {
            self._prefix + name: np.array(value.detach().cpu().numpy())
            for name, value in self.tensors.items()
        }
        return {**self._all, **trained}


def _names(at: str, parts: tuple[str, ...]) -> list[str]:
    return [f"{at}.{part}.{kind}" for part in parts for kind in ("weight", "bias")]
