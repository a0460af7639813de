"""How the vectors of a blend are kept: in fewer bits, or narrower."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pennyweight.compression.vocabulary import cut_table
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.static import StaticEncoder
from pennyweight.scorers.content import Content
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.vectors.quantized_rows import QuantizedRows, RowFormat

__all__ = ["AS_IT_IS", "EIGHT_BITS", "STORAGES", "VectorFormat"]


@dataclass(frozen=True)
class VectorFormat:
    """A way to keep item vectors.

    Attributes
    ----------
    of_content, of_tower
        Format of the vectors; a tower's token table is in 8 bits at the least.
    content_share, content_least
        Of content's width that is kept, the components along which the items differ most; but
        so many at least, where there are as many.
    """

    of_content: RowFormat = "fp32"
    of_tower: RowFormat = "fp32"
    content_share: float = 1.0
    content_least: int = 1

    def name(self, parts: Mapping[str, Scorer]) -> str:
        """Say how the vectors of these parts are kept; empty where all stay as they are."""
        content, tower = parts.get("content"), parts.get("tower")
        said = []
        if isinstance(content, Content) and isinstance(content.vectors, QuantizedRows):
            wide = content.vectors.dim
            said += _said("content", self.of_content, self._width(wide) / wide)
        if isinstance(tower, TwoTower):
            said += _said("tower", self.of_tower)
        return ", ".join(said)

    def keep(self, parts: Mapping[str, Scorer], texts: Sequence[str]) -> dict[str, Scorer]:
        """Return the parts with their vectors kept so; `texts` are those of the items."""
        small = dict(parts)
        content, tower = parts.get("content"), parts.get("tower")
        if isinstance(content, Content):
            small["content"] = self.content(content)
        if isinstance(tower, TwoTower):
            small["tower"] = self.tower(tower, texts)
        return small

    def content(self, content: Content) -> Content:
        """Return a content scorer whose dense vectors are kept so; sparse ones stay.

        Few bits say most where components are not correlated and of one size: for 2 bits and
        signs, vectors are turned to their principal components and whitened first (see
        `ProjectedEncoder`).
        """
        vectors, encoder, row_format = content.vectors, content.encoder, self.of_content
        if row_format == "fp32" or encoder is None or not isinstance(vectors, QuantizedRows):
            return content
        rows, width = vectors.unpacked(), self._width(vectors.dim)
        few = row_format in ("int2", "binary")
        if width < vectors.dim or few:
            cut = ProjectedEncoder.fit(encoder, rows, dim=width, whiten=few)
            rows = cut.project(rows)
            if isinstance(encoder, ProjectedEncoder):  # one product instead of two
                cut = ProjectedEncoder(encoder.encoder, encoder.axes @ cut.axes)
            encoder = cut
        return content.packed(encoder, QuantizedRows.of(rows, row_format))

    def _width(self, wide: int) -> int:
        return max(round(wide * self.content_share), min(wide, self.content_least))

    def tower(self, tower: TwoTower, texts: Sequence[str]) -> TwoTower:
        """Return a tower whose vectors, and the table of its encoder, are kept so.

        Of a token table the rows stay that the catalog's texts need (see `kept_tokens`).
        """
        if self.of_tower == "fp32":
            return tower
        tuned = tower.tuned
        if isinstance(tuned, StaticEncoder):
            tuned = cut_table(tuned, texts)
        table = QuantizedRows.of(tuned.table, "int8", by_row=True)
        return tower.packed(
            tuned.with_table(table, name=tuned.name),
            QuantizedRows.of(tower.item_vectors, self.of_tower),
            QuantizedRows.of(tower.history_vectors, self.of_tower, by_row=True),
        )


def _said(part: str, row_format: RowFormat, share: float = 1.0) -> list[str]:
    if row_format == "fp32":
        return []
    return [f"{part} {row_format}" + (f" at {share:.0%} of the width" if share < 1 else "")]


AS_IT_IS = VectorFormat()
EIGHT_BITS = VectorFormat("int8", "int8")
SHARE, LEAST = 2 / 3, 256  # of signs; fewer lose more than they save
STORAGES = (
    VectorFormat("int4", "int4"),
    VectorFormat("binary", "int4", SHARE, LEAST),  # a tower's vectors say more than content's
    VectorFormat("int2", "int2"),
    VectorFormat("binary", "binary", SHARE, LEAST),
)
