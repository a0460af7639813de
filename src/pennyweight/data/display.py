"""Short tables of a catalog and of a dataset for notebooks."""

from typing import TYPE_CHECKING

from pennyweight.formatting import count

if TYPE_CHECKING:
    from pennyweight.data.catalog import Catalog
    from pennyweight.data.dataset import Dataset

__all__ = ["catalog_html", "dataset_html"]

MAX_ITEMS, MAX_COLUMNS, MAX_CHARACTERS, MAX_FINDINGS = 5, 6, 40, 5


def catalog_html(catalog: "Catalog") -> str:
    """Return the first items with their first attributes."""
    from pennyweight.html.notebook import NotebookCell, notebook_table

    columns = catalog.attributes.columns[:MAX_COLUMNS]
    head = (
        catalog.attributes.select(columns).head(MAX_ITEMS).rows() if columns else [()] * MAX_ITEMS
    )
    rows = [
        (_cut(catalog.ids[code]), [NotebookCell(_cut(value)) for value in values])
        for code, values in enumerate(head[: len(catalog)])
    ]
    text = f"; text: {' + '.join(catalog.text_columns)}" if catalog.text_columns else ""
    hidden = catalog.attributes.columns[MAX_COLUMNS:]
    more = f"; more columns: {', '.join(hidden)}" if hidden else ""
    return notebook_table(
        f"Catalog of {count(len(catalog), 'item')}{text}{more}", rows, ("id", *columns)
    )


def dataset_html(dataset: "Dataset") -> str:
    """Return the sizes, the time span, the columns and the first findings of cleaning."""
    from pennyweight.html.notebook import NotebookCell, notebook_table

    log, findings = dataset.interactions, dataset.log.entries
    rows = [
        ("items", f"{len(dataset.catalog):,}"),
        ("users", f"{len(log.users):,}"),
        ("events", f"{len(log):,}"),
        ("time", " to ".join(log.dates)),
        ("event types", ", ".join(name for name, _, _ in dataset.log.event_types)),
        ("columns", ", ".join(f"{r} = {name}" for r, name in dataset.columns.roles.items())),
        *(
            (f"{entry.table}, cleaning", f"{entry.count:,} {entry.action}: {entry.reason}")
            for entry in findings[:MAX_FINDINGS]
        ),
    ]
    if len(findings) > MAX_FINDINGS:
        rows.append(("log", count(len(findings) - MAX_FINDINGS, "more finding")))
    return notebook_table("Dataset", [(name, [NotebookCell(text)]) for name, text in rows if text])


def _cut(value: object) -> str:
    if value is None:
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"
