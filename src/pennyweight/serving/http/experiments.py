"""Experiments as JSON."""

from typing import Any

from pennyweight.responses import ExperimentStatus
from pennyweight.serving.live.experiment import Experiment
from pennyweight.serving.live.experiment_plan import ExperimentPlan

__all__ = ["experiment_fields", "plan_fields"]


def experiment_fields(experiment: Experiment) -> dict[str, Any]:
    """Return the fields of `ExperimentStatus`."""
    values = {name: getattr(experiment, name) for name in ExperimentStatus.model_fields}
    return values | {
        "variants": [
            {"bundle_version": variant.version, "share": variant.share}
            for variant in experiment.variants
        ]
    }


def plan_fields(plan: ExperimentPlan) -> dict[str, Any]:
    """Return the fields of `DetectableChange`."""
    return {
        "days": plan.days,
        "users": plan.users,
        "detectable": plan.detectable,
        "rate": plan.rate,
        "recent_users": plan.recent.users,
        "recent_days": plan.recent.days,
        "summary": plan.sentence(),
    }
