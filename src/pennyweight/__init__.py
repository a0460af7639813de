"""Pennyweight: language-model recommendations on the hardware you have.

    recommender = pennyweight.fit("items.csv", "events.csv")
    recommender.report
    recommender.recommend(user="u1", explain=True)

The names below are imported when they are first used: importing the package costs nothing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pennyweight.compress.flow import compress, frontier
    from pennyweight.data.catalog import Catalog
    from pennyweight.data.dataset import Dataset, read
    from pennyweight.data.interactions import Interactions
    from pennyweight.errors import PennyweightError
    from pennyweight.fit.flow import evaluate, fit
    from pennyweight.recommender.recommender import Recommender
    from pennyweight.spec.budget import Budget
    from pennyweight.spec.frontier import Frontier
    from pennyweight.spec.plan import Plan
    from pennyweight.spec.report import Report

    __version__: str

__all__ = [
    "Budget",
    "Catalog",
    "Dataset",
    "Frontier",
    "Interactions",
    "PennyweightError",
    "Plan",
    "Recommender",
    "Report",
    "__version__",
    "compress",
    "evaluate",
    "fit",
    "frontier",
    "read",
]

_HOMES = {
    "Budget": "spec.budget",
    "Catalog": "data.catalog",
    "Dataset": "data.dataset",
    "Frontier": "spec.frontier",
    "Interactions": "data.interactions",
    "PennyweightError": "errors",
    "Plan": "spec.plan",
    "Recommender": "recommender.recommender",
    "Report": "spec.report",
    "compress": "compress.flow",
    "evaluate": "fit.flow",
    "fit": "fit.flow",
    "frontier": "compress.flow",
    "read": "data.dataset",
}


class _Package(ModuleType):
    """A package whose verbs, such as `fit`, are not hidden by the rooms of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            return  # the import system binds a room to its package; see docs/decisions/003
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # slow to import

        return version("pennyweight")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
