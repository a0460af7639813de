"""From an events table to `Interactions`: codes, times and weights; bad rows are dropped."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from pennyweight.data.cleaning.cancellation import apply_negatives, drop_partial
from pennyweight.data.cleaning.feedback import FeedbackRules, signals
from pennyweight.data.cleaning.id_forms import FormMatches, match_forms, merge_forms
from pennyweight.data.cleaning.missing import missing_ids, note_crowds
from pennyweight.data.cleaning.order_refunds import undone_orders
from pennyweight.data.cleaning.row_loss import (
    MAX_DROPPED,
    NO_ITEM,
    is_merged,
    is_slice,
    max_dropped_advice,
    refuse_losses,
    types_without_items,
)
from pennyweight.data.cleaning.rows import Rows as _Rows
from pennyweight.data.cleaning.ties import TieBreak, draw_ties
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.event_times import event_times
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions, NegativeFeedback
from pennyweight.data.tables import check_scalars, id_strings
from pennyweight.data.times import (
    TimeReading,
)
from pennyweight.errors import DataError

__all__ = ["ACROSS_SPLITS", "SPLITS", "build_interactions"]

SPLITS = {
    "train": 0,
    "training": 0,
    "valid": 1,
    "validation": 1,
    "val": 1,
    "dev": 1,
    "test": 2,
    "testing": 2,
}
ACROSS_SPLITS = "duplicate of an event in another part of the split"
_MANY_TIES = 0.05
Values = NDArray[np.int32] | NDArray[np.float64] | NDArray[np.uint8]


def build_interactions(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    items: Ids,
    *,
    reading: TimeReading,
    k_core: int,
    findings: Findings,
    source: str,
    rules: FeedbackRules | None = None,
    normalize_ids: bool = False,
    missing: Sequence[str] | None = None,
    max_dropped: float = MAX_DROPPED,
    whole_catalog: bool = True,
) -> Interactions:
    """Clean an events table.

    Parameters
    ----------
    frame, roles
        The rows as read; role -> column, from `columns.resolve`.
    items
        The catalog's ids.
    reading
        How times are read, and the seed of the order of events of one moment.
    k_core
        Keep users and items with at least this many events, repeated until stable; 0: all.
    findings, source
        Takes the notes; the file, for error messages.
    rules
        How events are understood; by default by their usual names and scales.
    normalize_ids
        Take ids that differ in zeros, ``.0``, spaces, capitals or Unicode forms as equal.
    missing
        More ids that stand for missing ones; empty, no word does.
    max_dropped
        The share of the rows that one cause may drop.
    whole_catalog
        The catalog comes with the events: their items should be in it.

    Raises
    ------
    DataError
        When no event is on a known item, none is left after cleaning, or one cause drops
        more rows than `max_dropped`.
    """
    rows = _Rows(frame, roles, findings)
    rules = rules or FeedbackRules()
    undone = undone_orders(frame, roles, rules.types, rows)
    user, names = _users(frame, roles, rows, source, normalize_ids, missing, max_dropped)
    max_unknown = max_dropped if whole_catalog else 1.0
    item = _items(frame, roles, items, rows, source, normalize_ids, missing, max_unknown)
    time = event_times(frame, roles, reading, rows, source)
    signs = signals(frame, roles, rows, rules, source, undone=undone)
    split = _splits(frame, roles, rows, source)
    tie_break = draw_ties(
        _order(np.flatnonzero(rows.alive), user, time.values),
        user,
        item,
        time.values,
        users=names,
        items=items,
        seed=reading.seed,
    )
    order = tie_break.order
    _note_ties(rows, tie_break)
    drop_partial(rows, user, item, time.values, signs)
    same: dict[str, Values] = {
        "u": user,
        "t": time.values,
        "i": item,
        "k": signs.kind,
        "n": signs.negative.astype(np.uint8),
    }
    _drop_duplicates(rows, order[rows.alive[order]], same, split)
    against = apply_negatives(rows, order, user, item, time.values, signs)
    if k_core > 1:
        _keep_core(rows, user, item, k_core)
        against = against[np.isin(user[against], user[rows.alive])]
    remaining = order[rows.alive[order]]
    _refuse_losses(findings, roles, source, missing, max_dropped)
    if not len(remaining):
        raise DataError(
            f"{source}: no event is left after cleaning: {findings}. "
            f"{_remedy(roles, bool(signs.negative.any()), k_core)}"
        )
    # A user with negative feedback only is a user without events.
    user_codes = np.unique(np.concatenate([user[remaining], user[against]]))
    weight = signs.weight[remaining]
    used_kinds = np.unique(signs.kind[remaining])
    codes = np.searchsorted(user_codes, user[remaining]).astype(np.int32)
    user_ids = names.gather(pl.Series(user_codes)).to_list()
    note_crowds(user_ids, np.bincount(codes, minlength=len(user_ids)), findings)
    return Interactions(
        users=Ids(user_ids, "users"),
        n_items=len(items),
        user=codes,
        item=item[remaining],
        time=time.values[remaining],
        weight=np.ones_like(weight) if (weight == weight[0]).all() else weight,
        kind=np.searchsorted(used_kinds, signs.kind[remaining]).astype(np.uint8),
        kinds=tuple(signs.kinds[code] for code in used_kinds.tolist()),
        split=split[remaining] if split is not None else np.empty(0, np.uint8),
        real_time=time.real_time,
        negative=NegativeFeedback(
            np.searchsorted(user_codes, user[against]).astype(np.int32),
            item[against],
            time.values[against],
        ),
        meanings=signs.meanings,
        liking=signs.liking,
    )


def _codes(values: pl.Series, names: pl.Series) -> NDArray[np.int32]:
    """Return the position in `names` of each value, -1 for null and unknown values."""
    table = pl.DataFrame({"value": names, "code": np.arange(len(names), dtype=np.int32)})
    joined = pl.DataFrame({"value": values}).join(
        table, on="value", how="left", maintain_order="left"
    )
    return joined["code"].fill_null(-1).to_numpy()


def _remedy(roles: Mapping[str, str], negative: bool, k_core: int) -> str:
    """Return advice where no event is left, for the columns and options in use."""
    ways = []
    if negative and "type" in roles:
        ways.append(
            "give types of events that speak for items a weight (--event-types TYPE=1, "
            "event_types={'TYPE': 1})"
        )
    if negative and "weight" in roles:
        ways.append("count low ratings as liking (--min-rating 0, min_rating=0)")
    if "weight" in roles:
        ways.append("leave the weights out (--weight-column '', columns={'weight': None})")
    if k_core > 1:
        ways.append("lower --k-core, k_core")
    return f"Mend the values{''.join(f', or {way}' for way in ways)}"


def _users(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    rows: _Rows,
    source: str,
    normalize: bool,
    missing: Sequence[str] | None,
    max_dropped: float,
) -> tuple[NDArray[np.int32], pl.Series]:
    users, words = missing_ids(id_strings(frame[roles["user"]], source), missing)
    if max_dropped <= MAX_DROPPED and is_merged(users):
        raise DataError(
            f"{source}: each user is named once, and {users.null_count():,} of "
            f"{len(users):,} rows have no {roles['user']!r}: were cells merged in a "
            "spreadsheet? Fill the column down and export again. "
            f"{max_dropped_advice(max(0.6, users.null_count() / len(users)))}"
        )
    spellings = merge_forms(users.drop_nulls().unique(maintain_order=True).to_list())
    if spellings:
        variants = [f"{a!r} and {b!r}" for a, b in spellings.items()]
        hint = "" if normalize else "; if these are one, use --normalize-ids, normalize_ids=True"
        rows.findings.add(
            "events",
            f"user id differs from another in spaces, zeros, capitals or Unicode forms only{hint}",
            len(spellings),
            "changed" if normalize else "noted",
            variants[:3],
        )
    if normalize and spellings:
        users = users.replace(spellings)
    names = users.drop_nulls().unique(maintain_order=True)
    codes = _codes(users, names)
    rows.drop(_missing_reason("missing user", words), codes < 0)
    return codes, names


def _missing_reason(reason: str, words: Mapping[str, int]) -> str:
    """Name the words that were taken for missing ids, except blanks."""
    named = [repr(word) for word in words if word.strip()]
    return f"{reason} ({', '.join(named[:5])})" if named else reason


def _items(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    items: Ids,
    rows: _Rows,
    source: str,
    normalize: bool,
    missing: Sequence[str] | None,
    max_dropped: float,
) -> NDArray[np.int32]:
    ids, words = missing_ids(id_strings(frame[roles["item"]], source), missing, items)
    _drop_without_item(frame, roles, rows, ids.is_null().to_numpy(), words)
    item_ids = pl.Series(list(items), dtype=pl.String)
    codes = _codes(ids, item_ids)
    unknown_ids = ids.filter(pl.Series(codes < 0)).drop_nulls()
    forms = (
        match_forms(dict(unknown_ids.value_counts(sort=True).iter_rows()), items)
        if len(unknown_ids)
        else None
    )
    if normalize and forms is not None and forms.known_id:
        for form, count in forms.rows.items():
            before, after = forms.example[form]
            rows.findings.add(
                "events",
                f"item id read without {form}",
                count,
                "changed",
                [f"{before!r} is {after!r}"],
            )
        codes = _codes(ids.replace(forms.known_id), item_ids)
    if not (codes >= 0).any():
        raise DataError(
            f"{source}: no event is on an item of the catalog. Events have items such as "
            f"{_examples(ids)}; the catalog has {_examples(item_ids)}"
            f"{_form_hint(forms, normalize)}. Check that both files name items in the same way, or "
            "choose other columns with --item-column (events) and --id-column (items)"
        )
    unknown = rows.alive & (codes < 0)
    if unknown.mean() > max_dropped and not is_slice(codes, len(items)):
        examples = ids.filter(pl.Series(unknown))
        raise DataError(
            f"{source}: {int(unknown.sum()):,} of {frame.height:,} events are on items that are "
            f"not in the catalog, such as {_examples(examples)}, and most items of the catalog, "
            f"such as {_examples(item_ids)}, have no event{_form_hint(forms, normalize)}. Check "
            "that both files name items in the same way. "
            f"{max_dropped_advice(float(unknown.mean()))}"
        )
    rows.drop(f"item is not in the catalog{_form_hint(forms, normalize)}", unknown)
    return codes


def _drop_without_item(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    rows: _Rows,
    without_item: NDArray[np.bool_],
    words: Mapping[str, int],
) -> None:
    types: list[str] = []
    if "type" in roles and not frame[roles["type"]].dtype.is_nested():
        types = types_without_items(without_item, frame[roles["type"]])
    if types:
        has_type = frame[roles["type"]].cast(pl.String).is_in(types).fill_null(False).to_numpy()
        rows.drop(
            f"{NO_ITEM}: {', '.join(map(repr, types[:5]))} (missing item)", without_item & has_type
        )
    rows.drop(_missing_reason("missing item", words), without_item)


def _refuse_losses(
    findings: Findings,
    roles: Mapping[str, str],
    source: str,
    missing: Sequence[str] | None,
    max_dropped: float,
) -> None:
    # Chosen words for missing ids are intended; many events have no nested item.
    exempt = [*(repr(word) for word in missing or ()), "item is not in the catalog"]
    exempt += ["missing item"] if "." in roles["item"] else []
    refuse_losses(findings, "events", source, max_dropped, exempt)


def _form_hint(forms: FormMatches | None, normalize: bool) -> str:
    """Say how many ids differ only by the changes of spreadsheets and exports."""
    text = "" if forms is None else forms.remaining(normalize)
    remedy = "; use --normalize-ids, normalize_ids=True" if forms and forms.known_id else ""
    return f"; {text}{'' if normalize else remedy}" if text else ""


def _examples(ids: pl.Series) -> str:
    names = ids.drop_nulls().unique(maintain_order=True).head(3)
    return ", ".join(map(repr, names)) or "nothing but missing values"


def _note_ties(rows: _Rows, tie_break: TieBreak) -> None:
    if tie_break.tied > _MANY_TIES * rows.alive.sum() or tie_break.sorted_by:
        order = f", not by {tie_break.sorted_by} as in the file" if tie_break.sorted_by else ""
        rows.findings.add(
            "events",
            f"share user and time with another event: their order is drawn at random (seed){order}",
            tie_break.tied,
            "noted",
        )


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
            f"{_examples(column)}). Leave it out with --split-column '', columns={{'split': None}}"
        )
    rows.drop("split is none of train, valid, test", codes.is_null().to_numpy())
    return codes.fill_null(0).to_numpy()


def _order(
    rows: NDArray[np.int64], user: NDArray[np.int32], time: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Sort row numbers by user, then time; a stable sort."""
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
    duplicate = np.zeros(len(rows.alive), dtype=bool)
    # Only neighbors of the same user and time can be duplicates.
    user, time = key["u"][order], key["t"][order]
    same = np.zeros(len(order) + 1, dtype=bool)
    same[1:-1] = (user[1:] == user[:-1]) & (time[1:] == time[:-1])
    neighbors = order[same[1:] | same[:-1]]
    events = pl.DataFrame({name: values[neighbors] for name, values in key.items()})
    duplicate[neighbors] = (
        ~events.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()
    )
    if split is not None:
        part = pl.lit(pl.Series(split[neighbors]))
        across = np.zeros_like(duplicate)
        across[neighbors] = events.select(part != part.first().over(*key)).to_series().to_numpy()
        rows.drop(ACROSS_SPLITS, across)
    rows.drop("duplicate (same user, item, time and type)", duplicate)


def _keep_core(rows: _Rows, user: NDArray[np.int32], item: NDArray[np.int32], k: int) -> None:
    """Drop events until every remaining user and item has at least k."""
    before = rows.alive.copy()
    alive = before.copy()
    while True:
        full = alive.copy()
        for codes in (user, item):
            full &= np.bincount(codes[alive], minlength=int(codes.max()) + 1)[codes] >= k
        if (full == alive).all():
            break
        alive = full
    removed = [
        f"{len(np.unique(codes[before])) - len(np.unique(codes[alive]))} {name}"
        for name, codes in (("users", user), ("items", item))
    ]
    outside = before & ~alive
    rows.findings.add(
        "events", f"event outside the {k}-core", int(outside.sum()), "dropped", removed
    )
    rows.alive &= ~outside
