"""Metrics of a full ranking, from the ranks of the held-out items."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["CUTOFFS", "metric_names", "per_user"]

CUTOFFS = (5, 10, 20, 50)


def metric_names(cutoffs: tuple[int, ...] = CUTOFFS) -> tuple[str, ...]:
    """Return the columns of `per_user` in order, such as ``ndcg@10``."""
    return tuple(f"{m}@{k}" for k in cutoffs for m in ("ndcg", "recall", "hit_rate", "mrr"))


def per_user(
    ranks: NDArray[np.int64], offsets: NDArray[np.int64], *, cutoffs: tuple[int, ...] = CUTOFFS
) -> NDArray[np.float64]:
    """Measure each user's ranking.

    With binary relevance, r the 0-based ranks of a user's t targets, DCG@k is the sum
    of 1 / log2(r + 2) over r < k, and NDCG@k divides it by the DCG of the best ranking
    there is, min(k, t) targets at the top (Järvelin & Kekäläinen, "Cumulated gain-based
    evaluation of IR techniques", TOIS 2002). Recall@k is hits / t, hit rate@k is 1 when
    there is a hit, MRR@k is 1 / (r + 1) of the first hit, else 0 (Voorhees, TREC-8, 1999).

    Parameters
    ----------
    ranks
        0-based rank of each target among the items ranked, int64 (n_targets,); a target
        that could not be ranked has a rank no cutoff reaches.
    offsets
        Targets of user i are ``ranks[offsets[i]:offsets[i + 1]]``, int64 (n_users + 1,).
    cutoffs
        The values of k.

    Returns
    -------
    NDArray[np.float64]
        (n_users, n_metrics), columns as in `metric_names`, each in [0, 1].

    Raises
    ------
    ValueError
        When a user has no target: every metric would be 0 / 0.
    """
    n_targets = np.diff(offsets)
    if n_targets.size == 0:
        return np.empty((0, len(metric_names(cutoffs))))
    if n_targets.min() < 1:
        raise ValueError(f"user {n_targets.argmin()} of the evaluation has no held-out item")
    starts = offsets[:-1]
    ideal = np.cumsum(1 / np.log2(np.arange(max(cutoffs)) + 2))
    gain = 1 / np.log2(ranks + 2.0)
    reciprocal = 1 / (ranks + 1.0)
    columns = []
    for k in cutoffs:
        hit = ranks < k
        hits = np.add.reduceat(hit, starts, dtype=np.int64)
        dcg = np.add.reduceat(gain * hit, starts)
        mrr = np.maximum.reduceat(reciprocal * hit, starts)
        columns += [dcg / ideal[np.minimum(k, n_targets) - 1], hits / n_targets, hits > 0, mrr]
    return np.column_stack(columns).astype(np.float64, copy=False)
