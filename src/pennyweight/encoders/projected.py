"""An encoder whose vectors are cut to their principal components."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.prompts import Prompts
from pennyweight.encoders.protocol import Encoder, LanguageModelEncoder
from pennyweight.encoders.registry import load_encoder
from pennyweight.errors import BundleError, DataError
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.storage.files import digest
from pennyweight.vectors.svd import principal_axes
from pennyweight.vectors.unit_rows import unit_rows

if TYPE_CHECKING:
    from pennyweight.encoders.endpoint import EndpointEncoder

__all__ = ["ProjectedEncoder"]

FILE = "projected.safetensors"
DAMPING = 10.0  # times width / texts: few texts leave the size of a component uncertain
ENCODER = "encoder"  # the folder of the encoder behind it


class ProjectedEncoder(Encoder):
    """Vector = unit(vector of another encoder @ axes).

    Parameters
    ----------
    encoder
        Gives the wide vectors.
    axes
        Directions as columns, float32 (encoder.dim, dim).
    name
        Its name; by default the encoder's name and the width.

    Raises
    ------
    DataError
        The two do not fit each other.
    """

    kind = "projected"

    def __init__(
        self, encoder: Encoder, axes: NDArray[np.float32], *, name: str | None = None
    ) -> None:
        if axes.ndim != 2 or axes.shape[0] != encoder.dim or not axes.shape[1]:
            raise DataError(f"axes {axes.shape} do not fit vectors {encoder.dim} wide")
        self.encoder, self.axes = encoder, np.ascontiguousarray(axes, np.float32)
        self._name = name or f"{encoder.name}-{axes.shape[1]}"

    @classmethod
    def of_vectors(
        cls, encoder: Encoder, vectors: NDArray[np.float32], *, dim: int, whiten: bool = True
    ) -> "ProjectedEncoder":
        """Cut an encoder to the principal components of a catalog's vectors.

        The components are those of the vectors as they are, not centered, so that the dot
        products between them, which scorers use, are kept best in the mean square (Eckart and
        Young 1936). A pretrained model spreads a catalog of one kind over few of them:
        whitening divides each by its root mean square r, as sqrt(r^2 + c R^2) with R that of
        all, so that differences between items count as much as their common features (Su et al.
        2021). The fewer texts, the less r is known, and the nearer it is taken to R: c is
        10 x encoder.dim / n_items.

        Parameters
        ----------
        encoder
            Any kind.
        vectors
            Its vectors of the catalog's texts, float32 (n_items, encoder.dim).
        dim
            From 1 to the encoder's.
        whiten
            Whether components are to count alike. Those of an encoder that was trained for lists
            count as they are.
        """
        if vectors.ndim != 2 or not len(vectors) or vectors.shape[1] != encoder.dim:
            raise DataError(
                f"vectors {vectors.shape} are not those of {encoder.name}, {encoder.dim} wide"
            )
        if not 1 <= dim <= encoder.dim:
            raise DataError(f"dim {dim}: from 1 to {encoder.dim}, the width of {encoder.name}")
        axes = principal_axes(vectors, dim)
        if whiten and not encoder.trained_for_lists:
            squares = np.square(vectors @ axes).mean(axis=0)
            mean = np.square(vectors).sum() / vectors.size
            damping = DAMPING * encoder.dim / len(vectors)
            axes = axes / np.sqrt(squares + damping * mean + 1e-12)
        return cls(encoder, axes)

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.axes.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Hash over the encoder and the axes."""
        return digest("projected", self.encoder.fingerprint, self.axes)

    @property
    def remote(self) -> "EndpointEncoder | None":
        """That of the encoder behind."""
        return self.encoder.remote

    @property
    def language_model(self) -> LanguageModelEncoder | None:
        """That of the encoder behind."""
        return self.encoder.language_model

    def has_known_word(self, text: str) -> bool:
        """Return whether the encoder behind knows a word of a text."""
        return self.encoder.has_known_word(text)

    def projected(self, axes: NDArray[np.float32]) -> "ProjectedEncoder":
        """Return an encoder of both projections, one product instead of two."""
        return ProjectedEncoder(self.encoder, self.axes @ axes)

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cut vectors of the encoder behind, float32 (n, encoder.dim) to (n, dim), unit rows."""
        return unit_rows(vectors @ self.axes)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, float32 (len(texts), dim)."""
        return self.project(self.encoder.encode(texts))

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of search texts, float32 (len(texts), dim)."""
        return self.project(self.encoder.encode_queries(texts))

    @property
    def prompts(self) -> Prompts:
        """Those of the encoder behind."""
        return self.encoder.prompts

    def with_prompts(self, prompts: Prompts) -> "ProjectedEncoder":
        """Return an encoder of the same axes with these prompts."""
        return ProjectedEncoder(self.encoder.with_prompts(prompts), self.axes, name=self._name)

    def save(self, folder: Path) -> None:
        """Write the axes, and the encoder behind in a folder beside them."""
        settings = {"name": self._name, "encoder": self.encoder.kind}
        write_arrays(folder / FILE, {"axes": self.axes}, settings)
        self.encoder.save(folder / ENCODER)

    @classmethod
    def load(cls, folder: Path) -> "ProjectedEncoder":
        """Read the files that `save` wrote."""
        arrays, settings = read_arrays(folder / FILE)
        try:
            kind, axes, name = str(settings["encoder"]), arrays["axes"], str(settings["name"])
        except KeyError as error:
            raise BundleError(f"{folder / FILE}: no {error}; build the bundle again") from error
        return cls(load_encoder(kind, folder / ENCODER), axes, name=name)
