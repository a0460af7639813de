"""Distillation: a smaller model learns the vectors of a larger one."""

import json
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.split import HeldOut
from pennyweight.encoders.weights import ModelWeights, find_weights
from pennyweight.errors import DataError
from pennyweight.evaluation.ranking import Repeats
from pennyweight.storage.files import cache_folder, digest, write_atomic
from pennyweight.storage.folders import evict_folders
from pennyweight.storage.locks import locked
from pennyweight.training.behavior import in_width, of_texts
from pennyweight.training.checkpoint import settings_text
from pennyweight.training.run import MODEL, Progress, TrainedModel, TrainingRun, events_of
from pennyweight.training.settings import TrainSettings
from pennyweight.training.tasks import Both, Pairs, Targets

__all__ = ["distil_into", "distilled"]

Objective = Literal["vectors", "both"]
MARKER, TRAINING = "distilled.json", "training"
MAX_CACHED = 12  # newest models that stay in the cache folder


def distil_into(
    student: ModelWeights,
    teacher: NDArray[np.float32],
    catalog: Catalog,
    folder: Path | str,
    settings: TrainSettings | None = None,
    *,
    held_out: HeldOut | None = None,
    objective: Objective = "vectors",
    repeats: Repeats = "exclude",
    progress: Progress | None = None,
) -> TrainedModel:
    """Train a student on a teacher's vectors of the catalog's texts.

    A deep cut is made in steps: prune, distil, prune the result. A call with the same arguments
    and folder as one that was killed goes on from its last checkpoint to the same result.

    Parameters
    ----------
    student
        The model to begin with, such as a pruned teacher; stays as it is.
    teacher
        The teacher's vectors of the catalog's items, float32 (n_items, any width). Of the
        student's width they are taken as they are, so that the vectors of both can be
        compared; of another they are turned into it.
    folder
        For state, curves and the result, the model in ``folder/model``.
    settings
        By default those of `TrainSettings` with all layers learning.
    held_out
        Validation data, by which the best step is chosen; without it, the last is.
    objective
        ``vectors``: each vector and the similarities of a batch come near the teacher's
        (Reimers & Gurevych 2020; Passalis & Tefas 2018). ``both``: the student also learns from
        events before the held-out data, as in `tune`.

    Raises
    ------
    DataError
        The teacher's vectors are not those of this catalog, or the folder holds another
        training.
    BudgetError
        The memory of this machine does not suffice.
    TrainingError
        The loss is no longer a number; ``folder/model`` is the best model before that.
    """
    if objective not in ("vectors", "both"):
        raise DataError(f"objective {objective!r}: one of vectors, both")
    if objective == "both" and held_out is None:
        raise DataError("objective 'both' learns from behavior too: give held_out")
    if teacher.ndim != 2 or len(teacher) != len(catalog) or not np.isfinite(teacher).all():
        raise DataError(
            f"the teacher's vectors have shape {teacher.shape}; there must be a finite row for "
            f"each of the {len(catalog)} items"
        )
    run = TrainingRun(
        student,
        catalog,
        Path(folder),
        settings or TrainSettings(layers=None),
        f"distil {objective} {repeats} {digest(teacher)}",
        held_out=held_out,
        repeats=repeats,
        progress=progress,
    )
    vectors = of_texts(teacher, run.texts)
    if teacher.shape[1] != run.learner.bert.dim:
        vectors = run.targets(lambda: in_width(run.learner, vectors, run.settings.seed))
    targets = Targets(vectors, run.settings)
    if objective == "vectors" or held_out is None:
        return run.finish(targets)
    histories = held_out.before.histories
    pairs = Pairs(histories, run.texts, run.settings, repeats=repeats == "include")
    return run.finish(Both(pairs, targets))


def distilled(
    student: ModelWeights,
    teacher: NDArray[np.float32],
    catalog: Catalog,
    settings: TrainSettings,
    held_out: HeldOut,
    *,
    repeats: Repeats = "exclude",
    progress: Progress | None = None,
) -> ModelWeights:
    """Return the result of `distil_into` with objective ``both``, trained only once.

    The training is in the cache folder under the name of all it depends on: one that was killed
    goes on, and one that was finished is read. Arguments and errors are those of `distil_into`.
    """
    names = (student.fingerprint, settings_text(settings), repeats, *catalog.texts)
    place = cache_folder() / "distilled" / digest(*names, teacher, *events_of(held_out))
    place.mkdir(parents=True, exist_ok=True)
    with locked(place):
        weights = _cached_model(place)
        if weights is None:
            weights = distil_into(
                student,
                teacher,
                catalog,
                place / TRAINING,
                settings,
                held_out=held_out,
                objective="both",
                repeats=repeats,
                progress=progress,
            ).weights
            marker = json.dumps({"fingerprint": weights.fingerprint})
            write_atomic(place / MARKER, [marker.encode()])
            # The state for resuming takes four times the size of a model.
            for path in (place / TRAINING).glob("*.safetensors"):
                path.unlink()
        place.touch()
    evict_folders(place.parent, keep=MAX_CACHED)
    return weights


def _cached_model(place: Path) -> ModelWeights | None:
    """Return a model that was finished and is whole."""
    try:
        marker = json.loads((place / MARKER).read_bytes())
        weights = find_weights(place / TRAINING / MODEL)
    except (OSError, ValueError, DataError):
        return None
    return weights if marker == {"fingerprint": weights.fingerprint} else None
