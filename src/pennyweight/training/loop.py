"""The loop of a training: steps, measurements, checkpoints, and the return to where it was."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pennyweight.errors import TrainingError
from pennyweight.training.checkpoint import State, read_state, write_state
from pennyweight.training.settings import TrainSettings
from pennyweight.training.tasks import Loss, Task, order
from pennyweight.training.tensorboard import Events
from pennyweight.training.token_texts import Codes

__all__ = ["Progress", "Quality", "Trainable", "train"]

Progress = Callable[[int, int], None]
Quality = Callable[[NDArray[np.float32]], float]


class Trainable(Protocol):
    """Tensors that learn from the vectors of texts.

    Attributes
    ----------
    parameters
        These tensors, by name.
    """

    parameters: dict[str, torch.Tensor]

    def item_vectors(self) -> NDArray[np.float32]:
        """Return the vector of every item, float32 (n_items, dim)."""
        ...

    def backward(self, rows: Codes, loss: Loss) -> float:
        """Add the gradients of ``loss(vectors of rows)`` to the parameters; return the loss."""
        ...


@dataclass(frozen=True)
class _Run:
    """The state that the steps of one training share."""

    learner: Trainable
    task: Task
    settings: TrainSettings
    optimizer: torch.optim.Optimizer
    events: Events

    def step(self, state: State, folder: Path) -> None:
        """Take one step; `TrainingError` where loss or gradient is no number."""
        rate = self.settings.rate(state.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        batch = self.task.batch(order(self.task, self.settings, state.step))
        loss = self.learner.backward(batch.texts, batch.loss)
        length = math.nan
        if math.isfinite(loss):
            parameters = self.learner.parameters.values()
            length = float(torch.nn.utils.clip_grad_norm_(parameters, self.settings.clip))
        if not math.isfinite(length):
            raise TrainingError(
                f"step {state.step + 1}: the loss is {loss}, its gradient {length}; "
                f"{folder} keeps the best model of the {len(state.measurements)} measured before: "
                "take that, or train with a lower learning_rate in another folder"
            )
        self.optimizer.step()
        state.step += 1
        self.events.write(state.step, loss=loss, learning_rate=rate, gradient=length)


def train(
    learner: Trainable,
    task: Task,
    settings: TrainSettings,
    folder: Path,
    *,
    fingerprint: str,
    quality: Quality | None = None,
    progress: Progress | None = None,
) -> State:
    """Train until the last step, or until validation has not got better for a while.

    Every `TrainSettings.every` steps, and before the first, the quality is measured and the
    state written to `folder`; a training that was killed goes on from there, to the same
    result. The learner ends with the best tensors.

    Parameters
    ----------
    fingerprint
        Of model, data and settings; a folder of another training is refused.
    quality
        Of the vectors of all items, higher is better; without it the last tensors are best.
    progress
        Called with (steps done, steps in total).

    Raises
    ------
    TrainingError
        The loss is not a number; the learner has the best tensors before that.
    """
    optimizer = torch.optim.AdamW(_groups(learner, settings), lr=settings.learning_rate)
    state = read_state(folder, learner.parameters, optimizer, fingerprint)
    with Events(folder / "events", step=state.step) as events:
        run = _Run(learner, task, settings, optimizer, events)
        try:
            while not _is_finished(run, state, folder, fingerprint, quality):
                run.step(state, folder)
                if progress is not None:
                    progress(state.step, settings.steps)
        finally:
            with torch.no_grad():
                for name, tensor in state.best.items():
                    learner.parameters[name].copy_(tensor)
    return state


def _groups(learner: Trainable, settings: TrainSettings) -> list[dict[str, object]]:
    matrices = [t for t in learner.parameters.values() if t.ndim > 1]
    vectors = [t for t in learner.parameters.values() if t.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _is_finished(
    run: _Run, state: State, folder: Path, fingerprint: str, quality: Quality | None
) -> bool:
    """Measure and write when due; return whether the training is over."""
    settings = run.settings
    last = state.step == settings.steps
    due = last or state.step % settings.every == 0
    if due and (not state.measurements or state.measurements[-1][0] != state.step):
        value = float(state.step) if quality is None else quality(run.learner.item_vectors())
        if value > state.best_quality:
            of = run.learner.parameters.items()
            state.best = {name: tensor.detach().clone() for name, tensor in of}
        state.measurements.append((state.step, value))
        if quality is not None:
            run.events.write(state.step, validation=value)
        run.events.flush()
        write_state(folder, state, run.learner.parameters, run.optimizer, fingerprint)
    qualities = [value for _, value in state.measurements]
    return last or len(qualities) - 1 - int(np.argmax(qualities)) >= settings.patience
