"""Refunded lines of orders: by a column of the pieces that remain, or by a list of refunds."""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.negations import is_undone, words_of
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.cleaning.signed_columns import names_pieces
from pennyweight.data.cleaning.signed_numbers import signed_numbers
from pennyweight.data.columns import name_key
from pennyweight.errors import DataError

__all__ = ["note_parent_lines", "refunded_lines"]

_REMAINING = ("currentquantity", "netquantity", "quantitykept", "keptquantity")
_PARENTS = (
    "parentitemid",
    "parentorderitemid",
    "parentlineid",
    "parentlineitemid",
    "parentorderlineid",
)
_LINE_IDS = ("line_item_id", "order_line_id", "lineItemId", "order_item_id")


def refunded_lines(
    frame: pl.DataFrame, roles: Mapping[str, str], rows: Rows, source: str, bought: Mask
) -> Mask:
    """Return the lines that were bought and refunded in full, bool (n_rows,).

    Parameters
    ----------
    bought
        The rows with pieces above zero, bool (n_rows,).

    Raises
    ------
    DataError
        Refunds name lines of orders, and no column has the ids of these.
    """
    returned = np.zeros(frame.height, bool)
    for name in frame.columns:
        if name in roles.values() or frame[name].dtype.is_nested():
            continue
        if name_key(name.rpartition(".")[2]) in _REMAINING:
            returned |= (signed_numbers(frame[name]) <= 0).fill_null(False).to_numpy() & bought
            rows.findings.add(
                "events",
                f"{name!r}: lines of which nothing is left are taken back",
                int(returned.sum()),
                "noted",
            )
            break
    for name in frame.columns:
        listed = isinstance(frame[name].dtype, pl.List) and any(map(is_undone, words_of(name)))
        if listed:
            returned |= _refunded_in_lists(frame, name, roles, rows, source) & bought
    return returned


def note_parent_lines(frame: pl.DataFrame, roles: Mapping[str, str], rows: Rows) -> None:
    """Note lines that are parts of other lines, such as the size of a product in Magento."""
    for name in frame.columns:
        if name in roles.values() or name_key(name.rpartition(".")[2]) not in _PARENTS:
            continue
        if frame[name].dtype.is_nested():
            continue
        parents = blanked(frame[name]).cast(pl.String).str.strip_chars()
        if parents.null_count():
            rows.findings.add(
                "events",
                f"{name!r} names another line, and the row counts as a separate event: leave "
                "these rows out of the file if both lines are one purchase",
                len(parents) - parents.null_count(),
                "noted",
            )


def _refunded_in_lists(
    frame: pl.DataFrame, name: str, roles: Mapping[str, str], rows: Rows, source: str
) -> Mask:
    """Return the rows whose line is in a list of refunds with all its pieces."""
    with_refunds = np.flatnonzero((frame[name].list.len() > 0).fill_null(False).to_numpy())
    returned = np.zeros(frame.height, bool)
    parent = roles["item"].rpartition(".")[0]
    line_id = f"{parent}.id" if parent else ""
    pieces = signed_numbers(frame[roles["quantity"]]).to_list() if "quantity" in roles else None
    lines = frame[line_id].cast(pl.String).to_list() if line_id in frame.columns else None
    totals, unclear = _order_totals(frame, roles), 0
    for row in with_refunds.tolist():
        refunded_pieces: dict[str, float] = {}
        for line, count in _lines(frame[name][row].to_list()):
            refunded_pieces[line] = refunded_pieces.get(line, 0.0) + count
        if refunded_pieces and lines is None:
            raise DataError(
                f"{source}: {name!r} names refunded lines of orders, and no column has the ids of "
                f"the lines: add it as {line_id or 'line_item_id'!r} or leave the refunded lines "
                f"out of the file; without {name!r} in the file all lines count as bought"
            )
        if lines is not None and lines[row] in refunded_pieces:
            bought = pieces[row] if pieces is not None else 1.0
            returned[row] = refunded_pieces[str(lines[row])] >= (bought or 1.0)
        elif not refunded_pieces:
            refunded = sum(_money(frame[name][row].to_list()))
            returned[row] = totals[row] > 0 and refunded >= totals[row] / 2
            unclear += not returned[row]
    rows.findings.add(
        "events",
        f"{name!r}: lines that were refunded whole are taken back",
        int(returned.sum()),
        "noted",
    )
    rows.findings.add(
        "events",
        f"{name!r}: refunds of a part, or of an unknown part, that name "
        "no line: the purchases stay",
        unclear,
        "noted",
    )
    return returned


def _order_totals(frame: pl.DataFrame, roles: Mapping[str, str]) -> NDArray[np.float64]:
    """Return the money of each row's order, 0 where no column outside of the lines has it."""
    inside = roles["item"].rpartition(".")[0]
    for name in sorted(frame.columns, key=len):
        words = words_of(name)
        is_outside = not inside or not name.startswith(f"{inside}.")
        if is_outside and "total" in words and not frame[name].dtype.is_nested():
            if {"tax", "discount", "discounts", "shipping", "refunded"}.isdisjoint(words):
                return np.asarray(
                    np.nan_to_num(signed_numbers(frame[name]).fill_null(0.0).to_numpy())
                )
    return np.zeros(frame.height)


def _money(value: object) -> Iterator[float]:
    """Yield the money of each refund in nested lists and objects, as positive numbers."""
    if isinstance(value, list):
        for part in value:
            yield from _money(part)
    elif isinstance(value, dict):
        for key in ("total", "amount", "refund_amount", "total_refunded"):
            amount = signed_numbers(pl.Series([value.get(key)], dtype=pl.String, strict=False))[0]
            if amount:
                yield abs(amount)
                return
        for part in value.values():
            yield from _money(part)


def _lines(value: object) -> Iterator[tuple[str, float]]:
    """Yield the id of each refunded line in nested lists and objects, and its pieces."""
    if isinstance(value, list):
        for part in value:
            yield from _lines(part)
    elif isinstance(value, dict):
        line = next((value[key] for key in _LINE_IDS if value.get(key) is not None), None)
        if line is not None:
            counts = [
                v for k, v in value.items() if names_pieces(str(k)) and isinstance(v, int | float)
            ]
            yield str(line), float(counts[0]) if counts else float("inf")
            return
        for part in value.values():
            yield from _lines(part)
