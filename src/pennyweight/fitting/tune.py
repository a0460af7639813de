"""Choices made on validation data: when to stop, how fast interest decays, who counts how much."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.scorers.content import Content
from pennyweight.scorers.linear import Linear
from pennyweight.scorers.neighbours import Neighbours
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.repeat_consumption import RepeatConsumption
from pennyweight.scorers.sequence import Sequence as SequenceScorer
from pennyweight.scorers.two_tower import TwoTower

__all__ = ["choose_decay", "fit_part", "fit_showing", "sample"]

Progress = Callable[[int, int], None]

DECAYS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
CHOICE = "ndcg@10"


def sample(held_out: HeldOut, users: int, rng: np.random.Generator) -> HeldOut:
    """Return at most so many of the held-out users, drawn at random."""
    if len(held_out) <= users:
        return held_out
    rows = np.sort(rng.choice(len(held_out), users, replace=False))
    ends = held_out.target_offsets
    spans = [np.arange(ends[row], ends[row + 1]) for row in rows]
    offsets = np.concatenate([[0], np.cumsum([len(span) for span in spans])]).astype(np.int64)
    chosen, time = np.concatenate(spans), held_out.target_time
    return replace(
        held_out,
        users=held_out.users[rows],
        histories=held_out.histories.take(rows),
        targets=held_out.targets[chosen],
        target_offsets=offsets,
        target_time=None if time is None else time[chosen],
    )


def _quality(scorer: Scorer, held_out: HeldOut, repeats: Repeats) -> float:
    measured = measure({scorer.name: scorer}, held_out, repeats=repeats)[scorer.name]
    return float(measured.column(CHOICE).mean())


def fit_part(
    part: Scorer,
    held_out: HeldOut,
    catalog: Catalog,
    *,
    repeats: Repeats,
    progress: Progress | None = None,
) -> None:
    """Fit a scorer on what came before the held-out data, and make its own choices on that."""
    if isinstance(part, TwoTower):
        _fit_tower(part, held_out, catalog, repeats, progress)
    else:
        fit_showing(part, held_out.before, catalog, progress)
    choose_decay(part, held_out, repeats)


def fit_showing(
    part: Scorer, interactions: Interactions, catalog: Catalog, progress: Progress | None
) -> None:
    """Fit a scorer, with progress where it takes long."""
    if isinstance(part, TwoTower | SequenceScorer):
        part.fit(interactions, catalog, progress=progress)
    else:
        part.fit(interactions, catalog)


def _fit_tower(
    tower: TwoTower,
    held_out: HeldOut,
    catalog: Catalog,
    repeats: Repeats,
    progress: Progress | None,
) -> None:
    """Train until another epoch makes validation worse; remember how many were best."""
    found: list[float] = []
    best = (tower.tuned, tower.items, tower.histories)

    def on_epoch(epoch: int) -> bool:
        nonlocal best
        found.append(_quality(tower, held_out, repeats) if len(held_out) else float(epoch))
        if np.argmax(found) == epoch - 1:
            best = (tower.tuned, tower.items, tower.histories)
        return found[-1] < max(found)

    tower.fit(held_out.before, catalog, on_epoch=on_epoch, progress=progress)
    tower.epochs = int(np.argmax(found)) + 1 if found else tower.settings.epochs
    # What is chosen from here on is chosen for the epoch that a refit will stop at.
    tower.tuned, tower.items, tower.histories = best


def choose_decay(part: Scorer, held_out: HeldOut, repeats: Repeats) -> None:
    """Set a scorer's decay to the one that ranks held-out items best."""
    if not isinstance(
        part, RepeatConsumption | Content | Neighbours | Linear | TwoTower
    ) or not len(held_out):
        return
    found = {}
    for decay in DECAYS:
        part.decay = decay
        found[decay] = _quality(part, held_out, repeats)
    part.decay = max(found, key=lambda decay: found[decay])
