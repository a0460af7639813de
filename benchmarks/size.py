"""Memory and time of a fit against the size of the data, with the memory it foretold.

    python benchmarks/size.py [--only NAME,NAME] [--html FILE] [--json FILE]

Catalogues and events are synthetic (seeded) and in Parquet; each size is fitted by the
command in a process of its own. 10 million events are to fit within 8 GiB, a million items
with texts within 12 GiB, and the memory foretold is to be within 25 % of the measured.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl

from pennyweight.page.charts import Bar, bars, table
from pennyweight.page.document import document, duration, pair, size

GIB = 1 << 30
TOPICS, WORDS_A_TEXT, SEED = 50, 25, 0
DAYS = 180
START = 1_735_689_600  # 2025-01-01


@dataclass(frozen=True)
class Shop:
    """How large a synthetic shop is, and the memory its fit may take (0: any)."""

    events: int
    items: int
    users: int
    limit: int = 0


SHOPS = {
    "100k": Shop(100_000, 10_000, 10_000),
    "1M": Shop(1_000_000, 50_000, 100_000),
    "3M": Shop(3_000_000, 100_000, 300_000),
    "10M": Shop(10_000_000, 200_000, 1_000_000, 8 * GIB),
    "1M items": Shop(3_000_000, 1_000_000, 300_000, 12 * GIB),
}


def write_items(shop: Shop, path: Path, rng: np.random.Generator) -> None:
    """Write a catalogue whose texts are drawn from the words of the built-in bookshop."""
    text = resources.files("pennyweight.demo").joinpath("books.jsonl").read_text("utf-8")
    words = np.array(sorted(set(re.findall(r"[a-z]{3,}", text.lower()))))
    rng.shuffle(words)
    texts = []
    for start in range(0, shop.items, 50_000):
        count = min(50_000, shop.items - start)
        common = (rng.zipf(1.3, size=(count, WORDS_A_TEXT)) - 1) % len(words)
        own = rng.integers(len(words), size=(count, 5))  # what tells an item from the rest
        topic = (np.arange(start, start + count) % TOPICS)[:, None]
        drawn = np.hstack([common, own, topic])
        texts += [" ".join(row) for row in words[drawn].tolist()]
    ids = [f"i{number}" for number in range(shop.items)]
    pl.DataFrame({"item_id": ids, "description": texts}).write_parquet(path)


def write_events(shop: Shop, path: Path, rng: np.random.Generator) -> None:
    """Write events of readers with a favourite topic, few with many, over half a year."""
    share = rng.pareto(1.5, shop.users) + 1
    user = rng.choice(shop.users, shop.events, p=share / share.sum())
    rank = (shop.items // TOPICS * rng.random(shop.events) ** 3).astype(np.int64)
    topic = np.where(rng.random(shop.events) < 0.7, user % TOPICS, rng.integers(TOPICS))
    item = np.minimum(rank * TOPICS + topic, shop.items - 1)
    time = START + rng.integers(DAYS * 86_400, size=shop.events)
    frame = pl.DataFrame({"user": user, "item": item, "timestamp": time})
    frame.select(
        user_id=pl.format("u{}", "user"), item_id=pl.format("i{}", "item"), timestamp="timestamp"
    ).write_parquet(path)


def fit(shop: Shop, folder: Path) -> dict[str, object]:
    """Fit a shop with the command; return the report it prints."""
    rng = np.random.default_rng(SEED)
    write_items(shop, folder / "items.parquet", rng)
    write_events(shop, folder / "events.parquet", rng)
    command = [sys.executable, "-m", "pennyweight", "fit", "--json", "--out", "bundle"]
    done = subprocess.run(
        [*command, "items.parquet", "events.parquet"],
        cwd=folder,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found
