"""`tune`: a language model learns from the order of events."""

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pennyweight.cli.exit_codes import keeping
from pennyweight.cli.options import READING, Options, spread
from pennyweight.cli.output import dump, note, say
from pennyweight.cli.output_paths import check_folder
from pennyweight.cli.progress import show_progress
from pennyweight.errors import DataError, PlanError
from pennyweight.formatting import duration
from pennyweight.progress.update import ProgressUpdate

if TYPE_CHECKING:
    from pennyweight.config.plan import Plan
    from pennyweight.data.catalog import Catalog
    from pennyweight.data.interactions import Interactions
    from pennyweight.data.split import HeldOut, Protocol
    from pennyweight.training.run import TrainedModel

__all__ = ["tune"]

USERS = 3_000  # whose held-out events say when to stop
OPTIONS = (*(name for name in READING if name != "encoder"), "repeats", "k_core", "strict")


@functools.partial(spread, only=OPTIONS)
def tune(
    source: Annotated[
        Path,
        typer.Argument(metavar="ITEMS|BUNDLE", help="The item catalog, or a saved recommender."),
    ],
    settings: Options,
    events: Annotated[
        Path | None,
        typer.Argument(metavar="[EVENTS]", help="The event log; a bundle contains its own."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of the training; the result is DIR/model."),
    ] = Path("tuned"),
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|DIR", help="Initial model; all-MiniLM-L6-v2 by default."),
    ] = None,
    objective: Annotated[
        Literal["retrieve", "targets", "pairs", "both"],
        typer.Option(
            help="Next items, by a network on the model's vectors; or the last layers of the "
            "model: vectors learned from events, pairs of consecutive items, or both."
        ),
    ] = "retrieve",
    steps: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Maximum number of gradient steps.")
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, help="Number of last layers to train; 0: all; not for retrieve."
        ),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(metavar="N", min=3, help="Truncate texts to N tokens in training.")
    ] = None,
    matryoshka: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="Numbers of leading components with their own loss, such as 64,128.",
        ),
    ] = "",
) -> None:
    """Train a language model on the event log; needs the extra train. Reruns resume."""
    plan = settings.to_plan()
    check_folder(out)
    from pennyweight.encoders.weights import find_weights
    from pennyweight.fitting.measurable import measurable
    from pennyweight.training.retrieval import RetrievalSettings
    from pennyweight.training.settings import TrainSettings
    from pennyweight.training.tune import tune as train

    weights = find_weights(model)
    options = {"steps": steps, "max_tokens": max_tokens, "seed": plan.evaluate.seed}
    overrides: dict[str, Any] = {k: value for k, value in options.items() if value is not None}
    if matryoshka:
        overrides["matryoshka"] = _widths(matryoshka)
    if layers is not None and objective == "retrieve":
        raise PlanError(
            "--layers: the objective retrieve leaves the layers as they are; leave it out, or "
            "name --objective targets"
        )
    if layers is not None:
        overrides["layers"] = layers or None
    began = time.monotonic()
    with keeping(lambda: _resume_hint(out)), show_progress(quiet=settings.quiet) as progress:
        progress(ProgressUpdate("read"))
        catalog, log = _read(source, events, plan)
        setting = measurable(log, plan.evaluate)
        trained = train(
            weights,
            catalog,
            _validation(log, setting.protocol, plan.evaluate.seed),
            out,
            (RetrievalSettings if objective == "retrieve" else TrainSettings)(**overrides),
            objective=objective,
            repeats=setting.repeats,
            progress=progress,
        )
    _tell(trained, time.monotonic() - began, json=settings.json)


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise PlanError(
            f"--matryoshka {text!r}: whole numbers by commas, such as 64,128"
        ) from error


def _resume_hint(out: Path) -> str:
    """Return the message after an interruption."""
    if (out / "training.safetensors").exists():
        return f"the same command goes on from {out}"
    return "nothing was saved"


def _read(source: Path, events: Path | None, plan: "Plan") -> "tuple[Catalog, Interactions]":
    """Return catalog and log of two files or of a bundle."""
    if events is not None:
        from pennyweight.data.dataset import read_planned

        data = read_planned(source, events, plan.data, seed=plan.evaluate.seed)
        return data.catalog, data.interactions
    from pennyweight.recommender import Recommender

    if source.is_file():
        raise PlanError(f"{source}: a file; name the event log after it, or one bundle")
    recommender = Recommender.load(source)
    if recommender.interactions is None:
        raise DataError(f"{source}: was saved without its events; name the two files instead")
    return recommender.catalog, recommender.interactions


def _validation(log: "Interactions", protocol: "Protocol", seed: int) -> "HeldOut":
    """Return some users' held-out events, and the events before them."""
    import numpy as np

    from pennyweight.data.split import split
    from pennyweight.fitting.tune import sample

    return sample(split(log, protocol).valid, USERS, np.random.default_rng(seed))


def _tell(trained: "TrainedModel", seconds: float, *, json: bool) -> None:
    points = [
        {"step": step, "ndcg@10": round(quality, 6)} for step, quality in trained.measurements
    ]
    if json:
        result = {
            "model": str(trained.weights.folder),
            "steps": trained.steps,
            "validation": points,
        }
        dump(result | {"seconds": round(seconds, 3)})
        return
    for entry in points:
        say(f"step {entry['step']:>5}  NDCG@10 on validation {entry['ndcg@10']:.4f}")
    say(f"saved {trained.weights.folder} after {duration(seconds)}")
    note(f"next: pennyweight fit ITEMS EVENTS --encoder {trained.weights.folder} --out BUNDLE")
