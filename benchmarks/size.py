"""Memory and time of a fit against the size of the data.

    python benchmarks/size.py [--only NAME,NAME] [--html FILE] [--json FILE]

Catalogs and events are synthetic (seeded) and in Parquet; each size is fitted by the
command in a separate process. 10 million events are to fit within 8 GiB, a million items
with texts within 12 GiB, and the forecast within a quarter of the measured memory.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pennyweight.formatting import duration, size
from pennyweight.html.charts import Bar, bars
from pennyweight.html.environment import environment
from pennyweight.html.figures import Figure, Table

GIB = 1 << 30
TOPICS, WORDS_A_TEXT, SEED = 50, 25, 0
OFF = 0.25  # that a forecast of memory may be off
DAYS = 180
START = 1_735_689_600  # 2025-01-01
HEAD = (
    "size",
    "events",
    "items",
    "users",
    "GiB",
    "expected",
    "highest in",
    "s",
    "expected",
    "processor s",
    "/ M events",
)

PAGE = """{% extends "html/page.html" %}
{% from "html/macros.html" import figure, table %}
{% set title = "Cost of a fit by size" %}
{% block main %}{{ table(numbers) }}{% for f in figures %}{{ figure(f) }}{% endfor %}{% endblock %}
"""


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
    """Write a catalog whose texts are drawn from the words of the built-in bookshop."""
    text = resources.files("pennyweight.demo").joinpath("books.jsonl").read_text("utf-8")
    words = np.array(sorted(set(re.findall(r"[a-z]{3,}", text.lower()))))
    rng.shuffle(words)
    texts = []
    for start in range(0, shop.items, 50_000):
        count = min(50_000, shop.items - start)
        common = (rng.zipf(1.3, size=(count, WORDS_A_TEXT)) - 1) % len(words)
        own = rng.integers(len(words), size=(count, 5))  # words of one item
        topic = (np.arange(start, start + count) % TOPICS)[:, None]
        drawn = np.hstack([common, own, topic])
        texts += [" ".join(row) for row in words[drawn].tolist()]
    ids = [f"i{number}" for number in range(shop.items)]
    pl.DataFrame({"item_id": ids, "description": texts}).write_parquet(path)


def write_events(shop: Shop, path: Path, rng: np.random.Generator) -> None:
    """Write events of readers with a favorite topic, few with many, over half a year."""
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


def fit(shop: Shop, folder: Path) -> dict[str, Any]:
    """Fit a shop with the command; return the report it prints."""
    rng = np.random.default_rng(SEED)
    write_items(shop, folder / "items.parquet", rng)
    write_events(shop, folder / "events.parquet", rng)
    command = [sys.executable, "-m", "pennyweight", "fit", "--json", "--out", "bundle"]
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.run(
        [*command, "items.parquet", "events.parquet"],
        cwd=folder,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    report: dict[str, Any] = json.loads(process.stdout)
    busy = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    return report | {"processor_seconds": busy}


@dataclass(frozen=True)
class FitCost:
    """The cost of fitting one shop."""

    name: str
    shop: Shop
    memory: int
    seconds: float
    busy: float
    where: str
    expected_memory: int
    expected_seconds: float

    @classmethod
    def of(cls, name: str, report: dict[str, Any]) -> "FitCost":
        """Return the cost of a fit from its report."""
        cost = report["cost"]
        seconds: dict[str, float] = cost["seconds"]
        peak = next(s for s, at in cost["peak_rss_after"].items() if at == cost["peak_rss_bytes"])
        return cls(
            name,
            SHOPS[name],
            cost["peak_rss_bytes"],
            sum(seconds.values()),
            report["processor_seconds"],
            peak,
            cost["expected_rss_bytes"],
            cost["expected_seconds"],
        )

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        shop = self.shop
        return (
            self.name,
            f"{shop.events:,}",
            f"{shop.items:,}",
            f"{shop.users:,}",
            f"{self.memory / GIB:.2f}",
            f"{self.expected_memory / GIB:.2f} ({self.expected_memory / self.memory - 1:+.0%})",
            self.where,
            f"{self.seconds:.0f}",
            f"{self.expected_seconds:.0f}",
            f"{self.busy:.0f}",
            f"{self.busy / shop.events * 1e6:.0f}",
        )

    def rows(self) -> list[dict[str, object]]:
        """Return the rows of the JSON."""
        target = self.shop.limit / GIB if self.shop.limit else None
        return [
            _row(f"{self.name}: peak memory", self.memory / GIB, "GiB", target),
            _row(f"{self.name}: processor seconds", self.busy, "s", None),
            _row(f"{self.name}: forecast of memory off by", self.off, "", OFF),
        ]

    @property
    def off(self) -> float:
        """Relative error of the forecast of memory."""
        return abs(self.expected_memory / self.memory - 1)


def _row(name: str, value: float, unit: str, target: float | None) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "bar": target, "better": "lower"}


def page(costs: list[FitCost]) -> str:
    """Return the charts, each with its table beside it."""
    numbers = Table("Cost of a fit against its size", HEAD, [f.cells() for f in costs], numbers=10)
    memory = [Bar(f.name, f.memory, size(f.memory)) for f in costs]
    seconds = [Bar(f.name, f.busy, duration(f.busy)) for f in costs]
    rate = [
        Bar(f.name, f.busy / f.shop.events, duration(f.busy / f.shop.events * 1e6)) for f in costs
    ]
    figures = [
        Figure(title, bars(rows, title=title, description=f"{title} of each size", key=key))
        for key, title, rows in (
            ("memory", "Peak memory", memory),
            ("seconds", "Processor time", seconds),
            ("rate", "Processor time per million events", rate),
        )
    ]
    return environment().from_string(PAGE).render(numbers=numbers, figures=figures)


def main() -> None:
    """Fit, print, and write the requested files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help=f"sizes by commas: {', '.join(SHOPS)}")
    parser.add_argument("--html", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(SHOPS)
    costs = []
    print("  ".join(HEAD), flush=True)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            costs.append(FitCost.of(name, fit(SHOPS[name], Path(folder))))
        print("  ".join(costs[-1].cells()), flush=True)
    if options.html:
        options.html.write_text(page(costs), "utf-8")
    if options.json:
        rows = [row for cost in costs for row in cost.rows()]
        options.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
