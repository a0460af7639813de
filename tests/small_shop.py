"""A shop of 30 items and 60 customers, in two frames, that a fit gets through in a moment."""

import numpy as np
import polars as pl

N_ITEMS, N_USERS, DAY = 30, 60, 86_400
START = 1_700_000_000
KINDS = ("tea", "coffee", "cocoa", "mate", "juice")


def items(texts: list[str] | None = None) -> pl.DataFrame:
    if texts is None:
        texts = [
            f"{KINDS[i % 5]} blend {'dark' if i % 2 else 'mild'} no{i}" for i in range(N_ITEMS)
        ]
    return pl.DataFrame({"item_id": [f"i{i}" for i in range(len(texts))], "title": texts})


def events(
    *, seed: int = 0, users: int = N_USERS, shortest: int = 5, longest: int = 9
) -> pl.DataFrame:
    """Return what customers bought: mostly of one kind, sometimes the next number up."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        size = int(rng.integers(shortest, longest + 1))
        kind, item = int(rng.integers(5)), int(rng.integers(N_ITEMS))
        days = np.sort(rng.choice(400, size, replace=False))
        for place, day in enumerate(days):
            if rng.random() < 0.4:
                item = (item + 1) % N_ITEMS
            else:
                item = int(rng.integers(6)) * 5 + kind
            part = ("train", "valid", "test")[max(0, place - size + 3)]
            rows.append((f"u{user}", f"i{item}", START + int(day) * DAY + user, part))
    return pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp", "split"], orient="row")
