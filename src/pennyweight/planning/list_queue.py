"""The queue of lists of one machine: its highest load and its latencies."""

from dataclasses import dataclass
from functools import lru_cache

from pennyweight.planning.latency_table import LatencyTable, latency_table
from pennyweight.planning.queueing import latency_quantiles, rate_within

__all__ = ["SERVICE_SCV", "ListQueue"]

HIGHEST_LOAD = 0.7  # share of a machine's rate at the peak; above it, bursts make queues
SERVICE_SCV = 0.1  # of the service time of lists: docs/method-planning.md
SAVING = 0.75  # of the scores of each further list of a batch (benchmarks/load_model.py)
BATCH_SECONDS = 0.25  # of a batch of the service
BATCHES, SAVINGS = (32, 4), (0.6, 0.3)  # with tables; a queue is given the next smaller one
MOST_SERVERS = 4  # with a table


@dataclass(frozen=True)
class ListQueue:
    """The lists that wait for the threads of a machine.

    A thread makes the lists that wait together, and each further one takes less time. The saving
    and the size of a batch are rounded down to those of a few tables, so that a plan takes little
    time and asks for no machine too few.

    Attributes
    ----------
    servers
        Threads.
    seconds
        Mean time of a list made alone.
    saving
        Share of it that each further list of a batch saves.
    arrival_scv
        Squared coefficient of variation of the times between requests.
    """

    servers: int
    seconds: float
    saving: float = 0.0
    arrival_scv: float = 1.0

    @classmethod
    def of(
        cls, servers: int, seconds: float, *, scoring_seconds: float, arrival_scv: float
    ) -> "ListQueue":
        """Return the queue of lists whose scores take a part of their time."""
        return cls(servers, seconds, SAVING * scoring_seconds / seconds, arrival_scv)

    @property
    def capacity(self) -> float:
        """Lists a second that a machine makes at most."""
        table = self._table
        return (self.servers if table is None else table.capacity) / self.seconds

    def highest_rate(self, objective: float) -> float:
        """Return the highest rate at which 95 % keep an objective, and at most 70 % of `capacity`.

        Parameters
        ----------
        objective
            In seconds.
        """
        ratio, table = _rounded(objective / self.seconds), self._table
        if table is None:
            load = _load_within(ratio, self.servers, self.arrival_scv)
        else:
            load = table.load_within(ratio)
        return min(load / self.seconds, HIGHEST_LOAD * self.capacity)

    def latencies(self, rate: float) -> tuple[float, ...]:
        """Return median, 95 % and 99 % of the latency in seconds."""
        load, table = _rounded(rate * self.seconds), self._table
        if table is None:
            relative = _quantiles(load, self.servers, self.arrival_scv)
        else:
            relative = table.quantiles(load)
        return tuple(quantile * self.seconds for quantile in relative)

    @property
    def _table(self) -> LatencyTable | None:
        """The table for batches; None where they are small or save little."""
        batch = next((n for n in BATCHES if n * self.seconds <= BATCH_SECONDS), None)
        saving = next((share for share in SAVINGS if share <= self.saving), None)
        if batch is None or saving is None or self.servers > MOST_SERVERS:
            return None
        return latency_table(
            self.servers, batch, saving, arrival_scv=self.arrival_scv, service_scv=SERVICE_SCV
        )


# A queue does not change if all of its times are made longer by one factor: these are in units of
# the service time, rounded, so that many machines share one calculation.


@lru_cache(maxsize=4_096)
def _load_within(objective: float, servers: int, arrival_scv: float) -> float:
    """Return the highest load within an objective in service times."""
    return rate_within(objective, 1.0, servers, arrival_scv=arrival_scv, service_scv=SERVICE_SCV)


@lru_cache(maxsize=4_096)
def _quantiles(load: float, servers: int, arrival_scv: float) -> tuple[float, ...]:
    """Return the quantiles of the latency in service times."""
    return latency_quantiles(load, 1.0, servers, arrival_scv=arrival_scv, service_scv=SERVICE_SCV)


def _rounded(value: float) -> float:
    """Return a number with three digits."""
    return float(f"{value:.3g}")
