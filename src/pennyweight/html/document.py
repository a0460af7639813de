"""One page for screen, phone and paper, and the pieces that all pages use."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from pennyweight.html.markup import shown

__all__ = ["aligned", "count", "document", "duration", "facts", "pair", "size"]


def document(title: str, sections: Iterable[str], *, head: str = "") -> str:
    """Return a whole page with its style inside; `head` is HTML below the title."""
    style = resources.files("pennyweight.html").joinpath("page.css").read_text("utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>\n{style}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>{head}</header>"
        f"<main>{''.join(sections)}</main></body></html>\n"
    )


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


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines of text, the cells of a column under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def count(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(nbytes: int) -> str:
    """Return bytes as people say them."""
    amount = float(nbytes)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1_000:
            return f"{amount:.3g} {unit}"
        amount /= 1_000
    return f"{amount:,.1f} GB"
