"""When simulated readers meet their books."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["ARRIVAL_SECOND", "FIRST_SECOND", "WINDOW_SECONDS", "draw_times"]

DAY = 86_400
FIRST_SECOND = 1_672_531_200  # 2023-01-01T00:00:00Z
WINDOW_SECONDS = 730 * DAY
ARRIVAL_SECOND = FIRST_SECOND + WINDOW_SECONDS * 92 // 100  # when the new books come in


def draw_times(lengths: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw event times: a pace per reader, uneven gaps, a start that fits the window.

    Parameters
    ----------
    lengths
        How many events each reader has.
    rng
        Source of the draws.

    Returns
    -------
    numpy.ndarray
        Readers by events, in seconds, strictly increasing along each row; a row of
        a reader with fewer events goes on past the last one and is to be cut there.
    """
    shape = (lengths.size, int(lengths.max()))
    pace = rng.lognormal(np.log(9.0), 0.6, lengths.size)[:, None]
    # An hour at least, so that no two events of a reader fall into one second.
    gaps = pace * rng.lognormal(0.0, 0.9, shape) * DAY + 3600.0
    elapsed = gaps.cumsum(axis=1)
    elapsed -= elapsed[:, :1]
    span = elapsed[np.arange(lengths.size), lengths - 1]
    # A long history is squeezed into the window rather than cut, so lengths stay as drawn.
    shrink = np.minimum(1.0, 0.97 * WINDOW_SECONDS / span)
    # The root draws starts toward the end: the shop gains readers as it grows.
    start = np.sqrt(rng.random(lengths.size)) * (WINDOW_SECONDS - span * shrink)
    times: NDArray[np.int64] = (start[:, None] + elapsed * shrink[:, None]).astype(np.int64)
    return FIRST_SECOND + times
