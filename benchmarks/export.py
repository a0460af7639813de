"""Lists for every user of a bundle in one file: seconds, users per second, memory.

    python benchmarks/export.py [--bundle DIR | --data DIR] [--json FILE]

Without a bundle, beauty is fitted first. Each figure is of a `pennyweight recommend BUNDLE
--all-users -k 20` in a separate process, with start and loading. Processor seconds stand
beside those of the clock, since other work on the machine stretches only the latter; "one
by one" is the same for a sample of users in calls of `Recommender.recommend`.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pennyweight.recommender import Recommender
from public_data import add_data, present
from rows import tell

K, SAMPLE = 20, 300
COMMAND = (sys.executable, "-m", "pennyweight")


def cpu_seconds(process: int) -> float:
    """Return the processor seconds of this process or of its children so far."""
    usage = resource.getrusage(process)
    return usage.ru_utime + usage.ru_stime


def fitted(data: Path, folder: Path) -> Path:
    """Fit beauty; return the bundle."""
    files = [str(data / "beauty" / name) for name in ("items.csv", "events.csv")]
    options = ["--protocol", "leave-last-out", "--max-users", "2000", "--quiet"]
    subprocess.run(
        [*COMMAND, "fit", *files, "--out", str(folder / "bundle"), *options],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "bundle"


def seconds_per_call(bundle: Path) -> float:
    """Return the processor seconds of one list, in calls for a sample of users."""
    recommender = Recommender.load(bundle)
    if recommender.interactions is None:
        raise SystemExit(f"{bundle}: keeps no event log, so there are no users")
    users = recommender.interactions.users
    chosen = [users[code] for code in range(0, len(users), max(1, len(users) // SAMPLE))]
    recommender.recommend(user=chosen[0], k=K)
    before = cpu_seconds(resource.RUSAGE_SELF)
    for user in chosen:
        recommender.recommend(user=user, k=K)
    return (cpu_seconds(resource.RUSAGE_SELF) - before) / len(chosen)


def measure(bundle: Path, folder: Path) -> list[dict[str, object]]:
    """Export once for each format; return the rows."""
    rows: list[dict[str, object]] = []
    for ending, target in ((".parquet", 60), (".csv", 60), (".jsonl", 60)):
        out = folder / f"lists{ending}"
        words = ["recommend", str(bundle), "--all-users", "--out", str(out), "-k", str(K)]
        before, began = cpu_seconds(resource.RUSAGE_CHILDREN), time.perf_counter()
        ran = subprocess.run(
            [*COMMAND, *words, "--json", "--quiet"], check=True, capture_output=True
        )
        seconds = time.perf_counter() - began
        cpu = cpu_seconds(resource.RUSAGE_CHILDREN) - before
        users, name = json.loads(ran.stdout)["users"], f"{ending[1:]}, {K} items a user"
        rows += [
            {
                "name": name,
                "value": round(seconds, 1),
                "unit": "s",
                "bar": target,
                "better": "lower",
            },
            {
                "name": f"{ending[1:]}, processor",
                "value": round(cpu, 1),
                "unit": "s",
                "bar": target,
                "better": "lower",
            },
            {
                "name": f"{ending[1:]}, users per second",
                "value": round(users / seconds),
                "unit": "1/s",
                "bar": 373,
                "better": "higher",
            },
            {
                "name": f"{ending[1:]}, size",
                "value": round(out.stat().st_size / 1e6, 1),
                "unit": "MB",
                "bar": None,
                "better": "lower",
            },
        ]
        if ending == ".parquet":
            each = seconds_per_call(bundle)
            rows.append(
                {
                    "name": "one by one, of the same processor time",
                    "value": round(each * users / cpu, 1),
                    "unit": "x",
                    "bar": 3,
                    "better": "higher",
                }
            )
    # The largest of all children, so of the export only where the bundle was given.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    rows.append(
        {
            "name": "memory at its highest",
            "value": round(peak, 2),
            "unit": "GiB",
            "bar": 1.0,
            "better": "lower",
        }
    )
    return rows


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path)
    add_data(parser)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.bundle and not present(options.data, "beauty"):
        return
    with tempfile.TemporaryDirectory() as temporary:
        rows = measure(options.bundle or fitted(options.data, Path(temporary)), Path(temporary))
    tell(rows, options.json)


if __name__ == "__main__":
    main()
