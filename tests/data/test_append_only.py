"""Sequences that grow at the end and share their common values."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.append_only import AppendOnlySequence, Positions
from pennyweight.data.ids import Ids
from pennyweight.errors import UnknownIdError

VALUES = st.lists(st.text(max_size=3), max_size=8)


@given(VALUES, st.lists(VALUES, max_size=6), st.data())
def test_it_is_as_a_tuple_that_is_copied(first, more, data):
    grown, expected = [AppendOnlySequence(first)], [tuple(first)]
    for values in more:  # from any of those there are, not from the longest alone
        at = data.draw(st.integers(0, len(grown) - 1))
        grown.append(grown[at].extended(values))
        expected.append((*expected[at], *values))
    for sequence, values in zip(grown, expected, strict=True):
        assert len(sequence) == len(values)
        assert tuple(sequence) == values == sequence
        assert [sequence[at] for at in range(-len(values), len(values))] == [*values, *values]
        for part in (slice(None), slice(1, -1), slice(None, None, -2), slice(5, 2)):
            assert sequence[part] == values[part]
        with pytest.raises(IndexError):
            sequence[len(values)]


def test_values_are_replaced_in_a_copy():
    before = AppendOnlySequence("abc")
    assert tuple(before.replaced({1: "x"})) == ("a", "x", "c")
    assert tuple(before) == ("a", "b", "c")


@given(VALUES, st.lists(VALUES, max_size=6), st.data())
def test_positions_are_those_of_a_list(first, more, data):
    start = list(dict.fromkeys(first))
    grown, expected = [Positions(start)], [start]
    for values in more:
        at = data.draw(st.integers(0, len(grown) - 1))
        positions, new = grown[at].extended(values)
        assert new == [v for v in dict.fromkeys(values) if v not in expected[at]]
        grown.append(positions)
        expected.append([*expected[at], *new])
    every = {value for values in expected for value in values} | {"not there"}
    for positions_of_list, values in zip(grown, expected, strict=True):
        assert len(positions_of_list) == len(values)
        for value in every:
            assert positions_of_list.get(value) == (values.index(value) if value in values else -1)
        assert positions_of_list.of(values).tolist() == list(range(len(values)))


def test_ids_that_came_later_are_unknown_to_those_before():
    before = Ids(["a", "b"], "items")
    after = before.extended(["c", "a"])
    assert (list(before), list(after)) == (["a", "b"], ["a", "b", "c"])
    assert "c" not in before and "c" in after
    assert before.codes(["c", "a"]).tolist() == [-1, 0]
    with pytest.raises(UnknownIdError):
        before.code("c")
    other = before.extended(["d"])
    assert (after.code("c"), other.code("d")) == (2, 2)
    assert "c" not in other and other != after


def test_two_threads_may_extend_the_same_ids():
    start = Ids([], "items")
    made: dict[int, Ids] = {}

    def extend(number: int) -> None:
        ids = start
        for at in range(200):
            ids = ids.extended([f"{number}-{at}"])
        made[number] = ids

    threads = [threading.Thread(target=extend, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, ids in made.items():
        assert list(ids) == [f"{number}-{at}" for at in range(200)]
        assert ids.codes(list(ids)).tolist() == list(range(200))
