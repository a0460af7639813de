"""The rows of an event log that were taken back, by states, flags, dates, pieces, reasons."""

import re
import shlex
from collections.abc import Collection, Iterable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.constant_columns import constant_of
from pennyweight.data.cleaning.labels import names_types
from pennyweight.data.cleaning.missing import blanked, few_texts
from pennyweight.data.cleaning.negations import is_loan, is_undone, words_of
from pennyweight.data.cleaning.order_lines import copy_to_orders, order_column, spread_over_orders
from pennyweight.data.cleaning.order_states import (
    are_letters,
    note_unknown_states,
    state_of,
    states,
    unknown_states,
)
from pennyweight.data.cleaning.reversal_columns import (
    Undoing,
    Use,
    only_yes_and_no,
    says_yes,
    undoing_kind,
    use_of,
)
from pennyweight.data.cleaning.row_order import attribute_of
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.cleaning.signed_columns import names_pieces
from pennyweight.data.cleaning.signed_numbers import signed_numbers
from pennyweight.data.cleaning.state_columns import (
    MAX_STATES,
    about_rows,
    is_explained,
    may_be_states,
    state_columns,
)
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import column_option
from pennyweight.errors import DataError

__all__ = ["status_column", "undone_rows"]

# Columns about other things, with values such as a page of returns.
_ELSEWHERE = re.compile(
    r"source|referr|channel|medium|page|url|path|screen|campaign|categor|genre|title|name|comment"
    r"|text|review|reason|tag|query|search|topic|device|content|department|keyword|descri|note"
)
_REASONS: dict[Use, str] = {
    "attribute": "has one value a user or an item, and says nothing of the single event",
    "loan": "is the end of a loan or a trip, which says nothing against the item",
    "origin": "names an earlier order, as a return or an exchange does: the row counts as bought",
    "most": "has a date in most rows, as where all that is lent comes back: nothing is taken back",
}


def status_column(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    named: str | None,
    source: str,
    findings: Findings,
) -> str | None:
    """Return the column that says which rows were taken back, or None.

    Parameters
    ----------
    roles, named
        Role -> column, without the status; the column named like a status.
    source, findings
        The file, for messages; takes a note of columns that are not taken for returns.

    Raises
    ------
    DataError
        A column may say that rows were taken back, or something else.
    """
    states_named = [named] if named is not None and not undoing_kind(named) else []
    chosen = None
    excluded = [*roles.values(), *states_named]
    state_names = state_columns(frame, excluded, roles, source, ask=True)
    states_named = [
        name
        for name in states_named
        if not is_explained(frame, name)
        and not (are_letters(frame[name]) and constant_of(frame, name, roles))
    ]
    for name in [*states_named, *state_names]:
        if about_rows(frame, name, roles):
            chosen = chosen or name
        else:
            findings.add(
                "events",
                f"{name!r} {_REASONS['attribute']} (--status-column "
                f"{shlex.quote(name)} takes it for states of orders)",
                frame.height,
                "noted",
            )
    for name, kind, yes in _undoing_columns(frame, roles.values()):
        if not yes.any():
            values = blanked(frame[name]).drop_nulls().unique(maintain_order=True)
            if len(values) > 1:
                findings.add(
                    "events",
                    f"{name!r} says of no row that it was taken back; it has "
                    f"{', '.join(map(repr, values.head(4)))}",
                    frame.height,
                    "noted",
                )
            continue
        use = use_of(frame, name, kind, yes, roles)
        if use == "doubtful":
            raise DataError(
                f"{source}: by column {name!r} {int(yes.sum()):,} of {frame.height:,} rows came "
                f"back (e.g. {_example(frame[name], yes)}). If that speaks against the item, "
                f"{column_option('status', name)}; if not, as with the end of a loan, "
                f"{column_option('status', None)}"
            )
        if use in _REASONS:
            findings.add(
                "events",
                f"{name!r} {_REASONS[use]} (--status-column {shlex.quote(name)} takes it for "
                "returns)",
                int(yes.sum()),
                "noted",
            )
        elif use == "taken" and chosen is None:
            chosen = name
    _note_unread_states(frame, roles, [chosen, *states_named, *state_names], findings)
    if chosen is None:
        _ask_about_values(frame, roles, source)
    return chosen


def _note_unread_states(
    frame: pl.DataFrame, roles: Mapping[str, str], read: Collection[str | None], findings: Findings
) -> None:
    """Note the unknown states in columns named like states of orders that are not read."""
    for name in frame.columns:
        if name in read or name in roles.values() or not may_be_states(frame, name, roles):
            continue
        unknown = unknown_states(name, sorted(few_texts(frame[name], MAX_STATES)))
        note_unknown_states(frame[name], unknown, findings)


def undone_rows(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    rows: Rows,
    source: str,
    pieces: NDArray[np.float64],
    paid: NDArray[np.float64],
) -> tuple[Mask, Mask]:
    """Return the undone and the failed rows, by the status and the columns beside it.

    Parameters
    ----------
    pieces, paid
        How many were bought and for how much, float64 (n_rows,); 0 where it is not known.
    """
    named = roles["status"]
    others = {role: name for role, name in roles.items() if role != "status"}
    orders = order_column(frame, roles)
    undone, failed = np.zeros(frame.height, bool), np.zeros(frame.height, bool)
    by_state = [] if undoing_kind(named) or is_explained(frame, named) else [named]
    state_names = state_columns(frame, roles.values(), others, source)
    has_loans = any(is_loan(word) for name in frame.columns for word in words_of(name))
    for name in [*by_state, *(n for n in state_names if about_rows(frame, n, others))]:
        column = frame[name]
        if orders is not None and (copied := copy_to_orders(column, frame[orders[0]])) is not None:
            rows.findings.add(
                "events",
                f"{name!r} is in one row of each order: it holds for all rows "
                f"of the same {orders[0]!r}",
                column.len(),
                "noted",
            )
            column = copied.alias(name)
        newly_undone, newly_failed = states(column, rows, source, has_loans=has_loans)
        undone, failed = undone | newly_undone, failed | newly_failed
    for name, kind, yes in _undoing_columns(frame, others.values()):
        if not yes.any() or (name != named and use_of(frame, name, kind, yes, others) != "taken"):
            continue
        reversed_rows = yes
        if kind == "count":
            reversed_rows = yes & pl.Series(_is_complete(frame[name], name, pieces, paid))
            rows.findings.add(
                "events",
                f"{name!r}: a part of the purchase came back, which stays",
                int((yes & ~reversed_rows).sum()),
                "noted",
            )
        if orders is not None:
            reversed_rows = spread_over_orders(reversed_rows, frame[orders[0]], sparse=orders[1])
        undone |= reversed_rows.to_numpy()
        rows.findings.add(
            "events",
            f"{name!r}: rows that say yes are taken back",
            int(reversed_rows.sum()),
            "noted",
        )
    return undone, failed


def _is_complete(
    column: pl.Series, name: str, pieces: NDArray[np.float64], paid: NDArray[np.float64]
) -> Mask:
    """Return the rows of full returns: of all pieces, or of at least half of the money."""
    returned = np.abs(np.nan_to_num(signed_numbers(column).fill_null(0.0).to_numpy()))
    bought = pieces if names_pieces(name) else paid / 2
    return np.asarray((returned >= bought) | (returned == 0))


def _undoing_columns(
    frame: pl.DataFrame, used: Iterable[str]
) -> list[tuple[str, Undoing, pl.Series]]:
    """Return the columns that mark some rows as taken back, and these rows."""
    used = list(used)
    columns = []
    for name in frame.columns:
        kind = None if name in used or frame[name].dtype.is_nested() else undoing_kind(name)
        if kind is None:
            continue
        yes = says_yes(frame[name], kind)
        plain = kind != "flag" or any(is_undone(word) for word in words_of(name))
        if plain or only_yes_and_no(frame[name], dates=True):
            columns.append((name, kind, yes))
    return columns


def _ask_about_values(frame: pl.DataFrame, roles: Mapping[str, str], source: str) -> None:
    """Stop where a column of another name has values such as ``Retoure``."""
    for name in frame.columns:
        if name in roles.values() or undoing_kind(name) or _ELSEWHERE.search(name.casefold()):
            continue
        values = few_texts(frame[name], MAX_STATES)
        undone = [value for value in values if state_of(value) == "undone"]
        if not undone or len(values) < 2 or names_types(frame[name]):
            continue
        if not attribute_of(frame, name, roles):
            raise DataError(
                f"{source}: column {name!r} has values such as {undone[0]!r}, which may say that "
                f"the purchase was taken back. If so, {column_option('status', name)}; if not, "
                f"{column_option('status', None)}"
            )


def _example(column: pl.Series, yes: pl.Series) -> str:
    return repr(column.filter(yes)[0])
