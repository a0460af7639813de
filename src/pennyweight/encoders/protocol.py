"""What every encoder promises."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = ["Encoder", "TableEncoder"]


class Encoder(Protocol):
    """Turns texts into vectors.

    Every encoder returns float32 of shape (len(texts), dim), rows of unit length (an
    empty or wholly unknown text gives a zero row), the same vector for a text whatever
    its neighbours in the batch, and (0, dim) for no texts.
    """

    @property
    def kind(self) -> str:
        """Which implementation, such as ``static``; the key of `load_encoder`."""
        ...

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

    def save(self, folder: Path) -> None:
        """Write all that `load_encoder` needs into a folder, without pickle."""
        ...


@runtime_checkable
class TableEncoder(Encoder, Protocol):
    """An encoder whose vectors are ``unit(bag(texts) @ table)``, so that it can be trained."""

    @property
    def table(self) -> NDArray[np.float32]:
        """One vector a token or word, float32 (vocabulary, dim)."""
        ...

    def bag(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return the weight of each token in each text, float32 csr (n, vocabulary)."""
        ...

    @property
    def packed(self) -> QuantizedRows:
        """The table as it is held."""
        ...

    def with_table(self, table: NDArray[np.float32] | QuantizedRows, *, name: str) -> Self:
        """Return an encoder with another table; the rest is shared."""
        ...
