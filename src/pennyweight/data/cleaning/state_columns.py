"""The columns of an event log that hold the states of orders or of their lines."""

import re
from collections.abc import Collection, Mapping

import polars as pl

from pennyweight.data.cleaning.constant_columns import constant_of
from pennyweight.data.cleaning.missing import blanked, few_texts
from pennyweight.data.cleaning.negations import words_of
from pennyweight.data.cleaning.order_states import are_codes, is_state_name, state_in
from pennyweight.data.cleaning.reversal_columns import about_user_or_item
from pennyweight.data.columns import column_option
from pennyweight.errors import DataError

__all__ = ["MAX_STATES", "about_rows", "is_explained", "may_be_states", "state_columns"]

MAX_STATES = 40
_PLACES = frozenset(("state", "estado", "etat", "stato", "stan", "stav", "zustand"))
_STAGE = re.compile(r"(deal|sales?|opportunity|opp|pipeline|order)?stage")
# Words for an order, its lines, and fillers of such names.
_ABOUT_ORDERS = re.compile(
    r"order|orders|deals?|sales|opportunity|opp|pipeline|trang|thai|don|hang|payment|financial|transaction|delivery|fulfill?ment|shipping|shipment|refund"
    r"|return|purchase|sale|bestell.*|auftrag.*|zahlung.*|liefer.*|versand.*|pedido|pago|envio"
    r"|commande|paiement|livraison|ordine|pagamento|spedizione|bestelling|betaling|invoice|booking"
    r"|reservation|zamowieni[ae]|objednavky?|siparis|заказа?|refunds|returns|rma|items?|lines?|lineitems?|article|artikel"
    r"|positions?|products?|sku|articulo|producto|linea|ligne|riga|articolo|artigo|produto|regel"
    r"|cancel|cancell?ation|stornierung|retouren?|dispute|completion|sub|detail|details|current|final|last|latest|new|old|the|of|de|du|del|della|da|name|label|text"
    r"|watch|watching|viewing|read|reading|play|playing|my|list|shelf|description|bezeichnung|id|code|nr|no|number|key|codigo|class|event|row|record"
)
_ABOUT_OTHERS = re.compile(
    r"accounts?|users?|customers?|members?|membership|subscription|subscriber|series|show|listing"
    r"|catalog|stock|inventory|availability|marital|employment|campaign|ticket|email|mail|login"
    r"|session|loyalty|kyc|review|moderation|crawl|sync|import|export|job|sensor|device|market"
    r"|relationship|publication|publish(ing)?"
)


def state_columns(
    frame: pl.DataFrame,
    used: Collection[str],
    roles: Mapping[str, str],
    source: str,
    *,
    ask: bool = False,
) -> list[str]:
    """Return the columns of states that undo orders or their lines, those in words first.

    Codes, such as 6 and 7, that a column in words explains are left out.

    Parameters
    ----------
    used
        Columns with another role.
    roles
        Role -> column; a state of a user or an item is none of an order.
    ask
        Whether to ask about columns of unknown names; else they are left out.

    Raises
    ------
    DataError
        A column may hold states of orders, or of something else.
    """
    named = [
        name
        for name in frame.columns
        if name not in used
        and (is_state_name(name) or _is_stage(name))
        and not frame[name].dtype.is_nested()
    ]
    words, codes = [], []
    for name in named:
        if are_codes(frame[name]):
            may_be = not _is_stage(name) and _may_be_codes(frame, name, roles)
            codes += [name] if may_be else []
        elif any(state_in(name, value) != "counted" for value in _values(frame, name)):
            words += [name] if _is_of_orders(frame, name, roles, source, ask=ask) else []
    return words + [name for name in codes if not is_explained(frame, name)]


def _is_stage(name: str) -> bool:
    """Say whether a column is named after the stage of a deal, such as ``StageName``."""
    return any(_STAGE.fullmatch(word) for word in words_of(name))


def about_rows(frame: pl.DataFrame, name: str, roles: Mapping[str, str]) -> bool:
    """Say whether a state is of single rows, not of an account or an item such as a series."""
    undone = [value for value in _values(frame, name) if state_in(name, value) != "counted"]
    yes = blanked(frame[name]).cast(pl.String).str.strip_chars().is_in(undone).fill_null(False)
    return not (undone and about_user_or_item(frame, yes, roles))


def may_be_states(frame: pl.DataFrame, name: str, roles: Mapping[str, str]) -> bool:
    """Say whether a column is named after the states of orders, in words, and not of places."""
    words = words_of(name)
    return (
        is_state_name(name)
        and not {*words} <= _PLACES
        and all(map(_ABOUT_ORDERS.fullmatch, _others(name)))
        and not frame[name].dtype.is_nested()
        and not are_codes(frame[name])
        and constant_of(frame, name, roles) is None
    )


def _values(frame: pl.DataFrame, name: str) -> list[str]:
    return few_texts(frame[name], MAX_STATES)


def _is_of_orders(
    frame: pl.DataFrame, name: str, roles: Mapping[str, str], source: str, *, ask: bool
) -> bool:
    """Say whether a column of states in words is about orders; ask if its name is unknown."""
    others = _others(name)
    if any(map(_ABOUT_OTHERS.fullmatch, others)):
        return False
    if all(map(_ABOUT_ORDERS.fullmatch, others)):
        return True
    undone = [value for value in _values(frame, name) if state_in(name, value) == "undone"]
    if ask and undone and about_rows(frame, name, roles):
        raise DataError(
            f"{source}: column {name!r} has states such as {undone[0]!r}, which may say that the "
            f"purchase was taken back. If so, {column_option('status', name)}; if not, "
            f"{column_option('status', None)}"
        )
    return False


def _may_be_codes(frame: pl.DataFrame, name: str, roles: Mapping[str, str]) -> bool:
    """Say whether codes may be states of orders, not of users, items or regions."""
    words = words_of(name)
    others = _others(name)
    if not all(map(_ABOUT_ORDERS.fullmatch, others)):
        return False
    if {*words} <= _PLACES | {"code", "name"} and not frame[name].dtype.is_integer():
        numbers = blanked(frame[name]).cast(pl.String).str.contains(r"^\s*\d+\s*$")
        if not numbers.all():
            return False  # CA, NY
    return constant_of(frame, name, roles) is None


def _others(name: str) -> list[str]:
    """Return the words of a name other than that for a state."""
    return [word for word in words_of(name) if not (is_state_name(word) or _STAGE.fullmatch(word))]


def is_explained(frame: pl.DataFrame, codes: str) -> bool:
    """Say whether states are codes, each with one word in another column of states."""
    if not are_codes(frame[codes]):
        return False
    words = [
        name
        for name in frame.columns
        if is_state_name(name) and not frame[name].dtype.is_nested() and not are_codes(frame[name])
    ]
    table = frame.select(codes, *words).drop_nulls(codes)
    number = table[codes].n_unique()
    return any(
        table[name].n_unique() > 1 and table.select(codes, name).n_unique() == number
        for name in words
    )
