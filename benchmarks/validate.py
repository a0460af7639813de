"""`pennyweight validate` on 10 million events: seconds and peak memory of the whole command.

    python benchmarks/validate.py [--events N] [--json FILE]

The data is synthetic (seeded): 200,000 items with texts of some 30 words, a million users,
a long tail, three years of real times. It is written as Parquet into a temporary folder.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from rows import tell

ITEMS, USERS, EVENTS = 200_000, 1_000_000, 10_000_000
START, YEARS = 1_600_000_000, 3


def ids(prefix: str, numbers: np.ndarray) -> pl.Series:
    """Return ids such as ``u17``."""
    return pl.select(pl.lit(prefix) + pl.lit(pl.Series(numbers)).cast(pl.String)).to_series()


def write(folder: Path, n_events: int, rng: np.random.Generator) -> list[str]:
    """Write both tables, a catalog of invented words and a log; return their paths."""
    scale = n_events / EVENTS
    n_items, n_users = max(1_000, int(ITEMS * scale)), max(1_000, int(USERS * scale))
    words = np.array([f"w{number}" for number in range(50_000)])
    drawn = np.minimum(rng.zipf(1.2, size=(n_items, 30)), len(words)) - 1
    texts = pl.Series([" ".join(row) for row in words[drawn]])
    title = texts.str.split(" ").list.head(8).list.join(" ")
    items = pl.DataFrame(
        {"item_id": ids("i", rng.permutation(n_items)), "title": title, "description": texts}
    )
    times = START + rng.random(n_events) * YEARS * 365 * 86_400
    events = pl.DataFrame(
        {
            "user_id": ids("u", rng.integers(n_users, size=n_events)),
            "item_id": ids("i", (n_items * rng.random(n_events) ** 3).astype(np.int64)),
            "timestamp": times.astype(np.int64),
        }
    )
    items.write_parquet(folder / "items.parquet")
    events.write_parquet(folder / "events.parquet")
    return [str(folder / f"{name}.parquet") for name in ("items", "events")]


def measure(files: list[str]) -> tuple[float, float]:
    """Run the command in a separate process; return its seconds and peak GiB."""
    command = [sys.executable, "-m", "pennyweight", "validate", *files, "--html"]
    started = time.perf_counter()
    page = Path(files[0]).with_name("page.html")
    process = subprocess.Popen([*command, str(page)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)  # RUSAGE_CHILDREN would keep an older maximum
    if status:
        raise SystemExit(f"validate ended with status {status}")
    return time.perf_counter() - started, usage.ru_maxrss / 2**20


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = write(Path(folder), options.events, np.random.default_rng(0))
        seconds, memory = measure(files)
    name = f"validate, {options.events:,} events"
    rows = [
        {"name": name, "value": round(seconds, 1), "unit": "s", "bar": 180, "better": "lower"},
        {
            "name": f"{name}, peak memory",
            "value": round(memory, 2),
            "unit": "GiB",
            "bar": 4,
            "better": "lower",
        },
    ]
    tell(rows, options.json)


if __name__ == "__main__":
    main()
