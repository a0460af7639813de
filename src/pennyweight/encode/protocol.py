"""What every encoder promises."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoder"]


class Encoder(Protocol):
    """Turns texts into vectors.

    Every encoder returns float32 of shape (len(texts), dim), rows of unit length (an
    empty or wholly unknown text gives a zero row), the same vector for a text whatever
    its neighbours in the batch, and (0, dim) for no texts.
    """

    @property
    def name(self) -> str:
        """Kind and settings in a word, such as ``tfidf`` or ``all-MiniLM-L6-v2``."""
        ...

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash over weights and settings: equal fingerprints encode a text alike."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, float32 (len(texts), dim)."""
        ...
