"""Recommendation lists from any system, measured like those of a scorer."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.ids import Ids
from pennyweight.data.split import HeldOut
from pennyweight.data.tables import Source, id_strings, read_table
from pennyweight.errors import DataError, did_you_mean
from pennyweight.evaluation.measure import PerUser
from pennyweight.evaluation.metrics import CUTOFFS, metric_names, per_user
from pennyweight.evaluation.ranking import MISS, Repeats

__all__ = ["ListCounts", "RankedItems", "measure_lists", "read_lists"]

USER, ITEM, RANK, SCORE = "user_id", "item_id", "rank", "score"
UNKNOWN = -1


@dataclass(frozen=True)
class RankedItems:
    """The rows of recommendation lists, a user's best item first.

    Attributes
    ----------
    user, item
        Codes, int32 (n_rows,); -1 for an id that the data does not have.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]


@dataclass(frozen=True)
class ListCounts:
    """Facts about the lists that were measured.

    Attributes
    ----------
    users, test_users
        Test users with a list, and all test users.
    other_users
        Users with a list who are no test users, or are unknown.
    shortest
        Items in the shortest list of a test user, history items left out.
    unknown_items
        Rows of test users whose item the catalog does not have.
    history_items
        Rows of test users left out because the item is in the user's history.
    """

    users: int
    test_users: int
    other_users: int
    shortest: int
    unknown_items: int
    history_items: int

    def notices(self, name: str) -> list[str]:
        """Return the sentences that a report needs beside the figures."""
        lists = f"lists {name!r}"
        notices = []
        if self.users < self.test_users:
            notices.append(
                f"{lists}: {self.users:,} of {self.test_users:,} test users have a list; the "
                "others count as misses"
            )
        if self.shortest < max(CUTOFFS):
            notices.append(
                f"{lists}: the shortest list has {self.shortest:,} items; later places count as "
                "misses"
            )
        if self.unknown_items:
            notices.append(
                f"{lists}: {self.unknown_items:,} rows name an item that the catalog does not "
                "have; each takes its place and is a miss"
            )
        if self.history_items:
            notices.append(
                f"{lists}: {self.history_items:,} items of the users' histories were left out; "
                "repeats='include' keeps them"
            )
        if self.other_users:
            notices.append(f"{lists}: {self.other_users:,} users are not measured")
        return notices


def read_lists(
    source: Source, name: str, users: Ids, items: Ids, columns: Mapping[str, str] | None = None
) -> RankedItems:
    """Read recommendation lists.

    Parameters
    ----------
    source
        A table as for `read_table` with a row for each item of each list: user, item, and
        rank (1 is the best) or score (the highest is the best; equal scores keep the order
        of the rows).
    name
        The name of the lists, for messages.
    users, items
        The ids of the data.
    columns
        ``"user_id"``, ``"item_id"``, ``"rank"`` or ``"score"`` -> the column's name, where it
        has another one.

    Raises
    ------
    DataError
        A column is missing, a value is no number, or a user has an item or a rank twice.
    """
    frame, findings = read_table(source, table=f"lists {name!r}")
    if findings:
        raise DataError(f"lists {name!r}: {findings[0].reason}; mend the rows and read them again")
    renamed = _columns(frame, name, columns or {})
    order_by = RANK if RANK in renamed else SCORE
    rows = pl.DataFrame(
        {
            USER: id_strings(frame[renamed[USER]], f"lists {name!r}"),
            ITEM: id_strings(frame[renamed[ITEM]], f"lists {name!r}"),
            "order": _numbers(frame[renamed[order_by]], name),
        }
    )
    empty = rows.filter(pl.any_horizontal(pl.all().is_null()))
    if empty.height:
        raise DataError(
            f"lists {name!r}: {empty.height:,} rows lack a user, an item or a {order_by}"
        )
    _refuse_twice(rows, [USER, ITEM], name, "the same item")
    if order_by == RANK:
        _refuse_twice(rows, [USER, "order"], name, "two items at the same rank")
    rows = rows.sort("order", descending=order_by == SCORE, maintain_order=True)
    return RankedItems(users.codes(rows[USER].to_list()), items.codes(rows[ITEM].to_list()))


def measure_lists(
    ranked: RankedItems, held_out: HeldOut, *, repeats: Repeats, k: int
) -> tuple[PerUser, ListCounts]:
    """Measure lists on held-out events, as `measure` does a scorer.

    An item that is not in a user's list has rank `MISS`. With ``repeats="exclude"`` items of
    the history are left out of the lists, and the items behind them move up.

    Parameters
    ----------
    ranked
        The lists.
    held_out
        Histories and the items that followed them.
    repeats
        Whether items of the history may be recommended again.
    k
        Length of the lists to keep, see `PerUser`.
    """
    n_items, n_users = held_out.before.n_items, len(held_out)
    place = np.searchsorted(held_out.users, ranked.user)
    place = np.minimum(place, max(0, n_users - 1))
    measured = (ranked.user >= 0) & (held_out.users[place] == ranked.user)
    row, item = place[measured].astype(np.int64), ranked.item[measured].astype(np.int64)
    in_catalog = item >= 0
    history = np.zeros(len(row), bool)
    if repeats == "exclude":
        history_pairs = held_out.histories.row * n_items + held_out.histories.item
        history = in_catalog & np.isin(row * n_items + item, history_pairs)
        row, item, in_catalog = row[~history], item[~history], in_catalog[~history]
    order = np.argsort(row, kind="stable")
    row, item, in_catalog = row[order], item[order], in_catalog[order]
    length = np.bincount(row, minlength=n_users)
    rank = np.arange(len(row)) - (np.cumsum(length) - length)[row]
    ranks = _ranks(row[in_catalog] * n_items + item[in_catalog], rank[in_catalog], held_out)
    other_users = np.unique(ranked.user[~measured])
    counts = ListCounts(
        users=int((length > 0).sum()),
        test_users=n_users,
        other_users=len(other_users),
        shortest=int(length[length > 0].min(initial=np.iinfo(np.int64).max)) if len(row) else 0,
        unknown_items=int((~in_catalog).sum()),
        history_items=int(history.sum()),
    )
    lists = _first(row[in_catalog], item[in_catalog], n_users, k)
    values = per_user(ranks, held_out.target_offsets)
    return PerUser(metric_names(), values, ranks, lists), counts


def _columns(frame: pl.DataFrame, name: str, columns: Mapping[str, str]) -> dict[str, str]:
    for role, column in columns.items():
        if role not in (USER, ITEM, RANK, SCORE):
            suggestion = did_you_mean(role, (USER, ITEM, RANK, SCORE))
            raise DataError(f"lists {name!r}: columns has no role {role!r}{suggestion}")
        if column not in frame.columns:
            suggestion = did_you_mean(column, frame.columns)
            raise DataError(f"lists {name!r}: there is no column {column!r}{suggestion}")
    roles = {role: role for role in (USER, ITEM, RANK, SCORE) if role in frame.columns}
    roles |= columns
    lacking = [role for role in (USER, ITEM) if role not in roles]
    if RANK not in roles and SCORE not in roles:
        lacking.append("rank or score")
    if lacking:
        raise DataError(
            f"lists {name!r}: no column {', '.join(lacking)}; the table has "
            f"{', '.join(frame.columns)}. Name them: columns={{'{lacking[0].split()[0]}': ...}}"
        )
    return roles


def _numbers(values: pl.Series, name: str) -> pl.Series:
    numbers = values.cast(pl.Float64, strict=False)
    odd = values.filter(numbers.is_null() & values.is_not_null())
    if len(odd) or numbers.is_nan().any():
        example = odd[0] if len(odd) else "NaN"
        raise DataError(f"lists {name!r}: {values.name} {example!r} is no number")
    return numbers


def _refuse_twice(rows: pl.DataFrame, columns: list[str], name: str, fault: str) -> None:
    twice = rows.filter(pl.struct(columns).is_duplicated())
    if twice.height:
        raise DataError(f"lists {name!r}: user {twice[USER][0]!r} has {fault}: {twice[ITEM][0]!r}")


def _ranks(
    pairs: NDArray[np.int64], rank: NDArray[np.int64], held_out: HeldOut
) -> NDArray[np.int64]:
    """Return the rank of each target, int64 (n_targets,), by pairs of user row and item."""
    row = np.repeat(np.arange(len(held_out)), np.diff(held_out.target_offsets))
    targets = row * held_out.before.n_items + held_out.targets
    out = np.full(len(targets), MISS, np.int64)
    if len(pairs):
        order = np.argsort(pairs)
        at = np.minimum(np.searchsorted(pairs[order], targets), len(pairs) - 1)
        hit = pairs[order][at] == targets
        out[hit] = rank[order][at[hit]]
    return out


def _first(
    row: NDArray[np.int64], item: NDArray[np.int64], n_users: int, k: int
) -> NDArray[np.int32]:
    """Return the first k known items of each list, int32 (n_users, k), -1 behind the last."""
    length = np.bincount(row, minlength=n_users)
    place = np.arange(len(row)) - (np.cumsum(length) - length)[row]
    lists = np.full((n_users, k), UNKNOWN, np.int32)
    front = place < k
    lists[row[front], place[front]] = item[front]
    return lists
