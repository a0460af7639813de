"""Uploaded items: cleaned as `fit` cleans them, compared with the catalog, and checked."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning_log import Findings, row_counts
from pennyweight.data.columns import resolve
from pennyweight.data.documents import document_of
from pennyweight.data.items import build_catalog
from pennyweight.data.tables import read_table
from pennyweight.errors import DataError
from pennyweight.formatting import count
from pennyweight.serving.http.requests import NewItem
from pennyweight.serving.imports.report import DroppedRows, ImportReport
from pennyweight.serving.imports.settings import ROWS, UPLOAD, ImportSettings
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import StoredItem

__all__ = ["read_items"]

PIECE = 256  # items that are checked at once
UNCHANGED = "as in the catalog already"

Row = tuple[str, dict[str, Any]]


def read_items(
    work: Path, settings: ImportSettings, bundle: ServedBundle, live: Mapping[str, StoredItem]
) -> ImportReport:
    """Read an uploaded file of items, and write those that change the catalog.

    Parameters
    ----------
    live
        Items of the store, by id.

    Raises
    ------
    DataError
        It cannot be read, or has no id.
    """
    catalog, findings = _cleaned(work / UPLOAD, settings, bundle)
    counts = row_counts(findings.entries, "items", len(catalog))
    dropped = DroppedRows()
    for entry in findings.entries:
        if entry.action in ("dropped", "merged"):
            dropped.add(entry.reason, "; ".join(entry.examples), entry.count)
    known = bundle.catalog.attributes.columns or ["text"]
    names = catalog.attributes.columns or ["text"]
    notes = [f"columns: {', '.join(name for name in names if name in known) or 'none'}"]
    if others := [name for name in names if name not in known]:
        notes.append(f"not imported, as the catalog has no such column: {', '.join(others)}")
    changed: list[Row] = []
    new = 0
    for code, item in enumerate(catalog.ids):
        document = {k: v for k, v in document_of(catalog, code).items() if k in known}
        before = _current(bundle, live.get(item), item)
        if before == document:
            dropped.add(UNCHANGED, item)
            continue
        new += before is None
        changed.append((item, document))
    kept = 0
    with (work / ROWS).open("w", encoding="utf-8") as out:
        for item, document in _accepted(bundle, changed, dropped):
            published = None
            if item in bundle.catalog.ids:
                published = bundle.published_at(item)
            elif item in live:
                published = live[item].published
            body = {"item_id": item, "attributes": document, "published": published}
            out.write(json.dumps(body) + "\n")
            kept += 1
    notes.append(f"{count(new, 'item')} new to the catalog, {len(changed) - new:,} changed")
    others_found = [str(e) for e in findings.entries if e.action not in ("dropped", "merged")]
    read = counts["read"] + counts["added"]
    return ImportReport(read, kept, tuple(dropped.losses()), tuple(notes), tuple(others_found))


def _cleaned(
    path: Path, settings: ImportSettings, bundle: ServedBundle
) -> tuple[Catalog, Findings]:
    link = path.with_name(f"{path.name}{_suffix(path)}")
    link.symlink_to(path.name)
    try:
        frame, unread = read_table(link, table="items")
    except DataError as error:
        raise DataError(str(error).replace(str(link), settings.name)) from None
    findings = Findings()
    findings.entries += unread
    plan = bundle.recommender.plan
    roles = resolve(frame.columns, "items", dict(settings.columns), source=settings.name)
    catalog = build_catalog(
        frame,
        roles["id"],
        text_columns=[c for c in bundle.catalog.text_columns if c in frame.columns] or None,
        findings=findings,
        source=settings.name,
        missing=None if plan is None else plan.data.missing_ids,
    )
    return catalog, findings


def _suffix(path: Path) -> str:
    """Return the suffix of a file by its first bytes."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PAR1"):
        return ".parquet"
    return ".jsonl" if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") else ".csv"


def _current(bundle: ServedBundle, put: StoredItem | None, item: str) -> dict[str, Any] | None:
    """Return the document of an item as it is now; None where there is none."""
    if put is not None and bundle.counts(put):
        if put.removed:
            return None
        document = bundle.completed(put).document
        if document is not None:
            return dict(document)
    if item not in bundle.catalog.ids:
        return None
    return document_of(bundle.catalog, bundle.catalog.ids.code(item))


def _accepted(bundle: ServedBundle, rows: Sequence[Row], dropped: DroppedRows) -> Iterator[Row]:
    """Yield the items that the service takes; a piece that it refuses is halved."""
    for start in range(0, len(rows), PIECE):
        yield from _halved(bundle, rows[start : start + PIECE], dropped)


def _halved(bundle: ServedBundle, rows: Sequence[Row], dropped: DroppedRows) -> Iterator[Row]:
    try:
        for item, document in rows:
            NewItem(item_id=item, attributes=document)
            bundle.check_id(item, "item")
        bundle.check(dict(rows))
    except (DataError, ValidationError) as error:
        if len(rows) > 1:
            half = len(rows) // 2
            yield from _halved(bundle, rows[:half], dropped)
            yield from _halved(bundle, rows[half:], dropped)
            return
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        dropped.add(reason, rows[0][0])
        return
    yield from rows
