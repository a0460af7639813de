"""The training of a head on a model's vectors, from a catalog to a model in a folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.split import HeldOut
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import ModelWeights, write_weights
from pennyweight.errors import DataError, TrainingError
from pennyweight.evaluation.ranking import Repeats
from pennyweight.machine.machine import usable_cores
from pennyweight.storage.files import digest
from pennyweight.training.checkpoint import settings_text
from pennyweight.training.head import Head
from pennyweight.training.loop import train
from pennyweight.training.memory import check_memory, head_bytes
from pennyweight.training.retrieval import Retrieval, RetrievalSettings
from pennyweight.training.run import (
    MODEL,
    Progress,
    TrainedModel,
    events_of,
    ranking_quality,
)
from pennyweight.training.tasks import Nested, Task
from pennyweight.training.threads import torch_threads
from pennyweight.training.token_texts import Texts

__all__ = ["HeadRun"]

REMEDY = "use a machine with more memory, or lower batch, newest or negatives"


class HeadRun:
    """One training of a head.

    Parameters
    ----------
    weights
        The model; stays as it is.
    held_out
        Validation data; the events before it are learned from.
    folder
        For the state, curves and the result, the model with its head in ``folder/model``.

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
        held_out: HeldOut,
        folder: Path,
        settings: RetrievalSettings,
        *,
        repeats: Repeats,
        progress: Progress | None,
    ) -> None:
        self.weights, self.held_out, self.folder = weights, held_out, folder
        self.settings, self.repeats, self.progress = settings, repeats, progress
        self.texts = Texts(weights, catalog.texts, max_tokens=settings.max_tokens)
        if not len(self.texts):
            raise DataError(f"no text of the catalog has a word that {weights.name} knows")
        dim = min(settings.dim, weights.dim)
        for width in settings.matryoshka:
            if width >= dim:
                raise DataError(f"matryoshka {width}: the head has {dim} components; name fewer")
        self._first_texts = [catalog.texts[item] for item in self.texts.first_items()]
        names = (weights.fingerprint, settings_text(settings), f"tune retrieve {repeats}")
        self.fingerprint = digest(*names, *catalog.texts, *events_of(held_out))

    def finish(self) -> TrainedModel:
        """Train, or go on with it, and write the model with its best head.

        Raises
        ------
        TrainingError
            The loss is not a number; the best head before that is written all the same.
        """
        settings, repeats = self.settings, self.repeats == "include"
        histories = self.held_out.before.histories
        retrieval = Retrieval(histories, self.texts, settings, repeats=repeats)
        task: Task = retrieval
        if settings.matryoshka:
            task = Nested(retrieval, settings.matryoshka)
        check_memory(head_bytes(self.weights.dim, len(self.texts), settings), REMEDY)
        head = self._head()
        try:
            with torch_threads(settings.threads or usable_cores()):
                state = train(
                    head,
                    task,
                    settings,
                    self.folder,
                    fingerprint=self.fingerprint,
                    quality=ranking_quality(self.held_out, self.repeats),
                    progress=self._tell("train"),
                )
        except TrainingError:
            self._write(head)
            raise
        return TrainedModel(self._write(head), state.step, tuple(state.measurements))

    def _tell(self, stage: str) -> Callable[[int, int], None] | None:
        progress = self.progress
        if progress is None:
            return None
        return lambda done, total: progress(stage, done, total)

    def _head(self) -> Head:
        settings = self.settings
        encoder = TransformerEncoder.from_pretrained(
            self.weights.folder, max_tokens=settings.max_tokens, threads=settings.threads
        ).with_prompts(self.weights.prompts)
        vectors: NDArray[np.float32] = np.array(
            encode_cached(encoder, self._first_texts, progress=self._tell("remember"))
        )
        return Head(
            vectors,
            ProjectedEncoder.of_vectors(encoder, vectors, dim=encoder.dim).axes,
            self.texts.of_item,
            dim=settings.dim,
            hidden=settings.hidden,
            dropout=settings.dropout,
            seed=settings.seed,
        )

    def _write(self, head: Head) -> ModelWeights:
        weights = self.weights
        tokenizer = (weights.folder / "tokenizer.json").read_text(encoding="utf-8")
        return write_weights(
            self.folder / MODEL,
            weights,
            weights.config,
            weights.tensors(),
            tokenizer,
            dense=head.dense(),
        )
