"""Logs whose views have an item and whose orders have lines."""

import json

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame({"item_id": [f"p{i}" for i in range(6)], "title": list("abcdef")})


def track(n, event, **properties):
    return {
        "type": "track",
        "event": event,
        "userId": f"u{n % 5}",
        "timestamp": f"2022-01-07T10:{n:02}:00.000Z",
        "properties": properties,
    }


def log_of(tmp_path, rows, **settings):
    path = tmp_path / "track.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return read(ITEMS, path, **settings)


SEGMENT = {"columns": {"user": "userId", "type": "event"}}
ROWS = [
    track(n, "Product Viewed", product_id=f"p{n % 6}", quantity=1)
    if n % 3
    else track(
        n,
        "Order Completed",
        order_id=f"o{n}",
        products=[{"product_id": f"p{n % 6}", "quantity": 2}, {"product_id": f"p{(n + 1) % 6}"}],
    )
    for n in range(30)
]


def test_orders_with_lines_beside_views_with_an_item(tmp_path):
    data = log_of(tmp_path, ROWS, **SEGMENT)
    kinds = data.interactions.kinds
    counts = {kinds[code]: int((data.interactions.kind == code).sum()) for code in range(2)}
    assert counts == {"Order Completed": 20, "Product Viewed": 20}
    assert (data.log.rows_read["events"], data.log.rows_kept["events"]) == (30, 40)
    assert data.log.unaccounted("events") == 0
    assert data.log.count("a list in a row without properties.product_id") == 10


def test_the_item_of_a_row_comes_first(tmp_path):
    rows = [
        track(n, "Product Viewed", product_id=f"p{n % 6}", products=[{"product_id": "p0"}])
        for n in range(30)
    ]
    data = log_of(tmp_path, rows, **SEGMENT)
    assert len(data.interactions) == 30
    assert data.log.count("a list in a row") == 0


def test_plain_columns(tmp_path):
    rows = [
        {"user_id": f"u{n % 5}", "item_id": f"p{n % 6}"}
        if n % 3
        else {"user_id": f"u{n % 5}", "items": [{"id": 1, "item_id": f"p{n % 6}"}]}
        for n in range(30)
    ]
    assert len(log_of(tmp_path, rows).interactions) == 30


def test_two_lists_of_lines_are_asked_about(tmp_path):
    rows = [*ROWS, track(3, "Order Completed", bundle=[{"product_id": "p1"}])]
    with pytest.raises(DataError, match=r"'properties\.products' and in 'properties\.bundle'"):
        log_of(tmp_path, rows, **SEGMENT)
