"""The answers of a service under three times the load that it can handle.

    python benchmarks/overload.py [--only NAME,…] [--bundle DIR] [--data DIR] [--seconds N]
                                  [--times N] [--connections N] [--json FILE]

One service on loopback; client and service share the cores. Capacity is the rate of a closed loop
of 48 connections: the median of measurements before and after the overload, since a store that
grows becomes slower. Between them `--times` as many requests are sent over many connections, each
when it is due, whatever came back by then: an answer counts if it is there within a second of that
moment. ``lists``: sessions of 20 items, 20 back. ``events``: batches of 20. Meanwhile
`/health/live`, over a new connection each time, must answer, and the first page of the dashboard.
"""

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import uvloop

import pennyweight
from load import Load, closed_loop, get, open_loop
from pennyweight import Recommender
from public_data import add_data, present
from rows import tell
from serve import CONNECTIONS, Row, batches, row, sessions
from service import Running, running

IN_TIME = 1.0  # seconds
PREPARED = 12_000  # requests; to make them while the clock runs would take the service's cores


def prepared(requests: Iterator[bytes], n: int) -> Iterator[bytes]:
    """Yield n requests made beforehand."""
    return iter(list(itertools.islice(requests, n)))


def measure(
    service: Running, name: str, requests: Iterator[bytes], options: argparse.Namespace
) -> list[Row]:
    """Measure the capacity for some requests, then offer several times as many."""
    asyncio.run(_saturated(service.port, requests))  # an empty store is fast
    rates = [_capacity(service, requests) for _ in range(options.repeats)]
    offered_rate = options.times * median(rates)
    n = int(offered_rate * options.seconds)
    ready = prepared(requests, n)

    async def offered() -> tuple[Load, dict[str, list[float]]]:
        watched = asyncio.create_task(_watch(service.port, options.seconds))
        load = await open_loop(
            service.port,
            ready,
            rate=offered_rate,
            seconds=options.seconds,
            connections=options.connections,
        )
        return load, await watched

    load, watched = uvloop.run(offered())
    rates += [_capacity(service, requests) for _ in range(options.repeats)]
    capacity = median(rates)
    answered = load.within(IN_TIME) / options.seconds / capacity
    refused = load.by_status.get(503, [])
    print(
        f"{name}: capacity {capacity:,.0f}/s ({min(rates):,.0f} to {max(rates):,.0f}); "
        f"{len(load.seconds):,} sent, {load.statuses}; {load.within(IN_TIME):,} within "
        f"{IN_TIME:g} s; {service.resident / 1e6:.0f} MB"
    )
    prefix = f"overload, {name}: "
    n_lost = len(load.seconds) - load.good - len(refused)
    return [
        row(prefix + "capacity", capacity, "1/s", None),
        row(
            prefix + f"answered within 1 s at {options.times:g} times that, of it",
            answered,
            "x",
            0.8,
        ),
        row(prefix + "p50 of answered requests", load.quantile(0.5, 200), "ms", None, "lower"),
        row(prefix + "p99 of answered requests", load.quantile(0.99, 200), "ms", 1_000, "lower"),
        row(prefix + "p99 of refusals", load.quantile(0.99, 503), "ms", 1_000, "lower"),
        row(prefix + "neither answered nor refused", n_lost, "", 0, "lower"),
        *(
            row(f"{prefix}{path} p99", 1e3 * float(np.quantile(seconds, 0.99)), "ms", None, "lower")
            for path, seconds in watched.items()
        ),
    ]


def _capacity(service: Running, requests: Iterator[bytes]) -> float:
    return asyncio.run(_saturated(service.port, requests)).rate


async def _saturated(port: int, requests: Iterator[bytes]) -> Load:
    ready = prepared(requests, PREPARED)
    return await closed_loop(port, itertools.cycle(ready), seconds=4, connections=CONNECTIONS)


async def _watch(port: int, seconds: float) -> dict[str, list[float]]:
    """Return the seconds that each look took; all must be answered with 200."""
    took: dict[str, list[float]] = {"/health/live": [], "/": []}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for path, seconds_of in took.items():
            start = time.perf_counter()
            status = await _look(port, path)
            seconds_of.append(time.perf_counter() - start)
            if status != 200:
                raise SystemExit(f"{path} answered {status}")
        await asyncio.sleep(0.2)
    return took


async def _look(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get(path, "Connection: close\r\n"))
    answer = await reader.read()
    writer.close()
    return int(answer[9:12])


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="lists,events")
    parser.add_argument("--bundle", type=Path, help="beauty, fitted; or it is fitted first")
    add_data(parser)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--times", type=float, default=3)
    parser.add_argument("--connections", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3, help="of the capacity, before and after")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    makers = {"lists": sessions, "events": batches}
    names = options.only.split(",")
    if unknown := set(names) - makers.keys():
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(makers)}")
    if not options.bundle and not present(options.data, "beauty"):
        tell([], options.json)
        return
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bundle = options.bundle or folder / "beauty"
        if not options.bundle:
            beauty = options.data / "beauty"
            pennyweight.fit(beauty / "items.csv", beauty / "events.csv").save(bundle)
        ids = list(Recommender.load(bundle, verify=False).catalog.ids)
        for name in names:
            with running(bundle, folder / name) as service:
                rows += measure(service, name, makers[name](ids, 0), options)
    tell(rows, options.json)


if __name__ == "__main__":
    main()
