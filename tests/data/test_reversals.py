"""Purchases taken back, however files of orders say so."""

import polars as pl
import pytest

from pennyweight.data.cleaning.order_states import state_of
from pennyweight.data.dataset import read
from pennyweight.errors import DataError

N = 240
USERS, SHELVES, T0 = 40, 60, 1_600_000_000
ITEMS = pl.DataFrame(
    {
        "item_id": [f"i{i}" for i in range(SHELVES)],
        "title": [f"thing number {i}" for i in range(SHELVES)],
    }
)


def log(**more):
    """Return 240 orders of 40 users, no pair twice, with more columns: a function of the row."""
    table = pl.DataFrame(
        {
            "user_id": [f"u{n % USERS}" for n in range(N)],
            "item_id": [f"i{(n + n // SHELVES * 7 + n // 40) % SHELVES}" for n in range(N)],
            "timestamp": [T0 + n * 3_600 for n in range(N)],
        }
    )
    columns = [
        pl.Series(name.replace("__", " "), [value(n) for n in range(N)], strict=False)
        for name, value in more.items()
    ]
    return table.with_columns(columns)


def n_events(table, **options):
    return len(read(ITEMS, table, **options).interactions)


def test_the_log_itself_is_whole():
    assert n_events(log()) == N


def every(k, yes, no):
    """Return a column that says yes in every k-th row."""
    return lambda n: no if n % k else yes


SEVENTH = -(-N // 7)


@pytest.mark.parametrize(
    "columns",
    [
        {"returned": every(7, "2022-05-01", "")},
        {"returned": every(7, 2, 0)},
        {"returned": every(7, "Ja", "Nein")},
        {"returned": every(7, "x", "-")},
        {"returned": every(7, "R", "N")},
        {"returned": every(7, "Damaged", "None")},
        {"returned": every(7, "returned", "not returned")},
        {"zurückgegeben": every(7, "ja", "nein")},
        {"storniert_am": every(7, "2022-05-01", None)},
        {"return_date": every(7, "2022-05-01", "0000-00-00")},
        {"return_date": every(7, "2022-05-01 10:00", "9999-12-31 00:00")},
        {"return_date": every(7, "1.5.2022", "01.01.1900")},
        {"return_date": every(7, 1_650_000_000, 0)},
        {"quantity": lambda n: 1, "total": every(7, -12.5, 12.5)},
        {"qty": lambda n: 2, "returned_qty": every(7, 2, 0)},
        {"qty": lambda n: 1, "total": lambda n: 19.99, "refund_amount": every(7, 19.99, 0.0)},
        {"refund_amount": every(7, "19,99 €", "0,00 €")},
        {"refund": every(7, "-12.50", "0.00")},
        {"return_reason": every(7, "too small", "")},
        {"cancellation_reason": every(7, "changed my mind", None)},
        {"Menge": every(7, "-1,00", "1,00")},
        {"Bestellstatus": every(7, "storniert", "versendet")},
        {"estado": every(7, "devuelto", "entregado")},
        {"order_status": lambda n: "complete", "payment_status": every(7, "refunded", "paid")},
        {"status": every(7, 404, 200)},
        {"status": every(7, "dropped", "completed")},
        {"loan_id": lambda n: n, "status": every(7, "cancelled", "returned")},
        {"quantity": every(7, "-2 pcs", "2 pcs")},
    ],
    ids=",".join,  # the names of the columns; functions have an address in theirs
)
def test_each_seventh_row_is_taken_back(columns):
    table = log(**columns)
    data = read(ITEMS, table)
    reversed_times = table.filter(pl.arange(0, N) % 7 == 0)["timestamp"].to_list()
    assert len(data.interactions) == N - SEVENTH
    assert not set(reversed_times) & set(data.interactions.time.tolist())
    assert len(data.log.entries) >= 1
    role = (
        "quantity"
        if "Menge" in columns or "quantity" in columns or "total" in columns
        else "status"
    )
    if "refund_amount" not in columns:
        assert n_events(table, columns={role: None}) == N


@pytest.mark.parametrize(
    "columns",
    [
        {"qty": lambda n: 3, "returned_qty": every(7, 1, 0)},  # a part
        {"total": lambda n: 50.0, "refund_amount": every(7, 5.0, 0.0)},
        {"status": every(7, "return rejected", "paid")},
        {"deleted": lambda n: int(n % USERS % 10 == 0)},  # of the user's account
        {"is_hidden": lambda n: int((n + n // SHELVES * 7 + n // 40) % SHELVES % 10 == 0)},
        {"loan_date": lambda n: "2020-01-01", "return_date": every(3, "2020-02-01", "")},
        {"rented_at": lambda n: "2020-01-01", "returned_at": lambda n: n if n % 20 < 9 else None},
        {"loan_id": lambda n: n, "returned": lambda n: "Yes" if n % 11 else "No"},
        {"returned_at": lambda n: "2020-02-01" if n % 11 else None},
        {"state": lambda n: ["NY", "CA", "TX"][n % 3]},
        {"status": lambda n: 1},
        {"flag": lambda n: ["US", "DE", "FR"][n % 3]},
        {"last_page": every(7, "returns", "home")},
        {"returned": every(7, "Partial", "No")},
        {"qty": every(7, "2 pcs", "3 pcs")},
        {
            "status": lambda n: ["Ended", "Canceled"][
                (n + n // SHELVES * 7 + n // 40) % SHELVES % 5 == 0
            ]
        },
        {"loan_id": lambda n: n, "status": every(3, "returned", "overdue")},
        {"status": every(3, "Returned", "On loan")},
        {"subscribed": lambda n: n % USERS % 2},
        {"quantity": lambda n: 1, "is_favorite": every(7, 1, 0)},
        {"viewed_at": lambda n: T0 + n, "saved": every(7, "yes", "")},
    ],
    ids=",".join,  # the names of the columns; functions have an address in theirs
)
def test_all_rows_stay(columns):
    data = read(ITEMS, log(**columns), columns={"time": "timestamp"})
    assert len(data.interactions) == N


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"returned": lambda n: "Yes" if n % 11 else "No"}, "--status-column returned"),
        ({"status": lambda n: n % 2}, "--type-column"),
        ({"status": lambda n: "yes" if n % 2 else "no"}, "--type-column"),
        ({"Vorgang": every(7, "Retoure", "Verkauf")}, "--status-column Vorgang"),
        ({"status": lambda n: ["paid", "cancelled", "", ""][n // 3 % 4]}, "--order-column"),
        ({"amount": lambda n: -5.0}, "--quantity-column ''"),
    ],
)
def test_doubt_is_a_question(columns, words):
    table = log(**columns)
    with pytest.raises(DataError, match=words):
        read(ITEMS, table)
    role = "quantity" if "amount" in columns else "status"
    assert n_events(table, columns={role: None}) == N


@pytest.mark.parametrize(
    "name", ["quantity_shipped", "delivered_qty", "net_amount", "order_total", "amount", "subtotal"]
)
def test_zeros_that_count_as_bought_are_noted(name):
    data = read(ITEMS, log(**{name: lambda n: n % 7}))
    assert len(data.interactions) == N
    zeros = sum(n % 7 == 0 for n in range(N))
    assert any(
        entry.count == zeros and f"{name!r} is 0" in str(entry) for entry in data.log.entries
    )


def test_a_named_column_of_delivered_pieces_drops_zeros():
    table = log(quantity_shipped=lambda n: n % 7)
    assert n_events(table, columns={"quantity": "quantity_shipped"}) == N - sum(
        n % 7 == 0 for n in range(N)
    )


@pytest.mark.parametrize("name", ["tax_amount", "net_weight", "shipping_total", "total_discount"])
def test_other_zeros_are_not_noted(name):
    data = read(ITEMS, log(**{name: lambda n: n % 7}))
    assert not any(f"{name!r} is 0" in str(entry) for entry in data.log.entries)


def test_a_list_is_the_deed_where_no_other_is():
    assert n_events(log(is_favorite=every(7, 1, 0))) == SEVENTH
    assert n_events(log(quantity=lambda n: 1, purchased=every(7, 1, 0))) == SEVENTH
    table = log(quantity=lambda n: 1, is_favorite=every(7, 1, 0))
    assert n_events(table, columns={"type": "is_favorite"}) == SEVENTH


def test_a_named_column_goes_before_doubt():
    table = log(returned=lambda n: "Yes" if n % 11 else "No")
    assert n_events(table, columns={"status": "returned"}) == -(-N // 11)
    table = log(status=lambda n: n % 2)
    assert n_events(table, columns={"type": "status"}, event_types={"0": "negative"}) == N // 2


def order(n):
    return n // 3


@pytest.mark.parametrize(
    "columns",
    [
        {
            "Name": lambda n: f"#{1_000 + order(n)}",
            "Financial__Status": lambda n: "" if n % 3 else ["paid", "refunded"][order(n) % 4 == 0],
        },
        {
            "Name": lambda n: f"#{1_000 + order(n)}",
            "Cancelled__at": lambda n: "2022-01-01" if n % 12 == 0 else "",
        },
        {
            "Name": lambda n: f"#{1_000 + order(n)}",
            "Paid__at": lambda n: "" if n % 3 else 1,
            "Cancelled__at": lambda n: "2022-01-01" if n % 12 == 0 else "",
        },
    ],
)
def test_the_state_of_an_order_holds_for_all_its_rows(columns):
    table = log(**columns).with_columns(user_id=pl.arange(0, N) // 3 % USERS)
    data = read(ITEMS, table, columns={"time": "timestamp"})
    reversed_times = {T0 + n * 3_600 for n in range(N) if order(n) % 4 == 0}
    assert len(data.interactions) == N - len(reversed_times)
    assert not reversed_times & set(data.interactions.time.tolist())


def test_lines_of_an_order_are_returned_one_by_one():
    table = log(order_id=order, returned=lambda n: int(n % 7 == 0))
    assert n_events(table) == N - SEVENTH


@pytest.mark.parametrize(
    ("names", "state"),
    [
        (
            "cancelled|Returned and refunded|CANCELLED_REFUND_PENDING|RTO|storniert|Annulée"
            "|devuelto|return received|ReturnCompleted|cancelled (payment declined)",
            "undone",
        ),
        (
            "payment failed|declined|voided|expired|not paid|nicht bezahlt|abgelehnt|non payée",
            "failed",
        ),
        (
            "return rejected|ReturnRejected|cancellation rejected|refund_pending|refund declined"
            "|not returned|nicht storniert|Canceled_Reversal|refund cancelled|partially refunded"
            "|return requested|chargeback won|paid|on hold|plan_to_watch|shipped||non annulé"
            "|Rückgabe abgelehnt|return window closed",
            "counted",
        ),
    ],
)
def test_states_of_orders(names, state):
    for name in names.split("|"):
        assert state_of(name) == state, name


def test_a_column_without_a_yes_is_named():
    data = read(ITEMS, log(returned=every(7, "Partial", "No")))
    assert data.log.count("'returned' says of no row that it was taken back") == N
