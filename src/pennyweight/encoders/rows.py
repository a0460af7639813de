"""What all encoders share: the check on their input and the scaling of their output."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import DataError

__all__ = ["check_texts", "unit_rows"]


def check_texts(texts: Sequence[str]) -> Sequence[str]:
    """Return the texts; `DataError` for one bare text, which would be read letter by letter."""
    if isinstance(texts, str):
        raise DataError("encode takes a list of texts, not one text: write [text]")
    return texts


def unit_rows(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Scale rows to unit length, float32 (n, dim); rows that are all but zero become zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 1e-9)
    return np.asarray(rows * scale, np.float32)
