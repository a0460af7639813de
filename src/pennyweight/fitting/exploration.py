"""The share of exploration: the largest whose loss on validation lists stays within a bound."""

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.exploration import ExplorationShare
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.scorers.protocol import Progress, Scorer

__all__ = ["choose_share", "discounts", "ndcg_loss"]

SHARES = (0.1, 0.05, 0.03, 0.02, 0.01)
MAX_LOSS = 0.01
LENGTH = 10  # of a list
LOWER = math.ceil(LENGTH / 2)  # positions among which the places of new items are drawn


def choose_share(
    scorer: Scorer,
    valid: HeldOut,
    *,
    repeats: Repeats,
    progress: Progress | None = None,
) -> ExplorationShare:
    """Return the largest share that loses at most 1 % of NDCG@10 on validation users.

    The loss is that of lists in which exploration fills all of its places and no explored item is
    chosen, so it is an upper bound.

    Parameters
    ----------
    scorer
        Ranks as lists do, fitted to the events before the held-out ones.
    """
    if not len(valid):
        return ExplorationShare(share=0.0, reason="there are no validation events")

    def tell(_: str, users: int, total: int) -> None:
        if progress is not None:
            progress(users, total)

    results = measure({"blend": scorer}, valid, repeats=repeats, k=LENGTH, progress=tell)
    ranks, offsets = results["blend"].ranks, valid.target_offsets
    if not (ranks < LENGTH).any():
        return ExplorationShare(share=0.0, reason="no validation choice is among the first ten")
    losses = {share: ndcg_loss(ranks, offsets, share) for share in SHARES}
    for share, loss in losses.items():
        if loss <= MAX_LOSS:
            return ExplorationShare(share=share, loss=loss, users=len(valid))
    return ExplorationShare(share=0.0, reason=f"even {SHARES[-1]:.0%} would lose more than 1 %")


def ndcg_loss(ranks: NDArray[np.int64], offsets: NDArray[np.int64], share: float) -> float:
    """Return the loss of NDCG@10, relative to no exploration, if no explored item is chosen.

    Parameters
    ----------
    ranks
        0-based ranks of the targets without exploration, int64 (n_targets,).
    offsets
        Targets of user i are ``ranks[offsets[i]:offsets[i + 1]]``, int64 (n_users + 1,).
    """
    places, rest = divmod(share * LENGTH, 1)
    few, more = int(places), min(int(places) + 1, LOWER)
    explored = (1 - rest) * discounts(few) + rest * discounts(more)
    plain = discounts(0)
    targets = np.minimum(np.diff(offsets), LENGTH)
    ideal = np.repeat(np.cumsum(plain)[targets - 1], np.diff(offsets))
    hits = ranks < LENGTH
    gained = [(values[ranks[hits]] / ideal[hits]).sum() for values in (plain, explored)]
    return float(1 - gained[1] / gained[0])


def discounts(places: int) -> NDArray[np.float64]:
    """Return the mean discount of each rank where some places of the lower half are taken.

    The item of a rank moves down past the places before it, which are drawn at random; the last
    ones have no position left and a discount of 0. float64 (10,).
    """
    upper = LENGTH - LOWER
    free = [list(kept) for kept in combinations(range(upper, LENGTH), LOWER - places)]
    positions = np.array(free, np.float64).reshape(len(free), LOWER - places)
    mean = np.zeros(LENGTH)
    mean[:upper] = 1 / np.log2(np.arange(upper) + 2)
    mean[upper : LENGTH - places] = (1 / np.log2(positions + 2)).mean(axis=0)
    return mean
