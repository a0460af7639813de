"""A model of transformers with the modules of sentence-transformers after it, in torch."""

from collections.abc import Sequence
from typing import Any

from pennyweight.encoders.modules import Dense, Pooling
from pennyweight.errors import MissingExtraError

try:
    import torch
except ImportError as error:
    raise MissingExtraError("exporting an encoder", "train") from error

__all__ = ["SentenceModel"]

TINY = 1e-12  # a length to divide by, even of a zero vector
ACTIVATIONS = {
    "Identity": torch.nn.Identity,
    "Tanh": torch.nn.Tanh,
    "ReLU": torch.nn.ReLU,
    "GELU": torch.nn.GELU,
    "Sigmoid": torch.nn.Sigmoid,
}


class SentenceModel(torch.nn.Module):
    """Token ids to a pooled vector, and the same scaled to unit length.

    Padding is on the right, so that the last token of a text is found from its mask.

    Parameters
    ----------
    model
        A model of transformers that returns ``last_hidden_state``.
    pooling
        How the states of tokens become one vector.
    dense
        Projections of the pooled vector, in order.
    """

    def __init__(self, model: Any, pooling: Pooling, dense: Sequence[Dense]) -> None:  # noqa: ANN401
        super().__init__()
        self.model, self.pooling = model, pooling
        self.dense = torch.nn.ModuleList(map(_layer, dense))
        self.normalized = [projection.normalized for projection in dense]

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (batch, dim) vectors, pooled and of unit length, for (batch, tokens) of int32."""
        mask = mask.long()
        states = self.model(input_ids=ids.long(), attention_mask=mask).last_hidden_state
        pooled = pool(states, mask, self.pooling)
        for layer, normalized in zip(self.dense, self.normalized, strict=True):
            pooled = layer(unit(pooled) if normalized else pooled)
        return pooled, unit(pooled)


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """Scale rows to unit length."""
    lengths: torch.Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / lengths.clamp_min(TINY)


def pool(states: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return one vector of each text, (batch, hidden), of states (batch, tokens, hidden)."""
    if pooling == "cls":
        return states[:, 0]
    if pooling == "lasttoken":
        last = (mask.sum(dim=1) - 1)[:, None, None].expand(-1, 1, states.shape[-1])
        return states.gather(1, last)[:, 0]
    if pooling == "max":
        return states.masked_fill(mask[:, :, None] == 0, torch.finfo(states.dtype).min).amax(dim=1)
    weights = mask.to(states.dtype)
    if pooling == "weightedmean":  # later tokens of a decoder have seen more of the text
        weights = weights * torch.cumsum(weights, dim=1)
    summed = (states * weights[:, :, None]).sum(dim=1)
    count = weights.sum(dim=1, keepdim=True)
    return summed / (count.sqrt() if pooling == "mean_sqrt_len" else count)


def _layer(dense: Dense) -> torch.nn.Module:
    weight, bias = dense.projection.weight, dense.projection.bias
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight))
        linear.bias.copy_(torch.tensor(bias))
    return torch.nn.Sequential(linear, ACTIVATIONS[dense.activation]())
