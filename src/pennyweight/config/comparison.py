"""The comparison of encoders: cost, and quality on a user's data."""

from typing import Annotated

from pydantic import Field

from pennyweight.config.frozen import FrozenModel
from pennyweight.config.quality import Measurement
from pennyweight.formatting import aligned, size

__all__ = ["COLUMNS", "ComparedEncoder", "EncoderComparison"]

COLUMNS = ("encoder", "content ndcg@10", "difference", "neighbors", "texts/s", "size", "dim")


class ComparedEncoder(FrozenModel):
    """One encoder, measured.

    Attributes
    ----------
    ndcg
        NDCG@10 of the content scorer on held-out events; None without an event log.
    difference
        Of that to the first encoder's, paired by user.
    neighbors
        Share of the ten nearest neighbors of an item that are those of the first encoder.
    texts_per_second
        Encoded in batches on this machine.
    nbytes
        Of the encoder on disk.
    """

    name: str
    dim: Annotated[int, Field(ge=1)]
    ndcg: Measurement | None = None
    difference: Measurement | None = None
    neighbors: Annotated[float, Field(ge=0, le=1)]
    texts_per_second: Annotated[float, Field(ge=0)]
    nbytes: Annotated[int, Field(ge=0)]

    def cells(self) -> tuple[str, ...]:
        """Return the cells of its row, in the order of `COLUMNS`."""
        difference = self.difference
        return (
            self.name,
            "–" if self.ndcg is None else str(self.ndcg),
            "–"
            if difference is None
            else f"{difference.value:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]",
            f"{100 * self.neighbors:.0f} %",
            f"{self.texts_per_second:,.0f}",
            size(self.nbytes),
            str(self.dim),
        )


class EncoderComparison(FrozenModel):
    """Encoders on the same items and the same held-out events, the first is the reference.

    Attributes
    ----------
    users
        Validation users that quality is measured on; 0 without an event log.
    """

    items: Annotated[int, Field(ge=1)]
    users: Annotated[int, Field(ge=0)]
    protocol: str | None = None
    encoders: tuple[ComparedEncoder, ...]

    def table(self) -> str:
        """Return the measurements in aligned columns."""
        return "\n".join(aligned([COLUMNS, *(encoder.cells() for encoder in self.encoders)]))
