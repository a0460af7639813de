"""New items sent to a running service: items per second, latency of lists, and time to restart.

    python benchmarks/new_items.py [--items N] [--batch N] [--encoder NAME] [--shop N]
                                   [--pace N] [--rate N] [--seconds N] [--json FILE]

The demo's bookshop is served, fitted with its simulated readers; `--shop` first adds made-up books
to it. Then new books, with the words of the shop, are sent in batches over one connection: `--pace`
books per second, or with 0 each batch after the answer to the last one. One client requests lists
before, during and after this, `--rate` per second, each when it is due. Restart is the time from
SIGTERM until the next service gives lists.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import httpx
import polars as pl

import pennyweight
from load import Load, open_loop, post
from pennyweight import demo
from rows import tell
from serve import Row, row
from service import Running, start

READERS = 1_000
PARTS = 10
BUSY, TRIES = 503, 60


def made_up(n: int, prefix: str, seed: int) -> Iterator[dict[str, object]]:
    """Yield books whose words and attributes are those of the shop, mixed."""
    rng, books = random.Random(seed), demo.books().to_dicts()
    for number in range(n):
        first, second, third = rng.sample(books, 3)
        words = f"{second['description']} {third['description']}".split()
        yield {
            "item_id": f"{prefix}{number}",
            "title": f"{first['title']}, part {number}",
            "author": first["author"],
            "year": second["year"],
            "subjects": rng.sample(second["subjects"], min(3, len(second["subjects"]))),
            "language_of_origin": third["language_of_origin"],
            "description": " ".join(rng.sample(words, min(36, len(words)))),
        }


def batches(n: int, size: int) -> list[bytes]:
    """Return requests that tell new books."""
    out, batch = [], []
    for book in made_up(n, "new-", 1):
        item = book.pop("item_id")
        batch.append({"item_id": item, "attributes": book})
        if len(batch) == size:
            out.append(post("/v1/items", json.dumps({"items": batch}).encode()))
            batch = []
    return [*out, *([post("/v1/items", json.dumps({"items": batch}).encode())] if batch else [])]


def sessions(ids: Sequence[str], seed: int) -> Iterator[bytes]:
    """Yield requests for 10 books to sessions of 8."""
    rng = random.Random(seed)
    while True:
        yield post("/v1/recommend", json.dumps({"items": rng.sample(ids, 8), "k": 10}).encode())


@dataclass
class BatchTimes:
    """When each batch was answered, in seconds from the first."""

    at: list[float]

    def rates(self, n: int) -> list[float]:
        """Return the items per second of each tenth of the items; of each batch if they are few."""
        batches = len(self.at)
        edges = sorted({batches * part // PARTS for part in range(PARTS + 1)})
        times = [self.at[edge - 1] if edge else 0.0 for edge in edges]
        return [
            n * (last - first) / batches / (end - begin)
            for (first, last), (begin, end) in zip(pairwise(edges), pairwise(times), strict=True)
        ]


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    """Send a request; return the status and the body of the answer."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r", 1)[0])
    return int(head[9:12]), await reader.readexactly(length)


async def send_batches(port: int, requests: Sequence[bytes], every: float) -> BatchTimes:
    """Send batches one after another, none before it is due."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begin, at = time.perf_counter(), []
    for number, request in enumerate(requests):
        await asyncio.sleep(max(0.0, begin + number * every - time.perf_counter()))
        for _ in range(TRIES):
            status, body = await exchange(reader, writer, request)
            if status != BUSY:
                break
            await asyncio.sleep(0.5)  # as a client does that is asked to try again
        if status != 200:
            raise SystemExit(f"a batch was refused: {body[:300]!r}")
        at.append(time.perf_counter() - begin)
    writer.close()
    return BatchTimes(at)


async def request_lists(
    port: int, ids: Sequence[str], rate: float, until: asyncio.Event
) -> list[Load]:
    """Request lists, a second at a time, until stopped."""
    loads, seed = [], 0
    while not until.is_set():
        seed += 1
        loads.append(await open_loop(port, sessions(ids, seed), rate=rate, seconds=1))
    return loads


def lists(port: int, ids: Sequence[str], rate: float, seconds: float) -> Load:
    """Ask for lists for a while."""
    return asyncio.run(open_loop(port, sessions(ids, 99), rate=rate, seconds=seconds))


async def both(
    port: int, ids: Sequence[str], rate: float, requests: Sequence[bytes], every: float
) -> tuple[BatchTimes, Load]:
    """Tell items while lists are asked for."""
    finished = asyncio.Event()

    async def tell_all() -> BatchTimes:
        try:
            return await send_batches(port, requests, every)
        finally:
            finished.set()

    batch_times, loads = await asyncio.gather(tell_all(), request_lists(port, ids, rate, finished))
    total = Load()
    for load in loads:
        for status, times in load.by_status.items():
            for seconds in times:
                total.note(status, seconds)
    return batch_times, total


def all_listed(service: Running, n: int) -> float:
    """Return the seconds until the last book is recommendable."""
    begin = time.perf_counter()
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=60) as http:
        body = {"candidates": [f"new-{number}" for number in range(max(0, n - 1_000), n)]}
        while time.perf_counter() - begin < 600:
            if not http.post("/v1/rank", json=body).json().get("unknown"):
                return time.perf_counter() - begin
            time.sleep(0.05)
    raise SystemExit("new items did not become recommendable in ten minutes")


def measure(folder: Path, options: argparse.Namespace) -> list[Row]:
    """Fit, serve, tell, restart."""
    books = demo.books()
    more = pl.DataFrame(list(made_up(options.shop, "shop-", 2)), schema=books.schema)
    items = pl.concat([books, more])
    pennyweight.fit(items, demo.readers(readers=READERS), encoder=options.encoder).save(
        folder / "bundle"
    )
    ids, requests = books["item_id"].to_list(), batches(options.items, options.batch)
    every = options.batch / options.pace if options.pace else 0.0
    service = start(folder / "bundle", folder / "live")
    try:
        lists(service.port, ids, options.rate, 2)
        before, empty = lists(service.port, ids, options.rate, options.seconds), service.resident
        times, meanwhile = asyncio.run(both(service.port, ids, options.rate, requests, every))
        last_listed = all_listed(service, options.items)
        after, full = lists(service.port, ids, options.rate, options.seconds), service.resident
        begin = time.perf_counter()
        service.stop()
        service = start(None, folder / "live")
        restart = time.perf_counter() - begin
        again = lists(service.port, ids, options.rate, options.seconds)
        if all_listed(service, options.items) > 1:
            raise SystemExit("new items were lost by the restart")
    finally:
        service.stop()
    return rows_of(
        options,
        times,
        {"before": before, "meanwhile": meanwhile, "afterwards": after, "restarted": again},
        last_listed,
        restart,
        full - empty,
    )


def rows_of(
    options: argparse.Namespace,
    times: BatchTimes,
    loads: dict[str, Load],
    last_listed: float,
    restart: float,
    grown: int,
) -> list[Row]:
    """Print the measurements, and return them as rows."""
    for period, load in loads.items():
        print(
            f"lists {period}: p50 {load.quantile(0.5):.2f}, p95 {load.quantile(0.95):.2f}, p99 "
            f"{load.quantile(0.99):.2f} ms, {len(load.seconds):,} lists"
        )
    rates = times.rates(options.items)
    print("a second, by tenths:", *(f"{rate:,.0f}" for rate in rates))
    rows = [
        row("new items: added per second, the slowest tenth", min(rates), "1/s", 1_000),
        row("new items: added per second, all", options.items / times.at[-1], "1/s", None),
        row("new items: last one recommendable after", last_listed, "s", None, "lower"),
    ]
    for period in ("meanwhile", "afterwards"):
        for q in (50, 95):
            ratio = loads[period].quantile(q / 100) / loads["before"].quantile(q / 100)
            target = 1.5 if q == 50 else None
            rows.append(
                row(
                    f"new items: lists {period}, p{q} relative to before",
                    ratio,
                    "x",
                    target,
                    "lower",
                )
            )
    refused = sum(len(load.seconds) - load.good for load in loads.values())
    rows.append(row("new items: lists refused", refused, "", 0, "lower"))
    rows.append(row("new items: from SIGTERM to the next list", restart, "s", 5, "lower"))
    rows.append(row("new items: memory", grown, "B", None, "lower"))
    return rows


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--shop", type=int, default=0, help="made-up books of the shop itself")
    parser.add_argument("--encoder", default="tfidf")
    parser.add_argument("--pace", type=float, default=1_200, help="items a second; 0: no limit")
    parser.add_argument("--rate", type=float, default=20, help="lists asked for a second")
    parser.add_argument("--seconds", type=float, default=10, help="of lists before and after")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        tell(measure(Path(temporary), options), options.json)


if __name__ == "__main__":
    main()
