"""The pages of the dashboard over a large store and a large catalog.

    python benchmarks/browse.py [--events N] [--items N] [--users N] [--lists N] [--json FILE]

A store is filled with N events of skewed users, items and types and with N lists, and served with a
bundle of N items. The events come one a second until now, the lists over the last four weeks. Each
page is asked for with other conditions each time, and its next pages by their links.
"""

import argparse
import re
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import quote

import apsw
import httpx
import numpy as np
import polars as pl

from million import make
from pennyweight import Recommender
from pennyweight.serving.stores.sqlite import SQLiteStore
from rows import tell
from service import running

DIM, BAR, TIMEOUT = 16, 300.0, 120.0  # components; milliseconds; seconds
NOW = int(time.time())
FOUR_WEEKS = 28 * 86_400
NEXT = re.compile(r'<a href="([^"]*)">Next page</a>')
WORDS = ("green", "tea", "lamp", "steel", "paper", "garden", "cup", "blue", "oak", "wool")
# The number of a row, spread over [0, 1) and skewed; the types with their parts in a hundred.
FILL = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?),
spread AS (SELECT n, n * 7919 % 1000003 / 1000003.0 AS u, n * 104729 % 999983 / 999983.0 AS i
    FROM numbers)
INSERT INTO events (event_id, position, user, item, event_type, time, weight, recommendation_id)
SELECT 'e' || n, 0, 'user-' || CAST(u * u * ? AS INTEGER),
    'item-' || CAST(i * i * i * ? AS INTEGER),
    CASE WHEN n % 100 < 50 THEN 'impression' WHEN n % 100 < 90 THEN 'view'
        WHEN n % 100 < 99 THEN 'purchase' ELSE 'dislike' END,
    ? + n, 1.0, CASE WHEN n % 100 = 90 AND n / 100 <= ?
        THEN printf('%08x', n / 100 * 2654435761 & 4294967295) END FROM spread
"""
# Lists of ten items, with ids in no order, as those of the service.
LISTS = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
INSERT INTO recommendations
SELECT printf('%08x', n * 2654435761 & 4294967295), 'user-' || n * 7919 % ?, ? + n * ? / ?,
    'v1', CASE WHEN n % 3 THEN 'home' ELSE 'cart' END, 'history',
    (SELECT json_group_array(json_array('item-' || n * value * 31 % ?, value / 10.0))
        FROM json_each('[1,2,3,4,5,6,7,8,9,10]'))
FROM numbers
"""
PAGES = {
    "events": "/dashboard/events",
    "events of a type": "/dashboard/events?type={kind}",
    "events of a time": "/dashboard/events?since={since}&until={until}",
    "events of an item": "/dashboard/events?item=item-{item}",
    "events of a user": "/dashboard/events?user=user-{user}",
    "events of a user on an item": "/dashboard/events?user=user-0&item=item-{item}",
    "events of a type on an item": "/dashboard/events?item=item-0&type={kind}",
    "users by id": "/dashboard/users?prefix=user-{user}",
    "users by newest event": "/dashboard/users?order=newest",
    "users by activity": "/dashboard/users?order=active",
    "a user": "/dashboard/users?id=user-{user}",
    "items": "/dashboard/items",
    "items by words": "/dashboard/items?words={word}+{number}",
    "items by id": "/dashboard/items?prefix=item-{number}",
    "items by a filter": "/dashboard/items?filter={filter}&available=yes",
    "an item": "/dashboard/items?id=item-{item}",
    "feedback": "/dashboard/feedback",
    "preview": "/dashboard/preview?user=user-{user}&diversity_b=0.5",
    "status": "/dashboard/status",
}


def fill(folder: Path, events: int, users: int, items: int, lists: int) -> None:
    """Write a store; its indexes are built after the events."""
    folder.mkdir()
    path = folder / "store.sqlite"
    SQLiteStore(path).close()
    with closing(apsw.Connection(str(path))) as database:
        found = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
            "AND tbl_name = 'events'"
        ).fetchall()
        for name, _ in found:
            database.execute(f"DROP INDEX {name}")
        with database:
            database.execute(FILL, (events, users, items, NOW - events, lists))
            database.execute(LISTS, (lists, users, NOW - FOUR_WEEKS, FOUR_WEEKS, lists, items))
        for _, sql in found:
            database.execute(str(sql))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def shop(n: int) -> Recommender:
    """Return a recommender of items with titles and prices."""
    made = make(n, DIM)
    titles = [f"{WORDS[i % 10]} {WORDS[i // 10 % 10]} {i % 997}" for i in range(n)]
    attributes = made.catalog.attributes.with_columns(pl.Series("title", titles))
    return Recommender(replace(made.catalog, attributes=attributes), made.scorer)


def conditions(rng: np.random.Generator, events: int, users: int, items: int) -> dict[str, str]:
    """Return values for the addresses."""
    at = NOW - int(rng.integers(events))
    return {
        "kind": str(rng.choice(["view", "purchase", "dislike", "impression"])),
        "since": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)),
        "until": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at + 86_400)),
        "item": str(int(rng.random() ** 3 * items)),
        "user": str(int(rng.random() ** 2 * users)),
        "word": str(rng.choice(WORDS)),
        "number": str(rng.integers(900)),
        "filter": quote(f"price < {rng.random() * 100:.2f}"),
    }


def measure(base: str, repeats: int, events: int, users: int, items: int) -> dict[str, list[float]]:
    """Ask for each page and up to two next ones; return the seconds by page."""
    rng, seconds = np.random.default_rng(0), defaultdict(list)
    with httpx.Client(base_url=base, timeout=TIMEOUT) as http:
        for _ in range(repeats):
            for name, path in PAGES.items():
                path = path.format(**conditions(rng, events, users, items))
                for _ in range(3):
                    began = time.perf_counter()
                    response = http.get(path)
                    seconds[name].append(time.perf_counter() - began)
                    if response.status_code not in (200, 404):
                        raise SystemExit(f"{path}: {response.status_code}")
                    link = NEXT.search(response.text)
                    if link is None:
                        break
                    path = unescape(link[1])
    return seconds


def main() -> None:
    """Fill, serve, ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=500_000)
    parser.add_argument("--lists", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sizes = (options.events, options.users, options.items)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        began = time.monotonic()
        fill(folder / "live", *sizes, options.lists)
        print(f"filled {options.events:,} events in {time.monotonic() - began:.0f} s", flush=True)
        shop(options.items).save(folder / "shop")
        with running(folder / "shop", folder / "live") as service:
            seconds = measure(f"http://127.0.0.1:{service.port}", options.repeats, *sizes)
    rows = [
        {
            "name": f"browse: {name}, p95",
            "value": round(1_000 * float(np.quantile(times, 0.95)), 1),
            "unit": "ms",
            "better": "lower",
            "bar": BAR,
        }
        for name, times in seconds.items()
    ]
    tell(rows, options.json)


if __name__ == "__main__":
    main()
