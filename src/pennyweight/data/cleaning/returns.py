"""Returned and cancelled purchases: quantities below zero, states of orders, credit notes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.quantities import (
    is_known_quantity,
    money_below_zero,
    note_zeros,
    paid_for,
    quantity_columns,
)
from pennyweight.data.cleaning.refunded_lines import note_parent_lines, refunded_lines
from pennyweight.data.cleaning.reversals import status_column, undone_rows
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.cleaning.signed_columns import MAX_BELOW, is_signed_quantity, names_pieces
from pennyweight.data.cleaning.signed_numbers import has_credits, signed_numbers
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import column_option
from pennyweight.data.tables import check_scalars
from pennyweight.errors import DataError

__all__ = [
    "CANCELLED",
    "NEVER",
    "PARTIAL",
    "RETURNED",
    "ZERO",
    "Returns",
    "complete",
    "order_roles",
    "returns",
    "signed_numbers",
]

RETURNED = "quantity is below zero: a return, which takes back the purchase"
PARTIAL = "partial return: the purchase stays"
ZERO = "quantity is 0: ignored"
CANCELLED = "order was cancelled, returned or refunded: its purchase is taken back"
NEVER = "order failed or was declined or voided: ignored"

_MAX_UNREAD = 0.2  # largest share of unreadable numbers of pieces
_MANY = 20  # rows from which on a majority of negative numbers may be debits
_CREDIT = r"^\s*[Cc]-?\d+\s*$"  # C536379, as invoices and their cancellations are numbered


@dataclass(frozen=True)
class Returns:
    """The rows of an order log as returns and cancellations.

    Attributes
    ----------
    returned
        Rows whose quantity is below zero, bool (n_rows,).
    cancelled
        Rows of orders that were undone, bool (n_rows,).
    quantity
        Pieces, float64 (n_rows,); 0 where there is no number.
    """

    returned: Mask
    cancelled: Mask
    quantity: NDArray[np.float64]


def order_roles(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    overrides: Mapping[str, str | None],
    *,
    source: str,
    findings: Findings,
) -> dict[str, str]:
    """Return the roles with those that values decide, unless they were chosen.

    A column of money is a quantity only where something in it is below zero; a flag such as
    ``has_refund`` is a status.

    Raises
    ------
    DataError
        A column may say that rows were taken back, or something else.
    """
    resolved = dict(roles)
    if "quantity" not in overrides:
        resolved.pop("quantity", None)
        name = _quantity(frame, resolved, source, findings)
        resolved |= {} if name is None else {"quantity": name}
        if "type" not in resolved:
            note_zeros(frame, resolved, findings)
    if resolved.get("status") == resolved.get("type") and "status" not in overrides:
        resolved.pop("status", None)
    if "status" not in overrides:
        name = resolved.pop("status", None)
        name = status_column(frame, resolved, name, source, findings)
        resolved |= {} if name is None else {"status": name}
    return resolved


def _quantity(
    frame: pl.DataFrame, roles: Mapping[str, str], source: str, findings: Findings
) -> str | None:
    """Return the column of pieces, else the first of money with a value below zero."""
    names = quantity_columns(frame, roles)
    pieces = [name for name in names if names_pieces(name)]
    for name in [*pieces, *(name for name in names if name not in pieces)]:
        numbers = signed_numbers(frame[name])
        below, zero = int((numbers < 0).sum()), int((numbers == 0).sum())
        total = len(numbers) - frame[name].null_count() - zero
        if below > MAX_BELOW * total and frame.height >= _MANY:
            raise DataError(
                f"{source}: {below:,} of {total:,} numbers in {name!r} are below zero; are these "
                f"returns, or amounts that were paid? Returns: {column_option('quantity', name)}; "
                f"paid: {column_option('quantity', None)}"
            )
        if below and has_credits(frame[name]):
            raise DataError(
                f"{source}: numbers in {name!r} end with CR, as credits do; are these returns? If "
                f"so, {column_option('quantity', name)}; if not, {column_option('quantity', None)}"
            )
        _note_unread(frame[name], numbers, source, findings)
        if name in pieces or below:
            if is_signed_quantity(frame, name, roles) and not is_known_quantity(name):
                findings.add(
                    "events",
                    f"{name!r} is read as the quantity, and numbers below zero as returns "
                    f"({column_option('quantity', None)} counts them as bought)",
                    below,
                    "noted",
                )
            return name
    return None


def _note_unread(column: pl.Series, numbers: pl.Series, source: str, findings: Findings) -> None:
    """Note how many values in a column of numbers are none: returns may be among them.

    Raises
    ------
    DataError
        Of pieces some are numbers, and many are not.
    """
    unreadable = column.filter(blanked(column).is_not_null() & numbers.is_null())
    read = len(numbers) - numbers.null_count()
    if (
        names_pieces(column.name)
        and _MAX_UNREAD * (read + len(unreadable)) < len(unreadable) <= read
    ):
        examples = ", ".join(
            map(repr, unreadable.cast(pl.String).unique(maintain_order=True).head(4))
        )
        raise DataError(
            f"{source}: {len(unreadable):,} of {read + len(unreadable):,} values of column "
            f"{column.name!r} are no numbers, such as {examples}. Write numbers of pieces, below "
            "zero for returns, or "
            f"count each row as bought: {column_option('quantity', None)}"
        )
    if len(unreadable) and (names_pieces(column.name) or read >= len(unreadable)):
        findings.add(
            "events",
            f"{column.name!r}: no number, so that the row counts as bought",
            len(unreadable),
            "noted",
            map(repr, unreadable.cast(pl.String).unique().head(3)),
        )


def returns(frame: pl.DataFrame, roles: Mapping[str, str], rows: Rows, source: str) -> Returns:
    """Read the columns quantity, status and order, and drop rows that are no events."""
    for role in ("quantity", "status", "order"):
        if role in roles:
            check_scalars(
                frame[roles[role]],
                source,
                f"one value a row; leave it out with {column_option(role, None)}",
            )
    n = frame.height
    quantity, cancelled = np.zeros(n), np.zeros(n, bool)
    if "quantity" in roles:
        name = roles["quantity"]
        numbers = signed_numbers(frame[name])
        filled = numbers.is_not_null().to_numpy()
        quantity = np.nan_to_num(numbers.fill_null(0.0).to_numpy(), posinf=1e9, neginf=-1e9)
        if names_pieces(name):  # a free item was bought too
            below = money_below_zero(frame, roles)
            quantity = np.where(below, -np.maximum(np.abs(quantity), 1.0), quantity)
            rows.drop(ZERO, filled & (quantity == 0))
    if "status" in roles:
        paid = paid_for(frame, roles, quantity)
        undone, failed = undone_rows(frame, roles, rows, source, quantity, paid)
        cancelled |= undone
        rows.drop(NEVER, failed)
    bought = quantity > 0 if "quantity" in roles else np.ones(n, bool)
    note_parent_lines(frame, roles, rows)
    cancelled |= refunded_lines(frame, roles, rows, source, bought)
    if "order" in roles:
        cancelled |= _credit_notes(frame[roles["order"]])
    return Returns(quantity < 0, cancelled & (quantity >= 0), quantity)


def _credit_notes(column: pl.Series) -> Mask:
    """Return the numbers of orders that begin with a C, where most have no letter."""
    names = column.cast(pl.String).fill_null("")
    plain = names.str.contains(r"^\s*\d+(\.0)?\s*$").mean()
    credit = names.str.contains(_CREDIT)
    is_credit = credit if isinstance(plain, float) and plain > 0.5 else credit & False
    return is_credit.to_numpy()


def complete(
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    time: NDArray[np.float64],
    quantity: NDArray[np.float64],
) -> Mask:
    """Say which returns leave the user no piece of the item, bool (n,).

    Rows are taken in order of time, of one moment purchases first; a return without a purchase
    leaves nothing either.
    """
    is_complete = np.zeros(len(user), bool)
    if not (quantity < 0).any():
        return is_complete
    pair = user.astype(np.int64) * (int(item.max()) + 1) + item
    affected = np.flatnonzero(np.isin(pair, pair[quantity < 0]))
    order = affected[np.lexsort((quantity[affected] < 0, time[affected], pair[affected]))]
    last, balance = -1, 0.0
    for row in order.tolist():
        if pair[row] != last:
            last, balance = int(pair[row]), 0.0
        balance += float(quantity[row])
        if quantity[row] < 0 and balance <= 0:
            is_complete[row], balance = True, 0.0
    return is_complete
