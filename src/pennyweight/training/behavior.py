"""Vectors learned from behavior, as targets for a language model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Interactions
from pennyweight.encoders.static import distil
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.scorers.two_tower_training import TwoTowerSettings
from pennyweight.training.learner import Learner
from pennyweight.training.token_texts import Codes, Texts
from pennyweight.vectors.unit_rows import unit_rows

__all__ = ["aligned", "behavior_vectors", "in_width", "of_texts"]

Float = NDArray[np.float32]

ALIGNED = 4096  # texts from which the map of targets to the model's width is found


def behavior_vectors(
    model: Path,
    catalog: Catalog,
    interactions: Interactions,
    *,
    repeats: bool,
    seed: int,
    quality: Callable[[Float], float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Float:
    """Return the item vectors of a tower that starts from a model's static table.

    Items without events have the vector of their words alone, tuned on the others.

    Parameters
    ----------
    quality
        Of item vectors on validation data: the best epoch's are returned.

    Returns
    -------
    ndarray
        Unit vectors, float32 (n_items, at most 256).
    """
    transformer = TransformerEncoder.from_pretrained(model)
    table = distil(transformer, dim=min(TwoTowerSettings.dim, transformer.dim))
    settings = TwoTowerSettings(dim=table.dim, repeats=repeats)
    tower = TwoTower(table, settings, seed=seed)
    qualities: list[float] = []
    best: list[Float] = []

    def on_epoch(_: int) -> bool:
        qualities.append(quality(tower.item_vectors) if quality is not None else len(qualities))
        if qualities[-1] == max(qualities):
            best[:] = [tower.item_vectors]
        return qualities[-1] < max(qualities)

    tower.fit(interactions, catalog, on_epoch=on_epoch, progress=progress)
    return best[0] if best else tower.item_vectors


def of_texts(items: Float, texts: Texts) -> Float:
    """Return unit vectors of texts, float32 (n_texts, dim): the mean of the items with each."""
    with_text = np.flatnonzero(texts.of_item >= 0)
    vectors = np.zeros((len(texts), items.shape[1]), np.float32)
    np.add.at(vectors, texts.of_item[with_text], items[with_text])
    return unit_rows(vectors)


def aligned(targets: Float, start: Float, rows: Codes) -> Float:
    """Turn targets towards where a model's vectors start, in the model's width.

    The map is the orthogonal one for which targets[rows] @ map is nearest to `start`
    (Schönemann 1966): cosines among targets stay the same, and the model has the least
    way to go. Targets wider than the model lose the directions that its vectors lack.

    Parameters
    ----------
    targets
        float32 (n_texts, dim).
    start
        The model's vectors of some texts, float32 (len(rows), width).
    rows
        Positions of these texts.
    """
    u, _, vt = np.linalg.svd(targets[rows].T @ start, full_matrices=False)
    return unit_rows(targets @ (u @ vt))


def in_width(learner: Learner, targets: Float, seed: int) -> Float:
    """Return targets of texts `aligned` with where the learner's vectors are now."""
    n = len(learner.texts)
    sample = np.random.default_rng(seed).choice(n, min(n, ALIGNED), replace=False)
    rows = np.sort(sample)
    return aligned(targets, learner.vectors(rows).cpu().numpy(), rows)
