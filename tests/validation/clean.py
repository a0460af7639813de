"""A shop with nothing wrong, to be spoilt one way at a time."""

import numpy as np
import polars as pl

from pennyweight.data.dataset import Dataset, read

START, DAY = 1_650_000_000, 86_400
N_ITEMS, N_USERS = 300, 400
WORDS = (
    "amber anchor apple arrow basket beacon blanket bottle bridge bronze button candle canvas "
    "carbon castle cedar chalk cherry circle clay cloud cobalt copper coral cotton cradle crystal "
    "dagger daisy desert diamond drift eagle echo ember engine feather fern flame flint forest "
    "fossil garden garnet ginger glacier granite harbor hazel helmet hollow honey horizon indigo "
    "iron island ivory jasmine jungle kettle lantern laurel leather lemon linen lotus magnet maple "
    "marble meadow mirror monsoon mosaic needle nickel nutmeg oak ocean olive onyx orbit orchid "
    "paddle paper pearl pebble pepper pine planet plum prairie quartz quilt rabbit raven ribbon "
    "river rocket rope ruby saddle saffron sage salt sand scarlet shadow shell silver slate smoke "
    "spark spruce steel stone storm sugar summit sunset tangle tide timber topaz tower tulip "
    "tunnel turtle valley velvet violet walnut water whale wheat willow winter wolf wool zephyr"
).split()


def tables(seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return items with random ids and no order, and users who meet each item once."""
    rng = np.random.default_rng(seed)
    texts = [
        "the {} of a {} and the {} in {} for {} with {}".format(
            *rng.choice(WORDS, 6, replace=False)
        )
        for _ in range(N_ITEMS)
    ]
    names = [f"i{n:06x}" for n in rng.choice(1 << 24, N_ITEMS, replace=False)]
    items = pl.DataFrame({"item_id": names, "title": texts})
    likes = rng.permutation(np.linspace(1, 4, N_ITEMS))
    rows = []
    for user in range(N_USERS):
        met = rng.choice(N_ITEMS, int(rng.integers(6, 14)), replace=False, p=likes / likes.sum())
        times = START + rng.integers(0, 365 * DAY, len(met))
        rows += [
            (f"u{user * 7919 % 99991:05}", names[i], int(t))
            for i, t in zip(met, times, strict=True)
        ]
    schema = ["user_id", "item_id", "timestamp"]
    return items, pl.DataFrame(rows, schema=schema, orient="row")


def shop(items: pl.DataFrame | None = None, events: pl.DataFrame | None = None) -> Dataset:
    """Read both tables; the defaults are clean."""
    clean = tables()
    return read(clean[0] if items is None else items, clean[1] if events is None else events)
