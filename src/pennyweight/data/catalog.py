"""The catalog: the items that can be recommended."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.append_only import AppendOnlySequence
from pennyweight.data.cleaning.availability import available_items
from pennyweight.data.display import catalog_html
from pennyweight.data.ids import Ids
from pennyweight.data.titles import is_title
from pennyweight.errors import DataError
from pennyweight.formatting import count

__all__ = ["Catalog", "is_iso_date"]

ISO_DATE = r"^\d{4}-\d\d"
CHUNKS = 64  # of a table; more would make each look at a column slow


def is_iso_date(value: object) -> bool:
    """Say whether a value is text that begins as an ISO date does."""
    return isinstance(value, str) and re.match(ISO_DATE, value) is not None


@dataclass(frozen=True)
class Catalog:
    """Items with their text and attributes; immutable.

    Attributes
    ----------
    ids
        Item ids; the position of an id is its code.
    texts
        One cleaned text an item, all text columns joined; may be empty.
    attributes
        One row an item in code order: every column of the source but the id,
        for filters, display and reports.
    text_columns
        The columns of which the texts were made, in order, where that is known.
    availability
        The columns that say which items are available.
    """

    ids: Ids
    texts: Sequence[str]
    attributes: pl.DataFrame = field(default_factory=pl.DataFrame)
    text_columns: tuple[str, ...] = ()
    availability: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = self.attributes.height if self.attributes.width else len(self.ids)
        if not len(self.ids) == len(self.texts) == rows:
            raise DataError(
                f"catalog: {len(self.ids)} ids, {len(self.texts)} texts and {rows} attribute "
                "rows; there must be one of each an item"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        text = f"text: {' + '.join(self.text_columns)}; " if self.text_columns else ""
        columns = ", ".join(self.attributes.columns) or "none"
        return f"Catalog({count(len(self), 'item')}; {text}columns: {columns})"

    def _repr_html_(self) -> str:
        return catalog_html(self)

    @cached_property
    def available(self) -> NDArray[np.bool_]:
        """Which items may be recommended, bool (n_items,); not to be written to."""
        if not self.attributes.width:
            return np.ones(len(self), bool)
        mask = available_items(self.attributes, self.availability)
        mask.flags.writeable = False
        return mask

    @cached_property
    def dated(self) -> frozenset[str]:
        """Columns of text that hold ISO dates and nothing else, and so may be compared as such."""
        texts = self.attributes.select(pl.col(pl.String)).iter_columns()
        return frozenset(
            column.name
            for column in texts
            if column.name not in self.text_columns
            and all(map(is_iso_date, column.drop_nulls().head(20)))  # most columns end here
            and column.null_count() < len(column)
            and column.drop_nulls().str.contains(ISO_DATE).all()
        )

    def with_items(self, items: "Catalog") -> tuple["Catalog", NDArray[np.int32]]:
        """Return a catalog in which other items are added, or replaced where the id exists.

        Codes of items that were there do not change.

        Parameters
        ----------
        items
            With the same columns (see `documents`).

        Returns
        -------
        tuple of (Catalog, ndarray)
            The catalog, and the codes there of `items`, int32 (len(items),).
        """
        ids = self.ids.extended(items.ids)
        codes = ids.codes(items.ids)
        new = codes >= len(self)
        changed = self._changed_items(items, codes) if not new.all() else np.zeros(len(new), bool)
        texts = (
            self.texts
            if isinstance(self.texts, AppendOnlySequence)
            else AppendOnlySequence(self.texts)
        )
        texts = texts.extended([items.texts[at] for at in np.flatnonzero(new).tolist()])
        if changed.any():
            pairs = zip(np.flatnonzero(changed).tolist(), codes[changed].tolist(), strict=True)
            texts = texts.replaced({code: items.texts[at] for at, code in pairs})
        attributes = self._rows_with(items, codes, new, changed)
        grown = replace(self, ids=ids, texts=texts, attributes=attributes)
        grown.__dict__["dated"] = self.dated  # `documents` makes no other items
        return grown, codes

    def _changed_items(self, items: "Catalog", codes: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which items are in this catalog with another text or other attributes.

        An item that comes again with the same fields, as when it is sold out, is unchanged.
        """
        changed = codes < len(self)
        at = np.flatnonzero(changed)
        if not self.attributes.width or self.attributes.schema == items.attributes.schema:
            same = np.array([items.texts[i] == self.texts[codes[i]] for i in at.tolist()], bool)
            if self.attributes.width:
                current, update = self.attributes[codes[at]], items.attributes[at]
                equal = (current[name].eq_missing(update[name]) for name in current.columns)
                same &= np.logical_and.reduce([column.to_numpy() for column in equal])
            changed[at] = ~same
        return changed

    def _rows_with(
        self,
        items: "Catalog",
        codes: NDArray[np.int32],
        new: NDArray[np.bool_],
        changed: NDArray[np.bool_],
    ) -> pl.DataFrame:
        """Return the attributes with the new rows at the end and the changed ones in place."""
        rows = self.attributes
        if not rows.width:
            return rows
        if new.any():
            rows = _stacked(rows, items.attributes[np.flatnonzero(new)])
        if changed.any():
            place = np.arange(rows.height)
            place[codes[changed]] = rows.height + np.arange(changed.sum())
            rows = _stacked(rows, items.attributes[np.flatnonzero(changed)])[place]
        return rows.rechunk() if rows.n_chunks() > CHUNKS else rows

    def title(self, code: int) -> str:
        """Return the name to show for an item: its title or name column, else its text."""
        for column in self._title_columns():
            value = self.attributes[column][code]
            if value:
                return str(value)
        return self.texts[code][:120] or self.ids[code]

    def with_title(self, title: str) -> NDArray[np.int64]:
        """Return the positions of the items with a title, whatever its capitals."""
        title = title.strip()
        found = [np.empty(0, np.int64)]
        for column in self._title_columns():
            titles = self.attributes[column].cast(pl.String)
            # Most differ in length, which is known at once.
            at = np.flatnonzero((titles.str.len_bytes() == len(title.encode())).fill_null(False))
            found.append(at[(titles[at].str.to_lowercase() == title.lower()).to_numpy()])
        return np.unique(np.concatenate(found))

    def title_has(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Return which items have each of some words in their title, whatever its capitals.

        A word may be part of a longer one. Items without a title have the beginning of their text.
        """
        columns = [self.attributes[name].cast(pl.String) for name in self._title_columns()]
        if columns:
            titles = columns[0]
            for other in columns[1:]:
                titles = titles.zip_with(titles.is_not_null(), other)
        else:
            titles = pl.Series("title", [text[:120] for text in self.texts], pl.String)
        at = np.arange(len(self))
        for word in words:  # each looks only at what the others have left
            has = titles.str.contains(f"(?i){pl.escape_regex(word)}").fill_null(False).to_numpy()
            titles, at = titles.filter(has), at[has]
        has_all = np.zeros(len(self), bool)
        has_all[at] = True
        return has_all

    def _title_columns(self) -> list[str]:
        named = [column for column in self.text_columns[:1] if is_title(column)]
        columns = dict.fromkeys(("title", "name", *named))
        return [column for column in columns if column in self.attributes.columns]


def _stacked(rows: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Return a table with more rows below; integers may become floats."""
    same = rows.schema == more.schema
    return pl.concat([rows, more], how="vertical" if same else "vertical_relaxed")
