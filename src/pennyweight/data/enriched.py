"""Files of phrases about items: written once, edited by people, joined to the items' texts."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pennyweight.data.catalog import Catalog
from pennyweight.data.phrases import FIELDS, Field, check_phrases
from pennyweight.errors import DataError
from pennyweight.storage.files import write_atomic

__all__ = ["EnrichedItem", "joined", "read_enriched", "write_enriched"]

ID, SOURCE, SEPARATOR = "item_id", "source", ";"


@dataclass(frozen=True)
class EnrichedItem:
    """The phrases of an item.

    Attributes
    ----------
    fields
        Field -> phrases.
    source
        Digest of the text they were written from; empty where a person added the item.
    """

    fields: Mapping[Field, Sequence[str]]
    source: str = ""


def read_enriched(path: Path) -> dict[str, EnrichedItem]:
    """Read a file of phrases, by item id.

    Parameters
    ----------
    path
        CSV (phrases separated by ``;``) by its ending, otherwise JSON lines.

    Raises
    ------
    DataError
        The file cannot be read, or a line has other fields, no id, a repeated id, or a phrase
        that is not short and plain; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 ({error})") from error
    items: dict[str, EnrichedItem] = {}
    rows = _csv_rows(text) if path.suffix.lower() == ".csv" else _json_rows(text)
    try:
        for number, row in rows:
            item_id, item = _item(row, f"{path}, line {number}")
            if item_id in items:
                raise DataError(f"{path}, line {number}: item {item_id!r} is there already")
            items[item_id] = item
    except (ValueError, csv.Error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: {error}") from error
    return items


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"line {reader.line_num}: more or fewer cells than the header")
        lists = {name: _cells(cell) if name in FIELDS else cell for name, cell in row.items()}
        yield reader.line_num, lists


def _cells(cell: str) -> list[str]:
    return [phrase.strip() for phrase in cell.split(SEPARATOR) if phrase.strip()]


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {number}: not JSON ({error})") from None
        if not isinstance(row, dict):
            raise ValueError(f"line {number}: no JSON object")
        yield number, row


def _item(row: Mapping[str, Any], place: str) -> tuple[str, EnrichedItem]:
    item_id, source = row.get(ID), row.get(SOURCE, "")
    if not isinstance(item_id, str) or not item_id or not isinstance(source, str):
        raise DataError(f"{place}: {ID} must be a text that is not empty, and {SOURCE} a text")
    checked = check_phrases({n: v for n, v in row.items() if n not in (ID, SOURCE)})
    if checked.dropped:
        faults = ", ".join(checked.dropped)
        raise DataError(f"{place}: {faults}; fields are {', '.join(FIELDS)}, with short phrases")
    return item_id, EnrichedItem(checked.fields, source)


def write_enriched(path: Path, items: Mapping[str, EnrichedItem]) -> None:
    """Write a file that `read_enriched` reads, whole or not at all."""
    if path.suffix.lower() == ".csv":
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([ID, *FIELDS, SOURCE])
        for item_id, item in items.items():
            cells = [f"{SEPARATOR} ".join(item.fields.get(name, ())) for name in FIELDS]
            writer.writerow([item_id, *cells, item.source])
        write_atomic(path, buffer.getvalue().encode())
        return
    lines = []
    for item_id, item in items.items():
        row: dict[str, object] = {ID: item_id}
        row |= {name: list(item.fields.get(name, ())) for name in FIELDS}
        lines.append(json.dumps(row | {SOURCE: item.source}, ensure_ascii=False) + "\n")
    write_atomic(path, "".join(lines).encode())


def joined(catalog: Catalog, path: Path, fields: Sequence[Field] = FIELDS) -> Catalog:
    """Return a catalog whose texts end with the phrases of a file.

    Raises
    ------
    DataError
        The file cannot be used, or has none of the items.
    """
    items = read_enriched(path)
    if items and not any(item_id in items for item_id in catalog.ids):
        raise DataError(f"{path}: has none of the {len(catalog):,} items; it is of another catalog")
    texts = []
    for item_id, text in zip(catalog.ids, catalog.texts, strict=True):
        item = items.get(item_id)
        phrases = [p for name in fields for p in item.fields.get(name, ())] if item else []
        texts.append(" ".join([text, ", ".join(phrases)]).strip() if phrases else text)
    return replace(catalog, texts=tuple(texts))
