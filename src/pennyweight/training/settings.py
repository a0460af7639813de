"""How a language model is trained; the same for tuning and for distillation."""

from dataclasses import dataclass
from typing import Literal

from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.errors import DataError

__all__ = ["TrainSettings"]


@dataclass(frozen=True)
class TrainSettings:
    """How a language model is trained.

    The defaults take about a quarter of an hour on two idle cores for 12,000 titles.

    Attributes
    ----------
    steps
        The largest number of gradient steps.
    batch
        Pairs, or texts where there are no pairs, in a step.
    learning_rate
        Of AdamW (Loshchilov & Hutter 2019), after the warm-up, falling in line to zero.
    warm_up
        Share of the steps over which the rate rises from zero.
    weight_decay
        Of matrices; biases and norms have none.
    clip
        Largest length of the gradient.
    layers
        How many of the last layers learn; None for all of them and the embeddings. The
        layers below are run once for each text and remembered.
    max_tokens
        Texts are cut to this many tokens while training.
    chunk_tokens
        Padded tokens that pass through the model at once; bounds the memory of a step,
        whatever the batch.
    every
        Steps between two measurements on validation data, each with a checkpoint.
    patience
        Measurements without a new best after which training stops.
    temperature
        Divides cosines before a softmax.
    similarity
        Weight of the loss of similarities relative to that of vectors, see `Targets`.
    matryoshka
        Numbers of leading components that bear the losses by themselves too (see `Nested`).
    decay, newest
        Weight of a history's event relative to the one after it; events that count.
    seed
        Of the order of the data.
    threads
        Of torch on the processor; None for the cores that this process may use.
    precision
        ``fp32``, or ``auto`` for bfloat16 arithmetic where the hardware has it: faster, and the
        same to three digits.
    """

    steps: int = 600
    batch: int = 128
    learning_rate: float = 5e-4
    warm_up: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    layers: int | None = 2
    max_tokens: int = READ_TOKENS
    chunk_tokens: int = 8192
    every: int = 100
    patience: int = 2
    temperature: float = 0.05
    similarity: float = 1.0
    matryoshka: tuple[int, ...] = ()
    decay: float = 0.7
    newest: int = 5
    seed: int = 0
    threads: int | None = None
    precision: Literal["auto", "fp32"] = "auto"

    def __post_init__(self) -> None:
        if self.precision not in ("auto", "fp32"):
            raise DataError(f"precision {self.precision!r}: auto or fp32")
        minimum = {
            "steps": 1,
            "batch": 1,
            "max_tokens": 3,
            "chunk_tokens": 1,
            "every": 1,
            "patience": 1,
            "newest": 1,
        }
        for name, bound in minimum.items():
            if getattr(self, name) < bound:
                raise DataError(f"{name} is {getattr(self, name)}; at least {bound}")
        for name in ("learning_rate", "temperature", "clip"):
            if not getattr(self, name) > 0:
                raise DataError(f"{name} is {getattr(self, name)}; it must be above 0")
        if not 0 <= self.warm_up <= 1:
            raise DataError(f"warm_up is {self.warm_up}; it is a share, from 0 to 1")
        if any(width < 1 for width in self.matryoshka):
            raise DataError(f"matryoshka is {self.matryoshka}; each at least 1")
        if self.layers is not None and self.layers < 1:
            raise DataError(f"layers is {self.layers}; at least 1, or None for all")

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        warm = max(1, round(self.warm_up * self.steps))
        return self.learning_rate * min((step + 1) / warm, 1 - step / self.steps, 1.0)
