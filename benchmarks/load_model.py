"""Closed forms of the latency beside simulation, and the time of lists that are made together.

    python benchmarks/load_model.py [--requests N] [--json FILE]
    python benchmarks/load_model.py --bundle BUNDLE [--json FILE]

The first compares p50, p95 and p99 of `latency_quantiles` with simulations of loads up to 80 %,
for 1 to 16 servers. The second times lists of the users of a bundle, alone and in batches, on one
thread by its processor time, and fits the share of the time that a batch saves for each list
after the first.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from pennyweight.formatting import aligned
from pennyweight.planning.arrivals import steady
from pennyweight.planning.queueing import latency_quantiles
from pennyweight.planning.simulation import ServiceTime, simulate
from pennyweight.ranking.query import Query
from pennyweight.ranking.request import RankingRequest
from pennyweight.recommender import Recommender

SERVERS, LOADS = (1, 2, 4, 16), (0.3, 0.6, 0.8)
VARIABILITY = (
    (1.0, 0.0),
    (1.0, 0.25),
    (1.0, 1.0),
    (1.0, 3.0),
    (0.3, 0.25),
    (2.0, 0.25),
    (4.0, 0.25),
    (4.0, 0.0),
)
QUANTILES = (0.5, 0.95, 0.99)
SIZES, LISTS = (1, 2, 4, 8, 16, 32), 512


def main() -> None:
    """Print one of the two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400_000, help="of each simulation")
    parser.add_argument("--bundle", type=Path, help="time lists of this recommender instead")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures = errors(options.requests) if options.bundle is None else batches(options.bundle)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def errors(requests: int) -> list[dict[str, Any]]:
    """Print the errors of the closed forms by variability of arrivals and service."""
    figures = []
    for arrivals, service in VARIABILITY:
        found = [
            _relative(servers, load, arrivals, service, requests)
            for servers in SERVERS
            for load in LOADS
        ]
        off = 100 * np.abs(np.array(found))
        figures.append(
            {
                "arrival_scv": arrivals,
                "service_scv": service,
                "median": np.median(off, axis=0).round(1).tolist(),
                "largest": off.max(axis=0).round(1).tolist(),
            }
        )
    head = ["arrivals", "service", *(f"{kind} p{100 * q:g}" for kind in KINDS for q in QUANTILES)]
    rows = [
        [
            f"{f['arrival_scv']:g}",
            f"{f['service_scv']:g}",
            *(f"{x:.1f}" for k in KINDS for x in f[k]),
        ]
        for f in figures
    ]
    print(f"errors in % of simulations of {requests:,} requests")
    print("\n".join(aligned([head, *rows])))
    return figures


KINDS = ("median", "largest")


def _relative(
    servers: int, load: float, arrivals: float, service: float, requests: int
) -> list[float]:
    rate = servers * load
    expected = latency_quantiles(
        rate, 1.0, servers, arrival_scv=arrivals, service_scv=service, quantiles=QUANTILES
    )
    pattern = steady(rate, seconds=requests / rate, scv=arrivals)
    measured = simulate(pattern, ServiceTime(1.0, service), servers).quantiles(QUANTILES)
    return [e / m - 1 for e, m in zip(expected, measured, strict=True)]


def batches(bundle: Path) -> list[dict[str, Any]]:
    """Print the processor time of lists made alone and together."""
    recommender = Recommender.load(bundle)
    if recommender.interactions is None:
        raise SystemExit(f"{bundle}: has no event log, so no histories to make lists of")
    histories = recommender.interactions.histories
    rows = range(min(LISTS, len(histories)))
    requests = [RankingRequest(Query(histories.block(row, row + 1))) for row in rows]
    figures = []
    with threadpool_limits(1):
        recommender.ranker.rank(requests[: SIZES[-1]])
        for size in SIZES:
            seconds = []
            for start in range(0, len(requests) - size + 1, size):
                began = time.process_time()
                recommender.ranker.rank(requests[start : start + size])
                seconds.append(time.process_time() - began)
            figures.append({"size": size, "ms": 1_000 * float(np.median(seconds))})
    alone = figures[0]["ms"]
    # ms(n) = alone * (saving + (1 - saving) * n), by least squares of relative errors.
    n, y = np.array(SIZES), np.array([f["ms"] / alone for f in figures])
    saving = float(((n - y) * (n - 1) / y**2).sum() / (((n - 1) / y) ** 2).sum())
    table = [
        (f"{f['size']}", f"{f['ms']:.2f}", f"{f['ms'] / f['size']:.2f}", f"{fit * alone:.2f}")
        for f, fit in zip(figures, saving + (1 - saving) * n, strict=True)
    ]
    print(f"{bundle.name}: {len(recommender.catalog):,} items, {len(requests):,} lists")
    print("\n".join(aligned([("batch", "ms", "ms per list", "fitted ms"), *table])))
    print(f"a batch saves {saving:.2f} of the time of each further list")
    return [*figures, {"saving": saving}]


if __name__ == "__main__":
    main()
