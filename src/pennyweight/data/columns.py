"""The roles of columns, and the names that common tools give them."""

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal

from pennyweight.data.cleaning.time_names import OTHER_RANK, RANKS, TIME_LIKE_RANK, rank
from pennyweight.data.id_names import id_like, may_be_item, may_be_user
from pennyweight.errors import DataError, did_you_mean

__all__ = ["ALIASES", "bare", "column_list", "column_option", "has_role", "name_key", "resolve"]

# Names are compared without case, spaces and punctuation. Within a role the first
# name wins over the second where both are present (parent_asin joins Amazon's reviews to
# its items, asin does not); all other names are equals, two of which are ambiguous.
_ITEM = (
    "item_id",
    "parent_asin",
    "asin",
    "item",
    "iid",
    "movie_id",
    "product_id",
    "product",
    "sku",
    "article_id",
    "artist_id",
    "track_id",
    "song_id",
    "video_id",
    "book_id",
    "business_id",
    "news_id",
    "content_id",
    "isbn",
    "doc_id",
)
ALIASES: dict[str, dict[str, tuple[str, ...]]] = {
    "events": {
        "user": (
            "user_id",
            "user",
            "uid",
            "query_id",
            "reviewer_id",
            "customer_id",
            "customer",
            "visitor_id",
            "client_id",
            "member_id",
            "session_id",
            "person_id",
        ),
        "item": _ITEM,
        "time": RANKS[0],  # and the names of the other ranks
        "weight": (
            "weight",
            "rating",
            "event_value",
            "value",
            "overall",
            "score",
            "stars",
            "star_rating",
            "ratings",
            "book_rating",
            "movie_rating",
            "user_rating",
            "review_rating",
            "user_score",
            "review_score",
        ),
        "type": (
            "event_type",
            "feedback_type",
            "event",
            "type",
            "action",
            "interaction_type",
            "behavior",
            "behaviour",
            "behavior_type",
            "behaviour_type",
            "event_name",
            "action_type",
            "verb",
            "transaction_type",
            "activity_type",
            "user_action",
            "action_name",
        ),
        "split": ("split", "part", "fold", "subset"),
        "quantity": (
            "quantity",
            "qty",
            "units",
            "order_quantity",
            "quantity_ordered",
            "amount",
            "sales",
            "revenue",
            "total",
            "line_total",
            "total_amount",
            "total_price",
            "net_amount",
            "net_sales",
            "order_total",
            "price",
            "unit_price",
        ),
        "status": (
            "order_status",
            "status",
            "payment_status",
            "financial_status",
            "transaction_status",
            "order_state",
            "delivery_status",
            "fulfillment_status",
            "return_status",
            "returned",
            "is_returned",
            "is_return",
            "cancelled",
            "is_cancelled",
            "canceled",
            "is_canceled",
            "refunded",
            "is_refunded",
            "is_refund",
            "disliked",
            "is_disliked",
            "is_dislike",
            "not_interested",
            "is_hate",
            "deleted",
            "is_deleted",
            "removed",
            "is_removed",
            "is_hidden",
            "hidden",
            "reported",
            "is_reported",
            "blocked",
            "is_blocked",
            "chargeback",
            "is_chargeback",
            "voided",
            "reversed",
            "uninstalled",
            "returned_at",
            "returned_on",
            "return_date",
            "refunded_at",
            "refund_date",
            "cancelled_at",
            "canceled_at",
            "cancelled_on",
            "cancel_date",
            "cancellation_date",
            "deleted_at",
            "removed_at",
        ),
        "order": (
            "invoice_no",
            "invoice",
            "invoice_number",
            "invoice_id",
            "order_number",
            "order_no",
            "order_id",
            "transaction_id",
            "bill_no",
        ),
        "engagement": (
            "watch_time",
            "play_duration",
            "play_duration_ms",
            "ms_played",
            "seconds_played",
            "watch_seconds",
            "seconds_watched",
            "percent_watched",
            "percent_complete",
            "watch_ratio",
            "dwell_time",
            "dwell",
            "time_spent",
            "reading_time",
            "listen_time",
            "view_duration",
            "playtime",
            "scroll_depth",
        ),
    },
    "items": {"id": (*_ITEM, "id")},
}
_REQUIRED = ("user", "item", "id")
_RANKED = ("quantity", "status", "order", "engagement")  # the first name of several wins


@lru_cache(maxsize=8_192)
def bare(column: str) -> str:
    """Return a column name without a RecBole type suffix (``user_id:token`` -> ``user_id``)."""
    return re.sub(r":(token|float|token_seq|float_seq)$", "", column.strip())


def column_list(columns: Sequence[str], limit: int = 20) -> str:
    """Return the first columns, quoted and cut, for a message."""
    names = ", ".join(repr(c if len(c) <= 60 else c[:57] + "...") for c in columns[:limit])
    more = f" and {len(columns) - limit:,} more" if len(columns) > limit else ""
    return (names or "(none)") + more


@lru_cache(maxsize=8_192)
def name_key(name: str) -> str:
    """Return a name without case, spaces and punctuation, as names are compared."""
    return re.sub(r"[\W_]+", "", name).casefold()


def _key(column: str) -> str:
    return name_key(bare(column))


def resolve(
    columns: Sequence[str],
    table: Literal["events", "items"],
    overrides: Mapping[str, str | None] | None = None,
    *,
    source: str = "",
) -> dict[str, str]:
    """Find the column of each role.

    Parameters
    ----------
    columns
        The names in the file.
    table
        ``"events"`` (roles user, item, time, weight, type, split) or ``"items"`` (role id).
    overrides
        Role -> column, used as given; role -> None (or ``""``) leaves an optional role out.
        Roles of the other table are ignored.
    source
        The file, for error messages.

    Returns
    -------
    dict
        Role -> column name, only the roles that were found.

    Raises
    ------
    DataError
        When user, item or id is not found, an override names no column, or two columns
        have an equal claim on a role.
    """
    overrides = dict(overrides or {})
    keys = [_key(column) for column in columns]
    where = f"{source or table}: columns are {column_list(columns)}"
    roles: dict[str, str] = {}
    for role, aliases in ALIASES[table].items():
        option = f"--{role}-column NAME, or columns={{{role!r}: NAME}}"
        if role in overrides:
            chosen = overrides[role]
            if chosen and chosen not in columns:
                raise DataError(
                    f"{where}; there is no {chosen!r}, asked for as {role}"
                    f"{did_you_mean(chosen, columns)} Correct {option}"
                )
            if not chosen and role in _REQUIRED:
                raise DataError(f"{where}; the {role} cannot be left out. Name it with {option}")
            claims = [chosen] if chosen else []
        else:
            claims = _claims(columns, keys, aliases) if role != "time" else _times(columns)
        if role in _RANKED:
            claims = claims[:1]
        if len(claims) > 1:
            raise DataError(
                f"{where}; {' and '.join(map(repr, claims))} could each be the {role}. "
                f"Choose one with {option}"
            )
        if claims:
            roles[role] = claims[0]
        elif role in _REQUIRED:
            raise DataError(
                f"{where}; none is known as the {role} (such as {', '.join(aliases[:4])}). "
                f"{_candidates(columns, role, roles)}"
                f"{_suspicion(columns)}{_matrix(columns, role, roles, source)}"
                f"Say which one it is with {option}"
            )
    return roles


def column_option(role: str, name: str | None) -> str:
    """Return the option that gives a role a column, on the command line and in Python.

    None: no column has the role.
    """
    return f"--{role}-column {shlex.quote(name or '')}, columns={{{role!r}: {name!r}}}"


def has_role(columns: Sequence[str], role: str) -> bool:
    """Say whether a column of an event log is named like a role."""
    if role == "time":
        return bool(_times(columns))
    return bool(_claims(columns, [_key(column) for column in columns], ALIASES["events"][role]))


def _candidates(columns: Sequence[str], role: str, roles: Mapping[str, str]) -> str:
    """Return the columns that may be the user, the item or the id, by their names."""
    is_named, is_other = may_be_user, may_be_item
    if role != "user":
        is_named, is_other = is_other, is_named
    free = [name for name in columns if name not in roles.values()]
    names = [name for name in free if is_named(name)]
    names = names or [name for name in free if id_like(name) and not is_other(name)]
    if not names:
        return ""
    return f"{column_list(names, 5)} may be. "


def _suspicion(columns: Sequence[str]) -> str:
    if len(columns) == 1 and re.search(r"\w\W+\w", columns[0]):
        return "There is one column: is the separator a comma, tab, semicolon or |? "
    if any(re.fullmatch(r"-?\d+(\.\d+)?|\d{4}-\d\d-\d\d.*", column) for column in columns):
        return (
            "These look like values: is the first line, which names the columns, missing? If "
            "so, write it, in the order and with the separator of the file: (echo "
            "'user_id,item_id,timestamp'; cat FILE) > with-header. "
        )
    return ""


def _matrix(columns: Sequence[str], role: str, roles: Mapping[str, str], source: str) -> str:
    """Return advice on unpivoting a table with a column for each item, if it may be one."""
    shapes = [re.sub(r"\d+", "0", name) for name in columns]
    n_similar = max(map(shapes.count, shapes))
    if role != "item" or "user" not in roles or n_similar < max(5, 0.8 * len(columns)):
        return ""
    return (
        'If each item has a column, write a row for each user and item: python -c "import '
        f"polars as pl; pl.read_csv('{source}').unpivot(index='{roles['user']}', "
        "variable_name='item_id', value_name='weight').filter(pl.col('weight') > 0)"
        ".write_csv('rows.csv')\". "
    )


def _times(columns: Sequence[str]) -> list[str]:
    """Return the columns of the best rank among those with known names."""
    ranks = {column: rank(column) for column in columns}
    ranked = [r for r in ranks.values() if r is not None and r not in (TIME_LIKE_RANK, OTHER_RANK)]
    return [column for column, place in ranks.items() if ranked and place == min(ranked)]


def _claims(columns: Sequence[str], keys: Sequence[str], aliases: Sequence[str]) -> list[str]:
    for canonical in aliases[:2]:
        exact = [column for column in columns if bare(column) == canonical]
        similar = [c for c, key in zip(columns, keys, strict=True) if key == _key(canonical)]
        if exact or similar:
            return exact or similar
    accepted = {_key(alias) for alias in aliases}
    return [column for column, key in zip(columns, keys, strict=True) if key in accepted]
