"""Token buckets: how often one caller may ask."""

import time
from collections.abc import Callable
from math import ceil

from pennyweight.errors import PlanError

__all__ = ["Rate"]

CALLERS = 10_000  # whose buckets are kept


class Rate:
    """A token bucket for each caller.

    A bucket holds `burst` tokens and gains `rate` a second; a request takes one. All that
    is kept of a bucket is the time at which it will be full again; a full one need not be
    kept at all.

    Parameters
    ----------
    rate
        Requests a second, on average.
    burst
        Requests at once.
    clock
        Seconds that only go forward.
    callers
        Maximum number of buckets; beyond it the oldest half is dropped, which is generous
        to those callers and keeps memory bounded.

    Raises
    ------
    PlanError
        When the rate or the burst admits no request.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        callers: int = CALLERS,
    ) -> None:
        if not 0 < rate < float("inf") or burst < 1:
            raise PlanError(
                f"rate {rate} and burst {burst}: the rate must be above 0, the burst at least 1"
            )
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._callers = callers
        self._token = 1.0 / rate  # seconds until a bucket has gained one
        self._room = burst * self._token  # seconds until an empty bucket is full
        self._full: dict[str, float] = {}

    def take(self, caller: str) -> int:
        """Take a token; return 0, or the whole seconds after which there will be one."""
        now = self._clock()
        full = max(self._full.get(caller, now), now) + self._token
        lacking = full - now - self._room
        if lacking > self._token * 1e-3:  # "exactly one" may be a little less in floats
            return ceil(lacking)
        if caller not in self._full and len(self._full) >= self._callers:
            self._forget(now)
        self._full[caller] = full
        return 0

    def _forget(self, now: float) -> None:
        """Forget the full buckets, or the older half: a pass must make room for many more."""
        remaining = {caller: full for caller, full in self._full.items() if full > now}
        if len(remaining) > self._callers // 2:
            remaining = dict(list(remaining.items())[len(remaining) - self._callers // 2 :])
        self._full = remaining
