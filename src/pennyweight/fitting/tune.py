"""Settings chosen on validation data: the epoch to stop at, and the decay of interest."""

import numpy as np

from pennyweight.data.catalog import Catalog
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.scorers.protocol import Progress, Scorer

__all__ = ["choose_settings", "chosen_settings", "fit_component", "sample"]

CHOICE = "ndcg@10"


def sample(held_out: HeldOut, users: int, rng: np.random.Generator) -> HeldOut:
    """Return a random sample of the held-out users of at most this size."""
    if len(held_out) <= users:
        return held_out
    return held_out.take(np.sort(rng.choice(len(held_out), users, replace=False)))


def _quality(scorer: Scorer, held_out: HeldOut, repeats: Repeats) -> float:
    measured = measure({scorer.kind: scorer}, held_out, repeats=repeats)[scorer.kind]
    return float(measured.column(CHOICE).mean())


def fit_component(
    scorer: Scorer,
    held_out: HeldOut,
    catalog: Catalog,
    *,
    repeats: Repeats,
    progress: Progress | None = None,
) -> None:
    """Fit a scorer to the events before the held-out data, and tune its settings on that."""

    def quality(fitted: Scorer) -> float:
        return _quality(fitted, held_out, repeats)

    judge = quality if len(held_out) else None
    scorer.fit_best(held_out.before, catalog, judge, progress=progress)
    choose_settings(scorer, held_out, repeats)


def choose_settings(scorer: Scorer, held_out: HeldOut, repeats: Repeats) -> None:
    """Set each tunable setting of a scorer to the value that ranks held-out items best."""
    if not len(held_out):
        return
    for setting, values in scorer.tunable().items():
        quality = {}
        for value in values:
            scorer.choose(setting, value)
            quality[value] = _quality(scorer, held_out, repeats)
        scorer.choose(setting, max(quality, key=lambda value: quality[value]))


def chosen_settings(blend: Scorer) -> dict[str, float]:
    """Return the settings chosen on validation data, as ``component.setting``."""
    return {
        f"{name}.{setting}": value
        for name, scorer in blend.components.items()
        for setting, value in scorer.choices().items()
    }
