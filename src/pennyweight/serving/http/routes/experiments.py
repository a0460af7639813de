"""Routes for experiments: start, shares, stop, promotion."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json

from pennyweight.responses import (
    DetectableChange,
    ExperimentHistory,
    ExperimentStatus,
    SharesChange,
)
from pennyweight.serving.http.experiment_requests import (
    ExperimentBody,
    PromotionBody,
    SharesBody,
)
from pennyweight.serving.http.experiments import experiment_fields, plan_fields
from pennyweight.serving.http.queries import ExperimentPlanQuery
from pennyweight.serving.http.requests import VariantBody, moment
from pennyweight.serving.http.strict_route import Route
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.experiment_plan import with_control
from pennyweight.serving.live.experiments import NewExperiment
from pennyweight.serving.live.outcome_counter import OutcomeCounter
from pennyweight.serving.live.variants import Variant
from pennyweight.serving.security.actor import actor

__all__ = ["experiment_routes", "variants_of"]


def experiment_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited. `/v1/feedback` has the outcomes."""
    router = APIRouter(prefix="/v1/experiments", tags=["experiments"], route_class=Route)
    run, counter = engine.publishing.changes.run, OutcomeCounter(engine)

    @router.get("", response_model=ExperimentHistory)
    async def list_experiments() -> Response:
        """List the experiments, the newest first."""
        rows = await engine.store.read(lambda store: engine.experiments.all())
        return _json({"experiments": [experiment_fields(row) for row in reversed(rows)]})

    @router.get("/plan", response_model=DetectableChange)
    async def plan_experiment(options: Annotated[ExperimentPlanQuery, Query()]) -> Response:
        """Report the smallest change that an experiment can detect, from the users so far."""
        planned = await counter.plan(with_control(options.shares), options.days)
        return _json(plan_fields(planned))

    @router.post("", response_model=ExperimentStatus)
    async def start_experiment(body: ExperimentBody, request: Request) -> Response:
        """Divide the users between bundles, until a stop or a promotion."""
        ends = None if body.ends is None else moment(body.ends)
        new, force = (
            NewExperiment(variants_of(body.variants), body.name, ends, body.kind),
            body.force,
        )
        user = actor(request)
        started = await run(lambda: engine.experiments.start(new, actor=user, force=force))
        return _json(experiment_fields(started))

    @router.put("/shares", response_model=SharesChange)
    async def change_shares(body: SharesBody, request: Request) -> Response:
        """Change the shares; as few users as possible move, and counting restarts."""
        variants, user = variants_of(body.variants), actor(request)
        moved = await run(lambda: engine.experiments.change_shares(variants, actor=user))
        experiment = engine.traffic.split.experiment
        assert experiment is not None
        return _json(experiment_fields(experiment) | {"moved": moved})

    @router.post("/stop", response_model=ExperimentStatus)
    async def stop_experiment(request: Request) -> Response:
        """Serve the control to all users."""
        user = actor(request)
        return _json(experiment_fields(await run(lambda: engine.experiments.stop(actor=user))))

    @router.post("/promote", response_model=ExperimentStatus)
    async def promote_bundle(body: PromotionBody, request: Request) -> Response:
        """Serve one bundle of the experiment to all users; `rollback` serves the former one."""
        version, user = body.bundle_version, actor(request)
        ended = await run(lambda: engine.experiments.promote(version, actor=user))
        return _json(experiment_fields(ended))

    return router


def variants_of(bodies: Sequence[VariantBody]) -> tuple[Variant, ...]:
    """Return the variants of a request."""
    return tuple(Variant(body.bundle_version, body.share) for body in bodies)


def _json(value: Any) -> Response:  # noqa: ANN401
    return Response(to_json(value), media_type="application/json")
