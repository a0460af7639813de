"""Pennyweight: language-model recommendations on the hardware you have.

    recommender = pennyweight.fit("items.csv", "events.csv")
    recommender.report
    recommender.recommend(user="u1", explain=True)

The names below are imported when they are first used: importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pennyweight.client import AsyncClient, Client
    from pennyweight.compression.pipeline import compress, frontier
    from pennyweight.config.ablation_table import AblationTable
    from pennyweight.config.budget import Budget
    from pennyweight.config.frontier import Frontier
    from pennyweight.config.plan import Plan
    from pennyweight.config.report import Report
    from pennyweight.data.catalog import Catalog
    from pennyweight.data.dataset import Dataset, read
    from pennyweight.data.interactions import Interactions
    from pennyweight.errors import PennyweightError
    from pennyweight.fitting.ablate import ablate
    from pennyweight.fitting.pipeline import evaluate, fit, score_lists, split_events
    from pennyweight.progress.update import ProgressUpdate
    from pennyweight.recommender.recommender import Recommender

    __version__: str

__all__ = [
    "AblationTable",
    "AsyncClient",
    "Budget",
    "Catalog",
    "Client",
    "Dataset",
    "Frontier",
    "Interactions",
    "PennyweightError",
    "Plan",
    "ProgressUpdate",
    "Recommender",
    "Report",
    "__version__",
    "ablate",
    "compress",
    "evaluate",
    "fit",
    "frontier",
    "read",
    "score_lists",
    "split_events",
]

_HOMES = {
    "AblationTable": "config.ablation_table",
    "AsyncClient": "client",
    "Budget": "config.budget",
    "Catalog": "data.catalog",
    "Client": "client",
    "Dataset": "data.dataset",
    "Frontier": "config.frontier",
    "Interactions": "data.interactions",
    "PennyweightError": "errors",
    "Plan": "config.plan",
    "ProgressUpdate": "progress.update",
    "Recommender": "recommender.recommender",
    "Report": "config.report",
    "ablate": "fitting.ablate",
    "compress": "compression.pipeline",
    "evaluate": "fitting.pipeline",
    "fit": "fitting.pipeline",
    "frontier": "compression.pipeline",
    "read": "data.dataset",
    "score_lists": "fitting.pipeline",
    "split_events": "fitting.pipeline",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # slow to import

        return version("pennyweight")
    if name == "demo":
        return import_module(f"{__name__}.demo")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "demo"])
