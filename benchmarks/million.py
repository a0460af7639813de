"""A service of a million items: when it is ready, how fast, and in what memory.

    python benchmarks/million.py [--items N] [--dim N] [--seconds N] [--json FILE]

The items have made-up vectors of int8 (384 components, as of all-MiniLM-L6-v2), a price; the
content scorer goes through all of them, exactly. Sessions of 20 items ask for 20, 50 times a
second, each when it is due; client and service share the cores.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from load import open_loop
from pennyweight import Recommender
from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.vectors.quantized_rows import QuantizedRows
from rows import tell
from serve import row, sessions, spread
from service import running

BLOCK = 50_000


def make(n: int, dim: int) -> Recommender:
    """Return a recommender of made-up items."""
    rng = np.random.default_rng(0)
    data = np.empty((n, dim), np.int8)
    scale = 4.5 / np.sqrt(dim) / 127  # of unit vectors, the largest component
    for start in range(0, n, BLOCK):
        vectors = rng.standard_normal((min(BLOCK, n - start), dim), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        data[start : start + BLOCK] = np.rint(vectors / scale).clip(-127, 127)
    content = Content()
    content.vectors = QuantizedRows(data, np.full((1, 1), scale, np.float32), dim, "int8")
    ids = Ids((f"item-{i}" for i in range(n)), "items")
    prices = pl.DataFrame({"price": np.round(rng.random(n) * 100, 2)})
    catalog = Catalog(ids, ("",) * n, prices)
    return Recommender(catalog, Blend({"content": content}))


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=20, help="of a turn")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", default="1")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        made = make(options.items, options.dim)
        made.save(folder / "bundle")
        ids = list(made.catalog.ids)
        del made
        started = time.perf_counter()
        with running(folder / "bundle", folder / "live", "--workers", options.workers) as service:
            ready = time.perf_counter() - started
            asyncio.run(open_loop(service.port, sessions(ids, 0), rate=options.rate, seconds=2))
            loads = [
                asyncio.run(
                    open_loop(
                        service.port,
                        sessions(ids, turn),
                        rate=options.rate,
                        seconds=options.seconds,
                    )
                )
                for turn in range(1, options.repeats + 1)
            ]
            held, peak = service.resident, service.peak
    for load in loads:
        if load.good != len(load.seconds):
            raise SystemExit(f"answers that were not 2xx: {load.statuses}")
        p50, p95, p99 = (load.quantile(q) for q in (0.5, 0.95, 0.99))
        print(
            f"{options.items:,} items: at {options.rate:g}/s p50 {p50:.0f}, p95 {p95:.0f}, "
            f"p99 {p99:.0f} ms"
        )
    print(f"ready in {ready:.1f} s; {held / 1e6:,.0f} MB, at most {peak / 1e6:,.0f}")
    rows = [
        spread(
            f"million items: p{q} at {options.rate:g} per second",
            [load.quantile(q / 100) for load in loads],
            "ms",
            target,
            "lower",
        )
        for q, target in ((50, None), (95, 50), (99, None))
    ]
    rows += [
        row("million items: resident memory", held, "B", 1.5e9, "lower"),
        row("million items: ready after", ready, "s", 15, "lower"),
    ]
    tell(rows, options.json)


if __name__ == "__main__":
    main()
