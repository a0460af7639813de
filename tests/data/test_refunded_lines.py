"""Lines of orders that came back in part, quantities in odd forms, and changes of tables."""

import json

import polars as pl
import pytest
from test_rating_scales import ITEMS, N, log

from pennyweight.data.dataset import read
from pennyweight.errors import DataError


def cycle(*values):
    return [values[at % len(values)] for at in range(N)]


def counts(table, **options):
    data = read(ITEMS, table, **options)
    return len(data.interactions), len(data.interactions.negative.user)


def json_file(folder, rows):
    path = folder / "events.json"
    path.write_text(json.dumps(rows))
    return path


def orders(refunded, *, current):
    """Return orders of one line; every fourth is refunded."""
    rows = []
    for at, event in enumerate(log().to_dicts()):
        is_refunded = at % 4 == 3
        line = {"id": 9_000 + at, "product_id": event["item_id"], "quantity": 2}
        if current:
            line["current_quantity"] = 0 if is_refunded else 1
        rows.append(
            {
                "id": at,
                "created_at": event["timestamp"],
                "customer": {"id": event["user_id"]},
                "financial_status": "partially_refunded" if is_refunded else "paid",
                "line_items": [line],
                "refunds": [refunded(line["id"])] if is_refunded else [],
            }
        )
    return rows


def lines(line, quantity=2):
    return {"id": 1, "refund_line_items": [{"line_item_id": line, "quantity": quantity}]}


ROLES = {"user": "customer.id", "item": "line_items.product_id"}


@pytest.mark.parametrize("current", [True, False])
def test_refunded_lines_are_taken_back(tmp_path, current):
    path = json_file(tmp_path, orders(lines, current=current))
    assert counts(path, columns=ROLES) == (3 * N / 4, N / 4)


def test_lines_that_are_parts_of_others_are_noted():
    table = log(parent_item_id=cycle("", "7", ""))
    data = read(ITEMS, table)
    notes = [entry.count for entry in data.log.entries if "'parent_item_id' names" in str(entry)]
    assert notes == [sum(at % 3 == 1 for at in range(N))] and len(data.interactions) == N


def test_a_part_of_a_line_stays(tmp_path):
    rows = orders(lambda line: lines(line, 1), current=False)
    assert counts(json_file(tmp_path, rows), columns=ROLES) == (N, 0)


def test_refunds_without_ids_of_lines_are_asked_about(tmp_path):
    rows = orders(lines, current=False)
    for row in rows:
        del row["line_items"][0]["id"]
    with pytest.raises(DataError, match=r"add it as 'line_items.id'"):
        read(ITEMS, json_file(tmp_path, rows), columns=ROLES)


def test_refunds_of_money_alone_leave_the_lines(tmp_path):
    rows = orders(lambda _: {"id": 3, "total": "-1.00"}, current=False)
    assert counts(json_file(tmp_path, rows), columns=ROLES) == (N, 0)


@pytest.mark.parametrize(
    ("name", "bought", "back"),
    [
        ("quantity", '="1"', '="-1"'),
        ("quantity", "1", "minus 1"),
        ("amount", "USD 5.00", "USD -5.00"),
        ("amount", "1'234.00", "1'234.00-"),
        ("amount", "CHF 5.-", "CHF -5.-"),
        ("amount", "€ 1.234,50", "€ -1.234,50"),
        ("amount", "R$ 5,00", "-R$ 5,00"),
        ("amount", "5.00 EUR", "(5.00) EUR"),
    ],
)
def test_numbers_below_zero_in_many_forms(name, bought, back):
    table = log(**{name: cycle(bought, bought, bought, back)})
    assert counts(table) == (3 * N / 4, N / 4)


def test_credits_are_asked_about():
    table = log(amount=cycle("5.00 DR", "5.00 DR", "5.00 CR"))
    with pytest.raises(DataError, match="end with CR"):
        read(ITEMS, table)
    assert counts(table, columns={"quantity": "amount"}) == (2 * N / 3, N / 3)
    assert counts(table, columns={"quantity": None}) == (N, 0)


def test_values_that_are_no_number_are_counted():
    data = read(ITEMS, log(quantity=cycle("1", "2", "1", "1", "back", "1")))
    assert data.log.count("'quantity': no number") == N / 6
    many = log(quantity=cycle("1", "2", "back", "1"))
    with pytest.raises(DataError, match=r"60 of 240 values .* no numbers, such as 'back'"):
        read(ITEMS, many)
    assert len(read(ITEMS, many, columns={"quantity": None}).interactions) == N


@pytest.mark.parametrize(
    "pieces",
    [
        ("x1", "x2", "x0"),
        ("1x", "2 x", "0x"),
        ("×1", "×3", "×-1"),
        ("2 x 500 g", "1 x 1 kg", "0 x 1 g"),
        ("1 pcs", "2 Stk.", "-1 pcs"),
        ("2,0", "1.000,0", "-1,0"),
        ("2.0", "1.0", "0.0"),
        ("1.5 kg", "2 kg", "-1.5 kg"),
        ("2 (pair)", "1", "0 (none)"),
        ("+1", "+2", "-1"),
    ],
)
@pytest.mark.parametrize("name", ["quantity", "qty", "Menge"])
def test_pieces_are_read_in_many_forms(name, pieces):
    assert len(read(ITEMS, log(**{name: cycle(*pieces)})).interactions) == 2 * N / 3


def test_the_mass_of_an_item_is_no_strength():
    table = log()
    mass = [[0.5, 12.0, 80.0, 3.0][int(item[1:]) % 4] for item in table["item_id"]]
    data = read(ITEMS, table.with_columns(weight=pl.Series(mass)))
    assert set(data.interactions.weight.tolist()) == {1.0}
    assert data.log.count("one value an item") == N
    varied = read(ITEMS, log(weight=cycle(0.5, 2.0, 1.5)))
    assert set(varied.interactions.weight.tolist()) == {0.5, 2.0, 1.5}


def changes(*, deleted):
    rows = []
    for at, event in enumerate(log().to_dicts()):
        rows.append({"before": None, "after": event, "op": "r" if at % 2 else "c", "ts_ms": at})
        if deleted and at % 5 == 0:
            rows.append({"before": event, "after": None, "op": "d", "ts_ms": at})
    return rows


def test_deletions_in_a_change_log_are_asked_about(tmp_path):
    path = json_file(tmp_path, changes(deleted=True))
    roles = {"user": "after.user_id", "item": "after.item_id"}
    for columns in (None, roles):
        with pytest.raises(DataError, match="48 of 288 delete a row"):
            read(ITEMS, path, columns=columns)


def test_insertions_in_a_change_log_are_read(tmp_path):
    path = json_file(tmp_path, changes(deleted=False))
    assert counts(path, columns={"time": "after.timestamp"}) == (N, 0)


def test_operations_of_a_database_are_asked_about():
    table = log(Op=cycle("I", "U", "D"))
    with pytest.raises(DataError, match="--type-column Op"):
        read(ITEMS, table)
    types = {"I": 1.0, "U": 1.0, "D": "negative"}
    assert counts(table, columns={"type": "Op"}, event_types=types) == (2 * N / 3, N / 3)


def orders_of_two(refunds, total="20.00"):
    """Return orders of two lines as shops export them, with these refunds in each second one."""
    return [
        {
            "id": at,
            "created_at": f"2024-01-{1 + at % 28:02}T10:00:00Z",
            "customer": {"id": f"u{at % 10}"},
            "total_price": total,
            "line_items": [
                {"id": 10 * at + k, "product_id": f"p{(2 * at + k) % 50}", "quantity": 1}
                for k in range(2)
            ],
            "refunds": refunds if at % 2 else [],
        }
        for at in range(40)
    ]


@pytest.mark.parametrize(
    ("refunds", "n_purchases", "reason"),
    [
        ([{"id": 1, "reason": "", "total": "-20.00"}], 40, "refunded whole"),
        ([{"id": 1, "total": "-8.00"}, {"id": 2, "total": "-12.00"}], 40, "refunded whole"),
        (
            [{"id": 1, "refund_line_items": [], "transactions": [{"amount": "20.00"}]}],
            40,
            "refunded whole",
        ),
        ([{"id": 1, "reason": "", "total": "-3.00"}], 80, "refunds of a part"),
    ],
)
def test_refunds_that_name_no_line_are_judged_by_their_money(refunds, n_purchases, reason):
    roles = {"user": "customer.id", "item": "line_items.product_id"}
    data = read(ITEMS, orders_of_two(refunds), columns=roles)
    assert len(data.interactions) == n_purchases and data.log.count(reason) == 40


@pytest.mark.parametrize("name", ["line.is_returned", "meta.cancelled_at", "order.refunded"])
def test_flags_in_nested_objects_take_back(name):
    yes = "2024-01-01" if name.endswith("at") else True
    data = read(ITEMS, log(**{name: cycle(None, None, yes)}))
    assert len(data.interactions) == 2 * N / 3
