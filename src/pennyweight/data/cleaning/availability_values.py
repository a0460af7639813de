"""The values of columns that say which items may be recommended, as true and false."""

import re
import time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.availability_dates import seconds_of
from pennyweight.data.cleaning.availability_names import (
    counts_pieces,
    key_of,
    known_key,
    may_be_dated,
    means_unavailable,
)
from pennyweight.data.cleaning.availability_words import (
    AMOUNTS,
    NO,
    REMOVED_AT,
    WORDED,
    YES,
)
from pennyweight.data.cleaning.delivery_times import is_delivery_time
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.plain_text import plain

__all__ = [
    "distinct_values",
    "future_ends",
    "is_available",
    "is_flag",
    "is_moment",
    "read_field",
    "read_value",
    "unreadable",
    "words_in",
]

_SCHEMA = re.compile(r"^(https?://(www\.)?schema\.org/|schema:)", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_QUANTITY = re.compile(
    r"(?:only |just |noch )?([<>≥~]?)\s*(-?\d{1,3}(?:[, ]\d{3})+|-?\d+)(?:\.0+|,0{1,2})?\s*\+?\s*"
    r"(?:x|pcs?|pieces?|units?|items?|left|stk|stück|st|ea|pce|pièces?|piezas?|шт|个|件|available|"
    r"on hand|in stock|left in stock|remaining|pieces? left|units? left)?\.?"
)
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2}.*)?|\d{1,2}[./-]\d{1,2}[./-]\d{4}.*|\d{9,13}")
_LETTERS = {"j", "s", "o"}  # yes in German, Spanish and French, and something else in a status
_STATES = re.compile("stat|estado|visib|qty|quant|zustand")
_MAGENTO = {"productonline": {"1": True, "2": False}}  # their own numbers
_ZERO_ONE = {"0", "1", "0.0", "1.0"}


def is_moment(column: pl.Series) -> bool:
    """Say whether a column holds dates, as ``published`` may."""
    if column.dtype.is_temporal() or column.dtype.is_nested():
        return column.dtype.is_temporal()
    text = column.drop_nulls().cast(pl.String, strict=False)
    return bool(len(text)) and bool(text.str.contains(r"^\d{4}-\d\d|^\d{9,}$").all())


def read_value(value: object, pieces: bool = True) -> bool | None:
    """Return a value as true or false; None where it is neither.

    Without `pieces`, 1 and 0 are the only numbers: a status of 2 says nothing.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value > 0 if pieces or value in (0, 1) else None
    words = words_in(value)
    if words in YES or words in NO:
        return words in YES
    number = _QUANTITY.fullmatch(" ".join(str(value).casefold().split()))
    if number is None:
        return True if is_delivery_time(words) else None
    if not (pieces or words in _ZERO_ONE):
        return None
    amount = int(re.sub(r"[, ]", "", number[2]))
    return amount > 1 if number[1] == "<" else amount > 0 or number[1] == ">"


def words_in(value: object) -> str:
    """Return a value as words to compare, in small letters without accents."""
    text = _CAMEL.sub(" ", _SCHEMA.sub("", str(value).strip())).replace("\ufe0f", "")
    return " ".join(re.sub(r"[_\-\s]+", " ", plain(text)).split()).strip(" .!")


def _read_of(name: str, value: object, pieces: bool = True) -> bool | None:
    """Return a value as true or false; some columns have their own numbers and signs."""
    meanings = _MAGENTO.get(key_of(name))
    if meanings is not None:
        return meanings.get(str(value).strip())
    if means_unavailable(name) and str(value).strip() in ("x", "X"):
        return True  # as SAP marks a box
    return read_value(value, pieces)


def read_field(name: str, value: object) -> bool | None:
    """Return a value of a field as true or false; None where it is neither."""
    return _read_of(name, value, counts_pieces(name))


def _read_moment(value: object) -> bool | None:
    """Return true for a time, false for none such as 0000-00-00; None for other values."""
    text = str(value).strip()
    if re.match(r"0000-|0+$", text):  # a missing time in databases
        return False
    if re.fullmatch(r"\d{1,2}(:\d\d)*\s*([ap]\.?m\.?)?", text) and text != "1":
        return None  # the hour at which a shop closes
    if re.search(r"\d", text) and text != "1":
        return True
    return read_value(value, pieces=False)


def distinct_values(column: pl.Series) -> list[object]:
    """Return the different values of a column without those that stand for a missing one."""
    if column.dtype.is_nested() or column.dtype.is_temporal():
        return [str(value) for value in column.drop_nulls().unique(maintain_order=True).to_list()]
    if column.dtype.is_float():
        column = column.fill_nan(None)
    values: list[object] = column.drop_nulls().unique(maintain_order=True).to_list()
    if column.dtype != pl.String:
        return values
    present = set(blanked(pl.Series(values, dtype=pl.String)).to_list())
    return [v for v in values if v in present or str(v).strip() in AMOUNTS]


def is_flag(column: pl.Series) -> bool:
    """Say whether a column holds no other numbers than 0 and 1."""
    return all(
        isinstance(value, bool) or str(value).strip() in _ZERO_ONE
        for value in distinct_values(column)
    )


def unreadable(column: pl.Series) -> list[str]:
    """Return the values that are neither yes nor no."""
    name, values = column.name, distinct_values(column)
    key = known_key(name)
    if REMOVED_AT.fullmatch(key):
        return [str(value) for value in values if _read_moment(value) is None]
    if column.dtype.is_nested():
        return [str(value) for value in values]
    if may_be_dated(name):
        values = [value for value in values if not _DATE.fullmatch(str(value).strip())]
    pieces, state = counts_pieces(name), _STATES.search(key) is not None
    counts = key in WORDED and not is_flag(column)
    return [
        str(value)
        for value in values
        if _read_of(name, value, pieces) is None
        or (state and words_in(value) in _LETTERS)
        or (counts and not isinstance(value, bool) and str(value).strip()[:1].isdigit())
    ]


def is_available(attributes: pl.DataFrame, name: str) -> NDArray[np.bool_]:
    """Return which items a column calls available, bool (n_items,); a missing value does."""
    column = attributes[name]
    if REMOVED_AT.fullmatch(key_of(name)):
        closed = [value for value in distinct_values(column) if _read_moment(value)]
        if column.dtype.is_temporal():
            return column.is_null().to_numpy()
    elif may_be_dated(name) and (ends := _ends(column)) is not None:
        plain_words = column if column.dtype == pl.String else pl.Series([], dtype=pl.String)
        closed = [v for v in distinct_values(plain_words) if _read_of(name, v) is True]
        closed = [value for value in closed if not _DATE.fullmatch(str(value).strip())]
        worded = _among(column, closed) if closed else np.zeros(len(column), bool)
        return ~((ends <= time.time()) | worded)
    elif is_moment(column):  # chosen: an item without a date is not published
        return column.is_not_null().to_numpy()
    elif column.dtype.is_nested():
        return np.ones(len(column), bool)
    else:
        closed = [
            value
            for value in distinct_values(column)
            if _read_of(name, value) is means_unavailable(name)
        ]
    return ~_among(column, closed)


def future_ends(column: pl.Series, now: float) -> NDArray[np.bool_]:
    """Return the items that a column such as ``discontinued`` ends only later, bool (n_items,)."""
    ends = _ends(column) if may_be_dated(column.name) else None
    return np.zeros(len(column), bool) if ends is None else ends > now


def _ends(column: pl.Series) -> NDArray[np.float64] | None:
    """Return the dates in a column in epoch seconds, NaN where it has none; None without dates."""
    if column.dtype == pl.String:
        texts = column.str.strip_chars()
        dated = texts.str.contains(rf"^({_DATE.pattern})$").fill_null(False)
        if not dated.any():
            return None
        column = texts.set(~dated, None)
    elif not column.dtype.is_temporal():
        return None
    return seconds_of(column)


def _among(column: pl.Series, values: list[object]) -> NDArray[np.bool_]:
    mask: pl.Series = column.is_in(pl.Series(values, dtype=column.dtype).implode())
    return mask.fill_null(False).to_numpy()
