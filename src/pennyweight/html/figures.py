"""The parts that templates put on a page: tables, facts, and charts beside their tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

__all__ = ["Details", "Fact", "Figure", "Table"]


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row and whose last `numbers` columns are numbers.

    Templates escape its cells.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int = 0


@dataclass(frozen=True)
class Details:
    """A table that opens by its summary."""

    summary: str
    table: Table


@dataclass(frozen=True)
class Figure:
    """A chart under its heading, with its numbers beside it, or below on a narrow screen."""

    heading: str
    chart: Markup
    table: Table | None = None
    note: str = ""
    details: Details | None = None


@dataclass(frozen=True)
class Fact:
    """A number at the top of a page: its name, value and note."""

    name: str
    value: str
    note: str = ""
