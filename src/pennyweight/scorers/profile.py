"""Histories as weighted rows over items."""

import numpy as np
from scipy import sparse

from pennyweight.data.interactions import Histories

__all__ = ["profile"]


def profile(
    histories: Histories, n_items: int, *, decay: float, max_history: int = 50
) -> sparse.csr_matrix:
    """Return decayed histories, float32 csr (n, n_items).

    An event lag steps back from the newest counts ``weight * decay ** lag``; an item that
    occurs again adds up; events older than the `max_history` newest do not count.
    """
    recent = histories.newest(max_history)
    value = (recent.weight * decay**recent.lag).astype(np.float32)
    places = (value, recent.item.copy(), recent.offsets)  # sorted in place below
    rows = sparse.csr_matrix(places, shape=(len(recent), n_items))
    rows.sum_duplicates()
    return rows
