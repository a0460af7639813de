"""The format of the vectors of a blend: in fewer bits, or narrower."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pennyweight.scorers.protocol import Scorer
from pennyweight.vectors.quantized_rows import RowFormat

__all__ = ["AS_IT_IS", "EIGHT_BITS", "STORAGES", "VectorFormat"]


@dataclass(frozen=True)
class VectorFormat:
    """A way to keep item vectors.

    Attributes
    ----------
    of_text
        RowFormat of vectors that come from texts alone.
    of_behavior
        RowFormat of vectors learned from events too.
    text_share, min_width
        Share of the width that is kept of vectors that come from texts alone, the components along
        which the items differ most; but this many at least, where there are as many.
    """

    of_text: RowFormat = "fp32"
    of_behavior: RowFormat = "fp32"
    text_share: float = 1.0
    min_width: int = 1

    def name(self, scorers: Mapping[str, Scorer]) -> str:
        """Describe the format of the vectors of scorers; empty where all are unchanged."""
        formats = []
        for name, scorer in scorers.items():
            wide, (row_format, width) = scorer.vector_width, self._format(scorer)
            if wide is not None and row_format != "fp32":
                narrow = f" at {width / wide:.0%} of the width" if width < wide else ""
                formats.append(f"{name} {row_format}{narrow}")
        return ", ".join(formats)

    def quantize(self, scorers: Mapping[str, Scorer], texts: Sequence[str]) -> dict[str, Scorer]:
        """Return scorers with their vectors kept so; `texts` are those of the items."""
        small = {}
        for name, scorer in scorers.items():
            row_format, width = self._format(scorer)
            small[name] = scorer.quantized(row_format, width=width, texts=texts)
        return small

    def _format(self, scorer: Scorer) -> tuple[RowFormat, int]:
        """Return the format of a scorer's vectors, and their width."""
        wide = scorer.vector_width or 0
        if scorer.evidence != "text":
            return self.of_behavior, wide
        return self.of_text, max(round(wide * self.text_share), min(wide, self.min_width))


AS_IT_IS = VectorFormat()
EIGHT_BITS = VectorFormat("int8", "int8")
SHARE, MIN_WIDTH = 2 / 3, 256  # of binary vectors; fewer lose more than they save
STORAGES = (
    VectorFormat("int4", "int4"),
    VectorFormat("binary", "int4", SHARE, MIN_WIDTH),  # vectors of behavior need more bits
    VectorFormat("int2", "int2"),
    VectorFormat("binary", "binary", SHARE, MIN_WIDTH),
)
