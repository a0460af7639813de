"""From an events table to `Interactions`: codes, times, weights; bad rows dropped and counted."""

from collections.abc import Mapping

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from pennyweight.data.cleaning.feedback import FeedbackRules, signals
from pennyweight.data.cleaning.rows import Rows as _Rows
from pennyweight.data.cleaning.taking_back import drop_partial, take_back
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions, NegativeFeedback
from pennyweight.data.log import Findings
from pennyweight.data.tables import check_scalars, id_strings
from pennyweight.data.times import SMALLEST_DATE, Times, parse_times
from pennyweight.errors import DataError

__all__ = ["ACROSS_SPLITS", "SPLITS", "build_interactions"]

SPLITS = {
    "train": 0, "training": 0, "valid": 1, "validation": 1, "val": 1, "dev": 1,
    "test": 2, "testing": 2,
}  # fmt: skip
ACROSS_SPLITS = "duplicate of an event in another part of the split"
_YEAR = 366 * 86_400.0
Values = NDArray[np.int32] | NDArray[np.float64] | NDArray[np.uint8]


def build_interactions(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    items: Ids,
    *,
    now: float,
    k_core: int,
    found: Findings,
    source: str,
    rules: FeedbackRules | None = None,
) -> Interactions:
    """Clean an events table.

    Parameters
    ----------
    frame, roles
        The rows as read; role -> column, from `columns.resolve`.
    items
        The catalogue's ids.
    now
        Epoch seconds after which a time lies in the future.
    k_core
        Keep users and items with at least this many events, repeated until stable; 0: all.
    found, source
        Takes the notes; the file, for error messages.
    rules
        How events are understood; by default by their usual names and scales.

    Raises
    ------
    DataError
        When no event is on a known item, or none is left after cleaning.
    """
    rows = _Rows(frame, roles, found)
    user, names = _users(frame, roles, rows, source)
    item = _items(frame, roles, items, rows, source)
    time = _times(frame, roles, now, rows, source)
    signs = signals(frame, roles, rows, rules or FeedbackRules(), source)
    split = _splits(frame, roles, rows, source)
    order = _order(np.flatnonzero(rows.alive), user, time.values)
    drop_partial(rows, user, item, time.values, signs)
    same: dict[str, Values] = {"u": user, "t": time.values, "i": item, "k": signs.kind,
            "n": signs.negative.astype(np.uint8)}  # fmt: skip
    _drop_duplicates(rows, order[rows.alive[order]], same, split)
    against = take_back(rows, order, user, item, time.values, signs)
    if k_core > 1:
        _keep_core(rows, user, item, k_core)
        against = against[np.isin(user[against], user[rows.alive])]
    kept = order[rows.alive[order]]
    if not len(kept):
        raise DataError(f"{source}: no event is left after cleaning: {found}. Mend the values, "
                        "leave out an optional column (--weight-column '') or lower "
                        "--k-core")  # fmt: skip
    # Somebody who only turned items down is a user, and has no event.
    seen = np.unique(np.concatenate([user[kept], user[against]]))
    weight = signs.weight[kept]
    learnt = np.unique(signs.kind[kept])
    return Interactions(
        users=Ids(names.gather(pl.Series(seen)).to_list(), "users"),
        n_items=len(items),
        user=np.searchsorted(seen, user[kept]).astype(np.int32),
        item=item[kept],
        time=time.values[kept],
        weight=np.ones_like(weight) if (weight == weight[0]).all() else weight,
        kind=np.searchsorted(learnt, signs.kind[kept]).astype(np.uint8),
        kinds=tuple(signs.kinds[code] for code in learnt.tolist()),
        split=split[kept] if split is not None else np.empty(0, np.uint8),
        real_time=time.real_time,
        negative=NegativeFeedback(
            np.searchsorted(seen, user[against]).astype(np.int32),
            item[against],
            time.values[against],
        ),
        meanings=signs.meanings,
        liking=signs.liking,
    )


def _codes(values: pl.Series, names: pl.Series) -> NDArray[np.int32]:
    """Position in `names` of each value, -1 where it is null or not among them."""
    table = pl.DataFrame({"value": names, "code": np.arange(len(names), dtype=np.int32)})
    joined = pl.DataFrame({"value": values}).join(
        table, on="value", how="left", maintain_order="left"
    )
    return joined["code"].fill_null(-1).to_numpy()


def _users(
    frame: pl.DataFrame, roles: Mapping[str, str], rows: _Rows, source: str
) -> tuple[NDArray[np.int32], pl.Series]:
    users = id_strings(frame[roles["user"]], source)
    names = users.drop_nulls().unique(maintain_order=True)
    codes = _codes(users, names)
    rows.drop("missing user", codes < 0)
    return codes, names


def _items(
    frame: pl.DataFrame, roles: Mapping[str, str], items: Ids, rows: _Rows, source: str
) -> NDArray[np.int32]:
    ids = id_strings(frame[roles["item"]], source)
    rows.drop("missing item", ids.is_null().to_numpy())
    known = pl.Series(list(items), dtype=pl.String)
    codes = _codes(ids, known)
    if not (codes >= 0).any():
        raise DataError(
            f"{source}: no event is on an item of the catalogue. Events have items such as "
            f"{_few(ids)}; the catalogue has {_few(known)}{_near_miss(ids, known)}. Check that "
            "both files name items in the same way, or choose other columns with --item-column "
            "(events) and --id-column (items)"
        )
    rows.drop("item is not in the catalogue", codes < 0)
    return codes


def _few(ids: pl.Series) -> str:
    names = ids.drop_nulls().unique(maintain_order=True).head(3)
    return ", ".join(map(repr, names)) or "nothing but missing values"


def _near_miss(ids: pl.Series, known: pl.Series) -> str:
    """Say whether ids differ only in what spreadsheets and exports do to them."""
    pair = (s.str.strip_chars().str.to_lowercase().str.strip_chars_start("0") for s in (ids, known))
    if not next(pair).is_in(next(pair).to_list()).any():
        return ""
    return "; without spaces, leading zeros and capitals some would agree"


def _times(
    frame: pl.DataFrame, roles: Mapping[str, str], now: float, rows: _Rows, source: str
) -> Times:
    if "time" not in roles:
        rows.found.add("events", "no time column: the order of rows stands for time",
                       frame.height, "kept")  # fmt: skip
        return Times(np.arange(frame.height, dtype=np.float64), False, "order of rows")
    times = parse_times(frame[roles["time"]], source)
    values = times.values
    rows.drop("time is missing or cannot be read", np.isnan(values))
    if times.real_time:
        rows.drop("time is more than a year in the future", values > now + _YEAR)
        rows.note("time is in the future", values > now)
        rows.note("time is before March 1973: missing, or in another unit than the rest?",
                  values < SMALLEST_DATE)  # fmt: skip
    return times


def _splits(
    frame: pl.DataFrame, roles: Mapping[str, str], rows: _Rows, source: str
) -> NDArray[np.uint8] | None:
    if "split" not in roles:
        return None
    column = frame[roles["split"]]
    check_scalars(column, source, "train, valid and test")
    column = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    codes = column.replace_strict(SPLITS, default=None, return_dtype=pl.UInt8)
    if codes.null_count() == len(codes):
        raise DataError(
            f"{source}: column {column.name!r} has no value such as train, valid or test (it has "
            f"{_few(column)}). Leave it out with --split-column '', columns={{'split': None}}"
        )
    rows.drop("split is none of train, valid, test", codes.is_null().to_numpy())
    return codes.fill_null(0).to_numpy()


def _order(
    rows: NDArray[np.int64], user: NDArray[np.int32], time: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Sort row numbers by user, then time; ties stay in file order."""
    rows = rows[np.argsort(time[rows], kind="stable")]
    # A compressed sparse matrix is a stable counting sort by row: half the time of lexsort.
    place = np.arange(len(rows))
    shape = (int(user.max()) + 2, len(rows) + 1)  # not empty even when no row is left
    cells = sp.coo_array((np.ones(len(rows), np.int8), (user[rows], place)), shape=shape)
    order: NDArray[np.int32] = cells.tocsr().indices
    return rows[order]


def _drop_duplicates(
    rows: _Rows,
    order: NDArray[np.int64],
    key: dict[str, Values],
    split: NDArray[np.uint8] | None,
) -> None:
    again = np.zeros(len(rows.alive), dtype=bool)
    # Only neighbours of the same user and time can be duplicates.
    user, time = key["u"][order], key["t"][order]
    same = np.zeros(len(order) + 1, dtype=bool)
    same[1:-1] = (user[1:] == user[:-1]) & (time[1:] == time[:-1])
    near = order[same[1:] | same[:-1]]
    events = pl.DataFrame({name: values[near] for name, values in key.items()})
    again[near] = ~events.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()
    if split is not None:
        part = pl.lit(pl.Series(split[near]))
        across = np.zeros_like(again)
        across[near] = events.select(part != part.first().over(*key)).to_series().to_numpy()
        rows.drop(ACROSS_SPLITS, across)
    rows.drop("duplicate (same user, item, time and type)", again)


def _keep_core(rows: _Rows, user: NDArray[np.int32], item: NDArray[np.int32], k: int) -> None:
    """Drop events until every user and every item left has at least k."""
    before = rows.alive.copy()
    alive = before.copy()
    while True:
        full = alive.copy()
        for codes in (user, item):
            full &= np.bincount(codes[alive], minlength=int(codes.max()) + 1)[codes] >= k
        if (full == alive).all():
            break
        alive = full
    gone = [
        f"{len(np.unique(codes[before])) - len(np.unique(codes[alive]))} {name}"
        for name, codes in (("users", user), ("items", item))
    ]
    outside = before & ~alive
    rows.found.add("events", f"event outside the {k}-core", int(outside.sum()), "dropped", gone)
    rows.alive &= ~outside
