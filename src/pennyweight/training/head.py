"""A head that learns: a small network on the vectors of a model, which stays as it is."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pennyweight.encoders.checkpoint import Projection
from pennyweight.encoders.modules import Activation, Dense
from pennyweight.training.token_texts import Codes
from pennyweight.vectors.svd import principal_axes
from pennyweight.vectors.unit_rows import unit_rows

__all__ = ["Head"]

Loss = Callable[[torch.Tensor], torch.Tensor]
Float = NDArray[np.float32]
BLOCK = 8_192  # texts that pass through at once


class Head:
    """Vector of a text = unit(L x + D relu(U x + b) + c), with x its whitened, unit vector.

    L begins as the principal axes and D as zeros, so that training begins with the cosines of the
    whitened vectors.

    Parameters
    ----------
    vectors
        The model's vectors of the distinct texts, unit rows, float32 (n_texts, width).
    axes
        Whitening, float32 (width, width).
    of_item
        The text of each item, int64 (n_items,); -1 for none.
    dim, hidden
        Width of the result, and of the layer in between.
    dropout
        Share of the components and of the hidden units that are left out in a step.
    seed
        Of the start, and of what is left out.
    """

    def __init__(
        self,
        vectors: Float,
        axes: Float,
        of_item: Codes,
        *,
        dim: int,
        hidden: int,
        dropout: float,
        seed: int,
    ) -> None:
        self.axes, self.of_item = axes, of_item
        self.dropout, self.seed = dropout, seed
        white = unit_rows(vectors @ axes)
        self.inputs = torch.from_numpy(white)
        width = white.shape[1]
        self.dim, self._scale = min(dim, width), width**0.5  # components of about unit size
        noise = np.random.default_rng(seed).uniform(-1, 1, (hidden, width))
        start = {
            "linear.weight": principal_axes(white, self.dim).T,
            "up.weight": noise / self._scale,
            "up.bias": np.zeros(hidden),
            "down.weight": np.zeros((self.dim, hidden)),
            "down.bias": np.zeros(self.dim),
        }
        self.parameters = {
            name: torch.tensor(np.ascontiguousarray(value, np.float32)).requires_grad_()
            for name, value in start.items()
        }

    def _forward(self, rows: torch.Tensor, random: np.random.Generator | None) -> torch.Tensor:
        x, part = self._dropped(self.inputs[rows], random), self.parameters
        inner = functional.linear(x * self._scale, part["up.weight"], part["up.bias"])
        inner = self._dropped(functional.relu(inner), random)
        vectors = functional.linear(inner, part["down.weight"], part["down.bias"])
        return functional.normalize(vectors + x @ part["linear.weight"].T, dim=1)

    def _dropped(self, x: torch.Tensor, random: np.random.Generator | None) -> torch.Tensor:
        if random is None or not self.dropout:
            return x
        kept = random.random(tuple(x.shape), np.float32) >= self.dropout
        return x * torch.from_numpy(kept) / (1 - self.dropout)

    def item_vectors(self) -> Float:
        """Return the vector of every item, float32 (n_items, dim); zeros without a known word."""
        with torch.no_grad():
            every = np.arange(len(self.inputs))
            parts = [every[start : start + BLOCK] for start in range(0, len(every), BLOCK)]
            outputs = [self._forward(torch.from_numpy(part), None).numpy() for part in parts]
        rows = np.concatenate(outputs)
        vectors = np.zeros((len(self.of_item), self.dim), np.float32)
        with_text = self.of_item >= 0
        vectors[with_text] = rows[self.of_item[with_text]]
        return vectors

    def backward(self, rows: Codes, loss: Loss) -> float:
        """Add the gradients of ``loss(vectors of rows)`` to the parameters; return the loss."""
        # A function of the batch, so that a training that goes on leaves out the same.
        random = np.random.default_rng([self.seed, len(rows), int(rows.sum())])
        value = loss(self._forward(torch.from_numpy(rows), random))
        if torch.isfinite(value):
            torch.autograd.backward(value)
        return float(value.detach())

    def dense(self) -> tuple[Dense, ...]:
        """Return the head as projections: whitening, the hidden layer, and the result.

        x = relu(x) - relu(-x) passes the hidden layer beside its units.
        """
        part = {name: tensor.detach().numpy() for name, tensor in self.parameters.items()}
        width = self.axes.shape[1]
        eye, zeros = np.eye(width, dtype=np.float32), np.zeros(2 * width, np.float32)
        linear = part["linear.weight"]
        up = np.concatenate([part["up.weight"] * self._scale, eye, -eye])
        down = np.concatenate([part["down.weight"], linear, -linear], axis=1)
        steps: tuple[tuple[Float, Float, Activation, bool], ...] = (
            (self.axes.T, np.zeros(width, np.float32), "Identity", True),
            (up, np.concatenate([part["up.bias"], zeros]), "ReLU", True),
            (down, part["down.bias"], "Identity", False),
        )
        return tuple(
            Dense(
                Projection(np.ascontiguousarray(weight, np.float32), bias.astype(np.float32)),
                activation,
                normalized,
            )
            for weight, bias, activation, normalized in steps
        )
