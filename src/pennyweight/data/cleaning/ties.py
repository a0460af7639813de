"""Events of one user at one moment: a seed draws their order, which the file does not decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.ids import Ids

__all__ = ["TieBreak", "draw_ties"]

_PAIRS, _SORTED = 100, 0.6  # neighbors of one moment, and the share in order that is no chance
_Bits = NDArray[np.uint64]
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class TieBreak:
    """Row numbers sorted by user and time, with the rows of one moment in a random order.

    Attributes
    ----------
    order
        The row numbers, int64 (n,).
    tied
        How many events share user and time with an event on another item.
    sorted_by
        ``"id"`` or ``"row of the catalog"`` where the file has them sorted by item, else "".
    """

    order: NDArray[np.int64]
    tied: int
    sorted_by: str = ""


def draw_ties(
    order: NDArray[np.int64],
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    time: NDArray[np.float64],
    *,
    users: pl.Series,
    items: Ids,
    seed: int,
) -> TieBreak:
    """Draw the order of events that share user and time.

    Each event has a hash of seed, user, item and time as its key: the order of the rows and the
    other events have no part in it. Events that agree in all of these keep their order.

    Parameters
    ----------
    order
        Row numbers sorted by user, then time.
    user, item, time
        Codes and time of every row.
    users, items
        The ids that the codes stand for.
    seed
        Another seed draws other orders.
    """
    ordered_user, ordered_time = user[order], time[order]
    same = np.zeros(len(order) + 1, dtype=np.bool_)
    same[1:-1] = (ordered_user[1:] == ordered_user[:-1]) & (ordered_time[1:] == ordered_time[:-1])
    neighbors = np.flatnonzero(same[1:] | same[:-1])
    if not len(neighbors):
        return TieBreak(order, 0)
    group = np.cumsum(~same[neighbors], dtype=np.int64)
    first = item[order[neighbors[np.flatnonzero(np.diff(group, prepend=0))]]]
    has_several = np.bincount(group, item[order[neighbors]] != first[group - 1]) > 0
    tied = has_several[group]
    neighbors, group = neighbors[tied], group[tied]
    if not len(neighbors):  # one item several times
        return TieBreak(order, 0)
    rows = order[neighbors]
    key = _hashes(user[rows], users, seed) ^ _spread(time[rows].view(np.uint64))
    key = _spread(key + _hashes(item[rows], items, seed))
    new_order = order.copy()
    new_order[neighbors] = rows[np.lexsort((key, group))]
    return TieBreak(new_order, len(neighbors), _sorted_by(item[rows], group, items))


def _sorted_by(item: NDArray[np.int32], group: NDArray[np.int64], items: Ids) -> str:
    """Return the column by which the items of each moment are sorted in the file, or ""."""
    pairs = np.flatnonzero((np.diff(group) == 0) & (np.diff(item) != 0))
    if len(pairs) < _PAIRS:
        return ""
    used = np.flatnonzero(np.bincount(item))
    place = np.zeros(used[-1] + 1, np.int64)
    place[used] = np.arange(len(used))
    ids = pl.DataFrame({"id": [items[code] for code in used.tolist()], "code": used})
    by_id = ids.select(
        stem=pl.col("id").str.replace(r"\d+\D*$", ""),
        number=pl.col("id").str.extract(r"(\d+)\D*$").cast(pl.Float64),
        id=pl.col("id"),
    ).select(pl.struct("stem", "number", "id").rank("ordinal"))
    for name, rank in (("id", by_id.to_series().to_numpy()), ("row of the catalog", used)):
        later, earlier = rank[place[item[pairs + 1]]], rank[place[item[pairs]]]
        rising = float((later > earlier).mean())
        if max(rising, 1 - rising) >= _SORTED:
            return name
    return ""


def _hashes(codes: NDArray[np.int32], ids: Sequence[str] | pl.Series, seed: int) -> _Bits:
    """Return a number for the id of each code, independent of other ids."""
    used = np.flatnonzero(np.bincount(codes))
    salt = str(seed).encode()[:64]
    if isinstance(ids, pl.Series):
        names = ids.gather(used).to_list()
    else:
        names = [ids[code] for code in used.tolist()]
    digests = (blake2b(name.encode(), digest_size=8, key=salt) for name in names)
    hashes = np.zeros(used[-1] + 1, np.uint64)
    hashes[used] = np.frombuffer(b"".join(d.digest() for d in digests), np.uint64)
    return hashes[codes]


def _spread(bits: _Bits) -> _Bits:
    """Let every bit change all others (the finaliser of SplitMix64, Steele et al. 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * _MULTIPLIERS[0]
    bits = (bits ^ (bits >> np.uint64(27))) * _MULTIPLIERS[1]
    return np.asarray(bits ^ (bits >> np.uint64(31)))
