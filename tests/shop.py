"""A shop small enough to check by hand, and a blend fitted to it."""

import numpy as np
import polars as pl

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity

IDS = ("emma", "a b", "a/b", "📚", "../up", "dracula", "naïve, café", "new whale")
TITLES = (
    "Emma",
    "Persuasion",
    "Pride and Prejudice",
    "Moby-Dick",
    "Typhoon",
    "Dracula",
    "Carmilla",
    "The Sea-Wolf",
)
TEXTS = (
    "manners marriage england village",
    "manners marriage navy england bath",
    "manners marriage england sisters",
    "whale sea captain hunt",
    "sea captain storm ship",
    "vampire castle night blood",
    "vampire girl castle night",
    "whale sea wolf ship captain",
)
# Events of the last are none: it can only be reached by its text.
HISTORIES = {
    "ann": [0, 1],
    "bob": [0, 1, 2],
    "cat": [0, 2],
    "dan": [3, 4],
    "eve": [3, 4],
    "flo": [5, 6],
    "gus": [5, 6, 0],
    "hal": [0, 3],
    "ida 🚲/x": [1, 2],
}


def catalog() -> Catalog:
    attributes = pl.DataFrame(
        {
            "title": TITLES,
            "brand": ["X", "X", "Y", None, "Y", "X", None, "Z"],
            "price": [5.0, 8.5, 12.0, 20.0, None, float("nan"), 3.0, 7.0],
            "year": [1815, 1817, 1813, 1851, 1902, 1897, 1872, 1904],
            "subjects": [["love"], ["love", "navy"], ["love"], ["sea"], ["sea"], None, [], ["sea"]],
            "in_stock": [True, True, False, True, None, True, False, True],
            "page count": [1, 2, 3, 4, 5, 6, 7, 8],
        }
    )
    return Catalog(Ids(IDS, "items"), TEXTS, attributes)


def interactions(histories: dict[str, list[int]] | None = None) -> Interactions:
    histories = HISTORIES if histories is None else histories
    length = [len(h) for h in histories.values()]
    n = sum(length)
    return Interactions(
        users=Ids(histories, "users"),
        n_items=len(IDS),
        user=np.repeat(np.arange(len(length)), length).astype(np.int32),
        item=np.array([i for h in histories.values() for i in h], np.int32),
        time=np.array([t for size in length for t in range(size)], np.float64),
        weight=np.ones(n, np.float32),
        kind=np.zeros(n, np.uint8),
        kinds=("view",),
        split=np.zeros(0, np.uint8),
        real_time=False,
    )


def blend(**weights: float) -> Blend:
    parts = {"popularity": Popularity(), "content": Content(), "neighbors": Neighbors()}
    chosen = weights or {"popularity": 0.2, "content": 1.0, "neighbors": 1.0}
    return Blend(parts, chosen).fit(interactions(), catalog())


def shop(**weights: float) -> Recommender:
    return Recommender(catalog(), blend(**weights), interactions())
