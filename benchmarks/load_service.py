"""The queue of the service beside its simulation: the same requests through both.

    python benchmarks/load_service.py [--seconds N] [--json FILE]

Worker threads of the service answer jobs that sleep for 50 ms, so that the processor decides
little; requests come at random times. The simulation gets the same times of requests and the mean
time that the jobs took, with the batches of the service and with each job alone.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import BusyError
from pennyweight.formatting import aligned
from pennyweight.planning.arrivals import steady
from pennyweight.planning.replica import BATCH_S
from pennyweight.planning.server_pool import BatchPolicy, ServerPool
from pennyweight.serving.live.histories import HistoryCache
from pennyweight.serving.live.micro_batching import MicroBatching
from pennyweight.serving.stores.opening import open_store

SECONDS = 0.05  # of a job
CASES = ((1, 0.5), (1, 0.7), (2, 0.7), (4, 0.8))  # threads, and the load of each
QUANTILES = (0.5, 0.95, 0.99)


def main() -> None:
    """Print a row for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each case")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures = [case(threads, load, options.seconds) for threads, load in CASES]
    head = ["threads", "load", "requests"]
    kinds = ("measured", "batches", "alone")
    head += [f"{kind} p{100 * q:g}" for kind in kinds for q in QUANTILES]
    rows = [
        [
            str(figure["threads"]),
            f"{figure['load']:.0%}",
            f"{figure['requests']:,}",
            *(f"{x:.0f}" for kind in kinds for x in figure[kind]),
        ]
        for figure in figures
    ]
    print("latencies in ms")
    print("\n".join(aligned([head, *rows])))
    off = [
        100 * abs(b / m - 1)
        for f in figures
        for b, m in zip(f["batches"], f["measured"], strict=True)
    ]
    p50, *tail = np.array(off).reshape(len(figures), len(QUANTILES)).max(axis=0)
    print(f"largest error of the simulation with batches: p50 {p50:.0f} %, ", end="")
    print(f"p95 {tail[0]:.0f} %, p99 {tail[1]:.0f} %")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def case(threads: int, load: float, seconds: float) -> dict[str, Any]:
    """Return quantiles of the latency in ms, measured and simulated."""
    times = steady(load * threads / SECONDS, seconds=seconds).times(1)
    with tempfile.TemporaryDirectory() as folder:
        measured, job = asyncio.run(answered(times.tolist(), threads, Path(folder)))
    simulated = {}
    for name, size in (("batches", int(BATCH_S / job)), ("alone", 1)):
        jobs = np.full(len(times), job)
        pool = ServerPool(times, jobs, threads, batches=BatchPolicy(size))
        pool.advance()
        simulated[name] = _quantiles(pool.latencies())
    return {
        "threads": threads,
        "load": load,
        "requests": len(times),
        "measured": _quantiles(measured),
        **simulated,
    }


async def answered(
    times: Sequence[float], threads: int, folder: Path
) -> tuple[NDArray[np.float64], float]:
    """Send jobs to the threads of the service when due; return their latencies and mean time."""
    store, loop = open_store(folder / "store.sqlite"), asyncio.get_running_loop()
    batching = MicroBatching(
        store, HistoryCache(1 << 20), threads=threads, depth=1_024, clock=time.time
    )
    latencies = [float("inf")] * len(times)
    took: list[float] = []
    begin = loop.time() + 0.2

    def job(*_: object) -> None:
        began = time.perf_counter()
        time.sleep(SECONDS)
        took.append(time.perf_counter() - began)

    def note(place: int, _: object) -> None:
        latencies[place] = loop.time() - begin - times[place]

    def send(place: int) -> None:
        try:
            future = batching.submit(None, job)  # type: ignore[arg-type] # no job reads a bundle
        except BusyError:
            latencies[place] = float("nan")
        else:
            future.add_done_callback(partial(note, place))

    for place, at in enumerate(times):
        loop.call_at(begin + at, send, place)
    while float("inf") in latencies:
        await asyncio.sleep(0.05)
    batching.close()
    store.close()
    return np.array(latencies), float(np.mean(took))


def _quantiles(seconds: NDArray[np.float64]) -> list[float]:
    return [float(q) for q in 1_000 * np.nanquantile(seconds, QUANTILES)]


if __name__ == "__main__":
    main()
