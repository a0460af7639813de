"""Tables for notebooks, legible on light and dark."""

from collections.abc import Sequence
from dataclasses import dataclass

from pennyweight.html.environment import environment

__all__ = ["NotebookCell", "notebook_table"]


@dataclass(frozen=True)
class NotebookCell:
    """A text, with the share of its background to color (0 to 1) if it is a measurement."""

    text: str
    share: float | None = None


def notebook_table(
    caption: str, rows: Sequence[tuple[str, Sequence[NotebookCell]]], head: Sequence[str] = ()
) -> str:
    """Return a table of rows, each with its name first."""
    template = environment().get_template("html/notebook.html")
    return template.render(caption=caption, head=head, rows=rows)
