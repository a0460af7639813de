"""Refunds and cancellations that name an order and no item."""

import json

import pytest
from test_rating_scales import ITEMS

from pennyweight.data.cleaning.order_refunds import NOWHERE, OF_ORDER, PART_OF_ORDER
from pennyweight.data.dataset import read

T0 = 1_700_000_000
ORDERS = 60


def shop(line, undo, order="order_id"):
    """Return lines of orders of two items each for 10 and 20, and a row for each third order."""
    rows = []
    for number in range(ORDERS):
        of_order = {order: 1_000 + number, "user_id": f"u{number % 20}", "timestamp": T0 + number}
        for place in range(2):
            item = f"p{(2 * number + place) % 50}"
            rows.append(of_order | {"item_id": item, "price": 10 * (place + 1)} | line)
        if number % 3 == 0:
            empty = {"item_id": None, "timestamp": T0 + 500 + number}
            rows.append(of_order | empty | undo)
    return rows


def cleaned(rows, **options):
    names = dict.fromkeys(name for row in rows for name in row)
    data = read(ITEMS, [{name: row.get(name) for name in names} for row in rows], **options)
    assert not data.log.unaccounted("events")
    return len(data.interactions), data.log


@pytest.mark.parametrize(
    "name",
    [
        "refund",
        "Order Refunded",
        "order_cancelled",
        "remboursement",
        "Storno",
        "devolución",
        "chargeback",
    ],
)
@pytest.mark.parametrize("order", ["order_id", "transaction_id", "Bestellnummer", "receipt_no"])
def test_a_refund_of_an_order_takes_back_its_lines(name, order):
    rows = shop({"event_type": "purchase"}, {"event_type": name}, order)
    events, log = cleaned(rows, strict=True)
    assert events == 2 * ORDERS * 2 / 3
    assert log.count(OF_ORDER) == ORDERS / 3
    assert log.count("refunded or canceled as a whole are taken back") == 2 * ORDERS / 3


@pytest.mark.parametrize(
    ("line", "undo"),
    [
        ({"status": "paid"}, {"status": "refunded"}),
        ({"document_type": "invoice"}, {"document_type": "credit note"}),
        ({"total": 30}, {"total": -30}),
        ({"quantity": 1, "amount": 15}, {"quantity": 1, "amount": -30}),
        ({}, {"is_refund": 1}),
        ({}, {"refund_amount": 30}),
        ({"line_total": 15}, {"type": "refund", "refund_amount": "30.00"}),
        ({}, {"refund_date": "2024-01-01"}),
        ({"event_type": "purchase"}, {"event_type": "refund", "user_id": None}),
    ],
)
def test_rows_without_an_item_undo_orders_in_many_ways(line, undo):
    assert cleaned(shop(line, undo))[0] == 2 * ORDERS * 2 / 3


@pytest.mark.parametrize("link", ["refunded_order_id", "parent_id", "original_order"])
def test_a_refund_with_a_number_of_its_own_names_the_order(link):
    rows = shop({"type": "order"}, {"type": "refund"})
    for row in rows:
        if row["item_id"] is None:
            row |= {link: row["order_id"], "order_id": 9_000 + row["order_id"]}
    assert cleaned(rows)[0] == 2 * ORDERS * 2 / 3


@pytest.mark.parametrize(
    ("line", "undo"),
    [
        ({"type": "sale", "amount": 15}, {"type": "refund", "amount": 10}),
        ({"total": 30}, {"total": -10}),
        ({"quantity": 2}, {"quantity": None, "refund_amount": 25}),
        ({"type": "sale"}, {"type": "partially_refunded"}),
    ],
)
def test_a_refund_of_a_part_leaves_the_purchases(line, undo):
    events, log = cleaned(shop(line, undo))
    assert events == 2 * ORDERS
    assert log.count(PART_OF_ORDER) == ORDERS / 3


def test_several_refunds_of_parts_are_one_of_the_whole():
    rows = shop({"type": "sale", "amount": 15}, {"type": "refund", "amount": 10})
    again = [row | {"timestamp": T0 + 900} for row in rows if row["item_id"] is None]
    assert cleaned([*rows, *again])[0] == 2 * ORDERS * 2 / 3


def test_refunds_of_no_known_order_are_counted():
    rows = shop({"event_type": "purchase"}, {"event_type": "refund", "order_id": None})
    events, log = cleaned(rows)
    assert events == 2 * ORDERS and log.count(NOWHERE) == ORDERS / 3
    for row in rows:
        del row["order_id"]
    events, log = cleaned(rows)
    assert events == 2 * ORDERS and log.count(NOWHERE) == ORDERS / 3


def test_a_chosen_meaning_of_the_type_counts():
    rows = shop({"event_type": "purchase"}, {"event_type": "refund"})
    assert cleaned(rows, event_types={"refund": "ignore"})[0] == 2 * ORDERS
    rows = shop({"event_type": "purchase"}, {"event_type": "type_9"})
    assert cleaned(rows, event_types={"type_9": "negative"})[0] == 2 * ORDERS * 2 / 3


def test_other_rows_without_an_item_undo_nothing():
    rows = shop({"event_type": "purchase", "total": 30}, {"event_type": "shipping", "total": 5})
    events, log = cleaned(rows)
    assert events == 2 * ORDERS and log.count("missing item") == ORDERS / 3


def test_nested_events_of_refunds(tmp_path):
    lines = []
    for number in range(ORDERS):
        event = {"user_pseudo_id": f"u{number % 20}", "event_timestamp": (T0 + number) * 10**6}
        items = [{"item_id": f"p{(2 * number + place) % 50}", "price": 5} for place in range(2)]
        order = {"ecommerce": {"transaction_id": f"T{number}"}}
        lines.append(event | {"event_name": "purchase", "items": items} | order)
        if number % 3 == 0:
            lines.append(event | {"event_name": "refund", "items": []} | order)
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    data = read(ITEMS, path, columns={"user": "user_pseudo_id", "time": "event_timestamp"})
    assert len(data.interactions) == 2 * ORDERS * 2 / 3
