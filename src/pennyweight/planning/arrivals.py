"""Requests over time: patterns of a day, and traces of the user's own."""

from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.tables import read_table
from pennyweight.errors import DataError, PlanError

__all__ = ["Arrivals", "daily_pattern", "flash_crowd", "read_trace", "steady"]

Floats = NDArray[np.float64]

HOUR, DAY = 3_600.0, 86_400.0
STEPS_PER_HOUR = 60
MAX_REQUESTS = 10_000_000  # a simulation takes 110 bytes for each
# Numbers from these on are epochs: seconds, milliseconds, microseconds, nanoseconds.
EPOCHS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3))
SMALLEST_EPOCH = 1e8  # seconds; smaller numbers count from the beginning
ROW = 2  # of the first values in a file, after its header


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Requests over time, as a rate in each interval or as recorded times.

    Parameters
    ----------
    edges
        Ends of the intervals in seconds, ascending, from 0, float64 (n + 1,).
    rates
        Requests per second in each interval, float64 (n,).
    scv
        Burstiness: the squared coefficient of variation of the times between requests at an even
        rate. 1 for Poisson arrivals, more for bursts.
    recorded
        The times of the requests where they are known, ascending, in seconds from 0; `scv` is then
        without effect.
    """

    edges: Floats
    rates: Floats
    scv: float = 1.0
    recorded: Floats | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.rates) + 1 or not len(self.rates):
            raise PlanError(
                f"{len(self.rates)} rates with {len(self.edges)} edges; each interval has a rate "
                "between two edges"
            )
        if self.edges[0] != 0 or not (np.diff(self.edges) > 0).all():
            raise PlanError("the edges of the intervals must ascend from 0")
        if not (np.isfinite(self.rates) & (self.rates >= 0)).all() or not self.rates.any():
            raise PlanError("rates must be at least 0, and one of them above 0")
        if not 0 <= self.scv < inf:
            raise PlanError(f"the burstiness of arrivals is {self.scv}; it must be at least 0")

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the end."""
        return float(self.edges[-1])

    @cached_property
    def expected_requests(self) -> float:
        """The mean number of requests."""
        return float(self.rates @ np.diff(self.edges))

    @property
    def mean_rate(self) -> float:
        """Requests per second on average."""
        return self.expected_requests / self.duration

    @property
    def peak_rate(self) -> float:
        """Requests per second in the busiest interval."""
        return float(self.rates.max())

    def between(self, start: float, end: float) -> "Arrivals":
        """Return a part, from one second to another, which then counts from 0."""
        if not 0 <= start < end <= self.duration:
            raise PlanError(f"{start:g} to {end:g} s is not a part of {self.duration:g} s")
        inner = self.edges[(self.edges > start) & (self.edges < end)]
        edges = np.concatenate([[start], inner, [end]])
        rates = self.rates[np.searchsorted(self.edges, edges[:-1], side="right") - 1]
        recorded = self.recorded
        if recorded is not None:
            recorded = recorded[(recorded >= start) & (recorded < end)] - start
        return Arrivals(edges - start, rates, self.scv, recorded)

    def times(self, seed: int = 0) -> Floats:
        """Return times of requests in seconds, ascending, float64.

        The times between requests are gamma distributed with the `scv`, on a clock that runs with
        the rate; the same seed gives the same times.
        """
        if self.recorded is not None:
            return self.recorded
        if self.expected_requests > MAX_REQUESTS:
            raise PlanError(
                f"{self.expected_requests:,.0f} requests are too many to simulate; the limit is "
                f"{MAX_REQUESTS:,}: take a shorter time or a lower rate"
            )
        rng = np.random.default_rng(seed)
        total = self.expected_requests
        count = int(total + 10 * (total * max(1.0, self.scv)) ** 0.5) + 10
        if self.scv == 0:
            clock = np.arange(count, dtype=np.float64) + 0.5
        else:
            # The first is a part of an interval that was under way before.
            steps = rng.gamma(1 / self.scv, self.scv, count)
            steps[0] = rng.uniform() * rng.gamma(1 / self.scv + 1, self.scv)
            clock = np.cumsum(steps)
        sums = np.concatenate([[0.0], np.cumsum(self.rates * np.diff(self.edges))])
        busy = np.concatenate([[True], np.diff(sums) > 0])  # `interp` needs ascending sums
        inside = clock[clock < total]
        return _on_clock(inside, sums, self.edges, busy)


def _on_clock(clock: Floats, sums: Floats, edges: Floats, busy: NDArray[np.bool_]) -> Floats:
    """Return the seconds at which the expected number of requests reaches each value."""
    place = np.searchsorted(sums[busy], clock, side="right")
    after = np.flatnonzero(busy)[place]  # the edge that ends the interval
    before = after - 1
    share = (clock - sums[before]) / (sums[after] - sums[before])
    return np.asarray(edges[before] + share * (edges[after] - edges[before]))


def steady(rate: float, *, seconds: float, scv: float = 1.0) -> Arrivals:
    """Return requests at an even rate per second."""
    return Arrivals(np.array([0.0, seconds]), np.array([rate]), scv)


def daily_pattern(
    rate: float,
    *,
    peak_to_mean: float = 2.0,
    peak_hour: float = 20.0,
    days: float = 1.0,
    scv: float = 1.0,
) -> Arrivals:
    """Return requests that rise and fall over the day.

    The rate is an exponential of a cosine: a long night and a pointed evening, as shops see them.

    Parameters
    ----------
    rate
        Requests per second, averaged over a day.
    peak_to_mean
        The rate of the busiest minute as a multiple of the mean, from 1 to 10.
    peak_hour
        The hour of the busiest minute, from 0 to 24.
    days
        Length, from midnight.
    scv
        See `Arrivals`.
    """
    if not 1 <= peak_to_mean <= 10:
        raise PlanError(f"peak to mean is {peak_to_mean}; it must lie between 1 and 10")
    if not 0 <= peak_hour <= 24:
        raise PlanError(f"the hour of the peak is {peak_hour}; it must lie between 0 and 24")
    edges = np.linspace(0, days * DAY, max(1, round(days * 24 * STEPS_PER_HOUR)) + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    angle = np.cos(2 * np.pi * (middles / DAY - peak_hour / 24))
    wave = np.exp(_steepness(peak_to_mean) * angle)
    whole = np.exp(_steepness(peak_to_mean) * np.cos(np.linspace(0, 2 * np.pi, 1_440, False)))
    return Arrivals(edges, rate * wave / whole.mean(), scv)


def _steepness(peak_to_mean: float) -> float:
    """Return the factor of the cosine with which the largest value has this ratio to the mean."""
    angles = np.cos(np.linspace(0, 2 * np.pi, 1_440, False))
    low, high = 0.0, 200.0
    for _ in range(60):
        middle = (low + high) / 2
        ratio = 1 / np.exp(middle * (angles - 1)).mean()
        low, high = (middle, high) if ratio < peak_to_mean else (low, middle)
    return low


def flash_crowd(
    rate: float,
    *,
    factor: float = 10.0,
    begin_s: float = 1_800.0,
    rise_s: float = 60.0,
    hold_s: float = 600.0,
    fall_s: float = 1_800.0,
    seconds: float = 7_200.0,
    scv: float = 1.0,
) -> Arrivals:
    """Return requests at an even rate with one sudden crowd.

    Parameters
    ----------
    rate
        Requests per second before and after it.
    factor
        The rate of the crowd as a multiple, at least 1.
    begin_s, rise_s, hold_s, fall_s
        Seconds until it begins, until it is whole, for which it lasts, and in which two thirds
        of it leave.
    seconds
        Length of the whole.
    scv
        See `Arrivals`.
    """
    if factor < 1:
        raise PlanError(f"the factor of a flash crowd is {factor}; it must be at least 1")
    if begin_s + rise_s + hold_s >= seconds or min(begin_s, rise_s, hold_s, fall_s) <= 0:
        raise PlanError("a flash crowd must begin, rise and hold within the simulated time")
    edges = np.linspace(0, seconds, max(2, round(seconds)) + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    end = begin_s + rise_s + hold_s
    rising = np.clip((middles - begin_s) / rise_s, 0, 1)
    falling = np.exp(-np.maximum(middles - end, 0) / fall_s * np.log(3))
    return Arrivals(edges, rate * (1 + (factor - 1) * rising * falling), scv)


def read_trace(path: Path) -> Arrivals:
    """Read a trace: a table with a column ``time``, and ``requests`` where it has counts.

    Without ``requests`` each row is one request. With it a row holds the requests from its time
    until that of the next row; the last row lasts as long as the one before it. Times are epochs,
    dates in ISO 8601 (UTC if they name no zone) or seconds from the beginning. Requests with times
    in whole seconds, some of them equal, are spread evenly over their second.

    Parameters
    ----------
    path
        CSV, TSV, JSON lines or Parquet, also compressed.

    Raises
    ------
    DataError
        Naming the file and the row.
    """
    frame, _ = read_table(path, table="trace", strict=True)
    extra = [name for name in frame.columns if name not in ("time", "requests")]
    if "time" not in frame.columns or extra:
        raise DataError(
            f"{path}: has the columns {', '.join(frame.columns)}; a trace has the column time, and "
            "requests where its rows are counts: rename or remove the others"
        )
    seconds = _seconds(frame["time"], path)
    if "requests" in frame.columns:
        return _of_counts(seconds, _counts(frame["requests"], path), path)
    return _of_times(np.sort(seconds), path)


def _of_times(seconds: Floats, path: Path) -> Arrivals:
    if len(seconds) < 2 or seconds[-1] == seconds[0]:
        raise DataError(f"{path}: needs requests at two different times at least")
    if (np.diff(seconds) == 0).any() and (seconds == np.floor(seconds)).all():
        counts = np.bincount((seconds - seconds[0]).astype(np.int64))
        return Arrivals(np.arange(len(counts) + 1.0), counts.astype(np.float64))
    times = seconds - seconds[0]
    steps = max(1, min(1_440, len(times) // 20))
    counts, edges = np.histogram(
        times, bins=np.linspace(0, np.nextafter(times[-1], inf), steps + 1)
    )
    return Arrivals(edges, counts / np.diff(edges), recorded=times)


def _of_counts(seconds: Floats, counts: Floats, path: Path) -> Arrivals:
    if len(seconds) < 2:
        raise DataError(f"{path}: needs two rows of counts at least, to know their length")
    late = np.flatnonzero(np.diff(seconds) <= 0)
    if len(late):
        raise DataError(
            f"{path}: row {late[0] + 1 + ROW}: its time is not after that of the row before; sort "
            "the rows by time, and add up rows of one time"
        )
    if not counts.any():
        raise DataError(f"{path}: has no requests; column requests is 0 in each row")
    lengths = np.diff(seconds)
    lengths = np.append(lengths, lengths[-1])
    edges = np.concatenate([[0.0], np.cumsum(lengths)])
    return Arrivals(edges, counts / lengths)


def _counts(column: pl.Series, path: Path) -> Floats:
    numbers = column.cast(pl.Float64, strict=False).to_numpy()
    wrong = np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0)))
    if len(wrong):
        raise DataError(
            f"{path}: row {wrong[0] + ROW}: requests is {column[int(wrong[0])]!r}; it must be a "
            "number of at least 0"
        )
    return np.asarray(numbers, dtype=np.float64)


def _seconds(column: pl.Series, path: Path) -> Floats:
    """Return times in seconds, all read in one form."""
    if column.dtype.is_temporal():
        stamps = column.cast(pl.Datetime("us"), strict=False).dt.timestamp("us")
        values = stamps.cast(pl.Float64).to_numpy() / 1e6
    else:
        values = column.cast(pl.Float64, strict=False).to_numpy()
        if not np.isfinite(values[:1]).all():
            text = column.cast(pl.String).str.strip_chars()
            dates = text.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
            values = dates.dt.timestamp("us").cast(pl.Float64).to_numpy() / 1e6
        else:
            largest = values[np.isfinite(values)].max()
            unit = next((unit for least, unit in EPOCHS if largest >= least), 1.0)
            values = values * unit
            largest *= unit
            # One unit for all: a number in another would lie a thousand times away.
            if largest >= SMALLEST_EPOCH:
                values[values < SMALLEST_EPOCH] = np.nan
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise DataError(
            f"{path}: row {wrong[0] + ROW}: time is {column[int(wrong[0])]!r}; write all times as "
            "epochs, as dates such as 2026-11-28T20:15:00, or as seconds from the beginning"
        )
    return np.asarray(values, dtype=np.float64)
