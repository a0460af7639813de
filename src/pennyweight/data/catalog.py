"""The catalogue: what can be recommended."""

from dataclasses import dataclass, field

import polars as pl

from pennyweight.data.ids import Ids
from pennyweight.errors import DataError

__all__ = ["Catalog"]


@dataclass(frozen=True)
class Catalog:
    """Items with their text and attributes; immutable.

    Attributes
    ----------
    ids
        Item ids; the position of an id is its code.
    texts
        One cleaned text an item, all text columns joined; may be empty.
    attributes
        One row an item in code order: every column of the source but the id,
        for filters, display and reports.
    """

    ids: Ids
    texts: tuple[str, ...]
    attributes: pl.DataFrame = field(default_factory=pl.DataFrame)

    def __post_init__(self) -> None:
        rows = self.attributes.height if self.attributes.width else len(self.ids)
        if not len(self.ids) == len(self.texts) == rows:
            raise DataError(
                f"catalogue: {len(self.ids)} ids, {len(self.texts)} texts and {rows} attribute "
                "rows; there must be one of each an item"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def title(self, code: int) -> str:
        """Return the name to show for an item: its title or name column, else its text."""
        for column in ("title", "name"):
            if column in self.attributes.columns:
                value = self.attributes[column][code]
                if value:
                    return str(value)
        return self.texts[code][:120] or self.ids[code]
