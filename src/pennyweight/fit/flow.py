"""`fit` and `evaluate`: read, split, learn, choose on validation, measure on test."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version

import numpy as np
from threadpoolctl import threadpool_limits

from pennyweight.data.dataset import Dataset, read
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import HeldOut, Protocol, Split, default_protocol, split
from pennyweight.data.tables import Source
from pennyweight.encode.tuned import TowerSettings
from pennyweight.errors import DataError, PlanError
from pennyweight.evaluate.measure import measure
from pennyweight.evaluate.ranking import Repeats
from pennyweight.fit.memory import check_memory, fit_bytes
from pennyweight.fit.parts import build_parts, check_encoder, choose_encoders, scorer_names
from pennyweight.fit.stages import Progress, Stages
from pennyweight.fit.tune import fit_part, sample
from pennyweight.hardware.machine import Machine, peak_rss, usable_cores
from pennyweight.recommender.recommender import Recommender
from pennyweight.score.blend import Blend
from pennyweight.score.protocol import Scorer
from pennyweight.score.sequence import Sequence as SequenceScorer
from pennyweight.score.tower import Tower
from pennyweight.spec.plan import Plan
from pennyweight.spec.report import Cleaned, Cost, Measured, Report

__all__ = ["evaluate", "fit"]

_log = logging.getLogger(__name__)

TUNING_USERS = 2_000  # validation users on whom a scorer makes its own choices
VERSIONS = ("pennyweight", "numpy", "scipy", "polars", "onnxruntime", "tokenizers")


def evaluate(
    items: Source | Dataset,
    events: Source | None = None,
    *,
    plan: Plan | None = None,
    protocol: Protocol | None = None,
    repeats: Repeats | None = None,
    encoder: str | None = None,
    scorers: Sequence[str] | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure what a recommender fitted to this data is worth, without keeping it.

    Parameters
    ----------
    items, events
        Paths or data frames as for `read`; or one `Dataset`.
    plan
        Settings; the arguments below override it.
    protocol
        ``leave-last-out``, ``global-time`` or ``given-split``; by default global time
        where times are dates, otherwise leave-last-out.
    repeats
        ``exclude`` masks the history; ``include`` lets its items be recommended.
    encoder
        ``auto``, ``static``, ``tfidf``, ``bow``, ``word2vec``, ``minilm``, a folder or an id.
    scorers
        Names of the scorers to blend.
    seed
        Of every random draw.
    progress
        Called with (stage, steps done, steps in all).

    Raises
    ------
    DataError, PlanError
        The data or a setting cannot be used; the message says what to do.
    """
    given = _given(protocol, repeats, encoder, scorers, seed)
    return _Job(items, events, _planned(plan, given), progress).measure()


def fit(
    items: Source | Dataset,
    events: Source | None = None,
    *,
    plan: Plan | None = None,
    protocol: Protocol | None = None,
    repeats: Repeats | None = None,
    encoder: str | None = None,
    scorers: Sequence[str] | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Recommender:
    """Measure, then refit on everything: a recommender with its `report`.

    Arguments and errors are those of `evaluate`.
    """
    given = _given(protocol, repeats, encoder, scorers, seed)
    job = _Job(items, events, _planned(plan, given), progress)
    report = job.measure()
    return job.refit(report)


def _planned(plan: Plan | None, given: dict[str, object]) -> Plan:
    if plan is not None and not isinstance(plan, Plan):
        raise PlanError(f"plan is a {type(plan).__name__}, not a Plan; read a file with "
                        "Plan.from_toml(Path(...))")  # fmt: skip
    return (plan or Plan()).override(given)


def _given(
    protocol: str | None,
    repeats: str | None,
    encoder: str | None,
    scorers: Sequence[str] | None,
    seed: int | None,
) -> dict[str, object]:
    if isinstance(scorers, str):
        scorers = [name.strip() for name in scorers.split(",")]
    return {
        "evaluate.protocol": protocol,
        "evaluate.repeats": repeats,
        "evaluate.seed": seed,
        "encoder.name": encoder,
        "scorers.names": scorers,
    }


class _Job:
    """One run: the data, the plan, and what the stages pass on."""

    def __init__(
        self,
        items: Source | Dataset,
        events: Source | None,
        plan: Plan,
        progress: Progress | None,
    ) -> None:
        self.plan, self.stages = plan, Stages(progress)
        self.seed = plan.evaluate.seed
        self.repeats: Repeats = plan.evaluate.repeats
        # A misspelt name is found before the work, not after it.
        scorer_names(plan.scorers.names, "leave-last-out", self.repeats)
        check_encoder(plan.encoder.name)
        with self.stages.stage("read"):
            self.data = _dataset(items, events, plan)
        self.blend = Blend({}, repeats=self.repeats)

    def measure(self) -> Report:
        """Fit on train, choose on validation, refit on both, measure on test."""
        catalog, log = self.data.catalog, self.data.interactions
        protocol = self.plan.evaluate.protocol or default_protocol(log)
        rng = np.random.default_rng(self.seed)
        with threadpool_limits(usable_cores()):
            with self.stages.stage("split"):
                names = scorer_names(self.plan.scorers.names, protocol, self.repeats)
                dim = self.plan.encoder.dim or TowerSettings.dim
                check_memory(fit_bytes(items=len(catalog), events=len(log), scorers=names, dim=dim))
                parted = split(log, protocol, max_users=self.plan.evaluate.max_users, rng=rng)
            with self.stages.stage("encode") as tell:
                encoders = choose_encoders(self.plan.encoder, catalog, progress=tell)
            parts = build_parts(names, encoders, repeats=self.repeats, seed=self.seed)
            self._choose(parts, parted, rng)
            self._fit(parted.test.before, "refit")
            scorers: dict[str, Scorer] = {**parts, "blend": self.blend}
            with self.stages.stage("measure") as tell:
                steps = len(scorers) * len(parted.test)
                done = {name: at * len(parted.test) for at, name in enumerate(scorers)}
                found = measure(
                    scorers,
                    parted.test,
                    repeats=self.repeats,
                    progress=lambda name, users, _: tell(done[name] + users, steps),
                )
            with self.stages.stage("intervals"):
                resamples = self.plan.evaluate.bootstrap
                measured = {
                    name: {
                        metric: Measured(value=value, low=low, high=high)
                        for metric, (value, low, high) in per_user.estimates(
                            resamples=resamples, rng=self.seed
                        ).items()
                    }
                    for name, per_user in found.items()
                }
        return self._report(protocol, parted.test, measured, encoders.name)

    def _choose(self, parts: dict[str, Scorer], parted: Split, rng: np.random.Generator) -> None:
        """Fit each part on train; make every choice on validation."""
        few = sample(parted.valid, TUNING_USERS, rng)
        for name, part in parts.items():
            with self.stages.stage(f"fit {name}") as tell:
                fit_part(part, few, self.data.catalog, repeats=self.repeats, progress=tell)
        self.blend = Blend(parts, repeats=self.repeats)
        with self.stages.stage("blend") as tell:
            if len(parted.valid):
                self.blend.learn(parted.valid, rng=rng, progress=tell)

    def _fit(self, interactions: Interactions, stage: str) -> None:
        for name, part in self.blend.parts.items():
            with self.stages.stage(f"{stage} {name}") as tell:
                if isinstance(part, Tower | SequenceScorer):
                    part.fit(interactions, self.data.catalog, progress=tell)
                else:
                    part.fit(interactions, self.data.catalog)

    def refit(self, report: Report) -> Recommender:
        """Fit the chosen blend on every event."""
        with threadpool_limits(usable_cores()):
            self._fit(self.data.interactions, "final")
        cost = _with_cost(report.cost, self.stages.seconds)
        recommender = Recommender(
            self.data.catalog, self.blend, self.data.interactions, repeats=self.repeats
        )
        recommender.report = report.model_copy(update={"cost": cost})
        recommender.plan = self.plan
        return recommender

    def _report(
        self,
        protocol: str,
        test: HeldOut,
        measured: dict[str, dict[str, Measured]],
        encoder: str,
    ) -> Report:
        catalog, log = self.data.catalog, self.data.interactions
        machine = Machine.measure()
        columns = self.data.columns
        return Report(
            protocol=protocol,
            users=len(log.users),
            items=len(catalog),
            events=len(log),
            scorers=measured,
            cost=_with_cost(Cost(), self.stages.seconds),
            repeats=self.repeats,
            seed=self.seed,
            evaluated_users=len(test),
            encoder=encoder,
            blend={name: round(weight, 4) for name, weight in self.blend.weights.items()},
            chosen=_chosen(self.blend),
            cleaning=tuple(Cleaned(**asdict(entry)) for entry in self.data.log.entries),
            columns={**columns.events, "id": columns.id, "text": " + ".join(columns.text)},
            machine={"cpu": machine.cpu, "cores": machine.cores, "memory_bytes": machine.memory},
            versions={"python": python_version(), **{name: version(name) for name in VERSIONS}},
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def _with_cost(cost: Cost, seconds: dict[str, float]) -> Cost:
    """Return the cost with the stages so far and the peak of memory so far."""
    return cost.model_copy(update={"seconds": dict(seconds), "peak_rss_bytes": peak_rss()})


def _chosen(blend: Blend) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, part in blend.parts.items():
        if isinstance(part, Tower):
            found[f"{name}.epochs"] = part.epochs
        if hasattr(part, "decay"):
            found[f"{name}.decay"] = part.decay
    return found


def _dataset(items: Source | Dataset, events: Source | None, plan: Plan) -> Dataset:
    if isinstance(items, Dataset):
        return items
    if events is None:
        raise DataError("give a catalogue and an event log, or one Dataset")
    data = plan.data
    return read(
        items,
        events,
        columns=data.columns or None,
        text_columns=data.text_columns,
        k_core=data.k_core,
        strict=data.strict,
    )
