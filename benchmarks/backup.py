"""A backup of a service while events and lists go on.

    python benchmarks/backup.py [--events N] [--seconds S] [--json FILE]

A store with N events is served. A client sends 1,000 events a second, another asks for one list
after the other: for S seconds without a backup, then for as long as `nice pennyweight backup` runs.
The backup is restored, and its events are compared with those of the store, one by one.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

import httpx
import numpy as np

import pennyweight
from pennyweight.serving.operations.backup import restore
from pennyweight.serving.stores.protocol import Event
from pennyweight.serving.stores.sqlite import SQLiteStore
from rows import tell
from service import running, small_shop

ITEMS, USERS, BLOCK = 300, 20_000, 50_000
RATE, BATCH = 1_000, 100  # events a second, and in a request
TIMEOUT = 60.0
START = 1_700_000_000.0


def fill(folder: Path, n: int) -> None:
    """Write a store with n events."""
    folder.mkdir()
    with closing(SQLiteStore(folder / "store.sqlite")) as store:
        for start in range(0, n, BLOCK):
            store.add_events([_event(number) for number in range(start, min(n, start + BLOCK))])


def _event(number: int) -> Event:
    user, item = f"u{number * 7_919 % USERS}", f"i{number * 31 % ITEMS}"
    return Event(f"e{number}", user, item, "view", START + number)


def feed(base: str, stop: threading.Event, sent: list[int]) -> None:
    """Send events at a steady rate until the end; note how many were acknowledged."""
    with httpx.Client(base_url=base, timeout=TIMEOUT) as http:
        due = time.monotonic()
        while not stop.is_set():
            first = sent[0]
            events = [
                {"event_id": f"live{n}", "user_id": f"u{n % USERS}", "item_id": f"i{n % ITEMS}"}
                for n in range(first, first + BATCH)
            ]
            http.post("/v1/events", json={"events": events}).raise_for_status()
            sent[0] += BATCH
            due += BATCH / RATE
            time.sleep(max(0.0, due - time.monotonic()))


def ask(base: str, is_over: threading.Event) -> list[float]:
    """Ask for lists until the end; return the seconds that each took."""
    rng, times = np.random.default_rng(0), []
    with httpx.Client(base_url=base, timeout=TIMEOUT) as http:
        while not is_over.is_set():
            began = time.perf_counter()
            http.get(f"/v1/recommend/u{rng.integers(USERS)}").raise_for_status()
            times.append(time.perf_counter() - began)
    return times


def differences(first: Path, second: Path) -> int:
    """Return how many events of a restored store are not those of the other."""
    with (
        closing(SQLiteStore(first / "store.sqlite")) as ours,
        closing(SQLiteStore(second / "store.sqlite")) as theirs,
    ):
        n = theirs.counts()["events"]
        pairs = zip_longest(ours.all_events(), theirs.all_events())
        return sum(
            (a, a and a.seq) != (b, b and b.seq)
            for number, (a, b) in enumerate(pairs)
            if number < n
        )


def measure(n: int, seconds: float, folder: Path) -> list[dict[str, object]]:
    """Serve, feed, ask and back up; return the results."""
    items, log = small_shop(ITEMS)
    shop = pennyweight.fit(items, log, encoder="tfidf", scorers=["popularity", "content"])
    shop.save(folder / "shop")
    live, stop, sent = folder / "live", threading.Event(), [0]
    fill(live, n)
    with running(folder / "shop", live) as service:
        base = f"http://127.0.0.1:{service.port}"
        feeder = threading.Thread(target=feed, args=(base, stop, sent))
        feeder.start()
        quiet = threading.Event()
        threading.Timer(seconds, quiet.set).start()
        before = ask(base, quiet)
        acknowledged, over = sent[0], threading.Event()
        spent = [0.0]

        def back_up() -> None:
            began = time.monotonic()
            words = ["backup", str(live), "--out", str(folder / "backup")]
            command = ["nice", sys.executable, "-m", "pennyweight", *words]
            subprocess.run(command, check=True)
            spent[0] = time.monotonic() - began
            over.set()

        threading.Thread(target=back_up).start()
        during = ask(base, over)
        stop.set()
        feeder.join()
    summary = restore(folder / "backup", folder / "again")
    p99 = [float(np.quantile(times, 0.99)) * 1_000 for times in (before, during)]
    missing = max(0, n + acknowledged - summary.counts["events"])
    return [
        _row("events in the backup", summary.counts["events"], "", None),
        _row("seconds", round(spent[0], 1), "s", None),
        _row("acknowledged events missing", missing, "", 0),
        _row("events that differ after a restoration", differences(live, folder / "again"), "", 0),
        _row("p99 of lists without a backup", round(p99[0], 1), "ms", None),
        _row("p99 of lists during the backup", round(p99[1], 1), "ms", None),
        _row("ratio of the p99", round(p99[1] / p99[0], 2), "", 2),
    ]


def _row(name: str, value: float, unit: str, bar: float | None) -> dict[str, object]:
    row = {"name": f"backup: {name}", "value": value, "unit": unit, "bar": bar}
    return row | {"better": "higher" if name == "events in the backup" else "lower"}


def main() -> None:
    """Back up under load."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        tell(measure(options.events, options.seconds, Path(temporary)), options.json)


if __name__ == "__main__":
    main()
