"""What every index promises."""

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Found", "Index"]

Found = tuple[NDArray[np.int32], NDArray[np.float32]]


class Index(Protocol):
    """Finds the items whose vectors have the largest dot product with a query.

    A search that runs while another thread changes the index sees all of the change or
    none of it.
    """

    def search(
        self, queries: NDArray[np.float32], k: int, allow: NDArray[np.bool_] | None = None
    ) -> Found:
        """Return the best k items for each query.

        Parameters
        ----------
        queries
            float32 (n, dim).
        k
            How many items, 1 or more.
        allow
            Which items may be found, bool (n_items,) by item code; None allows all.

        Returns
        -------
        tuple
            Item codes, int32 (n, k), best first, and scores, float32 (n, k). Where fewer
            than k items are allowed, codes end in -1 and scores in -inf. Of items with
            equal scores the lower code comes first.

        Raises
        ------
        ValueError
            When shapes do not fit or k is below 1.
        """
        ...

    def upsert(self, codes: ArrayLike, vectors: NDArray[np.float32]) -> None:
        """Add or replace items: codes (n,), each once, and their vectors, float32 (n, dim).

        `ValueError` when shapes do not fit, a code is negative or named twice, or a
        vector is not finite.
        """
        ...

    def remove(self, codes: ArrayLike) -> None:
        """Forget items; codes that are not there are ignored."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of memory the index holds."""
        ...

    def __len__(self) -> int:
        """Return how many items there are."""
        ...
