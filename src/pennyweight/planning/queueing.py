"""Waiting times by closed forms: how long requests wait, and how many servers they need.

The probability of waiting is Erlang's for Poisson arrivals (Erlang 1917) and that of a queue with
exponential service for others (Takács 1962). The wait of those that wait follows Tijms, van Hoorn
and Federgruen (1981), scaled by the decay of its tail. Both are exact for M/M/c and M/G/1, where
their mean is that of Pollaczek and Khinchine; near full load it approaches Kingman's (1961).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor, inf, log1p
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammainc, gammaln

from pennyweight.errors import BudgetError, PlanError

__all__ = ["erlang_c", "latency_quantiles", "mean_wait", "rate_within", "servers_needed"]

Floats = NDArray[np.float64]

CELLS = 1 << 11  # of the grid on which distributions are added
SPAN = 16.0  # length of the grid, in means of service and wait together
FINE = 4.0  # cells that a step of the wait must span, or it counts as exponential
MAX_SERVERS = 100_000
SMALLEST_SCV = 1e-4  # below it, times are constants
SMALLEST_LOAD = 1e-9  # erlangs; below it, no request waits


def erlang_c(servers: int, load: float) -> float:
    """Return the probability that a request waits with Poisson arrivals: M/M/c.

    Parameters
    ----------
    servers
        Requests that are served at once.
    load
        Arrival rate times mean service time, in erlangs; from `servers` on every request waits.
    """
    _check_servers(servers)
    if not 0 <= load < inf:
        raise PlanError(f"load is {load}; it must be a number of erlangs of at least 0")
    if load >= servers:
        return 1.0
    blocked = 1.0  # Erlang's first formula, by its recursion in the number of servers
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def mean_wait(
    rate: float,
    service: float,
    servers: int,
    *,
    arrival_scv: float = 1.0,
    service_scv: float = 1.0,
) -> float:
    """Return the mean seconds that a request waits before it is served.

    Exact for M/M/c, M/G/1 and GI/M/c with gamma distributed times between arrivals.

    Parameters
    ----------
    rate
        Requests per second.
    service
        Mean seconds of service.
    servers
        Requests that are served at once.
    arrival_scv, service_scv
        Squared coefficients of variation of the times between arrivals and of service: variance
        over squared mean; 1 for Poisson arrivals and exponential service, 0 for constants.

    Returns
    -------
    float
        Infinite where the load reaches the servers.
    """
    queue = _Queue(rate, service, servers, arrival_scv, service_scv)
    return queue.waiting * queue.delay if queue.is_stable else inf


def latency_quantiles(
    rate: float,
    service: float,
    servers: int,
    *,
    arrival_scv: float = 1.0,
    service_scv: float = 1.0,
    quantiles: Sequence[float] = (0.5, 0.95, 0.99),
) -> tuple[float, ...]:
    """Return quantiles of the latency, wait plus service, in seconds.

    A request that waits does so until the first of the busy servers is free, and then for a
    geometric number of services at the speed of all servers. Service times are gamma distributed.

    Parameters
    ----------
    rate, service, servers, arrival_scv, service_scv
        See `mean_wait`.
    quantiles
        Shares of requests between 0 and 1.

    Returns
    -------
    tuple of float
        One for each quantile; all infinite where the load reaches the servers.
    """
    queue = _Queue(rate, service, servers, arrival_scv, service_scv)
    if not all(0 < share < 1 for share in quantiles):
        raise PlanError(f"quantiles are {tuple(quantiles)}; they must lie between 0 and 1")
    return queue.quantiles(quantiles) if queue.is_stable else (inf,) * len(quantiles)


def servers_needed(
    rate: float,
    service: float,
    *,
    quantile: float = 0.95,
    objective: float,
    arrival_scv: float = 1.0,
    service_scv: float = 1.0,
) -> int:
    """Return the smallest number of servers whose latency keeps an objective.

    Parameters
    ----------
    rate, service, arrival_scv, service_scv
        See `mean_wait`.
    quantile
        The share of requests that keeps the objective.
    objective
        Seconds.

    Raises
    ------
    BudgetError
        No number of servers keeps it: service alone takes longer.
    """

    def keeps(servers: int) -> bool:
        queue = _Queue(rate, service, servers, arrival_scv, service_scv)
        return queue.is_stable and queue.quantiles((quantile,))[0] <= objective

    alone = _Queue(0.0, service, 1, arrival_scv, service_scv).quantiles((quantile,))[0]
    if alone > objective:
        raise BudgetError(
            f"no number of servers keeps p{100 * quantile:g} within {1_000 * objective:g} ms: "
            f"service alone takes {1_000 * alone:.3g} ms; take a smaller model or allow more time"
        )
    low, high = floor(rate * service), floor(rate * service) + 1  # `low` is too few
    while not keeps(high):
        low, high = high, 2 * high
        if high > MAX_SERVERS:
            raise BudgetError(f"{rate:,.0f} requests per second need over {MAX_SERVERS:,} servers")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return high


def rate_within(
    objective: float,
    service: float,
    servers: int,
    *,
    quantile: float = 0.95,
    arrival_scv: float = 1.0,
    service_scv: float = 1.0,
) -> float:
    """Return the highest rate, in requests per second, whose latency keeps an objective.

    Parameters as in `servers_needed`; 0 where service alone takes longer than the objective.
    """

    def excess(rate: float) -> float:
        queue = _Queue(rate, service, servers, arrival_scv, service_scv)
        return queue.quantiles((quantile,))[0] - objective

    top = servers / service * (1 - 1e-4)
    if excess(0.0) > 0:
        return 0.0
    return top if excess(top) <= 0 else float(brentq(excess, 0.0, top, xtol=1e-4 * top))


@dataclass(frozen=True)
class _Queue:
    """One line of requests before equal servers."""

    rate: float
    service: float
    servers: int
    arrival_scv: float
    service_scv: float

    def __post_init__(self) -> None:
        _check_servers(self.servers)
        for name in ("rate", "arrival_scv", "service_scv"):
            if not 0 <= getattr(self, name) < inf:
                raise PlanError(f"{name} is {getattr(self, name)}; it must be at least 0")
        if not 0 < self.service < inf:
            raise PlanError(f"service is {self.service} s; it must be above 0")

    @property
    def is_stable(self) -> bool:
        return self.rate * self.service < self.servers

    @property
    def utilization(self) -> float:
        return self.rate * self.service / self.servers

    @cached_property
    def waiting(self) -> float:
        """The share of requests that wait."""
        if self.rate * self.service < SMALLEST_LOAD:
            return 0.0
        if self.arrival_scv == 1:
            return erlang_c(self.servers, self.rate * self.service)
        return self._waiting_with_exponential_service()

    @cached_property
    def delay(self) -> float:
        """The mean seconds of those that wait."""
        rest = self.service * (1 + self.service_scv) / 2 / self.servers
        rho = self.utilization
        return self._stretch * (self._first_free + rho / (1 - rho) * rest)

    @cached_property
    def _first_free(self) -> float:
        """The mean seconds until one of the busy servers is free, with Poisson arrivals."""
        reach = 40 * self.service * max(1.0, self.service_scv) / self.servers
        seconds = np.linspace(0, reach, 1_601)
        return float(np.trapezoid(self._all_busy(seconds), seconds))

    def _all_busy(self, seconds: Floats) -> Floats:
        """Return the probability that all servers, busy now, are still busy after some time."""
        return np.asarray((1 - _rest_cdf(seconds, self.service, self.service_scv)) ** self.servers)

    @cached_property
    def _stretch(self) -> float:
        """How much longer those wait than with Poisson arrivals."""
        if self.arrival_scv == 1 or self.rate == 0:
            return 1.0
        return self._decay(1.0, self.service_scv) / self._decay(self.arrival_scv, self.service_scv)

    def _decay(self, arrival_scv: float, service_scv: float) -> float:
        """Return the rate, per second, at which long waits become rarer.

        It solves E[exp(s S / c)] E[exp(-s A)] = 1 for service times S and times between arrivals A.
        """
        speed = self.servers / self.service
        cs = max(service_scv, SMALLEST_SCV)

        def product(s: float) -> float:
            arrivals = float(_log_transform(s / self.rate, arrival_scv))
            return arrivals - log1p(-s * cs / speed) / cs

        low, high = 1e-9 * speed, speed / cs * (1 - 1e-12)
        if product(low) >= 0:
            return low
        return float(brentq(product, low, high)) if product(high) > 0 else high

    def _waiting_with_exponential_service(self) -> float:
        """Return the share of requests that wait in GI/M/c, by the formula of Takács."""
        c = self.servers
        geometric = 1 - self._decay(self.arrival_scv, 1.0) * self.service / c
        j = np.arange(1, c + 1, dtype=np.float64)
        logs = _log_transform(j / (self.service * self.rate), self.arrival_scv)
        passed = -np.expm1(logs)  # 1 minus the transform
        below, above = c * passed - j, c * (1 - geometric) - j
        ratios = np.divide(below, above, out=np.full(c, np.nan), where=np.abs(above) > 1e-7)
        sound = np.isfinite(ratios)
        if not sound.all():  # both are 0 at one j, where the ratio is continuous
            ratios = np.interp(j, j[sound], ratios[sound]) if sound.any() else np.ones(c)
        chances = np.cumsum(np.log(passed) - logs) - np.log(passed)
        ways = gammaln(c + 1) - gammaln(j + 1) - gammaln(c - j + 1)
        terms = ways + chances + np.log(np.maximum(ratios, 1e-300))
        largest = max(0.0, float(terms.max()))
        whole = np.exp(-largest) / (1 - geometric) + float(np.exp(terms - largest).sum())
        return min(1.0, float(np.exp(-largest) / whole / (1 - geometric)))

    def quantiles(self, shares: Sequence[float]) -> tuple[float, ...]:
        """Return quantiles of the latency of a stable queue."""
        waiting = self.waiting
        delay = self.delay if waiting else 0.0
        step = SPAN * (self.service * (1 + self.service_scv) + delay) / CELLS
        latency = _transform(lambda x: _cdf(x, self.service, self.service_scv), step)
        if waiting:
            latency *= 1 - waiting + waiting * self._delay_transform(step)
        total = np.cumsum(np.fft.irfft(latency, 2 * CELLS)[:CELLS])
        edges = step * (np.arange(CELLS) + 0.5)
        return tuple(float(np.interp(share, total, edges)) for share in shares)

    def _delay_transform(self, step: float) -> NDArray[np.complex128]:
        """Return the transform of the wait of those that wait."""
        servers, stretch, rho = self.servers, self._stretch, self.utilization
        if stretch * self.service * (1 + self.service_scv) / 2 / servers < FINE * step:
            return _transform(lambda x: -np.expm1(-x / self.delay), step)

        def rest(seconds: Floats) -> Floats:
            return _rest_cdf(servers * seconds / stretch, self.service, self.service_scv)

        first = _transform(lambda x: 1 - self._all_busy(x / stretch), step)
        return np.asarray(first * (1 - rho) / (1 - rho * _transform(rest, step)))


def _check_servers(servers: int) -> None:
    if servers < 1:
        raise PlanError(f"servers is {servers}; at least one is needed")


def _log_transform(s: Any, scv: float) -> Any:  # noqa: ANN401 - a number or an array
    """Return log E[exp(-s A)] for a gamma distributed A of mean 1."""
    return -s if scv < SMALLEST_SCV else -np.log1p(s * scv) / scv


def _cdf(seconds: Floats, mean: float, scv: float) -> Floats:
    """Return the distribution function of gamma distributed times."""
    if scv < SMALLEST_SCV:
        return (seconds >= mean).astype(np.float64)
    return np.asarray(gammainc(1 / scv, seconds / (mean * scv)))


def _rest_cdf(seconds: Floats, mean: float, scv: float) -> Floats:
    """Return the distribution function of the rest of a time that is under way."""
    if scv < SMALLEST_SCV:
        return np.minimum(seconds / mean, 1.0)
    shape, scale = 1 / scv, seconds / (mean * scv)
    over = seconds * (1 - gammainc(shape, scale)) + mean * gammainc(shape + 1, scale)
    return np.asarray(np.minimum(over / mean, 1.0))


def _transform(cdf: Callable[[Floats], Floats], step: float) -> NDArray[np.complex128]:
    """Return the Fourier transform of a distribution, rounded to a grid of `CELLS` steps."""
    edges = step * (np.arange(CELLS + 1) - 0.5)
    below = cdf(np.maximum(edges, 0.0))
    below[0] = 0.0
    return np.asarray(np.fft.rfft(np.diff(below), 2 * CELLS))
