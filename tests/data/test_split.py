from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.dataset import read
from pennyweight.data.split import default_protocol, split
from pennyweight.errors import DataError
from pennyweight.fitting.tune import sample

T0 = 1_600_000_000


def log(rows, **extra):
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    items = pl.DataFrame({"item_id": [str(i) for i in range(10)]})
    return read(items, frame.with_columns(**extra)).interactions


def histories(held_out):
    h = held_out.histories
    return [h.item[h.offsets[i] : h.offsets[i + 1]].tolist() for i in range(len(h))]


def targets(held_out):
    ends = held_out.target_offsets
    return [held_out.targets[a:b].tolist() for a, b in pairwise(ends)]


def test_leave_last_out_by_hand():
    rows = [
        ("a", 1, 1),
        ("a", 2, 2),
        ("a", 3, 3),
        ("a", 4, 4),
        ("b", 5, 1),
        ("b", 6, 2),
        ("c", 7, 1),
    ]
    parts = split(log(rows))
    assert parts.protocol == "leave-last-out"
    assert parts.train.item.tolist() == [1, 2, 5, 7]
    assert (parts.valid.users.tolist(), histories(parts.valid), targets(parts.valid)) == (
        [0],
        [[1, 2]],
        [[3]],
    )
    assert (parts.test.users.tolist(), histories(parts.test), targets(parts.test)) == (
        [0, 1],
        [[1, 2, 3], [5]],
        [[4], [6]],
    )
    assert parts.test.before.item.tolist() == [1, 2, 3, 5, 7]
    assert len(parts.test.before.users) == 3
    assert parts.valid.before is parts.train
    assert parts.test.users.dtype == parts.test.targets.dtype == np.int32
    assert parts.test.target_offsets.dtype == np.int64


def test_global_time_by_hand():
    rows = [
        ("a", 0, T0),
        ("a", 1, T0 + 6),
        ("b", 2, T0 + 2),
        ("b", 3, T0 + 9),
        ("b", 3, T0 + 10),
        ("b", 2, T0 + 8),
        ("c", 4, T0 + 10),
        ("a", 5, T0 + 1),
    ]
    parts = split(log(rows), "global-time", cuts=(0.5, 0.7))
    assert parts.train.item.tolist() == [0, 5, 1, 2]
    assert (parts.valid.users.tolist(), histories(parts.valid), targets(parts.valid)) == (
        [1],
        [[2]],
        [[2]],
    )
    assert (parts.test.users.tolist(), histories(parts.test), targets(parts.test)) == (
        [1, 2],
        [[2, 2], []],
        [[3], [4]],
    )


def test_events_after_a_third_cut_belong_to_no_part():
    rows = [("a", item, T0 + item) for item in range(10)] + [("b", 0, T0), ("b", 7, T0 + 7)]
    parts = split(log(rows), "global-time", cuts=(0.4, 0.6, 0.8))
    # Times 0 0 1 2 3 4 5 6 7 7 8 9: the quantiles are 3.4, 5.6 and 7.
    assert parts.train.item.tolist() == [0, 1, 2, 3, 0]
    assert (parts.valid.users.tolist(), targets(parts.valid)) == ([0], [[4, 5]])
    assert (parts.test.users.tolist(), targets(parts.test)) == ([0], [[6]])
    assert histories(parts.test) == [[0, 1, 2, 3, 4, 5]]


def test_given_split_by_hand():
    rows = [
        ("a", 1, 1),
        ("a", 2, 2),
        ("a", 3, 3),
        ("a", 3, 4),
        ("a", 9, 5),
        ("b", 4, 1),
        ("b", 5, 2),
    ]
    part = pl.Series(["train", "valid", "test", "test", "test", "train", "test"])
    parts = split(log(rows, split=part), "given-split")
    assert parts.train.item.tolist() == [1, 4]
    assert (histories(parts.valid), targets(parts.valid)) == ([[1]], [[2]])
    assert (histories(parts.test), targets(parts.test)) == ([[1, 2], [4]], [[3, 9], [5]])


ROWS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.integers(T0, T0 + 20)),
    min_size=1,
    max_size=60,
)


@given(ROWS, st.sampled_from(["leave-last-out", "global-time"]))
def test_nothing_leaks_and_nothing_is_lost(rows, protocol):
    interactions = log(rows)
    try:
        parts = split(interactions, protocol)
    except DataError:
        return
    for held_out in (parts.valid, parts.test):
        assert len(held_out) == len(held_out.histories) == len(held_out.target_offsets) - 1
        for user, history, user_targets in zip(
            held_out.users, histories(held_out), targets(held_out), strict=True
        ):
            assert user_targets and user_targets == sorted(set(user_targets))
            own_items = interactions.item[interactions.user == user].tolist()
            before = held_out.before
            assert history == before.item[before.user == user].tolist() == own_items[: len(history)]
            assert set(user_targets) <= set(own_items[len(history) :])
    assert len(parts.train) <= len(parts.test.before) < len(interactions)
    if protocol == "global-time":
        assert parts.train.time.max() < interactions.time.max()


def test_at_most_max_users_are_drawn_and_the_draw_repeats():
    interactions = log([(f"u{u}", i, i) for u in range(50) for i in range(4)])
    all_users = split(interactions)
    a, b = (split(interactions, max_users=7) for _ in "ab")
    assert len(a.test) == len(a.valid) == 7
    assert a.test.users.tolist() == b.test.users.tolist() == sorted(a.test.users)
    assert histories(a.test) == [histories(all_users.test)[u] for u in a.test.users]
    assert targets(a.test) == [targets(all_users.test)[u] for u in a.test.users]
    other = split(interactions, max_users=7, rng=np.random.default_rng(5))
    assert other.test.users.tolist() != a.test.users.tolist()


def test_the_default_protocol_follows_the_times():
    assert default_protocol(log([("a", 1, T0)])) == "global-time"
    assert default_protocol(log([("a", 1, 1)])) == "leave-last-out"


@pytest.mark.parametrize(
    ("rows", "protocol", "cuts", "words"),
    [
        ([("a", 1, 1), ("b", 2, 1)], "leave-last-out", (0.8, 0.9), "every user has one event"),
        ([("a", 1, 1), ("b", 2, 1)], "global-time", (0.8, 0.9), "positions .* leave-last-out"),
        (
            [("a", 1, T0), ("b", 2, T0)],
            "global-time",
            (0.8, 0.9),
            "learn from: too few distinct times, 1 among 2",
        ),
        ([("a", 1, T0)], "global-time", (0.8, 0.9), "learn from: there is one event; bring more"),
        ([("a", 1, T0), ("b", 2, T0 + 1)], "global-time", (0.9, 0.8), "0 < first < second < 1"),
        (
            [("a", 1, T0), ("b", 2, T0 + 1)],
            "global-time",
            (0.7, 0.8, 0.8),
            "0 < first < second < 1",
        ),
        ([("a", 1, 1)], "given-split", (0.8, 0.9), "--split-column"),
        ([("a", 1, 1)], "random", (0.8, 0.9), "is no protocol; choose"),
    ],
)
def test_impossible_splits_say_why(rows, protocol, cuts, words):
    with pytest.raises(DataError, match=words):
        split(log(rows), protocol, cuts=cuts)


def test_a_split_column_without_test_rows():
    rows = [("a", 1, 1), ("a", 2, 2)]
    with pytest.raises(DataError, match="nothing to test on: no event is marked test"):
        split(log(rows, split=pl.lit("train")), "given-split")
    with pytest.raises(DataError, match="nothing to learn from: no event is marked train"):
        split(log(rows, split=pl.lit("test")), "given-split")


def test_targets_have_their_first_time_also_in_a_sample():
    rows = [("a", 1, T0), ("a", 3, T0 + 9), ("a", 2, T0 + 10), ("a", 3, T0 + 11), ("b", 2, T0 + 12)]
    rows += [(f"c{i}", 4 + i % 3, T0 + 20 + i) for i in range(20)]
    marks = pl.Series("split", ["train", *["test"] * 24])
    parts = split(log(rows, split=marks), "given-split")
    assert len(parts.test.target_time) == len(parts.test.targets)
    first = parts.test.target_offsets[1]
    assert parts.test.targets[:first].tolist() == [2, 3]
    assert parts.test.target_time[:first].tolist() == [T0 + 10, T0 + 9]
    for few in (
        split(log(rows, split=marks), "given-split", max_users=8).test,
        sample(parts.test, 8, np.random.default_rng(1)),
    ):
        assert len(few.target_time) == len(few.targets)
        first_times = dict(
            zip(
                np.repeat(parts.test.users, np.diff(parts.test.target_offsets)).tolist(),
                parts.test.target_time.tolist(),
                strict=True,
            )
        )
        for user, at in zip(
            np.repeat(few.users, np.diff(few.target_offsets)).tolist(),
            few.target_time.tolist(),
            strict=True,
        ):
            assert user == 0 or first_times[user] == at
