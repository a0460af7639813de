"""Experiments from another process: by the service if one runs, else directly in the folder."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pennyweight.serving.http.experiments import experiment_fields, plan_fields
from pennyweight.serving.http.outcomes import outcomes_out
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.experiment import EXPERIMENTS, Experiment
from pennyweight.serving.live.experiment_plan import with_control
from pennyweight.serving.live.experiments import NewExperiment
from pennyweight.serving.live.outcome_counter import OutcomeCounter
from pennyweight.serving.live.variants import Variant
from pennyweight.serving.live_folder import STORE, check_live_folder
from pennyweight.serving.operations.bundle_changes import ACTOR, carry_out
from pennyweight.serving.stores.sqlite import SQLiteStore

__all__ = [
    "change_shares",
    "experiments_of",
    "plan",
    "promote",
    "report",
    "start",
    "stop",
    "variants_of",
]

PATH = "/v1/experiments"
Shares = Mapping[str, float]  # version -> share of the users, the control first


def experiments_of(folder: Path) -> list[Experiment]:
    """Return the experiments of a service's folder, the oldest first; the service may run."""
    check_live_folder(folder)
    with closing(SQLiteStore(folder / STORE)) as store:
        return [Experiment.from_json(row) for row in store.setting(EXPERIMENTS) or ()]


def start(folder: Path, new: NewExperiment, *, force: bool = False) -> dict[str, Any]:
    """Start an experiment; return the fields of `ExperimentStatus`.

    Raises
    ------
    BundleError, PlanError, StoreError, BusyError
        Nothing was changed; says why.
    """
    body: dict[str, Any] = {
        "variants": _bodies({variant.version: variant.share for variant in new.variants}),
        "kind": new.kind,
        "force": force,
    }
    body |= {} if new.name is None else {"name": new.name}
    body |= {} if new.ends is None else {"ends": new.ends}
    return carry_out(
        folder,
        ("POST", PATH),
        body,
        lambda engine: experiment_fields(engine.experiments.start(new, actor=ACTOR, force=force)),
    )


def change_shares(folder: Path, shares: Shares) -> None:
    """Change the shares of the experiment that runs; errors as of `start`."""

    def change(engine: Engine) -> dict[str, Any]:
        engine.experiments.change_shares(variants_of(shares), actor=ACTOR)
        return {}

    carry_out(folder, ("PUT", f"{PATH}/shares"), {"variants": _bodies(shares)}, change)


def stop(folder: Path) -> dict[str, Any]:
    """Serve the control to all users; return and raise as `start`."""
    return carry_out(
        folder,
        ("POST", f"{PATH}/stop"),
        {},
        lambda engine: experiment_fields(engine.experiments.stop(actor=ACTOR)),
    )


def promote(folder: Path, version: str) -> dict[str, Any]:
    """Serve one bundle of the experiment to all users; return and raise as `start`."""
    return carry_out(
        folder,
        ("POST", f"{PATH}/promote"),
        {"bundle_version": version},
        lambda engine: experiment_fields(engine.experiments.promote(version, actor=ACTOR)),
    )


def plan(folder: Path, days: int, shares: str) -> dict[str, Any]:
    """Return what an experiment can detect, the fields of `DetectableChange`."""
    query = urlencode({"days": days, "shares": shares})

    def planned(engine: Engine) -> dict[str, Any]:
        counter = OutcomeCounter(engine)
        return plan_fields(asyncio.run(counter.plan(with_control(shares), days)))

    return carry_out(folder, ("GET", f"{PATH}/plan?{query}"), None, planned)


def report(folder: Path) -> dict[str, Any]:
    """Return the outcomes of lists, the fields of `OutcomeReport`."""

    def counted(engine: Engine) -> dict[str, Any]:
        outcomes = asyncio.run(OutcomeCounter(engine).outcomes())
        return outcomes_out(outcomes, engine.traffic.split.primary.meaning)

    return carry_out(folder, ("GET", "/v1/feedback"), None, counted)


def variants_of(shares: Shares) -> tuple[Variant, ...]:
    """Return shares as variants."""
    return tuple(Variant(version, share) for version, share in shares.items())


def _bodies(shares: Shares) -> list[dict[str, Any]]:
    return [{"bundle_version": version, "share": share} for version, share in shares.items()]
