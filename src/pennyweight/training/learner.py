"""A model that learns: which tensors do, vectors of texts, and gradients through them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray

from pennyweight.machine.machine import Machine
from pennyweight.training.bert import Bert
from pennyweight.training.token_texts import Codes, Texts

__all__ = ["Learner", "device_of"]

Loss = Callable[[torch.Tensor], torch.Tensor]


def device_of() -> str:
    """Return ``cuda`` where there is such a device, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _mixed(device: str) -> AbstractContextManager[object]:
    """Return bfloat16 arithmetic where the hardware has it: elsewhere it is emulated, slowly."""
    if device == "cuda":
        has = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has = not {"bf16", "amx"}.isdisjoint(Machine.measure().flags)
    return torch.autocast(device, torch.bfloat16) if has else nullcontext()


def _first_learning(bert: Bert, layers: int) -> int:
    """Return the first layer that has tensors of the last `layers` ones."""
    learning = set(bert.stored[max(0, bert.depth - layers) :])
    return next(i for i, stored in enumerate(bert.stored) if stored in learning)


class Learner:
    """A `Bert` of which some tensors learn from the vectors of `Texts`.

    Parameters
    ----------
    layers
        How many of the last layers learn; None for all and the embeddings.
    chunk_tokens
        Padded tokens that pass through at once.
    mixed
        Whether to compute in bfloat16 where the hardware has it.
    """

    def __init__(
        self,
        bert: Bert,
        texts: Texts,
        *,
        layers: int | None,
        chunk_tokens: int,
        device: str,
        mixed: bool = True,
    ) -> None:
        self.bert, self.texts, self.chunk_tokens = bert, texts, chunk_tokens
        self.device, self.mixed = device, _mixed(device) if mixed else nullcontext()
        self.start = 0 if layers is None else _first_learning(bert, layers)
        self.trains_embeddings = layers is None
        self.parameters = {
            name: tensor for name, tensor in bert.tensors.items() if self._learns(name)
        }
        for tensor in self.parameters.values():
            tensor.requires_grad_()
        self._entering: list[torch.Tensor] = []

    def _learns(self, name: str) -> bool:
        if self.trains_embeddings:
            return True
        parts = name.split(".")
        return parts[1] == "layer" and int(parts[2]) in self.bert.stored[self.start :]

    def remember(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Run the layers that do not learn once for each text; halves of their output are kept.

        Where the embeddings learn, there is nothing to remember.
        """
        if self.trains_embeddings:
            return
        remembered: list[torch.Tensor | None] = [None] * len(self.texts)
        done = 0
        for rows in self.texts.chunks(np.arange(len(self.texts)), self.chunk_tokens):
            ids, mask = self._padded(rows)
            with torch.no_grad(), self.mixed:
                x = self.bert.run(self.bert.embed(ids), mask, stop=self.start).half().cpu()
            for row, output in zip(rows, x, strict=True):
                remembered[row] = output[: self.texts.length[row]].clone()
            done += len(rows)
            if progress is not None:
                progress(done, len(self.texts))
        self._entering = [output for output in remembered if output is not None]

    def _padded(self, rows: Codes) -> tuple[torch.Tensor, torch.Tensor]:
        ids, mask = self.texts.padded(rows)
        return torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device)

    def _forward(self, rows: Codes) -> torch.Tensor:
        ids, mask = self._padded(rows)
        with self.mixed:
            if self._entering:
                states = [self._entering[row] for row in rows]
                x = torch.nn.utils.rnn.pad_sequence(states, batch_first=True)
                x = x.to(self.device).float()
            else:
                x = self.bert.run(self.bert.embed(ids), mask, stop=self.start)
            x = self.bert.run(x, mask, start=self.start)
        return self.bert.pool(x, mask)

    def vectors(self, rows: Codes) -> torch.Tensor:
        """Return unit vectors of some texts, without gradients, float32 (len(rows), width)."""
        vectors = torch.empty(len(rows), self.bert.dim, device=self.device)
        with torch.no_grad():
            for at in self.texts.chunks(rows, self.chunk_tokens):
                vectors[torch.from_numpy(at)] = self._forward(rows[at])
        return vectors

    def item_vectors(self) -> NDArray[np.float32]:
        """Return the vector of every item, float32 (n_items, width); zeros without a known word."""
        rows = self.vectors(np.arange(len(self.texts))).cpu().numpy()
        vectors = np.zeros((len(self.texts.of_item), self.bert.dim), np.float32)
        with_text = self.texts.of_item >= 0
        vectors[with_text] = rows[self.texts.of_item[with_text]]
        return vectors

    def backward(self, rows: Codes, loss: Loss) -> float:
        """Add the gradients of ``loss(vectors of rows)`` to the parameters; return the loss.

        Gradient caching (Gao, Zhang, Han & Callan, RepL4NLP 2021): vectors first, without the
        graph behind them; the loss's slope over the vectors; then a chunk at a time again,
        with the graph, through which the chunk's slope is passed on. The sum is the gradient
        of the whole batch, in the memory of one chunk. One chunk needs no second pass.
        """
        chunks = list(self.texts.chunks(rows, self.chunk_tokens))
        if len(chunks) == 1:
            vectors = self._forward(rows)
            value = loss(vectors)
            if torch.isfinite(value):
                torch.autograd.backward(value)
            return float(value.detach())
        leaf = self.vectors(rows).requires_grad_()
        value = loss(leaf)
        if not torch.isfinite(value):
            return float(value.detach())
        (slope,) = torch.autograd.grad(value, leaf)
        for at in chunks:
            torch.autograd.backward(self._forward(rows[at]), slope[torch.from_numpy(at)])
        return float(value.detach())
