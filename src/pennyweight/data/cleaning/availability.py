"""Which items may be recommended, read from columns such as ``available`` or ``is_hidden``.

Each value is true, false or missing. A missing value means that the item is available: the
column says nothing about it.
"""

import re
import shlex
import time
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.availability_dates import note_dates, refuse_dates
from pennyweight.data.cleaning.availability_names import (
    is_channel,
    is_doubtful,
    is_offline,
    is_site,
    is_stock,
    is_vague,
    key_of,
    known_key,
    means_unavailable,
    tells_meaning,
)
from pennyweight.data.cleaning.availability_values import (
    distinct_values,
    future_ends,
    is_available,
    is_moment,
    read_value,
    unreadable,
    words_in,
)
from pennyweight.data.cleaning.availability_words import (
    CLEAR,
    CLEAR_NOT,
    PIECES,
    PUBLISHED_AT,
    REMOVED_AT,
    STOCK,
    WORDED,
)
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.order_policy import (
    counts_stock,
    is_policy,
    orders_allowed,
    rules_among,
    rules_of_shops,
    with_rules,
)
from pennyweight.data.cleaning.unused_availability import is_closed, note_unused
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import bare, column_list
from pennyweight.data.plain_text import plain
from pennyweight.errors import DataError, did_you_mean

__all__ = ["availability_columns", "available_items", "note_availability", "readable_columns"]


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
    "incomplete",
    "edit",
    "staging",
    "terminated",
    "cancelled product",
    "sunset",
    "discontinued",
}
_BARE = {"0", "1", "0.0", "1.0", "true", "false", "yes", "no", "y", "n", "t", "f", "on", "off"}
_MOST = 0.5  # of the items, which a column with a doubtful name may close


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
    rules = rules_of_shops(frame, clear)
    clear = [name for name in clear if name not in rules]
    for name in clear:
        if unknown := unreadable(frame[name]):
            raise DataError(_refusal(source, name, unknown, frame[name]))
    vague, ignored = _vague_columns(frame, keys, clear, source)
    return with_rules(frame, (*clear, *vague), rules), tuple(ignored)


def readable_columns(frame: pl.DataFrame) -> list[str]:
    """Return the columns that say by name and values whether items are available."""
    keys = {name: key_of(name) for name in frame.columns}
    known = [n for n in frame.columns if keys[n] in CLEAR | CLEAR_NOT or is_vague(n)]
    return [name for name in known if not unreadable(frame[name])]


def _vague_columns(
    frame: pl.DataFrame, keys: dict[str, str], clear: Sequence[str], source: str
) -> tuple[list[str], list[tuple[str, tuple[str, ...]]]]:
    """Return the readable columns with vague names, and the unreadable ones with some values."""
    vague: list[str] = []
    ignored: list[tuple[str, tuple[str, ...]]] = []
    for name in frame.columns:
        is_read = f"{name}.available" in frame.columns  # by its variants
        if not is_vague(name) or name in clear or is_policy(name) or is_read:
            continue
        unknown = unreadable(frame[name])
        if unknown:
            if _says_unavailable(frame[name], unknown):
                raise DataError(_refusal(source, name, unknown, frame[name]))
            is_expected = keys[name] in _OTHER_MEANINGS or is_moment(frame[name])
            if not is_expected and not _counts(frame[name]):
                ignored.append((name, tuple(unknown[:3])))
        elif not (_is_total(keys[name]) and any(is_stock(keys[c]) for c in clear)):
            if not _means_something_else(frame, name):
                vague.append(name)
    channels = [name for name in vague if is_channel(name)]
    if all(map(is_offline, channels)):  # an item may be sold on the web alone
        vague = [name for name in vague if name not in channels]
    if not _has_stock((*clear, *vague)):
        sites = [n for n in frame.columns if is_site(n) and _holds_pieces(frame[n])]
        is_used = len(sites) > 1 and any(_has_zero(frame[name]) for name in sites)
        vague += sites if is_used else []
    return vague, ignored


def _means_something_else(frame: pl.DataFrame, name: str) -> bool:
    """Say whether a column of yes and no would close too many items for its name."""
    if is_doubtful(name):
        return bool((~is_available(frame, name)).mean() > _MOST)
    return _counts(frame[name]) and not is_available(frame, name).any()  # one of each was sold


def _has_stock(names: Iterable[str]) -> bool:
    """Say whether a column is about the whole stock, not that of one place."""
    keys = [key_of(name) for name in names if not is_site(name)]
    return any(is_stock(key) or _is_total(key) for key in keys)


def _is_total(key: str) -> bool:
    return PIECES.search(key) is not None or STOCK.fullmatch(key) is not None


def _holds_pieces(column: pl.Series) -> bool:
    """Say whether a column holds whole numbers."""
    if column.dtype.is_nested() or column.dtype.is_temporal() or column.dtype == pl.Boolean:
        return False
    texts = blanked(column.cast(pl.String, strict=False)).drop_nulls()
    is_whole = texts.str.contains(r"^\s*-?\d{1,7}([.,]0+)?\s*$")
    return bool(len(texts)) and bool(is_whole.all())


def _has_zero(column: pl.Series) -> bool:
    return bool(column.cast(pl.String, strict=False).str.contains(r"^\s*-?0+([.,]0+)?\s*$").any())


def _says_unavailable(column: pl.Series, unknown: Sequence[str]) -> bool:
    """Say whether some words of a column mean a removed item or a draft, beside unknown words."""
    others = [v for v in distinct_values(column) if isinstance(v, str) and v not in unknown]
    readable = (
        v for v in others if re.search(r"[^\W\d]{4}", v) and plain(v.strip()) not in _SERIES
    )
    return not means_unavailable(column.name) and any(read_value(v) is False for v in readable)


def _requested_column(frame: pl.DataFrame, chosen: str, source: str, now: float) -> str:
    name = chosen if chosen in frame.columns else bare(chosen)
    if name not in frame.columns:
        raise DataError(
            f"{source}: columns are {column_list(frame.columns)}; there is no {chosen!r}, "
            f"asked for as available{did_you_mean(chosen, frame.columns)} Correct "
            "--available-column NAME, or columns={'available': NAME}"
        )
    refuse_dates(frame[name], now, source)
    unknown = [] if is_moment(frame[name]) else unreadable(frame[name])
    if unknown and not _names_the_closed(frame[name]):
        raise DataError(_refusal(source, name, unknown, frame[name]))
    _ask_about_meaning(frame[name], source)
    return name


def _names_the_closed(column: pl.Series) -> bool:
    """Say whether a column of another name has a word for closed items beside other words."""
    if key_of(column.name) in CLEAR | CLEAR_NOT or is_vague(column.name):
        return False
    if column.dtype != pl.String or means_unavailable(column.name):
        return False
    values = distinct_values(column)
    return any(map(is_closed, values)) and not any(str(v).strip()[:1].isdigit() for v in values)


def _ask_about_meaning(column: pl.Series, source: str) -> None:
    """Raise `DataError` where most items have a bare no, and the name of the column is vague."""
    name = column.name
    if tells_meaning(name) or not all(_is_bare(value) for value in distinct_values(column)):
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
    return isinstance(value, bool) or words_in(value) in _BARE


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
    if known_key(column.name) not in WORDED or column.dtype.is_nested():
        return False
    texts = column.drop_nulls().cast(pl.String, strict=False)
    return bool(texts.str.contains(r"^[\d.,]+$").all())


def available_items(attributes: pl.DataFrame, columns: Iterable[str]) -> NDArray[np.bool_]:
    """Return which items all these columns call available, bool (n_items,).

    Of the stocks of several places, and of several channels, one is enough; and none is needed
    where an item can be ordered without stock.
    """
    mask = np.ones(attributes.height, bool)
    existing = [name for name in columns if name in attributes.columns]
    allowed, rules = orders_allowed(attributes, existing), rules_among(existing)
    groups = _groups(existing)
    for name in existing:
        if name not in rules and not any(name in group for group in groups):
            mask &= _is_available(attributes, name, allowed)
    for group in groups:
        mask &= _anywhere(attributes, group) | (allowed & counts_stock(group[0]))
    return mask


def _is_available(
    attributes: pl.DataFrame, name: str, allowed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which items a column calls available, or can be ordered without stock."""
    available = is_available(attributes, name)
    return available | allowed if counts_stock(name) else available


def _groups(columns: Sequence[str]) -> list[list[str]]:
    """Return the columns of several places, and those of several channels."""
    groups = ([n for n in columns if is_site(n)], [n for n in columns if is_channel(n)])
    return [group for group in groups if len(group) > 1]


def _anywhere(attributes: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Return the items that one of several columns calls available, or none says anything of."""
    empty = np.zeros(attributes.height, bool)
    full = np.zeros(attributes.height, bool)
    for name in columns:
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
    allowed, rules = orders_allowed(attributes, columns), rules_among(columns)
    groups = _groups(columns)
    for group in groups:
        findings.add(
            "items",
            f"not available (columns {', '.join(group)}: none of any), and so not recommended",
            int((~_anywhere(attributes, group) & ~(allowed & counts_stock(group[0]))).sum()),
            "noted",
        )
    for name in columns:
        if name not in rules and not any(name in group for group in groups):
            _note_column(attributes[name], allowed, rules, findings)
            later = future_ends(attributes[name], time.time() if now is None else now)
            findings.add(
                "items",
                f"{name!r} lies in the future: recommended until then, by the date of reading",
                int(later.sum()),
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
        note_unused(attributes, columns, findings)
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
    for name, values in ignored:
        findings.add(
            "items",
            f"column {name} does not say which items are available, to judge by "
            "its values (--available-column NAME where one does)",
            attributes[name].len() - attributes[name].null_count(),
            "noted",
            map(repr, values),
        )


def _note_column(
    column: pl.Series, allowed: NDArray[np.bool_], rules: Sequence[str], findings: Findings
) -> None:
    """Note how many items one column calls not available, and of how many it says nothing."""
    name = column.name
    empty = ~is_available(column.to_frame(), name)
    closed = empty & ~allowed if counts_stock(name) else empty
    findings.add(
        "items",
        f"{name!r} has no piece, but {', '.join(map(repr, rules))} allows orders: available",
        int((empty & ~closed).sum()),
        "noted",
    )
    words = column.filter(pl.Series(closed)).unique(maintain_order=True)
    findings.add(
        "items",
        f"not available (column {name}), and so not recommended",
        int(closed.sum()),
        "noted",
        [repr(word) for word in words.head(3)],
    )
    if _names_the_closed(column) and (others := unreadable(column)):
        findings.add(
            "items",
            f"{name!r} has other words than those of yes and no, which are read as available",
            int(column.is_in(others).sum()),
            "noted",
            map(repr, others),
        )
    if not REMOVED_AT.fullmatch(key_of(name)) and not is_moment(column):
        findings.add(
            "items",
            f"column {name} does not say whether they are available, and so they are",
            column.null_count(),
            "noted",
        )


def _note_site(attributes: pl.DataFrame, columns: Sequence[str], findings: Findings) -> None:
    """Note a column named like the stock of one place, if no other column has the stock."""
    if _has_stock(columns):
        return
    for name in attributes.columns:
        is_free = name not in columns and is_site(name) and _holds_pieces(attributes[name])
        if is_free and _has_zero(attributes[name]):
            column = attributes[name].cast(pl.Float64, strict=False)
            findings.add(
                "items",
                f"{name!r} may be pieces in stock, and is not read: if it is, keep "
                f"these from being recommended with --available-column {shlex.quote(name)}, "
                f"columns={{'available': {name!r}}}",
                int((column <= 0).sum()),
                "noted",
            )
