"""Which items may be recommended, read from columns such as ``available`` or ``is_hidden``.

Each value is true, false or missing. A missing value means that the item is available: the
column says nothing about it.
"""

import re
import shlex
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.availability_dates import note_dates, refuse_dates
from pennyweight.data.cleaning.availability_names import (
    counts_pieces,
    is_site,
    is_stock,
    is_vague,
    key_of,
    means_unavailable,
    tells_meaning,
)
from pennyweight.data.cleaning.availability_words import (
    AMOUNTS,
    CLEAR,
    CLEAR_NOT,
    NO,
    PIECES,
    PUBLISHED_AT,
    REMOVED_AT,
    STOCK,
    WORDED,
    YES,
    plain,
)
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import bare, column_list
from pennyweight.errors import DataError, did_you_mean

__all__ = [
    "availability_columns",
    "available_items",
    "is_available",
    "is_moment",
    "note_availability",
    "unreadable",
]


_SCHEMA = re.compile(r"^https?://schema\.org/", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_QUANTITY = re.compile(
    r"(?:only |just |noch )?([<>≥~]?)\s*(-?\d{1,3}(?:[, ]\d{3})+|-?\d+)(?:\.0+|,0{1,2})?\s*\+?\s*"
    r"(?:x|pcs?|pieces?|units?|items?|left|stk|stück|st|ea|pce|pièces?|piezas?|шт|个|件|available|"
    r"on hand|in stock|left in stock|remaining|pieces? left|units? left)?\.?"
)


# Names that are as often of a region, a condition or a pack: no note about them.
_OTHER_MEANINGS = {
    "state",
    "itemstate",
    "productstate",
    "estado",
    "stato",
    "statut",
    "qty",
    "quantity",
}
# Words that are also states of series, ventures and sales.
_SERIES = {
    "ended",
    "closed",
    "future",
    "pending",
    "sold",
    "reserved",
    "on hold",
    "paused",
    "empty",
    "false",
    "suspended",
    "rejected",
    "declined",
    "retired",
    "private",
}
_BARE = {"0", "1", "0.0", "1.0", "true", "false", "yes", "no", "y", "n", "t", "f", "on", "off"}
_LETTERS = {"j", "s", "o"}  # yes in German, Spanish and French, and something else in a status
_STATES = re.compile("stat|estado|visib|qty|quant|zustand")
_MAGENTO = {"productonline": {"1": True, "2": False}}  # their own numbers


def availability_columns(
    frame: pl.DataFrame, chosen: str | None, *, source: str, now: float
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return the columns that say which items may be recommended.

    Parameters
    ----------
    frame
        The attributes of the items.
    chosen
        One column by name, ``""`` for none, or None to recognise them by their names.
    source
        The file, for error messages.
    now
        Epoch seconds after which a date lies in the future.

    Returns
    -------
    tuple of (tuple of str, tuple of (str, tuple of str))
        The columns; and those with a vague name that have values of another meaning, with
        some of these values.

    Raises
    ------
    DataError
        When there is no column of the name given, or a value of a column that is clearly
        about availability cannot be read; names the values and the remedy.
    """
    if chosen == "":
        return (), ()
    if chosen is not None:
        return (_requested_column(frame, chosen, source, now),), ()
    keys = {name: key_of(name) for name in frame.columns}
    clear = [name for name in frame.columns if keys[name] in CLEAR | CLEAR_NOT]
    for name in clear:
        if unknown := unreadable(frame[name]):
            raise DataError(_refusal(source, name, unknown, frame[name]))
    vague, ignored = _vague_columns(frame, keys, clear, source)
    return (*clear, *vague), tuple(ignored)


def _vague_columns(
    frame: pl.DataFrame, keys: dict[str, str], clear: Sequence[str], source: str
) -> tuple[list[str], list[tuple[str, tuple[str, ...]]]]:
    """Return the readable columns with vague names, and the unreadable ones with some values."""
    vague: list[str] = []
    ignored: list[tuple[str, tuple[str, ...]]] = []
    for name in frame.columns:
        if not is_vague(name) or name in clear:
            continue
        unknown = unreadable(frame[name])
        if unknown:
            if _says_unavailable(frame[name], unknown):
                raise DataError(_refusal(source, name, unknown, frame[name]))
            is_expected = keys[name] in _OTHER_MEANINGS or is_moment(frame[name])
            if not is_expected and not _counts(frame[name]):
                ignored.append((name, tuple(unknown[:3])))
        elif not (_is_total(keys[name]) and any(is_stock(keys[c]) for c in clear)):
            vague.append(name)
    if not _has_stock((*clear, *vague)):
        sites = [n for n in frame.columns if is_site(n) and _holds_pieces(frame[n])]
        vague += sites if len(sites) > 1 else []
    return vague, ignored


def _has_stock(names: Iterable[str]) -> bool:
    """Say whether a column is about the whole stock, not that of one place."""
    keys = [key_of(name) for name in names if not is_site(name)]
    return any(is_stock(key) or _is_total(key) for key in keys)


def _is_total(key: str) -> bool:
    return PIECES.search(key) is not None or STOCK.fullmatch(key) is not None


def _holds_pieces(column: pl.Series) -> bool:
    """Say whether a column holds whole numbers, 0 among them."""
    if column.dtype.is_nested() or column.dtype.is_temporal() or column.dtype == pl.Boolean:
        return False
    texts = blanked(column.cast(pl.String, strict=False)).drop_nulls()
    is_whole = texts.str.contains(r"^\s*-?\d{1,7}([.,]0+)?\s*$")
    return bool(len(texts)) and bool(is_whole.all()) and bool(texts.str.contains(r"^\s*-?0").any())


def _says_unavailable(column: pl.Series, unknown: Sequence[str]) -> bool:
    """Say whether some words of a column mean a removed item or a draft, beside unknown words."""
    others = [v for v in _distinct(column) if isinstance(v, str) and v not in unknown]
    readable = (
        v for v in others if re.search(r"[^\W\d]{4}", v) and plain(v.strip()) not in _SERIES
    )
    return not means_unavailable(column.name) and any(_read(v) is False for v in readable)


def _requested_column(frame: pl.DataFrame, chosen: str, source: str, now: float) -> str:
    name = chosen if chosen in frame.columns else bare(chosen)
    if name not in frame.columns:
        raise DataError(
            f"{source}: columns are {column_list(frame.columns)}; there is no {chosen!r}, "
            f"asked for as available{did_you_mean(chosen, frame.columns)} Correct "
            "--available-column NAME, or columns={'available': NAME}"
        )
    refuse_dates(frame[name], now, source)
    if not is_moment(frame[name]) and (unknown := unreadable(frame[name])):
        raise DataError(_refusal(source, name, unknown, frame[name]))
    _ask_about_meaning(frame[name], source)
    return name


def _ask_about_meaning(column: pl.Series, source: str) -> None:
    """Raise `DataError` where most items have a bare no, and the name of the column is vague."""
    name = column.name
    if tells_meaning(name) or not all(_is_bare(value) for value in _distinct(column)):
        return
    closed = int((~is_available(column.to_frame(), name)).sum())
    if closed > len(column) / 2:
        raise DataError(
            f"{source}: column {name!r} says no of {closed:,} of {len(column):,} items, which "
            "would not be recommended. Does no mean that an item is available? If so, call "
            "the column 'unavailable', otherwise 'available', and name that with --available-column"
        )


def _is_bare(value: object) -> bool:
    """Say whether a value is a mere yes or no."""
    return isinstance(value, bool) or _words(value) in _BARE


def _refusal(source: str, name: str, unknown: Sequence[str], column: pl.Series) -> str:
    words = ", ".join(map(repr, unknown[:5])) + (" …" if len(unknown) > 5 else "")
    return (
        f"{source}: column {name!r} says which items are available, but {words} cannot be read as "
        f"yes or no ({len(unknown):,} of {column.n_unique():,} different values). Write true or "
        "false, yes or no, in stock or out of stock, or a number of pieces; or leave the column "
        "out with --available-column '', columns={'available': None}"
    )


def _counts(column: pl.Series) -> bool:
    """Say whether a column that could be true or false holds numbers: ``sold``, the pieces."""
    texts = column.drop_nulls().cast(pl.String, strict=False)
    return key_of(column.name) in WORDED and bool(texts.str.contains(r"^[\d.,]+$").all())


def is_moment(column: pl.Series) -> bool:
    """Say whether a column holds dates, as ``published`` may."""
    if column.dtype.is_temporal():
        return True
    text = column.drop_nulls().cast(pl.String, strict=False)
    return bool(len(text)) and bool(text.str.contains(r"^\d{4}-\d\d|^\d{9,}$").all())


def _read(value: object, pieces: bool = True) -> bool | None:
    """Return a value as true or false; None where it is neither.

    Without `pieces`, 1 and 0 are the only numbers: a status of 2 says nothing.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value > 0 if pieces or value in (0, 1) else None
    words = _words(value)
    if words in YES or words in NO:
        return words in YES
    number = _QUANTITY.fullmatch(" ".join(str(value).casefold().split()))
    if number is None or not (pieces or words in ("0", "1", "0.0", "1.0")):
        return None
    amount = int(re.sub(r"[, ]", "", number[2]))
    return amount > 1 if number[1] == "<" else amount > 0 or number[1] == ">"


def _words(value: object) -> str:
    """Return a value as words to compare, in small letters without accents."""
    text = _CAMEL.sub(" ", _SCHEMA.sub("", str(value).strip())).replace("\ufe0f", "")
    return " ".join(re.sub(r"[_\-\s]+", " ", plain(text)).split()).strip(" .!")


def _read_of(key: str, value: object, pieces: bool = True) -> bool | None:
    """Return a value as true or false; some columns have their own numbers."""
    meanings = _MAGENTO.get(key)
    return _read(value, pieces) if meanings is None else meanings.get(str(value).strip())


def _read_moment(value: object) -> bool | None:
    """Return true for a time, false for none such as 0000-00-00; None for other values."""
    text = str(value).strip()
    if re.match(r"0000-|0+$", text):  # a missing time in databases
        return False
    if re.search(r"\d", text) and text != "1":
        return True
    return _read(value, pieces=False)


def _distinct(column: pl.Series) -> list[object]:
    if column.dtype.is_nested() or column.dtype.is_temporal():
        return [str(value) for value in column.drop_nulls().unique(maintain_order=True).to_list()]
    if column.dtype.is_float():
        column = column.fill_nan(None)
    values: list[object] = column.drop_nulls().unique(maintain_order=True).to_list()
    if column.dtype != pl.String:
        return values
    present = set(blanked(pl.Series(values, dtype=pl.String)).to_list())
    return [v for v in values if v in present or str(v).strip() in AMOUNTS]


def unreadable(column: pl.Series) -> list[str]:
    """Return the values that are neither yes nor no."""
    key = key_of(column.name)
    if REMOVED_AT.fullmatch(key):
        return [str(value) for value in _distinct(column) if _read_moment(value) is None]
    pieces, state = counts_pieces(column.name), _STATES.search(key) is not None
    return [
        str(value)
        for value in _distinct(column)
        if _read_of(key, value, pieces) is None
        or (state and _words(value) in _LETTERS)
        or (key in WORDED and not isinstance(value, bool) and str(value).strip()[:1].isdigit())
    ]


def is_available(attributes: pl.DataFrame, name: str) -> NDArray[np.bool_]:
    """Return which items a column calls available, bool (n_items,); a missing value does."""
    column, key = attributes[name], key_of(name)
    if REMOVED_AT.fullmatch(key):
        closed = [value for value in _distinct(column) if _read_moment(value)]
        if column.dtype.is_temporal():
            return column.is_null().to_numpy()
    elif is_moment(column):  # chosen: an item without a date is not published
        return column.is_not_null().to_numpy()
    elif column.dtype.is_nested():
        return np.ones(len(column), bool)
    else:
        closed = [
            value for value in _distinct(column) if _read_of(key, value) is means_unavailable(name)
        ]
    mask: pl.Series = column.is_in(pl.Series(closed, dtype=column.dtype).implode())
    return ~mask.fill_null(False).to_numpy()


def available_items(attributes: pl.DataFrame, columns: Iterable[str]) -> NDArray[np.bool_]:
    """Return which items all these columns call available, bool (n_items,)."""
    mask = np.ones(attributes.height, bool)
    existing = [name for name in columns if name in attributes.columns]
    for name in existing:
        if not is_site(name):
            mask &= is_available(attributes, name)
    return mask & _anywhere(attributes, [name for name in existing if is_site(name)])


def _anywhere(attributes: pl.DataFrame, sites: Sequence[str]) -> NDArray[np.bool_]:
    """Return the items in stock at one of several places, or without a word from any."""
    empty = np.zeros(attributes.height, bool)
    full = np.zeros(attributes.height, bool)
    for name in sites:
        available = is_available(attributes, name)
        empty |= ~available
        full |= available & attributes[name].is_not_null().to_numpy()
    return full | ~empty


def note_availability(
    attributes: pl.DataFrame,
    columns: Sequence[str],
    ignored: Iterable[tuple[str, tuple[str, ...]]],
    findings: Findings,
    *,
    source: str,
    now: float | None,
) -> None:
    """Note how many items are not available, and the columns without a clear meaning.

    Raises
    ------
    DataError
        When no item at all is available: each list would be empty.
    """
    sites = [name for name in columns if is_site(name)]
    if len(sites) > 1:
        findings.add(
            "items",
            f"not available (columns {', '.join(sites)}: none of any), and so not recommended",
            int((~_anywhere(attributes, sites)).sum()),
            "noted",
        )
    for name in columns:
        if len(sites) > 1 and name in sites:
            continue
        closed = ~is_available(attributes, name)
        words = attributes[name].filter(pl.Series(closed)).unique(maintain_order=True)
        findings.add(
            "items",
            f"not available (column {name}), and so not recommended",
            int(closed.sum()),
            "noted",
            [repr(word) for word in words.head(3)],
        )
        if not REMOVED_AT.fullmatch(key_of(name)) and not is_moment(attributes[name]):
            findings.add(
                "items",
                f"column {name} does not say whether they are available, and so they are",
                attributes[name].null_count(),
                "noted",
            )
    if columns and not available_items(attributes, columns).any():
        raise DataError(
            f"{source}: no item is available by {column_list(columns)}, so that every list would "
            "be empty. Correct the values, or leave the column out with --available-column '', "
            "columns={'available': None}"
        )
    if now is not None:
        note_dates(attributes, now, findings)
        _note_site(attributes, columns, findings)
    for name in attributes.columns:
        if key_of(name) in PUBLISHED_AT and name not in columns:
            findings.add(
                "items",
                f"{name} is missing; if these are drafts, keep them from being "
                f"recommended with --available-column {shlex.quote(name)}, "
                f"columns={{'available': {name!r}}}",
                attributes[name].null_count(),
                "noted",
            )
    for name, others in ignored:
        findings.add(
            "items",
            f"column {name} does not say which items are available, to judge by "
            "its values (--available-column NAME where one does)",
            attributes[name].len() - attributes[name].null_count(),
            "noted",
            map(repr, others),
        )


def _note_site(attributes: pl.DataFrame, columns: Sequence[str], findings: Findings) -> None:
    """Note a column named like the stock of one place, if no other column has the stock."""
    if _has_stock(columns):
        return
    for name in attributes.columns:
        if name not in columns and is_site(name) and _holds_pieces(attributes[name]):
            column = attributes[name].cast(pl.Float64, strict=False)
            findings.add(
                "items",
                f"{name!r} may be pieces in stock, and is not read: if it is, keep "
                f"these from being recommended with --available-column {shlex.quote(name)}, "
                f"columns={{'available': {name!r}}}",
                int((column <= 0).sum()),
                "noted",
            )
