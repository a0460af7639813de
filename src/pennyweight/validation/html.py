"""The validation as one self-contained page."""

from collections.abc import Sequence
from html import escape

from pennyweight.html.charts import Bar, bars, table
from pennyweight.html.document import document, pair
from pennyweight.validation.findings import Finding, percent
from pennyweight.validation.validate import Validation

__all__ = ["render"]

_AREAS = {"leak": "Leak", "personal": "Personal data", "events": "Events", "items": "Items"}


def render(found: Validation, *, source: Sequence[str] = ()) -> str:
    """Return the page; `source` names the files."""
    warnings = sum(f.severity == "warning" for f in found.findings)
    notes = len(found.findings) - warnings
    head = (
        f"<p>{escape(' and '.join(source))}</p>"
        f"<p>{_count(warnings, 'warning')}, {_count(notes, 'note')}. "
        f"Held out for the leak checks: {found.protocol or 'nothing, it cannot be split'}.</p>"
    )
    sections = [_facts(found), _findings(found), _time(found), _shape(found), _columns(found)]
    return document("Data validation", sections, head=head)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _facts(found: Validation) -> str:
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{_number(value)}</dd></div>"
        for name, value in found.facts.items()
    )
    return f'<dl class="facts">{cells}</dl>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def _findings(found: Validation) -> str:
    warnings = [f for f in found.findings if f.severity == "warning"]
    notes = [f for f in found.findings if f.severity == "note"]
    cards = "".join(map(_card, warnings)) or "<p>None.</p>"
    rows = [
        (_capital(f.message), _size(f), "; ".join(f.examples), _capital(f.remedy)) for f in notes
    ]
    head = ("What", "How many", "Such as", "What to do")
    numbers = table("Notes: good to know", head, rows) if rows else "<p>None.</p>"
    return (
        f'<section><h2>Warnings</h2><div class="examples">{cards}</div></section>'
        f"<section><h2>Notes</h2>{numbers}</section>"
    )


def _size(finding: Finding) -> str:
    return f"{finding.count:,} of {finding.of:,} {finding.unit} ({percent(finding.share)})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _card(finding: Finding) -> str:
    examples = "".join(f"<li>{escape(text)}</li>" for text in finding.examples)
    return (
        f'<article class="warning"><p class="note">{_AREAS[finding.area]} · {finding.kind}</p>'
        f"<h3>{escape(_capital(finding.message))}</h3><p>{escape(_size(finding))}</p>"
        + (f"<ul>{examples}</ul>" if examples else "")
        + f'<p class="note">{escape(_capital(finding.remedy))}.</p></article>'
    )


def _time(found: Validation) -> str:
    if not found.periods:
        return ""
    events = _chart(
        "Events over time", [(p.start, p.events, f"{p.events:,}") for p in found.periods],
        "Bars, one a period of equal length.", "events", ("From", "Events"),
    )  # fmt: skip
    cold = _chart(
        "Share of events on items not seen before the period",
        [(p.start, p.cold, f"{100 * p.cold:.1f} %") for p in found.periods if p.cold is not None],
        "Bars, one a period; the first has no past.", "cold", ("From", "New items"),
    )  # fmt: skip
    return f"<section><h2>Over time</h2>{events}{cold}</section>"


def _shape(found: Validation) -> str:
    tail = _chart(
        "Share of events on the most popular items",
        [(f"top {share}", value, f"{100 * value:.1f} %") for share, value in found.tail],
        "Bars, one a share of the items; the longer the first, the fewer have it all.", "tail",
        ("Items", "Events"),
    )  # fmt: skip
    lengths = _chart(
        "Characters of the items' texts", [(name, n, f"{n:,}") for name, n in found.lengths],
        "Bars, one a range of lengths.", "lengths", ("Characters", "Items"),
    )  # fmt: skip
    return f"<section><h2>Long tail and texts</h2>{tail}{lengths}</section>"


def _chart(
    title: str,
    rows: Sequence[tuple[str, float, str]],
    description: str,
    key: str,
    head: tuple[str, str],
) -> str:
    drawn = bars(
        [Bar(name, value, text) for name, value, text in rows],
        title=title, description=f"{description} The table has the numbers.", key=key,
    )  # fmt: skip
    numbers = table(title, head, [(name, text) for name, _, text in rows], numbers=1)
    return pair(title, drawn, numbers)


def _columns(found: Validation) -> str:
    head = ("Column", "Role", "Language", "Filled", "Characters: 5 %, half, 95 %, most",
            "Pieces a word", "Unknown")  # fmt: skip
    rows = [
        (
            c.name,
            c.role,
            c.language or "-",
            f"{100 * c.filled / max(1, c.of):.1f} %",
            ", ".join(f"{n:,}" for n in c.length) if c.length else "-",
            "-" if c.pieces_per_word is None else f"{c.pieces_per_word:.2f}",
            "-" if c.unknown is None else f"{100 * c.unknown:.2f} %",
        )
        for c in found.columns
    ]
    roles = [(role, column or "none") for role, column in found.roles.items()]
    types = [(name, meaning, f"{rows:,}") for name, meaning, rows in found.event_types]
    return (
        "<section><h2>Columns</h2>"
        + table("Columns of the items table", head, rows, numbers=4)
        + table("What the columns were taken for", ("Role", "Column"), roles)
        + (table("Event types", ("Type", "Meaning", "Rows"), types, numbers=1) if types else "")
        + "</section>"
    )
