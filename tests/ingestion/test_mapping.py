"""Rows as events: columns, times, ids, and the reasons for refusals."""

import json

import polars as pl
import pytest

from pennyweight.data.times import parse_times
from pennyweight.ingestion.mapping import EventMapping, RefusedRow
from pennyweight.ingestion.raw_rows import RawRow
from pennyweight.ingestion.times import time_of


def row(value: object, start: int = 0) -> RawRow:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return RawRow(start, start + len(data) + 1, data)


def of_lines(**options: object) -> EventMapping:
    return EventMapping("log.jsonl", salt="s", **options)


def test_columns_are_found_as_for_fit():
    event = of_lines().event(
        row({"userId": 12, "asin": "B1", "overall": 4, "unixReviewTime": 1.7e9})
    )
    assert (event.user_id, event.item_id, event.weight) == ("12", "B1", 4.0)
    assert (event.event_type, event.timestamp) == ("rating", 1.7e9)
    event = of_lines(overrides={"user": "who", "weight": None}).event(
        row({"who": "ann", "item_id": "i1", "rating": 5})
    )
    assert (event.user_id, event.weight, event.event_type) == ("ann", 1.0, "view")
    header = EventMapping("log.csv", delimiter=";", header=["user", "item", "type", "note"])
    event = header.event(row(b'ann;"i;1";like;x'))
    assert (event.item_id, event.event_type, event.timestamp) == ("i;1", "like", None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-31T12:00:00Z", 1769860800.0),
        ("2026-01-31T12:00:00+01:00", 1769857200.0),
        ("2026-01-31 12:00:00", 1769860800.0),
        ("1769860800", 1769860800.0),
        (1769860800123, 1769860800.123),
        ("1769860800000000", 1769860800.0),
        ("20260131120000", 1769860800.0),
        ("20260131", 1769817600.0),
    ],
)
def test_times(text, seconds):
    event = of_lines().event(row({"user": "a", "item": "b", "timestamp": text}))
    assert event.timestamp == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("text", ["1769860800", "1769860800.5", "1769860800123456", "2026-01-31"])
def test_times_are_those_of_fit(text):
    column = pl.Series("time", [text])
    assert time_of(text, None) == pytest.approx(parse_times(column).values[0], abs=1e-5)
    for time_format in ("epoch-s", "epoch-ms"):
        number = pl.Series("time", ["1769860800"])
        expected = parse_times(number, time_format=time_format).values[0]
        assert time_of("1769860800", time_format) == expected


def test_other_times_need_a_format():
    value = {"user": "a", "item": "b", "time": "31/01/2026 12:00"}
    with pytest.raises(RefusedRow, match="--time-format"):
        of_lines().event(row(value))
    event = of_lines(time_format="%d/%m/%Y %H:%M").event(row(value))
    assert event.timestamp == 1769860800.0
    with pytest.raises(RefusedRow, match="not as in --time-format"):
        of_lines(time_format="%Y").event(row(value))
    event = of_lines(time_format="day-first").event(row(value | {"time": "03/01/2026 12:00"}))
    assert event.timestamp == 1767441600.0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"not json", "is not JSON"),
        (b"[1]", "is not a JSON object"),
        (b"\xff\xfe", "is not UTF-8"),
        ({"user": "a"}, "none is known as the item"),
        ({"user": None, "item": "b"}, "has no user"),
        ({"user": "a", "item": ["b"]}, "item is no id"),
        ({"user": "a", "item": 1.5}, "item is no id"),
        ({"user": "a", "item": "b", "weight": "much"}, "weight 'much' is no number"),
        ({"user": "a", "item": "b", "time": ""}, "has no time"),
        ({"user": "a", "item": "b", "time": 7}, "is no date after March 1973"),
    ],
)
def test_reasons(value, reason):
    with pytest.raises(RefusedRow, match=reason):
        of_lines().event(row(value))


def test_ids_come_from_the_row_or_else_from_its_place_and_content():
    own = of_lines().event(row({"user": "a", "item": "b", "event_id": "e1"}))
    assert own.event_id == "e1"
    value = {"user": "a", "item": "b", "recommendationId": "r1"}
    first = of_lines().event(row(value))
    assert first.recommendation_id == "r1"
    assert first.event_id == of_lines().event(row(value)).event_id
    others = [
        of_lines().event(row(value, start=9)),
        of_lines().event(row(value | {"user": "c"})),
        EventMapping("log.jsonl", salt="other").event(row(value)),
    ]
    assert len({first.event_id, *(other.event_id for other in others)}) == 4


def test_the_columns_that_are_not_sent_are_named():
    header = ["user", "item", "order_status", "quantity"]
    sentence = EventMapping("log.csv", delimiter=",", header=header).sentence(row(b"a,b,paid,2"))
    assert sentence == (
        "columns: user = user, item = item; without a time column, the arrival counts as the time; "
        "without an event_id too, equal rows of another file or pipe count once; "
        "not sent: quantity (quantity), order_status (status)"
    )


def test_a_row_of_another_width_is_refused():
    header = EventMapping("log.csv", delimiter=",", header=["user", "item"])
    with pytest.raises(RefusedRow, match="has 3 cells, and the header has 2"):
        header.event(row(b"a,b,c"))
