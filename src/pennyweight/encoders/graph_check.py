"""The check of a graph against known vectors."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.exported_folder import Agreement
from pennyweight.encoders.session import open_file
from pennyweight.encoders.tokens import TokenLists, padded
from pennyweight.errors import DataError
from pennyweight.machine.machine import usable_cores

__all__ = ["MIN_COSINE", "TEXTS", "agreement", "unit_vectors"]

MIN_COSINE = 0.99  # of int8 to the original
TEXTS = (
    "Waterproof running shoes for women, size 38, blue",
    "Stainless steel water bottle, 750 ml, keeps drinks cold for 24 hours",
    "The Left Hand of Darkness",
    "Wireless noise-cancelling headphones with a microphone and a travel case. The battery lasts "
    "thirty hours, and ten minutes of charging are enough for another five.",
    "A small town, a missing girl, and a detective who has seen too much: a crime novel in the "
    "tradition of the great Scandinavians, translated into forty languages.",
    "Gâteau au chocolat sans gluten, façon grand-mère",
    "Handgemachte Lederschuhe für Herren, Größe 44",
    "Органический зелёный чай, 100 г",
    "手机壳 防摔 透明",
    "red",
    "XL-2000 / 5.5mm (pack of 12)",
    "best soundtrack of the 1980s, remastered on two discs",
)


def unit_vectors(graph: Path, ids: TokenLists) -> NDArray[np.float32]:
    """Return the unit vectors of token sequences, all in one batch, float32 (len(ids), dim)."""
    return open_file(graph, usable_cores()).run(["unit"], padded(ids))[0]


def agreement(graph: Path, ids: TokenLists, expected: NDArray[np.float32]) -> Agreement:
    """Compare the vectors of a graph with known ones; `DataError` where some are not finite."""
    actual = unit_vectors(graph, ids)
    if not np.isfinite(actual).all():
        raise DataError("the graph returns values that are not finite; nothing was written")
    return Agreement(
        texts=len(ids),
        largest_difference=float(np.abs(actual - expected).max()),
        lowest_cosine=float((actual * expected).sum(axis=1).min()),
    )
