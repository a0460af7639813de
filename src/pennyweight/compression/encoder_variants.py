"""Encoder variants: smaller versions of a language model to replace the parent's encoder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.compression.activations import record_activations
from pennyweight.compression.model import LanguageModel
from pennyweight.compression.pruning import cut_layers, cut_neurons
from pennyweight.compression.vocabulary import cut_vocabulary
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.protocol import Encoder, LanguageModelEncoder
from pennyweight.encoders.static import distil
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import ModelWeights
from pennyweight.errors import DataError, PlanError
from pennyweight.training.static import fit_table
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = ["Distillation", "EncoderVariant", "encoder_variants"]

Float = NDArray[np.float32]
Tell = Callable[[int, int], None]
Distil = Callable[[ModelWeights, Float], ModelWeights]
"""Trains a student on a teacher's vectors of the catalog."""

STATIC_DIM = 256
ALIGNED = "aligned to the full model"
RIDGE = 0.01  # of the mean square of a component, the penalty of a readout


@dataclass(frozen=True)
class EncoderVariant:
    """One way to read texts.

    Attributes
    ----------
    name
        Its name.
    steps
        The changes to the language model, in order.
    encoder
        None for the words of the catalog, TF-IDF.
    unwhitened
        The encoder of a search, where that is another: whitening suits the similarity of items.
    """

    name: str
    steps: tuple[str, ...]
    encoder: Encoder | None
    unwhitened: Encoder | None = None

    @property
    def search_encoder(self) -> Encoder | None:
        """The encoder of a search; None for TF-IDF."""
        return self.unwhitened or self.encoder


@dataclass(frozen=True)
class Distillation:
    """Which language model learns from which.

    Attributes
    ----------
    teacher
        The full model.
    student
        The language model to make smaller; None for the teacher.
    steps
        Training steps of a model on the teacher's vectors; 0 without training.
    """

    teacher: Encoder
    student: LanguageModelEncoder | None = None
    steps: int = 0

    @property
    def smaller(self) -> LanguageModelEncoder:
        """The language model that is made smaller.

        Raises
        ------
        PlanError
            The teacher runs no language model on this machine and there is no student; or a
            student without training, or without a checkpoint to train.
        """
        if self.student is None:
            model = self.teacher.language_model
            if model is None:
                raise PlanError(
                    f"{self.teacher.name!r} cannot be pruned; give a student that learns its "
                    "vectors: --student minilm --distil 600"
                )
            return model
        if not self.steps:
            raise PlanError("a student learns the encoder's vectors by training: add --distil 600")
        if self.student.weights is None:
            raise PlanError(
                f"the student {self.student.name!r} has no checkpoint to train; give a BERT-type "
                "model, such as minilm"
            )
        return self.student

    @property
    def n_variants(self) -> int:
        """Number of variants that `encoder_variants` yields."""
        number, weights = len(("whitened", "static")), self.smaller.weights
        if weights is None:
            return number
        return number + len(("int8", *_depths(int(weights.config["num_hidden_layers"]))))


def encoder_variants(
    models: Distillation,
    texts: Sequence[str],
    folder: Path,
    *,
    train: Distil | None = None,
    progress: Tell | None = None,
) -> Iterator[EncoderVariant]:
    """Yield ever smaller encoders of a catalog's texts, the full model first.

    The full model, whitened (see `ProjectedEncoder`) unless it was trained for lists, is the
    teacher of the others. A model without a checkpoint is not pruned. The vectors of a model with
    layers removed are mapped to the teacher's by least squares; with `train` the
    model is trained on the teacher's vectors first. The static table is fitted to the teacher's
    vectors (see `fit_table`) and whitened again.

    Parameters
    ----------
    folder
        Where cut models are written.
    train
        Trains a model; needs the extra train.
    progress
        Called with (texts done, total texts) while the full model encodes.
    """
    teacher, smaller = models.teacher, models.smaller
    teacher_vectors = _vectors(teacher, texts, progress)
    wide = ProjectedEncoder.of_vectors(teacher, teacher_vectors, dim=teacher.dim)
    targets = wide.project(teacher_vectors)
    yield EncoderVariant(teacher.name, (_scaling(teacher),), wide, teacher)
    if smaller.weights is not None:
        yield from _pruned(
            smaller.weights,
            texts,
            targets,
            folder,
            max_tokens=smaller.max_tokens,
            train=train,
            of_teacher=models.student is None,
        )
    yield _static(smaller, texts, targets, teacher.name)


def _pruned(
    checkpoint: ModelWeights,
    texts: Sequence[str],
    targets: Float,
    folder: Path,
    *,
    max_tokens: int,
    train: Distil | None,
    of_teacher: bool,
) -> Iterator[EncoderVariant]:
    """Yield the model in 8 bits, and with fewer layers and neurons."""
    layers, name = int(checkpoint.config["num_hidden_layers"]), checkpoint.name
    model = LanguageModel.of(checkpoint)
    cuts: tuple[str, ...] = ()
    try:
        model = cut_vocabulary(model, texts)
        cuts = (f"{model.config['vocab_size']:,} tokens",)
    except DataError:  # of a type that cannot be cut: every token stays
        pass
    if train is not None and not of_teacher:
        model = LanguageModel.of(train(model.write(folder / "student"), targets))
        cuts = (name, *cuts, "distilled")
    small = _load(model, folder / "int8", name, max_tokens)
    if of_teacher:
        encoder, fitted = _whitened(small, texts), _scaling(small)
    else:
        encoder, fitted = (
            ProjectedEncoder(small, _readout(_vectors(small, texts), targets)),
            ALIGNED,
        )
    unwhitened = small if of_teacher else None
    steps = (*cuts, "int8 matrices", fitted)
    yield EncoderVariant(", ".join((*cuts, "int8")), steps, encoder, unwhitened)
    for keep, narrow in _depths(layers):
        model, cuts = _cut(model, texts, keep, narrow=narrow)
        weights = model.write(folder / f"{keep}-layers")
        if train is not None:
            weights = train(weights, targets)
            model, cuts = LanguageModel.of(weights), (*cuts, "distilled")
        small = _load(model, folder / f"{keep}-layers-int8", name, max_tokens)
        vectors = _vectors(small, texts)
        encoder = ProjectedEncoder(small, _readout(vectors, targets))
        steps = (*cuts, "int8 matrices", ALIGNED)
        yield EncoderVariant(", ".join((*cuts, "int8")), steps, encoder)


def _static(
    model: LanguageModelEncoder, texts: Sequence[str], targets: Float, name: str
) -> EncoderVariant:
    """Fit a table of a model's tokens to a teacher's vectors, whiten it, and store it in 8 bits."""
    table = distil(model, dim=min(STATIC_DIM, model.dim), texts=texts).weighted(texts)
    static = fit_table(table, texts, targets).pruned(texts)
    axes = ProjectedEncoder.of_vectors(static, static.encode(texts), dim=static.dim).axes
    packed = QuantizedRows.of(static.table @ axes, "int8", by_row=True)
    static = static.with_table(packed, name=f"static-{name}")
    steps = ("static table", f"{len(packed):,} tokens", "whitened", "int8 table")
    return EncoderVariant("static table, int8", steps, static)


def _depths(layers: int) -> list[tuple[int, bool]]:
    """Return the numbers of layers to keep, each with whether to cut half of the neurons."""
    choices = [(ceil(2 * layers / 3), False), (ceil(layers / 2), True), (ceil(layers / 3), True)]
    depths = {keep: narrow for keep, narrow in choices if keep < layers}
    return list(depths.items())


def _cut(
    model: LanguageModel, texts: Sequence[str], keep: int, *, narrow: bool
) -> tuple[LanguageModel, tuple[str, ...]]:
    """Cut layers, and neurons to half of a layer's original ones."""
    model = cut_layers(model, record_activations(model, texts), keep=keep)
    steps: tuple[str, ...] = (f"{keep} layers",)
    if narrow:
        first = int(model.config.get("intermediate_size", 0))
        widths = [len(layer.inner.weight) for layer in model.checkpoint.layers]
        widths_kept = [min(width, max(1, (first or width) // 2)) for width in widths]
        if widths_kept != widths:
            model = cut_neurons(model, record_activations(model, texts), keep=widths_kept)
        steps = (*steps, "half the neurons")
    return model, steps


def _load(model: LanguageModel, folder: Path, name: str, max_tokens: int) -> TransformerEncoder:
    model.write(folder)
    encoder = TransformerEncoder.from_pretrained(folder, precision="int8", max_tokens=max_tokens)
    encoder.weights = replace(encoder.weights, name=name)
    return encoder


def _vectors(encoder: Encoder, texts: Sequence[str], progress: Tell | None = None) -> Float:
    return encode_cached(encoder, texts, progress=progress)


def _whitened(encoder: TransformerEncoder, texts: Sequence[str]) -> ProjectedEncoder:
    return ProjectedEncoder.of_vectors(encoder, _vectors(encoder, texts), dim=encoder.dim)


def _scaling(encoder: Encoder) -> str:
    """Return the step that `ProjectedEncoder.of_vectors` takes."""
    return "principal axes" if encoder.trained_for_lists else "whitened"


def _readout(vectors: Float, targets: Float) -> Float:
    """Return the map for which vectors @ map is nearest to the targets, (width, dim).

    Ridge regression (Hoerl and Kennard 1970).
    """
    wide = vectors.astype(np.float64)
    products = wide.T @ wide
    products[np.diag_indices(len(products))] += RIDGE * np.trace(products) / len(products)
    return np.asarray(np.linalg.solve(products, wide.T @ targets), np.float32)
