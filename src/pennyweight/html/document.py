"""Pieces of the dashboard's pages."""

from collections.abc import Iterable
from html import escape

from pennyweight.html.markup import shown

__all__ = ["facts", "pair"]


def pair(heading: str, chart: str, numbers: str, *, note: str = "") -> str:
    """Return a chart with its table beside it, or below it where the page is narrow."""
    said = f'<p class="note">{escape(note)}</p>' if note else ""
    figure = f'<div class="pair"><figure>{chart}</figure>{numbers}</div>'
    return f"<h3>{escape(heading)}</h3>{said}{figure}"


def facts(rows: Iterable[tuple[str, str, str]]) -> str:
    """Return numbers to be seen first: name, value (text or `Html`) and a note of each."""
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{shown(value)}<small>{escape(note)}</small></dd></div>"
        for name, value, note in rows
    )
    return f'<dl class="facts">{cells}</dl>' if cells else ""
