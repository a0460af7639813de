"""The last hour, minute by minute, for the dashboard: no Prometheus needed."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pennyweight.serving.http.request_middleware import UNROUTED, HandledRequest

__all__ = ["RequestStatistics", "RollingMetrics"]

API = ("/v1/", "/api/")
MINUTES = 60
STEPS = 4  # buckets a doubling: a quantile is at most 19 % too high
BOUNDS = [1e-4 * 2 ** (step / STEPS) for step in range(80)]  # seconds: 0.1 ms to 90 s


@dataclass(frozen=True)
class RequestStatistics:
    """Requests of some time and some routes.

    Attributes
    ----------
    requests
        How many were answered.
    errors, refused
        Answers of 500 and above; of 400 to 499.
    p50, p95, p99
        Percentiles of the response time, in seconds; None without requests.
    """

    requests: int
    errors: int
    refused: int
    p50: float | None
    p95: float | None
    p99: float | None


class _Tally:
    """Requests of one route in one minute."""

    __slots__ = ("buckets", "errors", "refused", "requests")

    def __init__(self) -> None:
        self.requests = self.errors = self.refused = 0
        self.buckets = [0] * (len(BOUNDS) + 1)


class _Minute:
    """The routes of one minute."""

    __slots__ = ("number", "routes")

    def __init__(self, number: int) -> None:
        self.number = number
        self.routes: dict[tuple[str, str], _Tally] = {}


class RollingMetrics:
    """Counts requests in a ring of sixty minutes; for one thread.

    Parameters
    ----------
    clock
        Unix time in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ring = [_Minute(-1) for _ in range(MINUTES)]

    def answered(self, request: HandledRequest) -> None:
        """Count a request of the API; dashboard pages and scrapes are left out."""
        if not (request.route.startswith(API) or request.route == UNROUTED):
            return
        tally = self._tally(request.method, request.route)
        tally.requests += 1
        tally.buckets[bisect_left(BOUNDS, request.seconds)] += 1
        if request.status >= 500:
            tally.errors += 1
        elif request.status >= 400:
            tally.refused += 1

    def overloaded(self, n: int) -> None:
        """Count requests that were refused unread, since there were too many."""
        tally = self._tally("any", UNROUTED)
        tally.requests += n
        tally.errors += n

    def _tally(self, method: str, route: str) -> _Tally:
        number = int(self._clock() // 60)
        minute = self._ring[number % MINUTES]
        if minute.number != number:
            minute = self._ring[number % MINUTES] = _Minute(number)
        tally = minute.routes.get((method, route))
        if tally is None:
            tally = minute.routes[method, route] = _Tally()
        return tally

    def hour(self) -> RequestStatistics:
        """Return all requests of the hour."""
        return _statistics(t for minute in self._minutes() for t in minute.routes.values())

    def minutes(self) -> list[tuple[int, RequestStatistics]]:
        """Return the minutes, oldest first, each with the Unix time at which it began."""
        return [(m.number * 60, _statistics(m.routes.values())) for m in self._minutes()]

    def routes(self) -> list[tuple[str, RequestStatistics]]:
        """Return the routes requested in the hour, such as ``GET /v1/items``, busiest first."""
        by_route: dict[tuple[str, str], list[_Tally]] = {}
        for minute in self._minutes():
            for route, tally in minute.routes.items():
                by_route.setdefault(route, []).append(tally)
        rows = [(" ".join(route), _statistics(tallies)) for route, tallies in by_route.items()]
        return sorted(rows, key=lambda row: (-row[1].requests, row[0]))

    def _minutes(self) -> list[_Minute]:
        """Return the last sixty minutes in order; one without requests is empty."""
        now = int(self._clock() // 60)
        by_number = {minute.number: minute for minute in self._ring}
        return [by_number.get(n) or _Minute(n) for n in range(now - MINUTES + 1, now + 1)]


def _statistics(tallies: Iterable[_Tally]) -> RequestStatistics:
    rows = list(tallies)
    buckets = [sum(counts) for counts in zip(*(row.buckets for row in rows), strict=True)]
    return RequestStatistics(
        sum(row.requests for row in rows),
        sum(row.errors for row in rows),
        sum(row.refused for row in rows),
        *(_quantile(buckets, q) for q in (0.5, 0.95, 0.99)),
    )


def _quantile(buckets: Sequence[int], q: float) -> float | None:
    """Return the upper bound of the bucket in which a quantile lies."""
    rank, cumulative = q * sum(buckets), 0
    for bound, count in zip((*BOUNDS, BOUNDS[-1]), buckets, strict=False):
        cumulative += count
        if count and cumulative >= rank:
            return bound
    return None
