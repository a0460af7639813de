"""States of orders beside those of their lines, and states that are codes."""

import pytest
from test_rating_scales import ITEMS, N, log

from pennyweight.data.dataset import read
from pennyweight.errors import DataError


def cycle(*values):
    return [values[at % len(values)] for at in range(N)]


def n_events(**columns):
    return len(read(ITEMS, log(**columns)).interactions)


@pytest.mark.parametrize(
    ("order", "line", "fine", "undone"),
    [
        ("order_status", "item_status", "shipped", "cancelled"),
        ("order_status", "line_status", "delivered", "returned"),
        ("order_status", "lineStatus", "complete", "refunded"),
        ("status", "lineitem_status", "paid", "Refunded"),
        ("status", "payment_status", "paid", "voided"),
        ("status", "fulfillment_status", "fulfilled", "restocked"),
        ("status", "sub_status", "shipped", "returned to sender"),
        ("Financial Status", "Lineitem fulfillment status", "fulfilled", "restocked"),
        ("Bestellstatus", "Positionsstatus", "versendet", "storniert"),
        ("Auftragsstatus", "Artikelstatus", "versendet", "retourniert"),
        ("statut_commande", "statut_article", "expédié", "remboursé"),
        ("estado_pedido", "estado_linea", "enviado", "devuelto"),
        ("stato_ordine", "stato_articolo", "spedito", "annullato"),
        ("status", "reading_status", "finished", "dropped"),
    ],
)
def test_a_line_is_undone_by_its_state_or_that_of_its_order(order, line, fine, undone):
    orders, lines = cycle(fine, fine, "cancelled"), cycle(fine, undone)
    assert n_events(**{order: orders, line: lines}) == N / 3
    assert n_events(**{order: cycle("complete"), line: lines}) == N / 2
    assert n_events(**{line: lines}) == N / 2


def test_states_of_other_things_are_not_asked_about():
    assert n_events(review_status=cycle("rejected", ""), sync_status=cycle("ok", "failed")) == N


def test_states_of_unknown_things_are_asked_about():
    table = log(mystery_status=cycle("shipped", "returned"), order_status=cycle("complete"))
    with pytest.raises(DataError, match="--status-column mystery_status"):
        read(ITEMS, table)
    assert len(read(ITEMS, table, columns={"status": "mystery_status"}).interactions) == N / 2
    assert len(read(ITEMS, table, columns={"status": None}).interactions) == N


@pytest.mark.parametrize("name", ["current_state", "id_order_state", "Current State"])
def test_states_of_prestashop_are_known(name):
    data = read(ITEMS, log(**{name: cycle(2, 4, 5, 3, 6, 7, 8)}))
    assert len(data.interactions) == sum(at % 7 < 4 for at in range(N))
    assert len(data.interactions.negative.user) == sum(at % 7 in (4, 5) for at in range(N))
    assert "read as PrestaShop's: taken back: 6, 7; ignored: 8; counted: 2, 3" in str(data.log)


@pytest.mark.parametrize(
    ("name", "codes", "rarest"),
    [
        ("order_status_id", (1, 5, 3, 5, 3, 1, 7), "7"),
        ("status_code", (1, 1, 5, 5, 11), "11"),
        ("statusId", (10, 20, 20, 10, 90), "90"),
        ("etat", (2, 3, 2, 3, 6), "6"),
        ("payment_state", ("12", "17", "12", "17", "20"), "20"),
        ("order_status", ("S", "O", "S", "O", "X"), "X"),
        ("Statuscode", ("S10", "S10", "S90"), "S90"),
    ],
)
def test_codes_are_asked_about(name, codes, rarest):
    table = log(**{name: cycle(*codes)})
    with pytest.raises(DataError, match=f"--type-column {name} --event-types {rarest}=negative"):
        read(ITEMS, table)
    right = sum(str(code) != rarest for code in table[name].to_list())
    answer = {"columns": {"type": name}, "event_types": {rarest: "negative"}}
    assert len(read(ITEMS, table, **answer).interactions) == right
    assert len(read(ITEMS, table, columns={"status": None}).interactions) == N


@pytest.mark.parametrize("name", ["state_name", "order_status", "status_label", "Status Text"])
def test_codes_beside_their_names_are_not_asked_about(name):
    codes, names = cycle(2, 4, 6, 7), cycle("Paid", "Shipped", "Canceled", "Refunded")
    assert n_events(**{"order_status_id": codes, name: names}) == N / 2
    assert n_events(**{"order_state": codes, name: names}) == N / 2


def test_codes_of_requests_and_regions_are_no_states_of_orders():
    assert n_events(status_code=cycle(200, 304, 404)) == 2 * N / 3
    assert n_events(state=cycle("CA", "NY", "TX")) == N
    table = log()
    letters = ["AI"[int(user[1:]) % 2] for user in table["user_id"].to_list()]
    assert n_events(status=letters) == N
    codes = [int(user[1:]) % 5 for user in table["user_id"].to_list()]
    assert n_events(state_id=codes) == N
