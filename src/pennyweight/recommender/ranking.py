"""From scores over all items to the few to show."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["top_k"]


def top_k(scores: NDArray[np.float32], eligible: NDArray[np.bool_], k: int) -> NDArray[np.int32]:
    """Return the codes of the k best eligible items, best first, equal scores by code.

    Parameters
    ----------
    scores
        float32 (n_items,).
    eligible
        bool (n_items,); where fewer than k are, fewer are returned.
    """
    codes = np.flatnonzero(eligible).astype(np.int32)
    if k < len(codes):
        found = scores[codes]
        least = np.partition(found, len(found) - k)[len(found) - k]
        above = codes[found > least]
        # Of items equal to the last one shown, the first by code: the same on every machine.
        codes = np.concatenate([above, codes[found == least][: k - len(above)]])
    return codes[np.lexsort((codes, -scores[codes]))]
