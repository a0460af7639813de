"""Columns that mark single rows as taken back: flags, dates, pieces and reasons."""

import re
from collections.abc import Mapping
from typing import Literal

import polars as pl

from pennyweight.data.cleaning.labels import is_undoing
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.negations import is_loan, is_negator, is_return, is_undone, words_of
from pennyweight.data.cleaning.order_states import is_part, is_state_name, state_of
from pennyweight.data.cleaning.yes_no import NO, YES

__all__ = [
    "Undoing",
    "about_user_or_item",
    "only_yes_and_no",
    "says_yes",
    "undoing_kind",
    "use_of",
]

Undoing = Literal["flag", "date", "count", "reason"]
Use = Literal["taken", "attribute", "loan", "most", "doubtful", "origin", "unused"]

_TIME_SUFFIX = re.compile(r"at|on|date|time|timestamp|ts|utc|am|le|el|il|op|datum|fecha|data|when")
_COUNT = re.compile(
    r"qty|quantity|quantities|pieces|pcs|units|count|amount|value|total|sum|money|menge|anzahl|stuck"
    r"|betrag|summe|cantidad|importe|monto|quantite|montant|quantita|importo|quantidade|valor"
    r"|aantal|bedrag|items"
)
_REASON = re.compile(
    r"reason|reasons|comment|note|notes|cause|grund|motif|motivo|razon|raison|reden|code|type|kind"
)
_NUMBERED = re.compile(r"ids?|no|nr|num|numbers?|ref|references?|keys?|nummer|numero|uuid|of")
# Deadlines (the deed is still to come), and marks on users, mails and the catalog.
_DEADLINE = re.compile(
    r"(free|last|latest)?(cancel|cancellation|return|refund|exchange)s?(able)?"
    r"(by|until|till|before|deadline|due|duedate|bydate|untildate|window|period)"
)
_OF_OTHERS = re.compile(
    r"(return|returned|returning|blocked|banned|deleted|removed|flagged|reported|muted)"
    r"(visitor|user|customer|buyer|client|guest|shopper|member|account|seller|author)s?(at|on|date)?"
    r"|unsubscribed?(at|on|date)?|optedout(at|on|date)?|flaggedforreview"
    r"|(removed|deleted|withdrawn)from(the)?(sale|catalog|catalogue|store|shop|stock|search|listing"
    r"|range|assortment)(at|on|date)?"
)
_ORIGINAL = re.compile(r"original|orig|originating")
_SALE = re.compile(r"orders?|transactions?|txn|trans|invoices?|sales?|purchases?|receipts?")
_HAPPENED = re.compile(r"(is|was|has|did|been|flag|ist|wurde)")
_TRIP = re.compile(
    r"depart(s|ure|ing|ed)?|outbound|pickup|flight(no|number)?|trip|issued?|checkedout|collection"
)
_MAYBE_LOANS = re.compile(r"checkout|checkouts|due|issued|checked")
_NO = NO | frozenset(
    "none nil - -- -1 not never kept keep behalten ok okay paid complete completed delivered"
    " shipped fulfilled active open nothing".split()
)
_NEVER = re.compile(
    r"^\D*(0000|0001|1753|20(99)|2[1-9]\d\d|[3-9]\d\d\d)\b|\b(0000|0001|1753|2099|2[1-9]\d\d|[3-9]\d{3})$"
    r"|^(1899|1900|1970)[-/.](0?1|12)[-/.](0?1|3[01])\b|^(0?1|3[01]|12)[-/.](0?1|12|3[01])[-/.](1899|1900|1970)\b"
)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_NUMBER = re.compile(r"[^\d\w.,-]*[-−(]?\W*[\d.,]*\d[\d.,]*\)?\s*(\D{0,8})")
_GROUPS, _MIXED = 2, 0.05
_LOAN_SHARE = 0.2  # share of returns above which loans are likelier


def undoing_kind(name: str) -> Undoing | None:
    """Return the way in which a column marks rows as taken back; None for other columns.

    A flag such as ``is_returned``, a date such as ``cancelled_at``, pieces or money such as
    ``returned_qty``, or a reason such as ``return_reason``.
    """
    if is_state_name(name):
        return None
    leaf = name.rpartition(".")[2]
    return _kind_of(leaf) or (_kind_of(name) if leaf != name else None)


def _kind_of(name: str) -> Undoing | None:
    if _is_of_another(words_of(name)):
        return None
    words = [word for word in words_of(name) if not _HAPPENED.fullmatch(word)]
    split_words = [
        re.sub(r"(datum|date|grund|menge|betrag)$", r" \1", word).split() for word in words
    ]
    words = [word for parts in split_words for word in parts]
    if words == ["abgru"]:  # SAP's reason for the rejection of an order's line
        return "reason"
    undone = [word for word in words if is_undone(word)]
    others = [word for word in words if word not in undone]
    numbered = [word for word in others if _NUMBERED.fullmatch(word)]
    if undone and numbered and words[0] in undone and _all_of_orders(others):
        return "reason"  # the id of a return, if there was one, or of the order it is of
    if names_origin(name) and _all_of_orders(words[1:]):
        return "reason"
    if not undone or any(is_negator(word) for word in others):
        return ("date" if _is_date(name) else "flag") if is_undoing(name) else None
    if any(_REASON.fullmatch(word) for word in others):
        return "reason"
    if any(_COUNT.fullmatch(word) for word in others):
        return "count"
    if others and all(_TIME_SUFFIX.fullmatch(word) for word in others):
        return "date"
    return "flag" if not others or is_undoing(name) else None


def _is_of_another(words: list[str]) -> bool:
    """Say whether a name is that of a deadline, a user or a catalog: ``cancel_by``."""
    joined = "".join(word for word in words if not _HAPPENED.fullmatch(word))
    return _DEADLINE.fullmatch(joined) is not None or _OF_OTHERS.fullmatch(joined) is not None


def names_origin(name: str) -> bool:
    """Say whether a column names an earlier order, as ``original_order_id`` does."""
    words = words_of(name.rpartition(".")[2]) or [""]
    return _ORIGINAL.fullmatch(words[0]) is not None and any(map(_SALE.fullmatch, words))


def _all_of_orders(words: list[str]) -> bool:
    """Say whether words are those of the number of an order, in part or as a whole."""
    return bool(words) and all(_NUMBERED.fullmatch(w) or _SALE.fullmatch(w) for w in words)


def _is_date(name: str) -> bool:
    """Say whether the name of a column ends like one of a date, such as ``deleted_at``."""
    words = words_of(name)
    return len(words) > 1 and _TIME_SUFFIX.fullmatch(words[-1]) is not None


def says_yes(column: pl.Series, kind: Undoing) -> pl.Series:
    """Return the rows marked as taken back: those with a value that is not a no."""
    texts = blanked(column).cast(pl.String).str.strip_chars()
    distinct = texts.drop_nulls().unique().to_list()
    yes = [text for text in distinct if _is_yes(text, kind)]
    return texts.is_in(yes).fill_null(False)


def _is_yes(text: str, kind: Undoing) -> bool:
    low = text.casefold()
    if low in YES or low in _NO:
        return low in YES
    if _DATE.search(low):
        return not _NEVER.search(low)
    if _NUMBER.fullmatch(low):
        unknown = kind != "count" and low in ("-1", "-1.0")
        return re.search("[1-9]", low) is not None and not unknown
    words = words_of(text)
    if kind == "reason":
        return bool(words)
    if any(is_negator(word) or is_part(word) for word in words) or "pending" in words:
        return False
    denied = any(is_undone(word) for word in words) and state_of(text) != "undone"
    return bool(words) and not denied and not set(words) <= _NO


def use_of(
    frame: pl.DataFrame, name: str, kind: Undoing, yes: pl.Series, roles: Mapping[str, str]
) -> Use:
    """Return the use of a column of returns.

    ``taken``: its rows are taken back; ``attribute``: it has one value a user or an item;
    ``loan``: it is the end of a loan; ``most``: most rows have a date; ``doubtful``: it may be a
    loan, or most rows say yes; ``origin``: some rows name an earlier order; ``unused``: most do, or
    those that do have no item.
    """
    share = int(yes.sum()) / max(1, len(yes))
    if any(map(_SALE.fullmatch, words_of(name))) and not _of_items(frame, yes, roles):
        return "unused"  # rows that undo the order as a whole
    if names_origin(name):
        return "origin" if share <= 0.5 else "unused"
    if about_user_or_item(frame, yes, roles):
        return "attribute"
    is_returned = is_return(name)
    others = {word for other in frame.columns if other != name for word in words_of(other)}
    if is_returned and kind in ("flag", "date") and yes.any():
        if any(is_loan(word) for word in others):
            return "loan"
        if any(map(_names_trip, frame.columns)):
            return "loan"
        if any(_MAYBE_LOANS.fullmatch(word) for word in others) and _LOAN_SHARE < share <= 0.5:
            return "doubtful"
    if share <= 0.5:
        return "taken"
    if kind == "date":
        return "most"
    return "taken" if not is_returned and only_yes_and_no(frame[name]) else "doubtful"


def _names_trip(name: str) -> bool:
    """Say whether a column is the begin of a trip, a rental or a loan: ``depart_date``."""
    words = [word for word in words_of(name) if not _TIME_SUFFIX.fullmatch(word)]
    return _TRIP.fullmatch("".join(words)) is not None


def _of_items(frame: pl.DataFrame, yes: pl.Series, roles: Mapping[str, str]) -> bool:
    """Say whether one of the marked rows has an item."""
    return bool((yes & blanked(frame[roles["item"]]).is_not_null()).any())


def only_yes_and_no(column: pl.Series, *, dates: bool = False) -> bool:
    """Say whether all values are yes, no or missing; with `dates`, dates are a yes."""
    if dates and column.dtype.is_temporal():
        return True
    texts = blanked(column).cast(pl.String).drop_nulls().str.strip_chars().str.to_lowercase()
    answers = [*YES, *_NO, *(f"{number}.0" for number in (0, 1, -1))]
    plain = texts.is_in(answers)
    return bool((plain | texts.str.contains(_DATE.pattern) if dates else plain).all())


def about_user_or_item(frame: pl.DataFrame, yes: pl.Series, roles: Mapping[str, str]) -> bool:
    """Say whether no user, or no item, has both yes and no, though many have several rows.

    A user's rows of one moment or order count as one: orders are cancelled as a whole.
    """
    table = frame.select(roles[role] for role in ("user", "item", "time", "order") if role in roles)
    table = table.with_columns(yes.alias("__yes"))
    event_key = next((roles[role] for role in ("order", "time") if role in roles), None)
    for role in ("user", "item"):
        several = pl.len() if role == "item" or event_key is None else pl.col(event_key).n_unique()
        groups = (
            table.lazy()
            .group_by(roles[role])
            .agg(
                pl.col("__yes").any().alias("some"),
                pl.col("__yes").all().alias("all"),
                several.alias("several"),
            )
            .filter(pl.col("several") > 1)
            .select(
                pl.col("all").sum(),
                (~pl.col("some")).sum().alias("none"),
                (pl.col("some") & ~pl.col("all")).sum().alias("mixed"),
            )
            .collect()
            .row(0)
        )
        smaller = min(groups[0], groups[1])
        if smaller >= _GROUPS and groups[2] <= _MIXED * smaller:
            return True
    return False
