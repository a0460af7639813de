"""A bundle of 10,000 items: seconds to load, milliseconds to recommend; and the encoding cache.

    python benchmarks/bundle.py [--json FILE]

Texts and events are synthetic (seeded); the scorers are the default ones.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from pennyweight.data.dataset import read
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.scorers.two_tower_training import TwoTowerSettings
from rows import tell

ITEMS, USERS, EVENTS, REPEATS = 10_000, 20_000, 200_000, 7


def shop(rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a catalog of invented titles and an event log with a long tail."""
    words = np.array([f"w{number}" for number in range(20_000)])
    drawn = np.minimum(rng.zipf(1.3, size=(ITEMS, 20)), len(words)) - 1
    items = pl.DataFrame(
        {
            "item_id": [f"i{number}" for number in range(ITEMS)],
            "title": [" ".join(row) for row in words[drawn]],
        }
    )
    events = pl.DataFrame(
        {
            "user_id": [f"u{number}" for number in rng.integers(USERS, size=EVENTS)],
            "item_id": [f"i{n}" for n in (ITEMS * rng.random(EVENTS) ** 3).astype(int)],
            "timestamp": np.arange(EVENTS),
        }
    )
    return items, events


def recommender(rng: np.random.Generator) -> Recommender:
    """Fit the default scorers, without measuring them."""
    data = read(*shop(rng))
    table = LexicalEncoder.fit(data.catalog.texts, dim=256)
    tower = TwoTower(table, TwoTowerSettings(epochs=1))
    blend = Blend({p.kind: p for p in (Popularity(), Content(), Neighbors(), tower)})
    return Recommender(data.catalog, blend.fit(data.interactions, data.catalog), data.interactions)


def median_seconds(call: Callable[[], object]) -> float:
    """Return the median of several runs, after one that warms up."""
    call()
    spent = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        call()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle"
        made = recommender(rng)
        made.save(path)
        load = median_seconds(lambda: Recommender.load(path))
        loaded = Recommender.load(path)
        users = iter(f"u{number}" for number in range(USERS))
        recommend = median_seconds(lambda: loaded.recommend(user=next(users)))
        explain = median_seconds(lambda: loaded.recommend(user=next(users), explain=True))
        texts = made.catalog.texts
        encoder = made.scorer.components["tower"].tuned  # type: ignore[attr-defined]
        cache = Path(folder) / "cache"
        started = time.perf_counter()
        encode_cached(encoder, texts, folder=cache)
        first = time.perf_counter() - started
        again = median_seconds(lambda: encode_cached(encoder, texts, folder=cache))
        size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / 1e6
    rows = [
        {
            "name": "load, hashes checked",
            "value": round(load, 3),
            "unit": "s",
            "bar": 0.5,
            "better": "lower",
        },
        {
            "name": "recommend 10 of 10,000",
            "value": round(1e3 * recommend, 2),
            "unit": "ms",
            "bar": 25,
            "better": "lower",
        },
        {
            "name": "recommend with reasons",
            "value": round(1e3 * explain, 2),
            "unit": "ms",
            "bar": 100,
            "better": "lower",
        },
        {"name": "bundle", "value": round(size, 1), "unit": "MB", "bar": 100, "better": "lower"},
        {
            "name": "second encoding over the first",
            "value": round(again / first, 3),
            "unit": "",
            "bar": 1.0,
            "better": "lower",
        },
    ]
    tell(rows, options.json)


if __name__ == "__main__":
    main()
