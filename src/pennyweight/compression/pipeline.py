"""`frontier` and `compress`: measure smaller versions, and choose the cheapest in a budget."""

import time
import weakref
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory

import numpy as np
from threadpoolctl import threadpool_limits

from pennyweight.compression.encoder_variants import Distillation
from pennyweight.compression.held_out import blend_of, language_model_of, text_component
from pennyweight.compression.search import Candidate, Search, number_of_variants
from pennyweight.compression.stages import confirmation_stages, fit_stages, search_stages
from pennyweight.config.budget import Budget, Task
from pennyweight.config.frontier import Confirmation, Frontier, Point
from pennyweight.config.plan import Plan
from pennyweight.config.report import Report
from pennyweight.config.reranking import Reranking
from pennyweight.data.input_size import held
from pennyweight.encoders.protocol import Encoder
from pennyweight.errors import BudgetError, DataError, PlanError
from pennyweight.evaluation.bootstrap import bootstrap_ratios
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.user_results import PRIMARY_METRIC
from pennyweight.fitting.forecast import forecast
from pennyweight.fitting.job_report import rounded
from pennyweight.fitting.pretrained import open_pretrained
from pennyweight.fitting.stages import Stages
from pennyweight.machine.forecast import speed
from pennyweight.machine.machine import Machine, matrix_threads
from pennyweight.progress.display import tracked
from pennyweight.progress.tracker import ProgressTracker
from pennyweight.progress.update import Progress
from pennyweight.ranking.reranking import as_listed
from pennyweight.recommender.recommender import Recommender

__all__ = ["cheapest", "compress", "frontier"]

DEFAULT_LOSS = 0.01
# Fields of a report that are not measured again for the child.
PARENT_ONLY = ("folds", "slices", "comparisons", "lists", "exposure", "encoder_ablation")
REMEDY = "compress on a machine with more memory, or fit with fewer scorers"


def frontier(
    parent: Recommender,
    *,
    model: str | None = None,
    distil: int = 0,
    student: str | None = None,
    tasks: Sequence[Task] | None = None,
    progress: Progress = True,
) -> Frontier:
    """Measure smaller versions of a recommender, all on the same held-out events.

    The parent's scorers are learned again from training events with the settings they have;
    then each candidate replaces the encoder, or keeps the vectors in fewer bits, learns the
    weights of the blend where the encoder is another, and is ranked on validation users. Speed and
    memory are those of a process that loads the candidate from disk.

    Parameters
    ----------
    parent
        A recommender from `fit` or `Recommender.load`; stays unchanged.
    model
        Language model, by folder or id, whose candidates are measured where the parent's content
        uses words; by default the parent's own, if any.
    distil
        Steps for which a model with layers removed is trained on the vectors of the full one (see
        `pennyweight.training.distillation`); needs the extra train. 0 only maps its vectors.
    student
        A BERT-type language model, ``minilm``, a folder or an id, that learns the vectors of the
        full model and is made smaller in its place: for models that cannot be pruned, such as
        GGUF files, or are too large. Needs `distil`.
    tasks
        Tasks to measure: ``lists``, ``search`` and ``new-items``; lists are always measured. By
        default all that the recommender serves and that the data can measure.
    progress
        True for a bar in terminals and notebooks, False for none, or a function that is called
        with each `ProgressUpdate`.

    Raises
    ------
    DataError
        The parent has no blend or no events, the model cannot be used, or a task that was named
        cannot be measured.
    PlanError
        A task is unknown or named twice.
    BudgetError
        This machine has not the memory.
    """
    names = Budget.parse({} if tasks is None else {"tasks": tasks}).tasks
    with TemporaryDirectory(prefix="pennyweight-") as folder, tracked(progress) as tracker:
        models = _models(parent, model, student, distil)
        search, stages = _run_search(parent, models, Path(folder), tracker, names, confirm=False)
        return _frontier(parent, search, stages)


def compress(
    parent: Recommender,
    budget: Budget | None = None,
    *,
    model: str | None = None,
    distil: int = 0,
    student: str | None = None,
    progress: Progress = True,
) -> Recommender:
    """Return the cheapest version of a recommender that keeps a budget.

    Cheapest is the fewest bytes of encoder and vectors. Candidates are compared on validation
    users, as in `frontier`; the choice and the parent, both fitted to all earlier events, are then
    measured on test users. The child's ``report.frontier`` holds all of it.

    Parameters
    ----------
    budget
        By default that of the parent's plan; without limits, a loss of at most 1 % in each task.

    Raises
    ------
    BudgetError
        No candidate keeps the budget: names the nearest, and by how much it misses. Or as in
        `frontier`, like the other errors.
    """
    budget = _budget(budget, parent.plan)
    with tracked(progress) as tracker, ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pennyweight-")))
        search, stages = _run_search(
            parent,
            _models(parent, model, student, distil),
            folder,
            tracker,
            budget.tasks,
            confirm=True,
        )
        chosen = cheapest(search.points, budget)
        candidate = search.candidates[search.points.index(chosen)]
        with threadpool_limits(matrix_threads()):
            stage = _ranking_stage(parent, search, candidate)
            confirmed = _confirm(search, candidate)
        child = Recommender(
            parent.catalog,
            candidate.build(blend_of(parent).components, parent.catalog.texts),
            parent.interactions,
            repeats=parent.repeats,
        )
        measured = _frontier(parent, search, stages).model_copy(
            update={"budget": budget, "chosen": chosen.name, "test": confirmed}
        )
        child.plan, child.report = parent.plan, _report(parent, child, measured, stage)
        child.origin = parent.origin
        # A model that was cut is read from the folder for as long as the child is there.
        weakref.finalize(child, stack.pop_all().close)
    return child


def _budget(given: Budget | None, plan: Plan | None) -> Budget:
    """Return the limits given, or those of the plan, or the default loss, for the tasks given."""
    if given is not None and (given.tasks is None or not given.unlimited):
        return given
    planned = plan.budget if plan else Budget()
    tasks = planned.tasks if given is None else given.tasks
    limits = Budget(max_loss=DEFAULT_LOSS) if planned.unlimited else planned
    return limits.model_copy(update={"tasks": tasks})


def _run_search(
    parent: Recommender,
    models: Distillation | None,
    folder: Path,
    tracker: ProgressTracker,
    tasks: Sequence[Task] | None,
    *,
    confirm: bool,
) -> tuple[Search, Stages]:
    blend = blend_of(parent)
    assert parent.interactions is not None
    size = held(parent.catalog, parent.interactions)
    needed = models is not None
    expected = forecast(
        size, blend.components, speed(), model=needed, encode=needed, ablation=False, final=False
    )
    expected.state(REMEDY)
    seconds = {stage.name: stage.seconds for stage in expected.stages}
    coming = tuple(confirmation_stages(blend.components, seconds)) if confirm else ()
    searching = search_stages(number_of_variants(blend, models))
    tracker.expect([*fit_stages(blend.components, seconds), *searching, *coming])
    stages = Stages(tracker)
    with threadpool_limits(matrix_threads()):
        search = Search(parent, stages, models=models, folder=folder, coming=coming, tasks=tasks)
        search.run()
    return search, stages


def _models(
    parent: Recommender, model: str | None, student: str | None, steps: int
) -> Distillation | None:
    """Open the language models of a search; None where the candidates are without."""
    blend = blend_of(parent)
    for scorer_id, scorer in blend.components.items():
        if scorer.encoder is not None and scorer.encoder.remote is not None:
            raise PlanError(
                f"{scorer_id} encodes texts at a server, and compression measures encoders on this "
                "machine: fit with another --encoder first"
            )
    name = text_component(blend)
    teacher: Encoder | None = None if name is None else language_model_of(blend.components[name])
    if model is not None:
        if name is None:
            raise DataError("the recommender has no content scorer for a language model to read")
        teacher = open_pretrained(model)
    if teacher is None:
        if student is not None:
            raise PlanError("there is no language model for the student to learn from: --encoder")
        return None
    learner = None if student is None else open_pretrained(student).language_model
    if student is not None and learner is None:
        raise PlanError(f"--student {student}: give a BERT-type model, such as minilm")
    return Distillation(teacher, learner, steps)


def cheapest(points: Sequence[Point], budget: Budget) -> Point:
    """Return the smallest point that keeps a budget; `BudgetError` naming the nearest."""
    keeping = [point for point in points if not point.excess(budget)]
    if keeping:
        return min(keeping, key=lambda point: (point.nbytes, -point.quality.value))
    nearest = min(points, key=lambda point: max(point.excess(budget).values()))
    misses = ", ".join(
        f"{name} by {100 * share:.1f} %" for name, share in nearest.excess(budget).items()
    )
    raise BudgetError(
        f"none of {len(points)} candidates keeps the budget; the nearest, {nearest.name!r}, misses "
        f"{misses}. Loosen that, or see all of them with `pennyweight frontier`"
    )


def _confirm(search: Search, candidate: Candidate) -> Confirmation:
    """Measure the parent and a candidate on test users, both fitted to all earlier events."""
    trial = search.trial
    trial.learn_all()
    texts, candidates = trial.catalog.texts, {"before": search.candidates[0], "after": candidate}
    blends = {name: version.build(trial.components, texts) for name, version in candidates.items()}
    hidden = trial.repeats == "exclude"
    listed = {name: as_listed(blend, exclude_seen=hidden) for name, blend in blends.items()}
    with search.stages.stage("test"):
        results = measure(listed, trial.test, repeats=trial.repeats)
        tasks = search.tasks_of(trial.test, half=1)
        of_tasks = {
            name: {**tasks.search(blend), **tasks.rank_new_items(blend)}
            for name, blend in blends.items()
        }
    values = np.column_stack([results[name].column(PRIMARY_METRIC) for name in ("after", "before")])
    sampling = {"resamples": trial.resamples, "rng": trial.seed}
    (retained,) = bootstrap_ratios(values, [(0, 1)], **sampling)
    means = {
        name: {metric: mean.measured() for metric, mean in per_user.estimates(**sampling).items()}
        for name, per_user in results.items()
    }
    return Confirmation(
        users=len(trial.test),
        relative_quality=retained.measured(),
        tasks=tasks.results(of_tasks["after"], of_tasks["before"], **sampling),
        **means,
    )


def _ranking_stage(parent: Recommender, search: Search, candidate: Candidate) -> Reranking | None:
    """Return the ranking stage of a candidate; other weights than the parent's need other trees."""
    stage = parent.report.reranking if parent.report else None
    if parent.scorer.trees is None:
        return stage
    trial, weights = search.trial, candidate.measured.weights
    blend = candidate.build(trial.components, trial.catalog.texts)
    if blend.trees is not None:
        return stage
    stage = trial.learn_trees(blend)
    weights.trees = blend.trees
    return stage


def _frontier(parent: Recommender, search: Search, stages: Stages) -> Frontier:
    machine = Machine.measure()
    return Frontier(
        protocol=search.trial.protocol,
        users=len(search.trial.valid),
        seed=search.trial.seed,
        points=tuple(search.points),
        notices=search.tasks.notices,
        parent=parent.bundle.sha256 if parent.bundle else None,
        seconds=round(time.perf_counter() - stages.began, 1),
        machine={"cpu": machine.cpu, "cores": machine.cores, "memory_bytes": machine.memory},
        versions={"python": python_version(), "pennyweight": version("pennyweight")},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _report(
    parent: Recommender, child: Recommender, frontier: Frontier, stage: Reranking | None
) -> Report | None:
    """Return the parent's report with the measurements of the child."""
    report, test = parent.report, frontier.test
    if report is None or test is None:
        return report
    blend = blend_of(child)
    scorers = {"blend": test.after, "blend before compression": test.before}
    return report.model_copy(
        update={
            "scorers": scorers,
            "fitted_on": dict.fromkeys(scorers, "train+validation"),
            "blend": rounded(blend.component_weights),
            "routes": {n: rounded(route) for n, route in blend.routes.items()} or None,
            "evaluated_users": test.users,
            "frontier": frontier,
            "reranking": stage,
            "notices": _notices(report, stage),
            **dict.fromkeys(PARENT_ONLY),
        }
    )


def _notices(report: Report, stage: Reranking | None) -> tuple[str, ...] | None:
    """Return the notices of the parent, with the outcome of the child's ranking stage."""
    before = report.reranking
    if stage is None or before is None or stage == before:
        return report.notices
    others = (notice for notice in report.notices or () if notice != before.sentence())
    return (*others, stage.sentence())
