"""Counts of the users and choices behind a held-out measurement, before anything is fitted."""

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.evidence import Evidence
from pennyweight.data.interactions import Interactions

__all__ = ["evidence"]


def evidence(interactions: Interactions, part: NDArray[np.uint8], code: int = 2) -> Evidence:
    """Count the users and choices of one part of a split.

    Parameters
    ----------
    part
        0 train, 1 validation, 2 test for each event, uint8 (n_events,).
    code
        The part to count; the lower ones are its past.
    """
    user, item = interactions.user, interactions.item
    past, held_out = part < code, part == code
    n_items = max(interactions.n_items, 1)
    # A pair (user, item) as one number.
    choices = np.unique(user[held_out].astype(np.int64) * n_items + item[held_out])
    has_history = np.bincount(user[past], minlength=len(interactions.users)) > 0
    counts = np.bincount(item[past], minlength=n_items)
    users = np.unique(choices // n_items)
    of_test_users = past & np.isin(user, users)
    before = user[of_test_users].astype(np.int64) * n_items + item[of_test_users]
    return Evidence(
        users=len(users),
        with_history=int(has_history[users].sum()),
        choices=len(choices),
        repeated=int(np.isin(choices, before).sum()),
        new=int((counts[choices % n_items] == 0).sum()),
    )
