"""Worlds with known answers: small enough to check by hand, shared by the tests of many rooms."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.split import HeldOut

# The 4 x 4 world. With ``->`` for "was followed by", at distance 1: a -> b twice, b -> c twice,
# c -> a, d -> a; at distance 2: a -> c, b -> a. Events: a 4, b 3, c 2, d 1.
A, B, C, D = range(4)
FOUR = {"ann": [A, B, C], "bob": [A, B], "cat": [B, C, A], "dan": [D, A]}
FOUR_TEXTS = ("red shoe", "red boot", "blue boot boot", "green hat")


def events(
    histories: Sequence[Sequence[int]] | dict[str, list[int]],
    n_items: int,
    *,
    times: Sequence[Sequence[float]] | None = None,
) -> Interactions:
    """Return the events of histories, oldest first; times are positions unless given."""
    if not isinstance(histories, dict):
        histories = {f"user-{i}": list(h) for i, h in enumerate(histories)}
    length = [len(h) for h in histories.values()]
    n = sum(length)
    if times is None:
        times = [range(size) for size in length]
    return Interactions(
        users=Ids(histories, "users"),
        n_items=n_items,
        user=np.repeat(np.arange(len(length)), length).astype(np.int32),
        item=np.array([i for h in histories.values() for i in h], np.int32),
        time=np.array([t for row in times for t in row], np.float64),
        weight=np.ones(n, np.float32),
        kind=np.zeros(n, np.uint8),
        kinds=("view",),
        split=np.zeros(0, np.uint8),
        real_time=n > 0 and times is not None and max(map(max, filter(len, times))) > 1e8,
    )


def catalog(texts: Sequence[str]) -> Catalog:
    """Return items of these texts, called item-0, item-1 and so on."""
    return Catalog(Ids((f"item-{i}" for i in range(len(texts))), "items"), tuple(texts))


def four() -> tuple[Interactions, Catalog]:
    """Return the 4 x 4 world."""
    return events(FOUR, 4), catalog(FOUR_TEXTS)


def checkerboard(n: int = 20) -> tuple[HeldOut, Catalog]:
    """Return a world where even users like the even items and odd users the odd ones.

    User u has met all items of its kind but item u, which is held out: the only item of
    its kind that a history lacks. Texts say the kind. The idea is that of implicit's tests.
    """
    liked = [[i for i in range(u % 2, n, 2) if i != u] for u in range(n)]
    # Each starts elsewhere in the circle: no item is always first, none always last.
    histories = [row[u // 2 :] + row[: u // 2] for u, row in enumerate(liked)]
    before = events(histories, n)
    held_out = HeldOut(
        users=np.arange(n, dtype=np.int32),
        histories=before.histories,
        targets=np.arange(n, dtype=np.int32),
        target_offsets=np.arange(n + 1, dtype=np.int64),
        before=before,
    )
    texts = [f"{('even', 'odd')[i % 2]} thing number{i}" for i in range(n)]
    return held_out, catalog(texts)


def _arrays(value: object) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif sparse.issparse(value):
        yield from (value.data, value.indices, value.indptr)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _arrays(getattr(value, field.name))


def read_only(value: Any) -> Any:
    """Return a dataclass or array after making every array in it refuse writing."""
    for array in _arrays(value):
        array.flags.writeable = False
    return value


def odd_histories(n_items: int) -> Histories:
    """Return an empty history, one event, a repeat, a long one, and weights that differ."""
    rng = np.random.default_rng(5)
    rows = [
        [],
        [n_items - 1],
        [0, 0, n_items // 2, 0],
        rng.integers(0, n_items, 120).tolist(),
        rng.integers(0, n_items, 5).tolist(),
        [],
    ]
    weights = [rng.choice([0.5, 1.0, 4.0], len(row)).tolist() for row in rows]
    return Histories.of(rows, weights)
