"""Flags and dates of returns and cancellations, in the forms of many programs."""

import pytest
from test_rating_scales import ITEMS, N, log

from pennyweight.data.dataset import read

FORMS = [
    ("yes", "no"),
    ("true", "false"),
    (1, 0),
    ("J", "N"),
    ("oui", "non"),
    ("si", "no"),
    ("sí", "no"),
    ("sim", "não"),
    ("y", "n"),
    ("t", "f"),
    ("x", None),
    ("X", ""),
    ("✓", ""),
    ("2023-05-01", None),
    ("WAHR", "FALSCH"),
    ("VRAI", "FAUX"),
    ("да", "нет"),
    ("是", "否"),
    ("はい", "いいえ"),
    ("on", "off"),
    ("checked", "unchecked"),
    ("evet", "hayır"),
    ("tak", "nie"),
]
DATES = [
    ("2023-05-01", None),
    ("2023-05-01T10:00:00Z", ""),
    ("01.05.2023", ""),
    (1683000000, None),
    ("2023-05-01", "0000-00-00 00:00:00"),
    (1683000000, 0),
]


def cycle(*values):
    return [values[at % len(values)] for at in range(N)]


@pytest.mark.parametrize(("yes", "no"), FORMS)
@pytest.mark.parametrize(
    "name",
    [
        "is_returned",
        "cancelled",
        "refunded",
        "is_dislike",
        "disliked",
        "deleted",
        "not_interested",
        "hidden",
        "thumbs_down",
        "storniert",
        "rueckgabe",
        "gelöscht",
        "gekündigt",
        "annulé",
        "devuelto",
        "eliminado",
    ],
)
def test_a_flag_that_says_yes_takes_back(name, yes, no):
    data = read(ITEMS, log(**{name: cycle(no, no, yes)}))
    assert len(data.interactions) == 2 * N / 3 and len(data.interactions.negative.user) == N / 3


@pytest.mark.parametrize(("at", "never"), DATES)
@pytest.mark.parametrize(
    "name",
    [
        "cancelled_at",
        "refunded_at",
        "deletedAt",
        "returned_on",
        "disliked_at",
        "Stornodatum",
        "date_annulation",
        "fecha_devolucion",
        "Rückgabedatum",
        "removed_at",
    ],
)
def test_a_date_takes_back(name, at, never):
    data = read(ITEMS, log(**{name: cycle(never, never, at)}))
    assert len(data.interactions) == 2 * N / 3 and len(data.interactions.negative.user) == N / 3


@pytest.mark.parametrize(
    "begin",
    ["depart_date", "departure_date", "pickup_date", "pick_up_date", "issue_date", "outbound"],
)
def test_the_way_back_of_a_trip_or_the_end_of_a_loan_takes_nothing_back(begin):
    dates = cycle("2023-05-01", "2023-05-02", "2023-05-03", "2023-05-04")
    table = log(**{begin: dates, "return_date": cycle(None, None, "2023-05-09")})
    data = read(ITEMS, table, columns={"time": "timestamp"})
    assert len(data.interactions) == N
    assert data.log.count("'return_date' is the end of a loan or a trip") == N / 3


@pytest.mark.parametrize(
    "name",
    ["cancel_by", "return_by", "free_cancellation_until", "return_deadline", "return_due_date"],
)
def test_a_deadline_takes_nothing_back(name):
    assert len(read(ITEMS, log(**{name: cycle(None, None, "2023-05-09")})).interactions) == N


@pytest.mark.parametrize(
    "name",
    [
        "returned_visitor",
        "is_return_customer",
        "returning_user",
        "unsubscribed",
        "flagged_for_review",
        "is_blocked_user",
        "deleted_account",
        "removed_from_sale",
    ],
)
def test_a_mark_on_a_user_or_the_catalog_takes_nothing_back(name):
    assert len(read(ITEMS, log(**{name: cycle("no", "no", "yes")})).interactions) == N


@pytest.mark.parametrize("name", ["cancelled_by_customer", "customer_cancelled"])
def test_who_canceled_says_that_it_was_canceled(name):
    data = read(ITEMS, log(**{name: cycle("no", "no", "yes")}))
    assert len(data.interactions) == 2 * N / 3
