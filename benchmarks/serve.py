"""How fast the service answers, and how many durable events it takes.

    python benchmarks/serve.py [--only NAME,…] [--bundle DIR] [--data DIR] [--seconds N]
                               [--repeats N] [--json FILE]

One service on loopback; client and service share the cores. ``lists``: beauty, fitted with
defaults (12,101 items), sessions of 20 items, 20 back; a route that does nothing is asked in
turns with the others, and ratios are to it; figures are medians over the turns, with the least
and the most. ``events``: batches of 20 while lists are asked for.
``publish``: 20 publications and 20 roll backs under load. ``soak``: mixed load for `--minutes`.
"""

import argparse
import asyncio
import itertools
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx

import pennyweight
from load import Load, closed_loop, get, open_loop, post
from pennyweight import Recommender
from public_data import add_data, present
from rows import tell
from service import Running, running, small_shop

CONNECTIONS = 48
Row = dict[str, object]


def row(name: str, value: float, unit: str, target: float | None, better: str = "higher") -> Row:
    """Return a row of the result."""
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "bar": target,
        "better": better,
    }


def spread(
    name: str, values: list[float], unit: str, target: float | None, better: str = "higher"
) -> Row:
    """Return a row with the median over the turns, and the least and the most."""
    ends = {"low": round(min(values), 3), "high": round(max(values), 3), "turns": len(values)}
    return row(name, median(values), unit, target, better) | ends


def sessions(ids: list[str], seed: int) -> Iterator[bytes]:
    """Yield requests for 20 items to sessions of 20."""
    rng = random.Random(seed)
    while True:
        body = {"items": rng.sample(ids, 20), "k": 20}
        yield post("/v1/recommend", json.dumps(body).encode())


def batches(ids: list[str], seed: int) -> Iterator[bytes]:
    """Yield batches of 20 new events."""
    rng = random.Random(seed)
    for number in itertools.count():
        events = [
            {
                "event_id": f"{seed}-{number}-{i}",
                "user_id": f"live{rng.randrange(5_000)}",
                "item_id": rng.choice(ids),
            }
            for i in range(20)
        ]
        yield post("/v1/events", json.dumps({"events": events}).encode())


def lists(service: Running, ids: list[str], seconds: float, repeats: int) -> list[Row]:
    """Measure lists beside a route that does nothing."""
    rates: list[float] = []
    ratios: list[float] = []
    tails: dict[float, list[float]] = {0.5: [], 0.95: [], 0.99: []}
    for turn in range(repeats):
        idle = asyncio.run(
            closed_loop(
                service.port,
                itertools.repeat(get("/v1/version")),
                seconds=seconds,
                connections=CONNECTIONS,
            )
        )
        busy = asyncio.run(
            closed_loop(service.port, sessions(ids, turn), seconds=seconds, connections=CONNECTIONS)
        )
        due = asyncio.run(
            open_loop(service.port, sessions(ids, 100 + turn), rate=500, seconds=seconds)
        )
        _check_answers(idle, busy, due)
        rates.append(busy.rate)
        ratios.append(busy.rate / idle.rate)
        for quantile, milliseconds in tails.items():
            milliseconds.append(due.quantile(quantile))
        print(
            f"no-op {idle.rate:,.0f}/s, lists {busy.rate:,.0f}/s; at 500/s p50 "
            f"{tails[0.5][-1]:.1f}, p95 {tails[0.95][-1]:.1f}, p99 {tails[0.99][-1]:.1f} ms; "
            f"{service.resident / 1e6:.0f} MB"
        )
    return [
        spread("lists: per second", rates, "1/s", 1_000),
        spread("lists: relative to the rate of an empty route", ratios, "x", 0.25),
        spread("lists: p50 at 500 per second", tails[0.5], "ms", None, "lower"),
        spread("lists: p95 at 500 per second", tails[0.95], "ms", None, "lower"),
        spread("lists: p99 at 500 per second", tails[0.99], "ms", 25, "lower"),
    ]


def events(service: Running, ids: list[str], seconds: float, repeats: int) -> list[Row]:
    """Measure durable events while lists are asked for."""

    async def both(turn: int) -> tuple[Load, Load]:
        writes, reads = await asyncio.gather(
            closed_loop(service.port, batches(ids, turn), seconds=seconds, connections=8),
            open_loop(service.port, sessions(ids, turn), rate=200, seconds=seconds),
        )
        return writes, reads

    rates: list[float] = []
    tails: list[float] = []
    for turn in range(repeats):
        writes, reads = asyncio.run(both(turn))
        _check_answers(writes, reads)
        rates.append(20 * writes.rate)
        tails.append(reads.quantile(0.99))
        print(
            f"events {rates[-1]:,.0f}/s (a batch p99 {writes.quantile(0.99):.1f} ms) while lists "
            f"at 200/s have p99 {tails[-1]:.1f} ms"
        )
    return [
        spread("events: durable per second, in batches of 20", rates, "1/s", 3_000),
        spread("events: p99 of lists at 200 per second meanwhile", tails, "ms", None, "lower"),
    ]


def publish(folder: Path) -> list[Row]:
    """Publish and roll back under load; nothing may fail."""
    items, log = small_shop()
    for number in range(2):
        made = pennyweight.fit(items, log.head(len(log) - number), encoder="tfidf")
        made.save(folder / f"bundle{number}")
    ids = items["item_id"].to_list()
    with running(folder / "bundle0", folder / "live") as service:

        async def swap() -> int:
            base = f"http://127.0.0.1:{service.port}"
            bad = 0
            async with httpx.AsyncClient(base_url=base, timeout=60) as http:
                await http.post("/v1/bundles", json={"path": str(folder / "bundle1")})
                for _ in range(20):
                    bad += (await http.post("/v1/bundles/rollback")).status_code != 200
                    await asyncio.sleep(0.2)
                    other = {"path": str(folder / "bundle1")}
                    bad += (await http.post("/v1/bundles", json=other)).status_code != 200
                    await asyncio.sleep(0.2)
            return bad

        async def all_of_it() -> tuple[int, Load, Load]:
            return await asyncio.gather(
                swap(),
                open_loop(service.port, sessions(ids, 0), rate=200, seconds=15),
                open_loop(service.port, batches(ids, 0), rate=20, seconds=15),
            )

        bad, reads, writes = asyncio.run(all_of_it())
    n_failed = bad + sum(len(load.seconds) - load.good for load in (reads, writes))
    tail = reads.quantile(0.99)
    print(
        f"40 swaps, {len(reads.seconds)} lists (p99 {tail:.1f} ms), {len(writes.seconds)} batches, "
        f"{n_failed} failed"
    )
    return [
        row("publish: requests failed in 40 publications and roll backs", n_failed, "", 0, "lower")
    ]


def soak(service: Running, ids: list[str], minutes: float) -> list[Row]:
    """Mixed load for a while; memory must stay."""

    async def part() -> None:
        loads = await asyncio.gather(
            open_loop(service.port, sessions(ids, 7), rate=150, seconds=30),
            open_loop(service.port, batches(ids, random.randrange(2**30)), rate=10, seconds=30),
            open_loop(service.port, _changes(ids), rate=2, seconds=30),
        )
        _check_answers(*loads)

    held: list[int] = []
    for at in range(max(4, round(minutes * 2))):
        asyncio.run(part())
        held.append(service.resident)
        print(f"{(at + 1) / 2:g} min: {held[-1] / 1e6:.0f} MB", flush=True)
    quarter = max(1, len(held) // 4)
    growth = median(held[-quarter:]) / median(held[quarter : 2 * quarter]) - 1
    return [row(f"soak: growth of memory in {minutes:g} min", 100 * growth, "%", 5, "lower")]


def _changes(ids: list[str]) -> Iterator[bytes]:
    rng = random.Random(3)
    while True:
        body = json.dumps({"available": rng.random() < 0.9}).encode()
        yield post(f"/v1/items/{rng.choice(ids)}", body).replace(b"POST", b"PATCH", 1)


def _check_answers(*loads: Load) -> None:
    for load in loads:
        if load.good != len(load.seconds):
            raise SystemExit(f"answers that were not 2xx: {load.statuses}")


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="lists,events,publish")
    parser.add_argument("--bundle", type=Path, help="beauty, fitted; or it is fitted first")
    add_data(parser)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=30, help="of the soak")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - {"lists", "events", "publish", "soak"}:
        parser.error(f"{', '.join(sorted(unknown))}: choose from lists, events, publish, soak")
    if not options.bundle and set(names) != {"publish"} and not present(options.data, "beauty"):
        names = [name for name in names if name == "publish"]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if {"lists", "events", "soak"} & set(names):
            bundle = options.bundle or folder / "beauty"
            if not options.bundle:
                beauty = options.data / "beauty"
                pennyweight.fit(beauty / "items.csv", beauty / "events.csv").save(bundle)
            ids = list(Recommender.load(bundle, verify=False).catalog.ids)
            with running(bundle, folder / "live") as service:
                if "lists" in names:
                    rows += lists(service, ids, options.seconds, options.repeats)
                if "events" in names:
                    rows += events(service, ids, options.seconds, options.repeats)
                if "soak" in names:
                    rows += soak(service, ids, options.minutes)
        if "publish" in names:
            (folder / "publish").mkdir()
            rows += publish(folder / "publish")
    tell(rows, options.json)


if __name__ == "__main__":
    main()
