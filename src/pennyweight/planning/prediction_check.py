"""Predictions beside measurements of a saved recommender on this machine."""

from pathlib import Path

from pennyweight.config.capacity import CheckedQuantity, Workload
from pennyweight.planning.cost_model import CostModel
from pennyweight.planning.list_probe import HISTORY, list_seconds
from pennyweight.planning.list_shape import ListShape
from pennyweight.planning.machine_profile import MachineProfile
from pennyweight.planning.service_probe import service_cost
from pennyweight.planning.workloads import sizes_of
from pennyweight.recommender.recommender import Recommender

__all__ = ["check_predictions"]


def check_predictions(
    bundle: Path, profile: MachineProfile, *, seed: int = 0
) -> list[CheckedQuantity]:
    """Return what a profile predicts of a saved recommender, beside its measured values.

    Its lists are made in this process, and asked of a service that is started for it.

    Parameters
    ----------
    bundle
        The recommender.
    profile
        Of this machine.
    seed
        Of the histories.
    """
    recommender = Recommender.load(bundle)
    model, shape = CostModel(profile), ListShape.of(recommender, history=HISTORY)
    seconds, spread = list_seconds(recommender, seed=seed)
    service = service_cost(recommender, seed=seed)
    work = Workload(
        **sizes_of(recommender), events_per_day=0, requests_per_second=1, latency_seconds=1
    )
    resident = model.resident_bytes(work, recommender.scorer.nbytes, 0)
    return [
        CheckedQuantity(
            name="scores of a list",
            unit="s",
            predicted=model.scoring_seconds(shape),
            measured=seconds,
            spread=spread,
        ),
        CheckedQuantity(
            name="request for a list",
            unit="s",
            predicted=model.list_seconds(shape),
            measured=service.list_seconds,
        ),
        CheckedQuantity(
            name="memory of the service",
            unit="bytes",
            predicted=resident,
            measured=service.resident_bytes,
        ),
    ]
