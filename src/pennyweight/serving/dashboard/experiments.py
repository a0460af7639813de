"""Experiments: the one that runs, its outcomes, forms that change it, and those of the past."""

import asyncio
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response

from pennyweight.serving.dashboard.forms import required
from pennyweight.serving.dashboard.outcomes import outcomes_context, window_of
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.dashboard.publishing import Change, Fields, add_change
from pennyweight.serving.dashboard.quality import BundleDescription, describe_bundles
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.experiment import Experiment, Kind, running
from pennyweight.serving.live.experiments import DAY, NewExperiment
from pennyweight.serving.live.outcome_counter import OutcomeCounter
from pennyweight.serving.live.variants import Variant

__all__ = ["EXPERIMENTS_PATH", "experiment_routes"]

EXPERIMENTS_PATH = "/dashboard/experiments"
START, SHARES, STOP, PROMOTE = (
    f"{EXPERIMENTS_PATH}/{act}" for act in ("start", "shares", "stop", "promote")
)
OTHERS = 3  # bundles that the form compares with the control
PLANNED_DAYS = 14
MESSAGES = {
    "started": "Started: each user stays with one of the bundles.",
    "shares-changed": "Changed: the other users stay with their bundle, and counting begins again.",
    "stopped": "Stopped: the control answers all users.",
    "promoted": "Promoted: the bundle answers all users.",
}


def experiment_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited."""
    router = page_router()
    counter = OutcomeCounter(engine)

    @router.get(EXPERIMENTS_PATH)
    async def experiments(request: Request, done: str = "", days: str = "") -> Response:
        rows = await engine.store.read(lambda store: engine.experiments.all())
        descriptions = await asyncio.to_thread(describe_bundles, engine)
        outcomes = await counter.outcomes(window_of(days))
        last = running(rows)
        planned = None if last else await counter.plan((0.5, 0.5), PLANNED_DAYS)
        return page(
            request,
            "experiments.html",
            {
                "running": last,
                "planned": planned,
                "bundles": descriptions,
                "suggested": _suggested(descriptions),
                "others": OTHERS,
                "past": [row for row in reversed(rows) if row.state != "running"],
                **outcomes_context(outcomes, engine.traffic.split.primary.meaning),
            },
            success=MESSAGES.get(done, ""),
        )

    for change in _changes(engine):
        add_change(router, engine, change)
    return router


def _changes(engine: Engine) -> Sequence[Change]:
    experiments = engine.experiments

    def started(fields: Fields) -> Sequence[Variant]:
        return experiments.check(_new(fields, engine.clock())).variants

    def start(fields: Fields, user: str) -> None:
        new, force = _new(fields, engine.clock()), fields.get("force") == "yes"
        experiments.start(new, actor=user, force=force)

    def shared(fields: Fields) -> Sequence[Variant]:
        return experiments.check_shares(_shares(experiments.current(), fields)).variants

    def share(fields: Fields, user: str) -> None:
        experiments.change_shares(_shares(experiments.current(), fields), actor=user)

    def stopped(fields: Fields) -> Sequence[Variant]:
        return [Variant(experiments.current().control, 1.0)]

    def stop(fields: Fields, user: str) -> None:
        experiments.stop(actor=user)

    def promoted(fields: Fields) -> Sequence[Variant]:
        return [Variant(experiments.current().member(required(fields, "version")), 1.0)]

    def promote(fields: Fields, user: str) -> None:
        experiments.promote(required(fields, "version"), actor=user)

    numbers = range(1, OTHERS + 1)
    chosen = tuple(f"{field}{n}" for n in numbers for field in ("variant", "percent"))
    percents = tuple(f"percent{n}" for n in range(1, 8))
    home = EXPERIMENTS_PATH
    return (
        Change(
            START,
            "Start experiment",
            started,
            start,
            home,
            "started",
            ("name", "days", "kind", "control", *chosen),
        ),
        Change(SHARES, "Change shares", shared, share, home, "shares-changed", percents),
        Change(STOP, "Stop experiment", stopped, stop, home, "stopped"),
        Change(PROMOTE, "Promote", promoted, promote, home, "promoted", ("version",)),
    )


def _suggested(bundles: Sequence[BundleDescription]) -> tuple[str, str] | None:
    """Return the versions that the form suggests: the busiest and the newest other."""
    if len(bundles) < 2:
        return None
    first = max(bundles, key=lambda bundle: bundle.share)
    other = max(
        (bundle for bundle in bundles if bundle is not first),
        key=lambda bundle: bundle.stored.added,
    )
    return first.version, other.version


def _new(fields: Mapping[str, str], now: float) -> NewExperiment:
    """Return the experiment of a form."""
    control, others = required(fields, "control"), []
    for n in range(1, OTHERS + 1):
        version = fields.get(f"variant{n}", "").strip()
        if version:
            others.append(Variant(version, _percent(required(fields, f"percent{n}"))))
    days, name = fields.get("days", "").strip(), fields.get("name", "").strip()
    if days and not days.isdecimal():
        raise Refusal(422, "the field days is not a whole number; give the days or nothing")
    ends = now + int(days) * DAY if days else None
    kind: Kind = "interleave" if fields.get("kind") == "interleave" else "split"
    return NewExperiment(_with_rest(control, others), name or None, ends, kind)


def _shares(experiment: Experiment, fields: Mapping[str, str]) -> tuple[Variant, ...]:
    others = [
        Variant(variant.version, _percent(required(fields, f"percent{n}")))
        for n, variant in enumerate(experiment.variants[1:], 1)
    ]
    return _with_rest(experiment.control, others)


def _with_rest(control: str, others: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return the variants with the control, which gets the users that the others leave."""
    rest = 1 - sum(variant.share for variant in others)
    if others and rest < 1e-9:
        raise Refusal(422, "the shares are 100 % or more together; leave some to the control")
    return (Variant(control, round(rest, 9)), *others)


def _percent(text: str) -> float:
    try:
        share = float(text) / 100
    except ValueError:
        raise Refusal(422, "a share is not a number; give one from 1 to 99") from None
    if not 0 < share < 1:
        raise Refusal(422, f"a share of {text} %; give one from 1 to 99")
    return share
