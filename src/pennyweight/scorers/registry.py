"""Kinds of scorers by name; other packages register theirs as entry points."""

from pathlib import Path
from typing import TYPE_CHECKING

from pennyweight.errors import BundleError, PlanError, did_you_mean
from pennyweight.plugins import PluginRegistry

if TYPE_CHECKING:  # the command line lists the kinds and imports no scorer
    from pennyweight.scorers.protocol import Scorer

__all__ = ["SCORERS", "load_scorer", "register_scorer", "scorer_type"]

SCORERS: "PluginRegistry[Scorer]" = PluginRegistry(
    "pennyweight.scorers",
    {
        "popularity": "pennyweight.scorers.popularity:Popularity",
        "novelty": "pennyweight.scorers.popularity:Novelty",
        "repeat-consumption": "pennyweight.scorers.repeat_consumption:RepeatConsumption",
        "content": "pennyweight.scorers.content:Content",
        "neighbors": "pennyweight.scorers.neighbors:Neighbors",
        "linear": "pennyweight.scorers.linear:Linear",
        "tower": "pennyweight.scorers.two_tower:TwoTower",
        "sequence": "pennyweight.scorers.sequence:Sequence",
    },
)


def register_scorer(kind: "type[Scorer]") -> "type[Scorer]":
    """Register a class of scorers for this process; packages use entry points instead."""
    SCORERS.add(kind.kind, kind)
    return kind


def scorer_type(kind: str) -> "type[Scorer]":
    """Return the class of a kind; `PlanError` naming the nearest where there is none."""
    scorer = SCORERS.find(kind)
    if scorer is None:
        names = SCORERS.names()
        raise PlanError(
            f"scorers: {kind!r} is not one of {', '.join(names)}{did_you_mean(kind, names)}"
        )
    return scorer


def load_scorer(kind: str, folder: Path) -> "Scorer":
    """Read a scorer that its `save` wrote; `BundleError` for a kind that nothing provides."""
    scorer = SCORERS.find(kind)
    if scorer is None:
        raise BundleError(
            f"{folder}: scorer {kind!r} is not known here; install the package that provides it "
            f"(entry point group {SCORERS.group})"
        )
    return scorer.load(folder)
