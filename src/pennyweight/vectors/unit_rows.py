"""Rows of unit length."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["unit_rows"]


def unit_rows(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Scale rows to unit length, float32 (n, dim); rows that are all but zero become zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 1e-9)
    return np.asarray(rows * scale, np.float32)
