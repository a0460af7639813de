"""Workloads from words and from bundles, and the plan.toml of a chosen configuration."""

from collections.abc import Mapping

from pydantic import ValidationError

from pennyweight.config.capacity import CapacityPlan, Workload
from pennyweight.config.frozen import refusal
from pennyweight.config.plan import DeploymentPlan, Plan
from pennyweight.errors import PlanError
from pennyweight.planning.capacity_planner import CHARACTERS
from pennyweight.planning.list_queue import SERVICE_SCV
from pennyweight.planning.units import (
    parse_rate,
    parse_seconds,
    parse_share_per_day,
)
from pennyweight.recommender.recommender import Recommender

__all__ = ["plan_toml", "sizes_of", "workload_of"]

DAY = 86_400
START_SECONDS = 30.0  # of a replica: its machine runs already


def workload_of(
    sizes: Mapping[str, float],
    *,
    events_per_day: str = "",
    rps: str,
    peak_to_mean: float = 3.0,
    p95: str,
    churn: str = "0",
    search_share: float = 0.0,
) -> Workload:
    """Return a workload of sizes, and of rates and times as they are written.

    Raises
    ------
    PlanError
        A text has no number or no unit, or a value is out of its range.
    """
    rate = parse_rate(events_per_day, per="day") * DAY if events_per_day else 0.0
    values = {
        **sizes,
        "events_per_day": rate,
        "requests_per_second": parse_rate(rps),
        "peak_to_mean": peak_to_mean,
        "latency_seconds": parse_seconds(p95),
        "churn_per_day": parse_share_per_day(churn),
        "search_share": search_share,
    }
    try:
        return Workload.model_validate(values)
    except ValidationError as error:
        raise PlanError(refusal(error, Workload, "workload")) from None


def sizes_of(recommender: Recommender) -> dict[str, float]:
    """Return the items, tokens of a text, users and events of a recommender."""
    catalog, log = recommender.catalog, recommender.interactions
    characters = sum(map(len, catalog.texts)) / max(1, len(catalog))
    return {
        "items": len(catalog),
        "mean_tokens": max(1.0, characters / CHARACTERS),
        "users": 0 if log is None else len(log.users),
        "events": 0 if log is None else len(log),
    }


def plan_toml(plan: CapacityPlan) -> str:
    """Return the plan.toml of the cheapest configuration.

    Raises
    ------
    PlanError
        No configuration does.
    """
    best = plan.best
    if best is None:
        raise PlanError(f"no configuration does: {plan.configurations[0].rejection}")
    machines = best.replicas + best.spare_replicas
    deployment = DeploymentPlan(
        instance=f"{best.provider} {best.instance}",
        replicas=machines,
        servers=best.servers,
        requests_per_second=plan.workload.requests_per_second,
        latency_objective_seconds=plan.workload.latency_seconds,
        service_seconds=best.service_seconds,
        service_scv=SERVICE_SCV,
        replica_start_seconds=START_SECONDS,
        price_per_month=round(best.price_per_month / machines, 2),
        currency=plan.currency,
    )
    settings = {"encoder.name": best.setting, "encoder.precision": best.precision}
    return Plan().override(settings).model_copy(update={"deployment": deployment}).to_toml()
