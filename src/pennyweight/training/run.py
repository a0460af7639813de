"""Steps that all trainings share, from a model and a catalog to a trained model in a folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.split import HeldOut
from pennyweight.encoders.weights import ModelWeights, write_weights
from pennyweight.errors import DataError, TrainingError
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.machine.machine import usable_cores
from pennyweight.scorers.content import Content
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.storage.files import digest
from pennyweight.training.bert import Bert
from pennyweight.training.checkpoint import FILE, settings_text
from pennyweight.training.learner import Learner, device_of
from pennyweight.training.loop import Quality, train
from pennyweight.training.memory import check_memory, training_bytes
from pennyweight.training.settings import TrainSettings
from pennyweight.training.tasks import Nested, Task
from pennyweight.training.threads import torch_threads
from pennyweight.training.token_texts import Texts

__all__ = [
    "MODEL",
    "Progress",
    "TrainedModel",
    "TrainingRun",
    "events_of",
    "ranking_quality",
]

Progress = Callable[[str, int, int], None]
MODEL, TARGETS = "model", "targets.safetensors"
REMEDY = "lower chunk_tokens or max_tokens, let fewer layers learn, or start from a smaller model"


@dataclass(frozen=True)
class TrainedModel:
    """The result of a training.

    Attributes
    ----------
    weights
        The best model, in a folder that `find_weights` opens.
    steps
        Gradient steps taken.
    measurements
        (step, quality on validation data) of each measurement; step 0 is the model that
        training began with. Without validation data the quality is the step.
    """

    weights: ModelWeights
    steps: int
    measurements: tuple[tuple[int, float], ...]


class TrainingRun:
    """One training: the model that learns, the texts, and the folder of its state.

    Parameters
    ----------
    weights
        The model to begin with; stays as it is.
    catalog
        The catalog whose texts the model learns on.
    folder
        For the state (``training.safetensors``), curves (``events``) and the result (``model``).
    task
        A text that identifies the task, for the fingerprint of the training.
    held_out
        Validation data: where the model's vectors rank held-out items best, training stops.
    progress
        Called with (stage, done, in total).

    Raises
    ------
    DataError
        The folder holds another training, or no text has a word that the model knows.
    BudgetError
        The memory of this machine does not suffice.
    """

    def __init__(
        self,
        weights: ModelWeights,
        catalog: Catalog,
        folder: Path,
        settings: TrainSettings,
        task: str,
        *,
        held_out: HeldOut | None,
        repeats: Repeats,
        progress: Progress | None,
    ) -> None:
        self.weights, self.folder, self.settings = weights, folder, settings
        self.progress = progress
        bert = Bert(weights, device_of())
        for width in settings.matryoshka:
            if width >= bert.dim:
                raise DataError(
                    f"matryoshka {width}: {weights.name} has {bert.dim} components; name fewer"
                )
        tokens = min(settings.max_tokens, bert.places)
        self.texts = Texts(weights, catalog.texts, max_tokens=tokens)
        if not len(self.texts):
            raise DataError(f"no text of the catalog has a word that {weights.name} knows")
        self.learner = Learner(
            bert,
            self.texts,
            layers=settings.layers,
            chunk_tokens=settings.chunk_tokens,
            device=device_of(),
            mixed=settings.precision == "auto",
        )
        check_memory(training_bytes(self.learner), REMEDY)
        names = (weights.fingerprint, settings_text(settings), task, *catalog.texts)
        self.fingerprint = digest(*names, *(events_of(held_out) if held_out is not None else ()))
        self.quality = ranking_quality(held_out, repeats)

    def tell(self, stage: str) -> Callable[[int, int], None] | None:
        """Return the progress of one stage."""
        progress = self.progress
        if progress is None:
            return None
        return lambda done, total: progress(stage, done, total)

    def targets(self, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the result of `make`; a resumed training reads it from its folder."""
        path = self.folder / TARGETS
        if path.exists() and (self.folder / FILE).exists():
            arrays, settings = read_arrays(path)
            if settings["fingerprint"] == self.fingerprint:
                return np.array(arrays["targets"])
        targets = make()
        write_arrays(path, {"targets": targets}, {"fingerprint": self.fingerprint})
        return targets

    def finish(self, task: Task) -> TrainedModel:
        """Train on a task, or go on with it, and write the best model.

        Raises
        ------
        TrainingError
            The loss is not a number; the best model before that is written all the same.
        """
        if self.settings.matryoshka:
            task = Nested(task, self.settings.matryoshka)
        try:
            with torch_threads(self.settings.threads or usable_cores()):
                self.learner.remember(self.tell("remember"))
                state = train(
                    self.learner,
                    task,
                    self.settings,
                    self.folder,
                    fingerprint=self.fingerprint,
                    quality=self.quality,
                    progress=self.tell("train"),
                )
        except TrainingError:
            self._write()
            raise
        return TrainedModel(self._write(), state.step, tuple(state.measurements))

    def _write(self) -> ModelWeights:
        tokenizer = (self.weights.folder / "tokenizer.json").read_text(encoding="utf-8")
        tensors = self.learner.bert.arrays()
        return write_weights(
            self.folder / MODEL, self.weights, self.weights.config, tensors, tokenizer
        )


def events_of(held_out: HeldOut) -> tuple[NDArray[Any], ...]:
    """Return the arrays of the events that a training depends on."""
    before = held_out.before
    return before.user, before.item, before.weight, held_out.users, held_out.targets


def ranking_quality(held_out: HeldOut | None, repeats: Repeats) -> Quality | None:
    """Return NDCG@10 of ranking by the cosine of item and decayed history."""
    if held_out is None or not len(held_out):
        return None

    def quality(vectors: NDArray[np.float32]) -> float:
        scorer = {"content": Content.of_vectors(vectors)}
        results = measure(scorer, held_out, repeats=repeats)["content"]
        return float(results.column("ndcg@10").mean())

    return quality
