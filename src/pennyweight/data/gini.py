"""The inequality of shares."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["gini"]


def gini(counts: NDArray[np.int64]) -> float:
    """Return the Gini coefficient: 0 where all are equal, towards 1 where one has all.

    With the counts x in rising order: sum of (2i - n - 1) x_i over n sum x (Gini 1912);
    0 where there is nothing to share.
    """
    ranked = np.sort(counts)
    n = len(ranked)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ranked / (n * max(1, ranked.sum())))
