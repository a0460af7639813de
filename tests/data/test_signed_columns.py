"""Pieces and money below zero in columns of any name."""

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

N, T0 = 200, 1_600_000_000
ITEMS = pl.DataFrame(
    {"item_id": [f"i{i}" for i in range(50)], "title": [f"t{i}" for i in range(50)]}
)
PIECES = (1, 1, 2, 3, 1, 5, 1, 1, 12, -1)


def log(**more):
    """Return 200 orders of 20 users, no pair twice, with more columns by the row."""
    table = pl.DataFrame(
        {
            "user_id": [f"u{n % 20}" for n in range(N)],
            "item_id": [f"i{(n + n // 20 * 3) % 50}" for n in range(N)],
            "timestamp": [T0 + n * 3_600 for n in range(N)],
        }
    )
    return table.with_columns(
        pl.Series(name, [value(n) for n in range(N)]) for name, value in more.items()
    )


def pieces(n):
    return PIECES[(n * 7 + n // 10) % 10]


def n_events(table, **options):
    return len(read(ITEMS, table, **options).interactions)


BELOW = sum(pieces(n) < 0 for n in range(N))


@pytest.mark.parametrize(
    "name",
    [
        "Lineitem quantity",
        "Units Sold",
        "product_uom_qty",
        "qty_sold",
        "order_qty",
        "sales_quantity",
        "数量",
        "KWMENG",
        "antal",
        "ilość",
        "кол-во",
        "количество",
        "adet",
        "qté",
        "Stück",
        "Số lượng",
        "수량",
    ],
)
def test_pieces_below_zero_are_returns_in_any_language(name):
    data = read(ITEMS, log(**{name: pieces}))
    assert len(data.interactions) == N - BELOW
    assert data.log.count("quantity is below zero") == BELOW
    assert name in data.columns.roles.values()


@pytest.mark.parametrize(
    "name",
    [
        "Gross Sales",
        "gross_amount",
        "SALES_VALUE",
        "Erlös",
        "Umsatzerlöse",
        "kwota",
        "金額",
        "subtotal",
        "Net total",
        "item_revenue",
        "сумма",
    ],
)
def test_money_below_zero_is_a_return(name):
    assert n_events(log(**{name: lambda n: 9.9 * pieces(n)})) == N - BELOW


def test_pieces_come_before_money():
    data = read(ITEMS, log(**{"Gross Sales": lambda n: 2.5 * pieces(n), "Units Sold": pieces}))
    assert data.columns.roles["quantity"] == "Units Sold"
    assert len(data.interactions) == N - BELOW


def test_a_minus_behind_the_number_is_one():
    written = log(KWMENG=lambda n: f"{abs(pieces(n))}.000{'-' if pieces(n) < 0 else ''}")
    assert n_events(written) == N - BELOW


def test_a_line_that_sap_rejected_is_taken_back():
    assert n_events(log(ABGRU=lambda n: "02" if n % 9 == 0 else "")) == N - 23


@pytest.mark.parametrize(
    "name",
    [
        "temperature",
        "latitude",
        "longitude",
        "delta",
        "tz_offset",
        "price_change",
        "account_balance",
        "discount_amount",
        "position",
        "embedding_3",
        "shap_value",
        "net_votes",
        "units_in_stock",
        "log_price",
        "profit",
        "tax_amount",
        "qty_adjustment",
    ],
)
def test_other_numbers_below_zero_are_no_returns(name):
    assert n_events(log(**{name: lambda n: 1.5 * pieces(n)})) == N


def test_unknown_numbers_below_zero_are_noted():
    data = read(ITEMS, log(flux=pieces, delta=pieces))
    assert data.log.count("'flux' (20), 'delta' (20); if these are returns, --quantity-column flux")
    assert n_events(log(flux=pieces), columns={"quantity": "flux"}) == N - BELOW
    left_out = read(ITEMS, log(flux=pieces), columns={"quantity": None})
    assert not left_out.log.count("below zero")


@pytest.mark.parametrize("name", ["latitude", "temperature", "tz_offset", "emb_2"])
def test_measures_that_are_often_below_zero_are_not_noted(name):
    assert not read(ITEMS, log(**{name: pieces})).log.count("below zero")


def test_a_number_of_the_user_is_none_of_the_event():
    table = log(customer_amount=lambda n: (n % 20) - 5)
    assert n_events(table) == N
    assert not read(ITEMS, table).log.count("below zero")


def test_a_column_without_numbers_below_zero_is_not_the_quantity():
    data = read(ITEMS, log(**{"Units Sold": lambda n: n % 3}))
    assert len(data.interactions) == N
    assert "quantity" not in data.columns.roles


def test_the_question_about_ones_offers_the_quantity():
    table = log(kind=lambda n: "view", vote=lambda n: "" if n % 3 else "-1").rename(
        {"kind": "event_type"}
    )
    with pytest.raises(DataError, match="--quantity-column vote"):
        read(ITEMS, table)
    table = log(flux=lambda n: "-1" if n % 7 == 0 else "1")
    with pytest.raises(DataError, match="--quantity-column flux"):
        read(ITEMS, table)
