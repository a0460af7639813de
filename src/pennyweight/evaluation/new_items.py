"""How often lists reach items that nobody has met."""

import numpy as np

from pennyweight.config.quality import Reach
from pennyweight.evaluation.user_results import UserResults

__all__ = ["reach"]


def reach(outcomes: UserResults, scorer: str, *, learned: bool = True) -> Reach:
    """Return how often a scorer's lists hold items without events, and how often rightly.

    Parameters
    ----------
    learned
        Whether held-out choices taught how far to lift such items.
    """
    found, held_out = outcomes.found[scorer], outcomes.held_out
    new = held_out.before.counts == 0
    chosen = outcomes.target_events == 0
    listed = (found.lists >= 0) & new[found.lists]
    k = found.lists.shape[1]
    return Reach(
        scorer=scorer,
        k=k,
        items=int(new.sum()),
        of_items=len(new),
        choices=int(chosen.sum()),
        of_choices=len(chosen),
        users=len(np.unique(outcomes.target_row[chosen])),
        lists=float(listed.any(axis=1).mean()) if len(listed) else 0.0,
        places=float(listed.sum() / max(1, (found.lists >= 0).sum())),
        learned=learned,
        recall=float((found.ranks[chosen] < k).mean()) if chosen.any() else None,
    )
