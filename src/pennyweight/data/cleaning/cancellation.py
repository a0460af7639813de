"""Negative events take back earlier events of the same user with the same item."""

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.cleaning.feedback import TAKEN_BACK, Signals
from pennyweight.data.cleaning.returns import PARTIAL, RETURNED, complete
from pennyweight.data.cleaning.rows import Mask, Rows

__all__ = ["apply_negatives", "drop_partial", "resolve_negatives"]


def apply_negatives(
    rows: Rows,
    order: NDArray[np.int64],
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    time: NDArray[np.float64],
    signs: Signals,
) -> NDArray[np.int64]:
    """Drop negative rows and the rows they take back; return the negative rows in force.

    Parameters
    ----------
    order
        Rows by user, then time; rows that are not alive are left out.
    """
    live_rows = order[rows.alive[order]]
    cancelled, final = resolve_negatives(
        user[live_rows],
        item[live_rows],
        time[live_rows],
        signs.negative[live_rows],
        signs.removal[live_rows],
        signs.purchase[live_rows],
    )
    mask = np.zeros(len(rows.alive), bool)
    mask[live_rows[cancelled]] = True
    rows.drop(TAKEN_BACK, mask)
    for reason, against in signs.against.items():
        rows.drop(reason, against)
    return live_rows[final]


def drop_partial(
    rows: Rows,
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    time: NDArray[np.float64],
    signs: Signals,
) -> None:
    """Drop returns of a part of the pieces, which leave the purchase."""
    returned = signs.against[RETURNED]
    alive = np.flatnonzero(rows.alive)
    is_complete = np.zeros(len(returned), bool)
    is_complete[alive] = complete(user[alive], item[alive], time[alive], signs.quantity[alive])
    rows.drop(PARTIAL, returned & ~is_complete)


def resolve_negatives(
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    time: NDArray[np.float64],
    negative: Mask,
    removal: Mask | None = None,
    purchase: Mask | None = None,
) -> tuple[Mask, Mask]:
    """Say which events a negative one takes back, and which negative ones hold to the end.

    A negative event takes back the events of the same user on the same item up to its own
    moment; a later positive event counts again and ends the negative one. A purchase stays
    when its item is removed from a cart.

    Parameters
    ----------
    negative, removal, purchase
        Which events are negative; which of these are but removals; which of the others are
        purchases, bool (n,).

    Returns
    -------
    cancelled, final
        bool (n,): positive events taken back; the last negative event of each pair of user and
        item of which no positive one is left.
    """
    cancelled = np.zeros(len(user), bool)
    final = np.zeros(len(user), bool)
    if not negative.any():
        return cancelled, final
    pair = user.astype(np.int64) * (int(item.max()) + 1) + item
    order = np.lexsort((negative, time, pair))  # at one moment negative events come last
    first = np.flatnonzero(np.diff(pair[order], prepend=-1))
    length = np.diff(np.append(first, len(order)))
    place = np.arange(len(order))
    against = negative[order]
    firm = against if removal is None else against & ~removal[order]
    bought = np.zeros_like(against) if purchase is None else purchase[order]
    last = np.maximum.reduceat(np.where(against, place, -1), first)
    undone = np.maximum.reduceat(np.where(firm, place, -1), first)
    ends = np.where(bought, np.repeat(undone, length), np.repeat(last, length))
    cancelled[order] = ~against & (place < ends)
    has_positive = np.logical_or.reduceat(~against & ~cancelled[order], first)
    final[order[last[~has_positive]]] = True  # a pair without a positive event has a negative one
    return cancelled, final
