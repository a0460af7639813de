"""How often lists contain items without events."""

import numpy as np

from pennyweight.config.quality import Reach
from pennyweight.evaluation.user_results import UserResults

__all__ = ["reach"]


def reach(results: UserResults, scorer: str, *, learned: bool = True) -> Reach:
    """Return how often a scorer's lists hold items without events, and how often rightly.

    Parameters
    ----------
    learned
        Whether the lift of such items was learned from held-out choices.
    """
    per_user, held_out = results.by_scorer[scorer], results.held_out
    new = held_out.before.counts == 0
    chosen = results.target_events == 0
    listed = (per_user.lists >= 0) & new[per_user.lists]
    k = per_user.lists.shape[1]
    return Reach(
        scorer=scorer,
        k=k,
        items=int(new.sum()),
        of_items=len(new),
        choices=int(chosen.sum()),
        of_choices=len(chosen),
        users=len(np.unique(results.target_row[chosen])),
        lists=float(listed.any(axis=1).mean()) if len(listed) else 0.0,
        places=float(listed.sum() / max(1, (per_user.lists >= 0).sum())),
        learned=learned,
        recall=float((per_user.ranks[chosen] < k).mean()) if chosen.any() else None,
    )
