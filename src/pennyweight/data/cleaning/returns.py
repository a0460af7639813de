"""Returned and cancelled purchases: quantities below zero, states of orders, credit notes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.tables import check_scalars

__all__ = ["CANCELLED", "NEVER", "PARTIAL", "RETURNED", "ZERO", "Returns", "complete", "returns"]

RETURNED = "quantity is below zero: a return, which takes back the purchase"
PARTIAL = "return of a part of what was bought: the purchase stays"
ZERO = "quantity is 0: ignored"
CANCELLED = "order was cancelled, returned or refunded: its purchase is taken back"
NEVER = "order failed or was declined or voided: ignored"

_UNDONE = re.compile(
    r"cancell?(ed|ation)?|refund(ed)?|return(ed)?|chargeback|chargedback|revers(ed|al)"
)
_FAILED = re.compile(r"fail(ed|ure)?|declined?|void(ed)?|expired?|unpaid|denied|rejected|abandoned")
_PART = re.compile(r"part(ial(ly)?)?|not|no|non|never|un|without|window|policy")
_CREDIT = r"^\s*[Cc]-?\d+\s*$"  # C536379, as invoices and their cancellations are numbered


@dataclass(frozen=True)
class Returns:
    """What the columns of orders say of each row.

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


def returns(frame: pl.DataFrame, roles: Mapping[str, str], rows: Rows, source: str) -> Returns:
    """Read the columns quantity, status and order, and drop rows that are no events."""
    for role in ("quantity", "status", "order"):
        if role in roles:
            check_scalars(frame[roles[role]], source, f"one value a row; leave it out with "
                          f"--{role}-column '', columns={{{role!r}: None}}")  # fmt: skip
    n = frame.height
    quantity, cancelled = np.zeros(n), np.zeros(n, bool)
    if "quantity" in roles:
        numbers = frame[roles["quantity"]].cast(pl.Float64, strict=False)
        given = numbers.is_not_null().to_numpy()
        quantity = np.nan_to_num(numbers.fill_null(0.0).to_numpy(), posinf=1e9, neginf=-1e9)
        rows.drop(ZERO, given & (quantity == 0))
    if "status" in roles:
        undone, failed = _states(frame[roles["status"]])
        cancelled |= undone
        rows.drop(NEVER, failed)
    if "order" in roles:
        cancelled |= _credit_notes(frame[roles["order"]])
    return Returns(quantity < 0, cancelled & (quantity >= 0), quantity)


def _states(column: pl.Series) -> tuple[Mask, Mask]:
    names = column.cast(pl.String).fill_null("")
    undone, failed = [], []
    for name in names.unique().to_list():
        words = re.findall(r"[^\W_]+", name.casefold())
        if any(_PART.fullmatch(word) for word in words):
            continue
        if any(_UNDONE.fullmatch(word) for word in words):
            undone.append(name)
        elif any(_FAILED.fullmatch(word) for word in words):
            failed.append(name)
    return names.is_in(undone).to_numpy(), names.is_in(failed).to_numpy()


def _credit_notes(column: pl.Series) -> Mask:
    """Return which numbers of orders begin with a C where most have no letter."""
    names = column.cast(pl.String).fill_null("")
    plain = names.str.contains(r"^\s*\d+(\.0)?\s*$").mean()
    credit = names.str.contains(_CREDIT)
    found = credit if isinstance(plain, float) and plain > 0.5 else credit & False
    return found.to_numpy()


def complete(
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    time: NDArray[np.float64],
    quantity: NDArray[np.float64],
) -> Mask:
    """Say which returns leave nothing of what the user had bought of the item, bool (n,).

    Rows are gone through in order of time, of one moment purchases first; a return of what
    was not bought leaves nothing either.
    """
    whole = np.zeros(len(user), bool)
    if not (quantity < 0).any():
        return whole
    pair = user.astype(np.int64) * (int(item.max()) + 1) + item
    some = np.flatnonzero(np.isin(pair, pair[quantity < 0]))
    order = some[np.lexsort((quantity[some] < 0, time[some], pair[some]))]
    last, held = -1, 0.0
    for row in order.tolist():
        if pair[row] != last:
            last, held = int(pair[row]), 0.0
        held += float(quantity[row])
        if quantity[row] < 0 and held <= 0:
            whole[row], held = True, 0.0
    return whole
