"""A BERT-type encoder in torch, for training: the same numbers as the ONNX graph.

Widths of heads and feed-forward layers are read from the tensors, layer by layer, so that a
pruned checkpoint is a checkpoint like any other.
Architecture: Devlin et al. 2019 (BERT); Liu et al. 2019 (RoBERTa: shifted positions).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.encode.weights import Weights
from pennyweight.errors import DataError, MissingExtraError

try:
    import torch
    from torch.nn import functional
except ImportError as error:
    raise MissingExtraError("training a language model", "train") from error

__all__ = ["Bert"]

WORDS = "embeddings.word_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"
SEGMENTS = "embeddings.token_type_embeddings.weight"
# torch's name of how an activation is approximated, by its name in config.json.
ACTIVATIONS = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}


class Bert:
    """The tensors of a checkpoint, and what is computed with them.

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
    """

    def __init__(self, weights: Weights, device: str = "cpu") -> None:
        config, self._all = weights.config, weights.tensors()
        self.depth, self.width = int(config["num_hidden_layers"]), int(config["hidden_size"])
        self.pooling = weights.pooling
        activation = str(config.get("hidden_act", "gelu"))
        if activation not in ACTIVATIONS:
            raise DataError(f"activation {activation!r}: supported are {', '.join(ACTIVATIONS)}")
        self._activation = ACTIVATIONS[activation]
        self._head_width = self.width // int(config["num_attention_heads"])
        self._epsilon = float(config.get("layer_norm_eps", 1e-12))
        # RoBERTa counts positions from pad + 1.
        shifted = config.get("model_type") != "bert"
        self._first = int(config.get("pad_token_id", 1)) + 1 if shifted else 0
        self._prefix = next((n[: -len(WORDS)] for n in self._all if n.endswith(WORDS)), "")
        self.tensors = {name: self._read(name, weights, device) for name in self._names()}
        for layer in range(self.depth):
            self._check(layer, weights)

    def _names(self) -> list[str]:
        names = [WORDS, POSITIONS, SEGMENTS]
        parts = ["embeddings.LayerNorm"]
        for layer in range(self.depth):
            at = f"encoder.layer.{layer}"
            parts += [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
            parts += [f"{at}.attention.output.dense", f"{at}.attention.output.LayerNorm"]
            parts += [f"{at}.intermediate.dense", f"{at}.output.dense", f"{at}.output.LayerNorm"]
        return names + [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]

    def _read(self, name: str, weights: Weights, device: str) -> torch.Tensor:
        value = self._all.get(self._prefix + name)
        if value is None:
            raise DataError(
                f"{weights.folder}: no tensor {self._prefix + name!r} in the checkpoint"
            )
        return torch.tensor(value, dtype=torch.float32, device=device)

    def _check(self, layer: int, weights: Weights) -> None:
        """Raise `DataError` where the shapes of a layer do not fit each other."""
        found = {part: tuple(t.shape) for part, t in self.layer(layer).items()}
        heads, inner = found["attention.self.query.bias"][0], found["intermediate.dense.bias"][0]
        expected: dict[str, tuple[int, ...]] = {
            **{f"attention.self.{part}.weight": (heads, self.width) for part in ("key", "value")},
            "attention.self.query.weight": (heads, self.width),
            "attention.output.dense.weight": (self.width, heads),
            "intermediate.dense.weight": (inner, self.width),
            "output.dense.weight": (self.width, inner),
        }
        for part, shape in expected.items():
            if found[part] != shape or heads % self._head_width:
                raise DataError(
                    f"{weights.folder}: encoder.layer.{layer}.{part} has shape {found[part]}, "
                    f"which fits neither its neighbours nor heads of {self._head_width}"
                )

    def layer(self, layer: int) -> dict[str, torch.Tensor]:
        """Return the tensors of one layer, by name within it."""
        at = f"encoder.layer.{layer}."
        return {n[len(at) :]: value for n, value in self.tensors.items() if n.startswith(at)}

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return what enters the first layer, (n, tokens, width), of ids (n, tokens)."""
        of = self.tensors
        place = of[POSITIONS][self._first : self._first + ids.shape[1]] + of[SEGMENTS][0]
        x = functional.embedding(ids, of[WORDS]) + place
        return self._norm(x, of["embeddings.LayerNorm.weight"], of["embeddings.LayerNorm.bias"])

    def run(
        self, x: torch.Tensor, mask: torch.Tensor, *, start: int = 0, stop: int | None = None
    ) -> torch.Tensor:
        """Pass x through the layers from `start` to before `stop`; all of them unless told.

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
        self, of: dict[str, torch.Tensor], x: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        n, tokens, _ = x.shape

        def linear(part: str, value: torch.Tensor) -> torch.Tensor:
            return functional.linear(value, of[f"{part}.weight"], of[f"{part}.bias"])

        def heads(part: str) -> torch.Tensor:
            rows = linear(f"attention.self.{part}", x)
            return rows.view(n, tokens, -1, self._head_width).transpose(1, 2)

        if of["attention.self.query.bias"].numel():
            attended = functional.scaled_dot_product_attention(
                heads("query"), heads("key"), heads("value"), attn_mask=mask[:, None, None]
            )
            taken = linear("attention.output.dense", attended.transpose(1, 2).flatten(2))
        else:  # every head was cut
            taken = of["attention.output.dense.bias"]
        x = self._residual(of, "attention.output", x + taken)
        inner = functional.gelu(linear("intermediate.dense", x), approximate=self._activation)
        return self._residual(of, "output", x + linear("output.dense", inner))

    def _residual(self, of: dict[str, torch.Tensor], part: str, x: torch.Tensor) -> torch.Tensor:
        return self._norm(x, of[f"{part}.LayerNorm.weight"], of[f"{part}.LayerNorm.bias"])

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
