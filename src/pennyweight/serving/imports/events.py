"""Uploaded events: rows become requests of `POST /v1/events`, and those it refuses are dropped."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import polars as pl
from pydantic import ValidationError

from pennyweight.config.plan import DataPlan
from pennyweight.data.dataset import read_planned
from pennyweight.errors import DataError, PennyweightError
from pennyweight.formatting import count
from pennyweight.ingestion.log_file import LogFile
from pennyweight.ingestion.mapping import EventMapping, RefusedRow
from pennyweight.records import event_body
from pennyweight.serving.http.requests import EventBody
from pennyweight.serving.http.routes.ingestion import events_of
from pennyweight.serving.imports.report import DroppedRows, ImportReport
from pennyweight.serving.imports.settings import ROWS, UPLOAD, ImportSettings
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Event
from pennyweight.validation.validate import event_findings

__all__ = ["read_events"]

PARQUET = b"PAR1"
NAMED = 5  # unknown items that are named


@dataclass
class _KeptRows:
    """The rows of a file so far: read, kept and dropped; columns, event types, unknown items."""

    bundle: ServedBundle
    items: set[str]
    read: int = 0
    kept: int = 0
    columns: str = ""
    dropped: DroppedRows = field(default_factory=DroppedRows)
    kinds: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def keep(self, event: Event) -> None:
        """Count a row that is kept."""
        self.kept += 1
        self.kinds[event.kind] += 1
        if event.item not in self.bundle.catalog.ids and event.item not in self.items:
            self.unknown[event.item] += 1

    def notes(self) -> list[str]:
        """Return sentences on the rows that are kept."""
        notes = [self.columns] if self.columns else []
        for kind, n in self.kinds.most_common():
            notes.append(f"{count(n, 'event')} of the type {kind}: {self.bundle.meaning(kind)}")
        if self.unknown:
            named = ", ".join(list(self.unknown)[:NAMED])
            notes.append(
                f"{count(self.unknown.total(), 'event')} on {count(len(self.unknown), 'item')} "
                f"outside the catalog, such as {named}: they are stored, and count when the item "
                "arrives"
            )
        return notes


def read_events(
    work: Path, settings: ImportSettings, bundle: ServedBundle, *, items: set[str], now: float
) -> ImportReport:
    """Read an uploaded file of events, and write the bodies of those that are kept.

    Parameters
    ----------
    items
        Live items, beside those of the bundle.
    now
        Epoch seconds.

    Raises
    ------
    DataError
        It cannot be read, or has no column of users or items.
    """
    path = _as_lines(work / UPLOAD, settings.name)
    template = EventMapping(
        settings.name, settings.columns, settings.time_format, settings.event_type
    )
    rows = _KeptRows(bundle, items)
    file = LogFile.opened(path, template)
    try:
        with (work / ROWS).open("w", encoding="utf-8") as out:
            _keep_rows(file, rows, out, now)
    finally:
        file.close()
    if not rows.read:
        raise DataError(f"{settings.name}: has no rows below its header; choose another file")
    findings = _findings(path, settings, bundle) if rows.kept else ()
    losses = tuple(rows.dropped.losses())
    return ImportReport(rows.read, rows.kept, losses, tuple(rows.notes()), findings)


def _keep_rows(file: LogFile, rows: _KeptRows, out: TextIO, now: float) -> None:
    """Write the bodies of all rows that the service would store."""
    while (row := file.take(final=True)) is not None:
        mapping = file.mapping
        assert mapping is not None  # there is a row
        if not rows.read and mapping.header is not None:
            mapping.roles(mapping.header)  # no bad row, but a header without user and item
        rows.read += 1
        try:
            body = event_body(mapping.event(row))
            (event,) = events_of(rows.bundle, [EventBody(**body)], now, lambda: "")
        except (RefusedRow, DataError, ValidationError) as error:
            text = row.data.decode("utf-8", "backslashreplace")
            rows.dropped.add(_reason(error), f"byte {row.start:,}: {text}")
            continue
        rows.columns = rows.columns or mapping.sentence(row)
        rows.keep(event)
        out.write(json.dumps(body) + "\n")


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def _as_lines(path: Path, name: str) -> Path:
    """Return a file of rows with a suffix that says its form; Parquet becomes JSON lines."""
    with path.open("rb") as file:
        head = file.read(4)
        while head[:1].isspace() or head[:3] == b"\xef\xbb\xbf":
            head = head.removeprefix(b"\xef\xbb\xbf").lstrip() or file.read(1) or b"?"
    if head.startswith(PARQUET):
        lines = path.with_suffix(".jsonl")
        try:
            frame = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{name}: cannot be read as Parquet: {error}") from None
        frame.with_columns(_plain(frame[column]) for column in frame.columns).write_ndjson(lines)
        return lines
    link = path.with_suffix(".jsonl" if head[:1] in (b"{", b"[") else ".csv")
    link.symlink_to(path.name)
    return link


def _plain(column: pl.Series) -> pl.Series:
    """Return times as epoch seconds; other values stay."""
    if column.dtype == pl.Date:
        column = column.cast(pl.Datetime("us"))
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.epoch("us") / 1e6
    return column.cast(pl.String) if column.dtype == pl.Categorical else column


def _findings(path: Path, settings: ImportSettings, bundle: ServedBundle) -> tuple[str, ...]:
    """Return what `pennyweight validate` finds in the events, with the served catalog."""
    plan = bundle.recommender.plan
    catalog = bundle.catalog
    frame = catalog.attributes.drop("item_id", strict=False).insert_column(
        0, pl.Series("item_id", catalog.ids[:], dtype=pl.String)
    )
    if not catalog.attributes.width:
        frame = frame.with_columns(pl.Series("text", catalog.texts, dtype=pl.String))
    columns: dict[str, Any] = dict(settings.columns) | {"id": "item_id", "available": None}
    data = None if plan is None else plan.data
    changes = {
        "columns": columns,
        "text_columns": catalog.text_columns or None,
        "time_format": settings.time_format,
        "row_order": None,
        "mask_personal": False,
        "max_dropped": 1.0,
        "strict": False,
        "k_core": 0,
        "enriched": None,
    }
    try:
        dataset = read_planned(frame, path, (data or DataPlan()).model_copy(update=changes))
    except PennyweightError as error:
        return (f"`pennyweight validate` stops: {error}",)
    return tuple(str(finding) for finding in event_findings(dataset))
