"""Live items as a bundle encodes them, in memory and in a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version as version_of
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.recommender.item_growth import EncodedTexts
from pennyweight.scorers.item_vectors import Terms, TextVectors, picked, stacked
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = ["EncodedItems", "from_file", "latest", "to_file", "unchanged", "with_known_rows"]

FORMAT = 1


@dataclass(frozen=True)
class EncodedItems:
    """Items as a bundle encodes them.

    Attributes
    ----------
    items
        Cleaned, with the columns of the bundle.
    seq
        Their seq in the store, int64 (n,).
    texts
        The rows that the scorers made of the texts that were new.
    """

    items: Catalog
    seq: NDArray[np.int64]
    texts: EncodedTexts

    def __len__(self) -> int:
        return len(self.seq)

    @property
    def encoded_ids(self) -> Iterator[str]:
        """Ids of the items whose texts were encoded."""
        ids = list(self.items.ids)
        return (ids[at] for at in self.texts.at.tolist())

    @classmethod
    def none(cls, like: Catalog) -> "EncodedItems":
        """Return no items, of a catalog."""
        items = replace(like, ids=Ids((), "items"), texts=(), attributes=like.attributes.head(0))
        return cls(items, np.empty(0, np.int64), EncodedTexts(np.empty(0, np.int64), {}))

    def take(self, keep: NDArray[np.bool_]) -> "EncodedItems":
        """Return some of the items."""
        if keep.all():
            return self
        at = np.flatnonzero(keep)
        ids, texts = ([part[i] for i in at.tolist()] for part in (self.items.ids, self.items.texts))
        rows = self.items.attributes[at] if self.items.attributes.width else pl.DataFrame()
        items = replace(self.items, ids=Ids(ids, "items"), texts=texts, attributes=rows)
        held = np.flatnonzero(keep[self.texts.at])
        place = np.searchsorted(at, self.texts.at[held]).astype(np.int64)
        return EncodedItems(items, self.seq[at], EncodedTexts(place, self.texts.take(held)))

    @classmethod
    def joined(cls, parts: Sequence["EncodedItems"]) -> "EncodedItems":
        """Join parts; no item may be in two of them."""
        if len(parts) == 1:
            return parts[0]
        items = replace(
            parts[0].items,
            ids=Ids((item for part in parts for item in part.items.ids), "items"),
            texts=[text for part in parts for text in part.items.texts],
            attributes=_below(part.items.attributes for part in parts),
        )
        starts = np.cumsum([0, *(len(part) for part in parts[:-1])]).tolist()
        at = [part.texts.at + start for part, start in zip(parts, starts, strict=True)]
        full = [part.texts.rows for part in parts if len(part.texts.at)]
        read = {name: stacked([rows[name] for rows in full]) for name in (full[0] if full else {})}
        seq = np.concatenate([part.seq for part in parts])
        return cls(items, seq, EncodedTexts(np.concatenate(at), read))


def _below(tables: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Stack tables; the integer types of a column may differ between them."""
    nonempty = [table for table in tables if table.width]
    if not nonempty:
        return pl.DataFrame()
    same_schema = all(table.schema == nonempty[0].schema for table in nonempty)
    return pl.concat(nonempty, how="vertical" if same_schema else "vertical_relaxed").rechunk()


def latest(parts: Sequence[EncodedItems]) -> EncodedItems:
    """Join parts, with the last version of each item alone.

    A version may be in two parts: a bundle being loaded encodes items that the ingestion thread
    encodes too.
    """
    last: dict[str, tuple[int, int]] = {}
    for number, part in enumerate(parts):
        for item, seq in zip(part.items.ids, part.seq.tolist(), strict=True):
            last[item] = max(last.get(item, (seq, number)), (seq, number))
    newest = [
        part.take(np.array([last[item][1] == number for item in part.items.ids], bool))
        for number, part in enumerate(parts)
    ]
    return with_known_rows(EncodedItems.joined(newest), parts)


def unchanged(encoded: EncodedItems, last: Mapping[str, int]) -> EncodedItems:
    """Return the items that have not changed since they were encoded."""
    own = zip(encoded.items.ids, encoded.seq.tolist(), strict=True)
    return encoded.take(np.array([last.get(item) == seq for item, seq in own], bool))


def with_known_rows(encoded: EncodedItems, parts: Sequence[EncodedItems]) -> EncodedItems:
    """Fill in missing rows from earlier versions of the items with the same text."""
    texts = encoded.items.texts
    missing = np.setdiff1d(np.arange(len(encoded)), encoded.texts.at)
    if not len(missing):
        return encoded
    place = {
        part.items.texts[at]: (number, row)
        for number, part in enumerate(parts)
        for row, at in enumerate(part.texts.at.tolist())
    }
    pieces = [(encoded.texts.at, encoded.texts.rows)] if len(encoded.texts.at) else []
    matches = [(place[texts[at]], at) for at in missing.tolist() if texts[at] in place]
    for number, part in enumerate(parts):
        rows = [row for (of, row), _ in matches if of == number]
        if rows:
            at = np.array([at for (of, _), at in matches if of == number], np.int64)
            pieces.append((at, part.texts.take(np.array(rows, np.int64))))
    return EncodedItems(encoded.items, encoded.seq, _ordered(pieces)) if pieces else encoded


def _ordered(pieces: Sequence[tuple[NDArray[np.int64], TextVectors]]) -> EncodedTexts:
    """Join rows of texts, in the order of the texts."""
    at = np.concatenate([places for places, _ in pieces])
    order = np.argsort(at, kind="stable")
    names = pieces[0][1]
    rows = {name: picked(stacked([part[name] for _, part in pieces]), order) for name in names}
    return EncodedTexts(at[order], rows)


def to_file(path: Path, encoded: EncodedItems) -> None:
    """Write items to a file, whole or not at all."""
    names = pl.DataFrame({"id": list(encoded.items.ids), "text": list(encoded.items.texts)})
    arrays: dict[str, NDArray[Any]] = {
        "seq": encoded.seq,
        "at": encoded.texts.at,
        "names": _table_bytes(names),
        "attributes": _table_bytes(encoded.items.attributes),
    }
    widths: dict[str, int] = {}
    for name, rows in encoded.texts.rows.items():
        if isinstance(rows, Terms):
            arrays |= {f"{name}.{key}": value for key, value in rows.arrays().items()}
            widths[name] = int(rows.matrix.shape[1])
        else:
            arrays |= rows.arrays(name)
    made_by = {"format": FORMAT, "pennyweight": version_of("pennyweight")}
    write_arrays(path, arrays, made_by | {"widths": widths, "parts": list(encoded.texts.rows)})


def from_file(path: Path, like: Catalog) -> EncodedItems:
    """Read what `to_file` wrote.

    Raises
    ------
    BundleError, ValueError, KeyError, polars.exceptions.PolarsError
        It is damaged, of another version, or of items with other columns than those `like` it.
    """
    arrays, settings = read_arrays(path)
    if (settings.get("format"), settings.get("pennyweight")) != (FORMAT, version_of("pennyweight")):
        raise ValueError("made by another version of pennyweight")
    names, attributes = (_table(arrays[name]) for name in ("names", "attributes"))
    if list(attributes.columns) != list(like.attributes.columns):
        raise ValueError("its columns are not those of the bundle")
    ids = Ids(names["id"].to_list(), "items")
    items = replace(like, ids=ids, texts=names["text"].to_list(), attributes=attributes)
    rows: TextVectors = {
        name: _part(arrays, name, settings["widths"].get(name)) for name in settings["parts"]
    }
    return EncodedItems(items, arrays["seq"], EncodedTexts(arrays["at"], rows))


def _part(
    arrays: Mapping[str, NDArray[Any]], name: str, width: int | None
) -> QuantizedRows | Terms:
    if width is None:
        return QuantizedRows.from_arrays(arrays, name)
    data, indices, indptr = (arrays[f"{name}.{key}"] for key in ("data", "indices", "indptr"))
    shape = (len(indptr) - 1, width)
    return Terms(sparse.csr_matrix((data, indices, indptr), shape=shape))


def _table_bytes(table: pl.DataFrame) -> NDArray[np.uint8]:
    out = BytesIO()
    if table.width:
        table.rechunk().write_ipc(out, compression="uncompressed")
    return np.frombuffer(out.getvalue(), np.uint8)


def _table(data: NDArray[np.uint8]) -> pl.DataFrame:
    return pl.read_ipc(BytesIO(data.tobytes())) if len(data) else pl.DataFrame()
