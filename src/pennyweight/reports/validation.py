"""The page of a data validation."""

from collections.abc import Sequence

from pennyweight.formatting import count
from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Fact, Figure, Table
from pennyweight.reports.numbers import capital
from pennyweight.reports.page import render
from pennyweight.validation.findings import Finding, percent
from pennyweight.validation.validate import Validation

__all__ = ["validation_page"]

_AREAS = {"leak": "Leak", "personal": "Personal data", "events": "Events", "items": "Items"}


def validation_page(validation: Validation, *, source: Sequence[str] = ()) -> str:
    """Return the page; `source` names the files."""
    warnings = [f for f in validation.findings if f.severity == "warning"]
    notes = [f for f in validation.findings if f.severity == "note"]
    return render(
        "validation.html",
        source=source,
        protocol=validation.protocol,
        summary=f"{count(len(warnings), 'warning')}, {count(len(notes), 'note')}",
        facts_of_data=[Fact(name, _number(value)) for name, value in validation.facts.items()],
        warnings=[_card(finding) for finding in warnings],
        notes=_note_table(notes) if notes else None,
        over_time=_time_figures(validation),
        shape=_shape_figures(validation),
        tables=_column_tables(validation),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def _size(finding: Finding) -> str:
    return f"{finding.count:,} of {finding.of:,} {finding.unit} ({percent(finding.share)})"


def _card(finding: Finding) -> dict[str, object]:
    return {
        "area": _AREAS[finding.area],
        "kind": finding.kind,
        "message": capital(finding.message),
        "size": _size(finding),
        "examples": finding.examples,
        "remedy": capital(finding.remedy),
    }


def _note_table(notes: Sequence[Finding]) -> Table:
    rows = [(capital(f.message), _size(f), "; ".join(f.examples), capital(f.remedy)) for f in notes]
    return Table("Findings to keep in mind", ("Finding", "Size", "Examples", "Remedy"), rows)


def _time_figures(validation: Validation) -> list[Figure]:
    periods = validation.periods
    if not periods:
        return []
    return [
        _figure(
            "Events over time",
            [(p.start, p.events, f"{p.events:,}") for p in periods],
            "Periods of equal length.",
            "events",
            ("From", "Events"),
        ),
        _figure(
            "Share of events on new items",
            [(p.start, p.cold, f"{100 * p.cold:.1f} %") for p in periods if p.cold is not None],
            "Items without events before the period. The first period has no past.",
            "cold",
            ("From", "New items"),
        ),
    ]


def _shape_figures(validation: Validation) -> list[Figure]:
    return [
        _figure(
            "Share of events on the most popular items",
            [(f"top {share}", value, f"{100 * value:.1f} %") for share, value in validation.tail],
            "A long first row means that few items have most of the events.",
            "tail",
            ("Items", "Events"),
        ),
        _figure(
            "Length of the item texts in characters",
            [(name, n, f"{n:,}") for name, n in validation.lengths],
            "Number of items in each range of lengths.",
            "lengths",
            ("Characters", "Items"),
        ),
    ]


def _figure(
    title: str,
    rows: Sequence[tuple[str, float, str]],
    description: str,
    key: str,
    head: tuple[str, str],
) -> Figure:
    chart = bars(
        [Bar(name, value, text) for name, value, text in rows],
        title=title,
        description=f"{description} The table has the numbers.",
        key=key,
    )
    return Figure(title, chart, Table(title, head, [(n, text) for n, _, text in rows], numbers=1))


def _column_tables(validation: Validation) -> list[Table]:
    head = (
        "Column",
        "Role",
        "Language",
        "Filled",
        "Characters: 5 %, median, 95 %, max",
        "Tokens per word",
        "Unknown",
    )
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
        for c in validation.columns
    ]
    roles = [(role, column or "none") for role, column in validation.roles.items()]
    tables = [
        Table("Columns of the items table", head, rows, numbers=4),
        Table("Column roles", ("Role", "Column"), roles),
    ]
    if validation.rows:
        steps = ("read", "added", "kept", "dropped", "merged")
        counts = [(t, *(f"{n[step]:,}" for step in steps)) for t, n in validation.rows.items()]
        titles = ("Table", *map(capital, steps))
        tables.append(Table("Rows of the tables", titles, counts, numbers=len(steps)))
    if validation.event_types:
        types = [(name, meaning, f"{n:,}") for name, meaning, n in validation.event_types]
        tables.append(Table("Event types", ("Type", "Meaning", "Rows"), types, numbers=1))
    return tables
