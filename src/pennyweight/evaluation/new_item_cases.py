"""Choices of items without events: of copies of items, and of items that are hidden."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.metrics import per_user
from pennyweight.evaluation.ranking import ranks_and_lists

__all__ = [
    "MAX_NEW_ITEMS",
    "MIN_CASES",
    "NO_NEW_ITEMS",
    "NewItemCases",
    "copied_items",
    "hidden_items",
    "new_item_quality",
]

MAX_NEW_ITEMS = 500  # that are ranked among themselves
MAX_HIDDEN = 1 / 3  # of the items with events; the others teach what histories have in common
MAX_CASES = 1_000
MIN_CASES = 30  # that an interval needs to be reliable
NO_NEW_ITEMS = (
    f"new items are not measured: fewer than {MIN_CASES} held-out choices of items with a text "
    "follow a history"
)
BLOCK = 128  # histories scored at a time

Float = NDArray[np.float32]


@dataclass(frozen=True)
class NewItemCases:
    """Choices of new items, one a case.

    Attributes
    ----------
    items
        The codes of the new items, ascending, int32 (n_new,).
    histories
        The history before each choice, n histories.
    targets
        The position in `items` of each choice, int32 (n,).
    """

    items: NDArray[np.int32]
    histories: Histories
    targets: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.targets)


def copied_items(
    held_out: HeldOut,
    has_text: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    max_items: int = MAX_NEW_ITEMS,
) -> NewItemCases | None:
    """Draw held-out choices whose items are to be ranked as copies without events.

    Only choices that follow a history, and of items that it does not hold and that have a text.

    Parameters
    ----------
    has_text
        Whether an item has a text, bool (n_items,).
    max_items
        How many items are drawn at most.

    Returns
    -------
    NewItemCases or None
        None for fewer than `MIN_CASES` choices.
    """
    histories = held_out.histories
    row = np.repeat(np.arange(len(held_out)), np.diff(held_out.target_offsets))
    n_items = held_out.before.n_items
    repeated = np.isin(row * n_items + held_out.targets, histories.row * n_items + histories.item)
    usable = np.flatnonzero((histories.length > 0)[row] & has_text[held_out.targets] & ~repeated)
    items = np.unique(held_out.targets[usable])
    items = np.sort(rng.permutation(items)[:max_items])
    usable = usable[np.isin(held_out.targets[usable], items)]
    usable = np.sort(rng.permutation(usable)[:MAX_CASES])
    if len(usable) < MIN_CASES:
        return None
    targets = np.searchsorted(items, held_out.targets[usable]).astype(np.int32)
    return NewItemCases(items, histories.take(row[usable]), targets)


def hidden_items(
    held_out: HeldOut, has_text: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NewItemCases, HeldOut] | None:
    """Hide some held-out items from the events, so that their choices are of new items.

    Returns
    -------
    tuple of NewItemCases and HeldOut, or None
        The choices, and the same as held-out users after a log without these items, for ranks
        among all items. None for fewer than `MIN_CASES` choices.
    """
    sold = int((held_out.before.counts > 0).sum())
    max_items = min(MAX_NEW_ITEMS, int(sold * MAX_HIDDEN))
    cases = copied_items(held_out, has_text, rng, max_items=max_items)
    if cases is None:
        return None
    histories = cases.histories.where(~np.isin(cases.histories.item, cases.items))
    rows = np.flatnonzero(histories.length > 0)
    if len(rows) < MIN_CASES:
        return None
    cases = NewItemCases(cases.items, histories.take(rows), cases.targets[rows])
    log = held_out.before
    hidden = HeldOut(
        users=np.arange(len(cases), dtype=np.int32),
        histories=cases.histories,
        targets=cases.items[cases.targets].astype(np.int32),
        target_offsets=np.arange(len(cases) + 1, dtype=np.int64),
        before=log.where(~np.isin(log.item, cases.items)),
    )
    return cases, hidden


def new_item_quality(
    cases: NewItemCases, score: Callable[[Histories], Float]
) -> NDArray[np.float64]:
    """Return NDCG@10 of each case among the new items, float64 (n,).

    Parameters
    ----------
    score
        Scores of the new items alone for some histories, float32 (n, n_new).
    """
    ranks = np.empty(len(cases), np.int64)
    for rows, histories in cases.histories.blocks(BLOCK):
        ranks[rows], _ = ranks_and_lists(
            np.ascontiguousarray(score(histories)),
            histories,
            cases.targets[rows],
            np.arange(len(histories) + 1, dtype=np.int64),
            repeats="include",
            first=rows.start,
            k=0,
        )
    offsets = np.arange(len(cases) + 1, dtype=np.int64)
    return np.asarray(per_user(ranks, offsets, cutoffs=(10,))[:, 0], np.float64)
