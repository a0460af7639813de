"""Lists by the length of the history; where a log has few of a kind, long histories are cut."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.ablation_table import ALL_LISTS, LENGTHS
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.new_item_cases import MIN_CASES

__all__ = ["ListSlice", "list_slices"]

MAX_MADE = 1_000


@dataclass(frozen=True)
class ListSlice:
    """Some lists of the held-out users.

    Attributes
    ----------
    name
        ``all lists``, or a name of `pennyweight.config.ablation_table.LENGTHS`.
    rows
        The positions of the users among all, int64 (n,).
    held_out
        These users and their histories, cut where the cases are made.
    traffic
        Share of all held-out users, those of made cases aside.
    made
        Number of cases whose history was cut.
    """

    name: str
    rows: NDArray[np.int64]
    held_out: HeldOut
    traffic: float
    made: int = 0


def list_slices(held_out: HeldOut, rng: np.random.Generator) -> Iterator[ListSlice]:
    """Yield all lists, then those of each length of the history.

    A slice of fewer than 30 users is filled from users with a longer history, of which it gets the
    newest events; a slice that stays smaller is left out.
    """
    yield ListSlice(ALL_LISTS, np.arange(len(held_out)), held_out, 1.0)
    length = held_out.histories.length
    for name, shortest, longest in LENGTHS:
        rows = np.flatnonzero((length >= shortest) & (length <= longest))
        traffic = len(rows) / max(1, len(held_out))
        longer = np.flatnonzero(length > longest)
        made = len(rows) < MIN_CASES
        if made:
            rows = np.sort(rng.permutation(longer)[:MAX_MADE])
        if len(rows) < MIN_CASES:
            continue
        part = held_out.take(rows)
        if made:
            part = replace(part, histories=part.histories.newest(longest))
        yield ListSlice(name, rows, part, traffic, len(rows) if made else 0)
