"""Events of one user at one moment come in an order that is drawn, whatever the file's is."""

from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pennyweight.data.dataset import read

ITEMS = pl.DataFrame(
    {"item_id": [f"i{k:03}" for k in range(300)], "title": [f"word{k} x" for k in range(300)]}
)
DAY = 86_400


def baskets(users=200, size=4, seed=0):
    """Return events of two days, sorted by item within a day as a catalog's export is."""
    draw = np.random.default_rng(seed)
    rows = [
        (f"u{user}", f"i{item:03}", 1_700_000_000 + day * DAY)
        for user in range(users)
        for day in range(2)
        for item in sorted(draw.choice(300, size, replace=False))
    ]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")


def histories(events, **options):
    data = read(ITEMS, events, **options)
    log = data.interactions
    out = {}
    for user, item, time in zip(log.user, log.item, log.time, strict=True):
        out.setdefault(log.users[user], []).append((time, data.catalog.ids[item]))
    return out


def rising(by_user):
    pairs = [b[1] > a[1] for rows in by_user.values() for a, b in pairwise(rows) if a[0] == b[0]]
    return sum(pairs) / len(pairs)


def test_the_last_item_of_a_day_is_not_the_largest():
    by_user = histories(baskets())
    assert 0.44 < rising(by_user) < 0.56
    assert all(rows == sorted(rows, key=lambda row: row[0]) for rows in by_user.values())
    note = "their order is drawn at random (seed), not by id as in the file"
    assert read(ITEMS, baskets()).log.count(note) == 1_600


@settings(max_examples=20)
@given(st.randoms())
def test_the_order_of_the_rows_has_no_part_in_it(random):
    events = baskets(users=20)
    rows = list(range(events.height))
    random.shuffle(rows)
    assert histories(events[rows]) == histories(events)


def test_other_users_and_items_have_no_part_in_it():
    events = baskets(users=20)
    part = histories(events.filter(pl.col("user_id").is_in(["u3", "u7"])))
    full = histories(events)
    assert part == {user: full[user] for user in part}


def test_another_seed_draws_another_order():
    assert histories(baskets(), seed=1) != histories(baskets())
    assert histories(baskets(), seed=1) == histories(baskets(), seed=1)


def test_few_ties_are_not_worth_a_note():
    events = baskets(size=1)
    assert read(ITEMS, events).log.count("drawn at random") == 0


def test_the_order_of_rows_as_time_stays():
    events = baskets(users=3).drop("timestamp")
    by_user = histories(events)
    assert [item for _, item in by_user["u0"]] == events["item_id"].head(8).to_list()
