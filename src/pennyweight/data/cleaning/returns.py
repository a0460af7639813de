"""Returned and cancelled purchases: quantities below zero, states of orders, credit notes."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.labels import flagged, is_undoing
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.tables import check_scalars

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
    "signed",
]  # fmt: skip

RETURNED = "quantity is below zero: a return, which takes back the purchase"
PARTIAL = "return of a part of what was bought: the purchase stays"
ZERO = "quantity is 0: ignored"
CANCELLED = "order was cancelled, returned or refunded: its purchase is taken back"
NEVER = "order failed or was declined or voided: ignored"

# Also in German, French, Spanish, Portuguese, Italian and Dutch, without accents.
_UNDONE = re.compile(
    r"cancell?(ed|ation)?|refund(ed)?|return(ed)?|rto|chargeback|chargedback|revers(ed|al)"
    r"|stornier(t|ung)|storno|retour(e|en|niert|nee?s?)?|erstattet|widerrufen|zuruckgegeben"
    r"|annule(e|es|s)?|annulation|rembourse(e|es|s)?|cancelad[oa]s?|anulad[oa]s?|devuelt[oa]s?"
    r"|devolucion|devolvid[oa]s?|devolucao|reembolsad[oa]s?|estornad[oa]s?|annullat[oa]"
    r"|rimborsat[oa]|reso|geannuleerd|geretourneerd|terugbetaald"
)
_FAILED = re.compile(
    r"fail(ed|ure)?|declined?|void(ed)?|expired?|unpaid|denied|rejected|abandoned"
    r"|fehlgeschlagen|abgelehnt|refusee?s?|echouee?s?|rechazad[oa]s?|recusad[oa]s?|rifiutat[oa]"
)
_PIECES = re.compile("quantity|qty|units")
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


def order_roles(
    frame: pl.DataFrame, roles: Mapping[str, str], given: Mapping[str, str | None]
) -> dict[str, str]:
    """Return the roles with those that the values of columns decide, unless they are given.

    A column of money is a quantity only where something in it is below zero; a flag such as
    ``has_refund`` is a status.
    """
    found = dict(roles)
    name = roles.get("quantity")
    if name is not None and "quantity" not in given and not _PIECES.search(name.casefold()):
        if frame[name].dtype.is_nested() or not (signed(frame[name]) < 0).any():
            del found["quantity"]
    if "status" not in roles and "status" not in given:
        for name in frame.columns:
            if name not in roles.values() and is_undoing(name):
                yes = flagged(frame[name])
                if yes is not None and yes.any():
                    found["status"] = name
                    break
    return found


def returns(frame: pl.DataFrame, roles: Mapping[str, str], rows: Rows, source: str) -> Returns:
    """Read the columns quantity, status and order, and drop rows that are no events."""
    for role in ("quantity", "status", "order"):
        if role in roles:
            check_scalars(frame[roles[role]], source, f"one value a row; leave it out with "
                          f"--{role}-column '', columns={{{role!r}: None}}")  # fmt: skip
    n = frame.height
    quantity, cancelled = np.zeros(n), np.zeros(n, bool)
    if "quantity" in roles:
        numbers = signed(frame[roles["quantity"]])
        given = numbers.is_not_null().to_numpy()
        quantity = np.nan_to_num(numbers.fill_null(0.0).to_numpy(), posinf=1e9, neginf=-1e9)
        if _PIECES.search(roles["quantity"].casefold()):  # what costs nothing was bought too
            rows.drop(ZERO, given & (quantity == 0))
    if "status" in roles:
        undone, failed = _undone(frame, roles, rows)
        cancelled |= undone
        rows.drop(NEVER, failed)
    if "order" in roles:
        cancelled |= _credit_notes(frame[roles["order"]])
    return Returns(quantity < 0, cancelled & (quantity >= 0), quantity)


def signed(column: pl.Series) -> pl.Series:
    """Return numbers; also those below zero as ``(2)``, ``2-`` or with a typographic minus."""
    found = column.cast(pl.Float64, strict=False)
    if column.dtype != pl.String or found.null_count() == column.null_count():
        return found
    text = column.str.replace_all(r"[\s,$€£¥]", "").str.replace("[−–]", "-")
    text = text.str.replace(r"^\((.*)\)$", "-$1").str.replace(r"^([\d.]+)-$", "-$1")
    sign = text.str.contains(r"^-.*\d").cast(pl.Float64) * -1.0
    return found.fill_null(text.cast(pl.Float64, strict=False)).fill_null(sign.set(sign == 0, None))


def _undone(frame: pl.DataFrame, roles: Mapping[str, str], rows: Rows) -> tuple[Mask, Mask]:
    """Return which rows were undone and which failed, by the state and by flags beside it."""
    named = roles["status"]
    flags = [name for name in frame.columns
             if name == named or (is_undoing(name) and name not in roles.values())]  # fmt: skip
    undone, failed = np.zeros(frame.height, bool), np.zeros(frame.height, bool)
    for name in flags:
        yes = flagged(frame[name]) if is_undoing(name) else None
        if yes is not None:
            undone |= yes.to_numpy()
            rows.found.add("events", f"{name!r}: rows that say yes are taken back",
                           int(yes.sum()), "kept")  # fmt: skip
        elif name == named:
            undone_state, failed = _states(frame[name], rows)
            undone |= undone_state
    return undone, failed


def _states(column: pl.Series, rows: Rows) -> tuple[Mask, Mask]:
    names = column.cast(pl.String).fill_null("")
    undone, failed, others = [], [], []
    for name in names.unique().sort().to_list():
        words = re.findall(r"[^\W_]+", _plain(name))
        if any(_PART.fullmatch(word) for word in words):
            others.append(name)
        elif any(_UNDONE.fullmatch(word) for word in words):
            undone.append(name)
        elif any(_FAILED.fullmatch(word) for word in words):
            failed.append(name)
        else:
            others.append(name)
    heads = (("taken back", undone), ("ignored", failed), ("bought", others))
    told = "; ".join(f"{head}: {_listed(group)}" for head, group in heads if group)
    reason = f"states of orders in {column.name!r}: {told} (--status-column '' counts all)"
    rows.found.add("events", reason, int(rows.alive.sum()), "kept")
    return names.is_in(undone).to_numpy(), names.is_in(failed).to_numpy()


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in text if not unicodedata.combining(c))


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) if not name else name[:40] for name in names[:8])
    return shown + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")


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
