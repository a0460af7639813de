"""Task tuning: a language model learns from the sequences of users' choices."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.split import HeldOut
from pennyweight.encoders.weights import ModelWeights
from pennyweight.errors import DataError
from pennyweight.evaluation.ranking import Repeats
from pennyweight.progress.display import tracked
from pennyweight.progress.tracker import ExpectedStage
from pennyweight.progress.update import Progress
from pennyweight.training.behavior import behavior_vectors, in_width, of_texts
from pennyweight.training.head_run import HeadRun
from pennyweight.training.retrieval import RetrievalSettings
from pennyweight.training.run import TrainedModel, TrainingRun
from pennyweight.training.settings import TrainSettings
from pennyweight.training.tasks import Both, Pairs, Targets, Task

__all__ = ["OBJECTIVES", "Objective", "tune"]

Objective = Literal["retrieve", "pairs", "targets", "both"]
OBJECTIVES = ("retrieve", "pairs", "targets", "both")


def tune(
    weights: ModelWeights,
    catalog: Catalog,
    held_out: HeldOut,
    folder: Path | str,
    settings: TrainSettings | None = None,
    *,
    objective: Objective = "retrieve",
    repeats: Repeats = "exclude",
    progress: Progress = True,
) -> TrainedModel:
    """Tune a language model on behavior.

    A call with the same arguments and folder as one that was killed goes on from its last
    checkpoint to the same result.

    Parameters
    ----------
    weights
        The model to begin with; stays as it is.
    held_out
        Validation data; the events before it are learned from.
    folder
        For state, curves and the result, the model in ``folder/model``.
    settings
        For ``retrieve`` `RetrievalSettings`, for the others `TrainSettings`; by default those of
        the objective.
    objective
        ``retrieve``: a small network on the vectors of the model learns to bring the mean of a
        history near to the next item, among thousands of others; the model itself stays as it is,
        so that its texts are encoded once. The others train the last layers of the model.
        ``pairs``: items that follow each other, and histories with what followed, are to be
        near, against the other items of the batch. ``targets``: each text is to be near a
        vector learned from behavior beforehand (see `behavior_vectors`), which needs a
        fraction of the steps. ``both``: the sum of the two.
    repeats
        Whether an item may follow a history that holds it already.
    progress
        True for a bar in terminals and notebooks, False for none, or a function that is called
        with each `ProgressUpdate`; the stage ``train`` counts steps.

    Raises
    ------
    DataError
        Nothing to learn from, or the folder holds another training.
    BudgetError
        The memory of this machine does not suffice.
    TrainingError
        The loss is no longer a number; ``folder/model`` is the best model before that.
    """
    if objective not in OBJECTIVES:
        raise DataError(f"objective {objective!r}: one of {', '.join(OBJECTIVES)}")
    with tracked(progress) as tracker:
        texts_only = objective in ("retrieve", "pairs")
        names = ("remember", "train") if texts_only else ("targets", "remember", "train")
        tracker.expect(map(ExpectedStage, names))
        if objective == "retrieve":
            return HeadRun(
                weights,
                catalog,
                held_out,
                Path(folder),
                _retrieval(settings),
                repeats=repeats,
                progress=tracker,
            ).finish()
        run = TrainingRun(
            weights,
            catalog,
            Path(folder),
            settings or TrainSettings(),
            f"tune {objective} {repeats}",
            held_out=held_out,
            repeats=repeats,
            progress=tracker,
        )
        return run.finish(_task(run, catalog, held_out, objective, repeats == "include"))


def _retrieval(settings: TrainSettings | None) -> RetrievalSettings:
    if settings is None:
        return RetrievalSettings()
    if not isinstance(settings, RetrievalSettings):
        raise DataError("objective 'retrieve' takes RetrievalSettings, not TrainSettings")
    return settings


def _task(
    run: TrainingRun, catalog: Catalog, held_out: HeldOut, objective: Objective, repeats: bool
) -> Task:
    histories = held_out.before.histories
    if objective == "pairs":
        return Pairs(histories, run.texts, run.settings, repeats=repeats)

    def vectors() -> NDArray[np.float32]:
        items = behavior_vectors(
            run.weights.folder,
            catalog,
            held_out.before,
            repeats=repeats,
            seed=run.settings.seed,
            quality=run.quality,
            progress=run.tell("targets"),
        )
        return in_width(run.learner, of_texts(items, run.texts), run.settings.seed)

    targets = Targets(run.targets(vectors), run.settings)
    if objective == "targets":
        return targets
    return Both(Pairs(histories, run.texts, run.settings, repeats=repeats), targets)
