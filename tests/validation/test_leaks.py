"""Each kind of leak is planted and found, and a clean shop raises none."""

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from clean import DAY, START, shop, tables

from pennyweight.data.split import parts
from pennyweight.validation.findings import Finding
from pennyweight.validation.item_order import rank_statistic
from pennyweight.validation.validate import validate

PROTOCOLS = ("leave-last-out", "global-time")


def leaks(items=None, events=None, protocol="global-time") -> dict[str, Finding]:
    findings = validate(shop(items, events), protocol=protocol, encoder="tfidf").findings
    return {f.kind: f for f in findings if f.area == "leak"}


def numbered(events: pl.DataFrame) -> pl.DataFrame:
    """Events of a user in the order of time, with their position from the end."""
    events = events.sort("user_id", "timestamp")
    place = pl.int_range(pl.len()).reverse().over("user_id")
    return events.with_columns(place.alias("left"))


@pytest.mark.parametrize("seed", range(4))
def test_clean_data_raises_no_warning_at_all(seed):
    items, events = tables(seed)
    validation = validate(shop(items, events), encoder="tfidf")
    assert validation.protocol == "global-time"
    assert [f for f in validation.findings if f.severity == "warning" or f.area == "leak"] == []
    assert set(leaks(items, events, "leave-last-out")) == {"future-of-others"}


def test_others_future_is_in_the_training_data_of_leave_last_out():
    future = leaks(protocol="leave-last-out")["future-of-others"]
    data = shop()
    part = parts(data.interactions, "leave-last-out")
    after_median = data.interactions.time > np.median(data.interactions.time[part == 2])
    assert future.count == int((after_median & (part < 2)).sum())
    assert future.severity == "warning"


def test_repeated_items():
    events = tables()[1].sort("user_id", "timestamp")
    first = events.group_by("user_id", maintain_order=True).first()
    again = first.head(100).with_columns(pl.lit(START + 400 * DAY, pl.Int64).alias("timestamp"))
    repeated = leaks(None, pl.concat([events, again]), "leave-last-out")["repeated-items"]
    assert (repeated.count, repeated.of, repeated.severity) == (100, 400, "warning")
    few = leaks(None, pl.concat([events, again.head(2)]), "leave-last-out")["repeated-items"]
    assert (few.count, few.severity) == (2, "note")


def test_duplicates_across_splits():
    events = numbered(tables()[1])
    split = pl.when(pl.col("left") == 0).then(pl.lit("test")).otherwise(pl.lit("train"))
    events = events.select("user_id", "item_id", "timestamp", split.alias("split"))
    test = events.filter(pl.col("split") == "test").head(30)
    both = pl.concat([events, test.with_columns(pl.lit("train").alias("split"))])
    assert "split-duplicates" not in leaks(None, events, None)
    duplicates = leaks(None, both, None)["split-duplicates"]
    assert duplicates.count == 30 and duplicates.of == both.height and len(duplicates.examples) == 3


def test_events_after_the_cut():
    events = numbered(tables()[1])
    mark = pl.when(pl.col("left") == 2).then(pl.lit("test")).otherwise(pl.lit("train"))
    events = events.select("user_id", "item_id", "timestamp", mark.alias("split"))
    assert leaks(None, events, None)["events-after-cut"].count == 800
    positions = events.with_columns(pl.int_range(pl.len()).over("user_id").alias("timestamp"))
    by_position = leaks(None, positions, None)
    assert by_position["events-after-cut"].count == 800
    assert "future-of-others" not in by_position  # positions of two users cannot be compared


@pytest.mark.parametrize("plant", ["id", "row"])
@pytest.mark.parametrize("sign", [1, -1])
def test_ids_that_grow_with_time(plant, sign):
    items, events = tables()
    # Every user meets items in the order of their number.
    order = np.random.default_rng(1).permutation(items["item_id"].to_list()).tolist()
    number = {name: sign * n for n, name in enumerate(order)}
    code = pl.col("item_id").replace_strict(number, return_dtype=pl.Int64)
    times = events["timestamp"].sort()
    events = events.sort("user_id", code).with_columns(
        (START + pl.int_range(pl.len()).over("user_id") * 20 * DAY + times % 1000).alias(
            "timestamp"
        )
    )
    if plant == "row":
        items = items.sort(code)
    else:
        rename = pl.lit("p") + (sign * code + 7).cast(pl.String)
        items, events = (
            items.with_columns(rename.alias("item_id")),
            events.with_columns(rename.alias("item_id")),
        )
    findings = validate(shop(items, events), protocol="leave-last-out", encoder="tfidf").findings
    orders = [f for f in findings if f.kind == "id-order"]
    assert {f.severity for f in orders} == {"warning"}
    beyond = next(f for f in orders if "history" in f.message)
    assert beyond.count == beyond.of == 400
    assert ("after" if sign > 0 or plant == "row" else "before") in beyond.message
    assert ("by id" if plant == "id" else "by row") in beyond.message


def test_a_catalog_sorted_by_popularity():
    items, events = tables()
    skewed = events.group_by("item_id").len().sort("len", descending=True)
    head = skewed["item_id"].head(60).to_list()
    events = pl.concat(
        [events.filter(pl.col("item_id").is_in(head) | (pl.col("timestamp") % 4 == 0))]
    )
    items = items.join(skewed, on="item_id", how="left").sort("len", descending=True).drop("len")
    order = leaks(items, events)["id-order"]
    assert "first quarter" in order.message and order.share > 0.4
    assert "id-order" not in leaks(items.sample(fraction=1, shuffle=True, seed=3), events)


def test_ties_sorted_by_item_are_drawn_and_said():
    events = tables()[1].with_columns(pl.col("timestamp") // (60 * DAY) * (60 * DAY))
    log = shop(None, events.sort("user_id", "item_id")).log
    assert log.count("drawn at random (seed), not by id as in the file") > 100
    mixed = events.sample(fraction=1, shuffle=True, seed=2)
    assert shop(None, mixed).log.count("as in the file") == 0


@pytest.mark.parametrize("name", ["u07919", "Ann Mary Lee", "ann@home.org", "(zoë)"])
def test_texts_that_name_their_users(name):
    items, events = tables()
    met = events.filter(pl.col("user_id") == "u07919")["item_id"].to_list()
    called = name.strip("()").upper()
    text = pl.col("title") + pl.when(pl.col("item_id").is_in(met)).then(
        pl.lit(f'. "Lovely!" ({called}, buyer)')
    ).otherwise(pl.lit(""))
    events = events.with_columns(pl.col("user_id").replace("u07919", name))
    answers = leaks(items.with_columns(text.alias("title")), events)["answer-in-text"]
    assert answers.count == len(met)
    assert "ann@home.org" not in str(answers)


def test_small_numbers_as_ids_are_no_answer():
    items, events = tables()
    number = pl.int_range(pl.len()).cast(pl.String)
    items = items.with_columns(
        pl.col("title") + " " + (pl.int_range(pl.len()) % 50).cast(pl.String)
    )
    codes = pl.DataFrame({"user_id": events["user_id"].unique().sort()}).with_columns(n=number)
    events = events.join(codes, on="user_id").drop("user_id").rename({"n": "user_id"})
    assert "answer-in-text" not in leaks(items, events)


def test_rank_statistic_has_the_variance_of_all_permutations():
    weights = np.array([0.5, -0.2, 0.3, -0.9, 0.1])
    ranks = (np.arange(5) + 0.5) / 5
    all_shifts = [rank_statistic(np.array(p), weights)[0] for p in permutations(ranks)]
    assert np.mean(all_shifts) == pytest.approx(0, abs=1e-12)
    shift, sigmas = rank_statistic(ranks, weights)
    assert sigmas == pytest.approx(shift / np.std(all_shifts))
    assert rank_statistic(ranks, np.full(5, 0.2)) == (pytest.approx(0), 0)
