"""Latencies of lists that are made together, by the load: simulated once, then looked up."""

from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import PlanError
from pennyweight.planning.arrivals import steady
from pennyweight.planning.server_pool import BatchPolicy
from pennyweight.planning.simulation import ServiceTime, simulate

__all__ = ["QUANTILES", "LatencyTable", "latency_table"]

Floats = NDArray[np.float64]

QUANTILES = (0.5, 0.95, 0.99)
REQUESTS = 24_000  # of the simulation of a load
# Loads that are simulated, as shares of the capacity; closer together where batches begin.
SHARES = (0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, eq=False)
class LatencyTable:
    """Latencies by the load, all in units of the mean time of a list made alone.

    Attributes
    ----------
    capacity
        The load in erlangs, rate times time of a list alone, at which all batches are full.
    loads
        Loads of the rows, ascending from 0, float64 (n,).
    latencies
        Median, 95 % and 99 % of the latency at each, ascending, float64 (n, 3).
    """

    capacity: float
    loads: Floats
    latencies: Floats

    def quantiles(self, load: float) -> tuple[float, ...]:
        """Return median, 95 % and 99 % of the latency; infinite above nine tenths of capacity."""
        if load < 0:
            raise PlanError(f"load is {load}; it must be a number of erlangs of at least 0")
        if load > self.loads[-1]:
            return (inf,) * len(QUANTILES)
        logs = np.log(self.latencies)
        return tuple(float(np.exp(np.interp(load, self.loads, column))) for column in logs.T)

    def load_within(self, objective: float, quantile: float = 0.95) -> float:
        """Return the highest load whose latency keeps an objective; 0 if none does.

        Parameters
        ----------
        objective
            In units of the time of a list made alone.
        quantile
            One of `QUANTILES`.
        """
        if quantile not in QUANTILES:
            raise PlanError(f"quantile is {quantile}; the table has {QUANTILES}")
        column = self.latencies[:, QUANTILES.index(quantile)]
        if objective < column[0]:
            return 0.0
        last = int(np.searchsorted(column, objective, side="right")) - 1
        if last == len(column) - 1:
            return float(self.loads[-1])
        pair = slice(last, last + 2)
        return float(np.interp(np.log(objective), np.log(column[pair]), self.loads[pair]))


@lru_cache(maxsize=256)
def latency_table(
    servers: int,
    max_batch: int,
    saving: float,
    *,
    arrival_scv: float = 1.0,
    service_scv: float = 0.1,
) -> LatencyTable:
    """Return the latencies of a replica that makes waiting lists together.

    Each load is simulated with the same random numbers; the same arguments give the same table.

    Parameters
    ----------
    servers
        Threads that make lists.
    max_batch
        Lists that a thread makes at once.
    saving
        Share of the time of a list that each after the first saves, from 0 to 1.
    arrival_scv, service_scv
        Squared coefficients of variation, as in `pennyweight.planning.queueing`.
    """
    batches = BatchPolicy.with_fixed_share(max_batch, saving)
    capacity = servers * max_batch / batches.cost(max_batch)
    service = ServiceTime(1.0, service_scv)
    rows = []
    for share in SHARES:
        rate = max(share * capacity, 1e-6)  # at the lowest, no request meets another
        arrivals = steady(rate, seconds=REQUESTS / rate, scv=arrival_scv)
        rows.append(simulate(arrivals, service, servers, batches=batches).quantiles(QUANTILES))
    latencies = np.maximum.accumulate(np.array(rows), axis=0)
    return LatencyTable(capacity, capacity * np.array(SHARES), latencies)
