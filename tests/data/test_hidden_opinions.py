"""Columns that say no beside those that are read, and users that are employees."""

import polars as pl
import pytest
from test_rating_scales import ITEMS, N, log

from pennyweight.data.dataset import read
from pennyweight.errors import DataError


def cycle(*values):
    return [values[at % len(values)] for at in range(N)]


def counts(**columns):
    data = read(ITEMS, log(**columns))
    return len(data.interactions), len(data.interactions.negative.user)


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        ("vote", "+1", "-1"),
        ("vote", "1", "-1"),
        ("thumbs", 1, -1),
        ("reaction", "+1", "-1"),
        ("vote", "+", "-"),
        ("vote", "⬆️", "⬇️"),
        ("vote", "pos", "neg"),
        ("reaction", "💚", "💔"),
        ("liked", "✓", "✗"),
        ("liked", "+1", "-1"),
        ("swipe", "right", "left"),
    ],
)
def test_signs_and_symbols_are_opinions(name, yes, no):
    assert counts(**{name: cycle(yes, yes, yes, no)}) == (3 * N / 4, N / 4)


def test_numbers_of_likes_are_no_answers():
    assert counts(rating=cycle(4, 5), likes=cycle("0", "3", "150", "2", "20")) == (N, 0)


@pytest.mark.parametrize(
    "columns",
    [
        {"event_type": cycle("watch"), "liked": cycle(1, 1, 0)},
        {"event_type": cycle("feedback"), "vote": cycle("up", "up", "down")},
        {"type": cycle("track"), "name": cycle("Product Viewed", "Product Removed")},
        {"event_type": cycle("order"), "order_type": cycle("sale", "sale", "return")},
        {"event": cycle("struct"), "se_action": cycle("add-to-basket", "remove-from-basket")},
        {"rating": cycle("5", "", "4", ""), "thumbs": cycle("", "down", "", "")},
        {"Reporting Category": cycle("sale", "refund")},
        {"event_category": cycle("like", "like", "dislike")},
        {"channel": cycle("sale", "", "Credit Note")},
        {"transaction_category": cycle("charge", "fee", "payout", "refund")},
        {"vote": cycle("", "-1", "")},
        {"doc_type": cycle("INV", "CN")},
        {"document": cycle("Facture", "Avoir")},
        {"document_type": cycle("Invoice", "Invoice", "Credit Note")},
    ],
)
def test_an_opinion_that_is_not_read_is_asked_about(columns):
    with pytest.raises(DataError, match="may say"):
        read(ITEMS, log(**columns))
    read(ITEMS, log(**columns), columns={"type": None, "status": None})


@pytest.mark.parametrize(
    "columns",
    [
        {"event_type": cycle("view"), "source": cycle("search", "email", "push")},
        {"event_type": cycle("view"), "purchased": cycle(0, 0, 1)},
        {"event_type": cycle("view", "dislike", "view"), "channel": cycle("web", "app")},
        {"event_type": cycle("review"), "rating": cycle(4, 5), "recommended": cycle(1, 1, 0)},
        {"page": cycle("cart", "returns", "view")},
        {"comment": cycle("nice", "late", "hidden gem", "")},
        {"quantity": cycle(1, 1, -1), "category": cycle("sale", "sale", "return")},
    ],
)
def test_other_columns_raise_no_question(columns):
    read(ITEMS, log(**columns))


@pytest.mark.parametrize(
    "name",
    ["credit_note", "Credit Memo", "CreditMemo", "Nota de crédito", "Anulowanie", "Stornováno"],
)
def test_credit_notes_are_returns(name):
    assert counts(type=cycle("sale", "sale", name)) == (2 * N / 3, N / 3)


@pytest.mark.parametrize(
    "state", ["trash", "wc-checkout-draft", "Refused by customer", "Undeliverable", "Not delivered"]
)
def test_orders_that_never_arrived_are_no_purchases(state):
    assert counts(status=cycle("completed", "completed", state)) == (2 * N / 3, 0)


def staffed(**columns):
    table = log()
    buyers = table["user_id"].to_list()
    return table.with_columns(
        pl.Series(name, [values(at, buyers[at]) for at in range(N)])
        for name, values in columns.items()
    )


@pytest.mark.parametrize("name", ["customer_id", "buyer_email", "Kunde"])
def test_buyers_beside_employees_are_asked_about(name):
    table = staffed(user_id=lambda at, _: at % 3, **{name: lambda _, buyer: buyer})
    with pytest.raises(DataError, match=f"--user-column {name}"):
        read(ITEMS, table)
    assert len(read(ITEMS, table, columns={"user": name}).interactions.users) == 30


def test_sessions_and_browsers_of_users_raise_no_question():
    table = staffed(
        session_id=lambda at, buyer: f"{buyer}-{at % 5}", device_id=lambda _, buyer: f"d{buyer}"
    )
    assert "named like users" not in str(read(ITEMS, table).log)


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        ("reaction", "hot", "not"),
        ("verdict", "Hit", "Miss"),
        ("judgement", "smash", "pass"),
        ("decision", "keep", "toss"),
        ("juror", "yay", "nay"),
    ],
)
def test_pairs_of_opposites_are_asked_about(name, yes, no):
    with pytest.raises(DataError, match=f"{name}.*{no}=negative"):
        counts(**{name: cycle(yes, yes, no)})


def test_hits_of_a_cache_are_no_opinions():
    assert counts(cache_status=cycle("HIT", "MISS")) == (N, 0)
