"""States of orders in many languages, stages of deals, types of documents, earlier orders."""

import polars as pl
import pytest

from pennyweight.data.cleaning.order_states import state_in
from pennyweight.data.dataset import read
from pennyweight.errors import DataError

N, T0 = 240, 1_600_000_000
ITEMS = pl.DataFrame({"item_id": [f"i{i}" for i in range(60)], "title": ["a thing"] * 60})


def log(**more):
    """Return 240 orders of 40 users, no pair twice, with more columns by the row."""
    table = pl.DataFrame(
        {
            "user_id": [f"u{n % 40}" for n in range(N)],
            "item_id": [f"i{(n + n // 60 * 7 + n // 40) % 60}" for n in range(N)],
            "timestamp": [T0 + n * 3_600 for n in range(N)],
        }
    )
    return table.with_columns(
        pl.Series(name, [value(n) for n in range(N)]) for name, value in more.items()
    )


def turns(*values):
    """Return values in an order that is none of users or items."""
    return lambda n: values[(n * 5 + n // 7) % len(values)]


def count(column, value):
    return sum(column(n) == value for n in range(N))


@pytest.mark.parametrize(
    "state",
    [
        *("Annullerad", "Refunderet", "Refundert", "Kansellert", "Återbetald", "Peruutettu"),
        *("Törölve", "Visszaküldve", "Visszatérítve", "Sztornózva", "Ακυρώθηκε", "Επιστράφηκε"),
        *("Ακυρωμένη", "Đã hủy", "Đã huỷ", "Trả hàng", "Hoàn tiền", "Anulată", "Returnat"),
        *("Otkazano", "Vraćeno", "Dibatalkan", "Dikembalikan", "Скасовано", "Повернено"),
        *("Аннулирован", "בוטלה", "订单取消", "退货退款", "주문취소", "注文キャンセル", "ยกเลิก"),
    ],
)
def test_states_that_take_back(state):
    assert state_in("status", state) == "undone"


@pytest.mark.parametrize(
    "state",
    [
        *("Error", "Timed out", "Deleted", "uncollectible", "requires_payment_method"),
        *("Closed Lost", "closedlost", "交易关闭", "支付失败"),
    ],
)
def test_states_without_a_purchase(state):
    assert state_in("status", state) == "failed"


@pytest.mark.parametrize(
    "state",
    [
        *("Closed Won", "Đã giao", "Đang giao", "Teljesítve", "Παραδόθηκε", "交易成功", "배송완료"),
        *("退款中", "chargeback lost", "Levererad", "Livrat", "Selesai"),
    ],
)
def test_states_that_stand(state):
    assert state_in("status", state) == "counted"


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("állapot", ("Teljesítve", "Törölve", "Feladva")),
        ("κατάσταση", ("Παραδόθηκε", "Ακυρώθηκε", "Απεστάλη")),
        ("trạng thái", ("Đã giao", "Đã hủy", "Đang giao")),
        ("trang_thai_don_hang", ("Đã giao", "Trả hàng", "Đang giao")),
        ("stare", ("Livrată", "Anulată", "Expediată")),
        ("StageName", ("Closed Won", "Closed Lost", "Negotiation")),
        ("dealstage", ("closedwon", "closedlost", "closedwon")),
        ("order_stage", ("shipped", "cancelled", "packed")),
    ],
)
def test_states_under_their_own_names(name, states):
    column = turns(*states)
    data = read(ITEMS, log(**{name: column}))
    assert len(data.interactions) == N - count(column, states[1])
    assert data.log.count(f"states of orders in {name!r}") == N


def test_stages_in_numbers_or_words_of_other_things_are_no_states():
    data = read(ITEMS, log(stage=turns(1, 2, 3), StageName=turns("Awareness", "Interest")))
    assert len(data.interactions) == N


def test_unknown_states_are_listed():
    words = [f"Blorp{chr(65 + k)}" for k in range(10)]
    data = read(ITEMS, log(order_status=turns("completed", *words)))
    entry = next(e for e in data.log.entries if "unknown states in 'order_status'" in e.reason)
    assert all(word in entry.reason for word in words) and "completed" not in entry.reason
    assert "--type-column order_status --event-types BlorpA=negative" in entry.reason
    options = {"columns": {"type": "order_status"}, "event_types": {"BlorpA": "negative"}}
    column = turns("completed", *words)
    assert len(read(ITEMS, log(order_status=column), **options).interactions) == N - count(
        column, "BlorpA"
    )


def test_unknown_states_of_a_column_that_is_not_read_are_listed():
    column = turns("geliefert", "Blorp")
    data = read(ITEMS, log(bestellstatus=column))
    noted = data.log.count("unknown states in 'bestellstatus' count as bought: Blorp")
    assert noted == count(column, "Blorp")


def test_known_states_and_places_are_not_noted():
    table = log(
        order_status=turns("delivered", "shipped", "pending", "cancelled", "refund pending"),
        state=turns("Bavaria", "Hesse"),
        account_status=turns("gold", "silver"),
    )
    assert not read(ITEMS, table).log.count("unknown states")


@pytest.mark.parametrize(
    ("name", "sale", "back"),
    [
        *(("line_type", "S", "R"), ("AUART", "OR", "RE"), ("AUART", "TA", "RE")),
        *(("doc_type", "INV", "CR"), ("order_type", "S", "R"), ("sales_doc_type", "OR", "RE")),
    ],
)
def test_a_code_of_returns_beside_one_of_sales_is_asked_about(name, sale, back):
    column = turns(sale, sale, sale, back, sale)
    with pytest.raises(DataError, match=f"--event-types {back}=negative") as error:
        read(ITEMS, log(**{name: column}))
    assert f"--type-column {name}" in str(error.value)
    data = read(
        ITEMS, log(**{name: column}), columns={"type": name}, event_types={back: "negative"}
    )
    assert len(data.interactions) == N - count(column, back)


@pytest.mark.parametrize("name", ["line_type", "order_type", "record_type"])
def test_other_codes_are_not_asked_about(name):
    assert len(read(ITEMS, log(**{name: turns("A1", "B2", "A1")})).interactions) == N
    assert len(read(ITEMS, log(**{name: turns("W", "X")})).interactions) == N


def test_the_number_of_an_earlier_order_is_noted_where_few_rows_have_one():
    table = log(original_order_id=lambda n: f"o{n}" if n % 7 == 0 else "")
    data = read(ITEMS, table)
    assert len(data.interactions) == N
    assert data.log.count("'original_order_id' names an earlier order") == 35
    data = read(ITEMS, table, columns={"status": "original_order_id"})
    assert len(data.interactions) == N - 35
    table = log(original_transaction_id=lambda n: f"o{n}" if n % 7 else "")
    assert not read(ITEMS, table).log.count("earlier order")


@pytest.mark.parametrize("name", ["refunded_order_id", "return_of", "returned_transaction_no"])
def test_the_number_of_the_returned_order_marks_a_return(name):
    assert len(
        read(ITEMS, log(**{name: lambda n: f"o{n}" if n % 7 == 0 else ""})).interactions
    ) == (N - 35)


def test_a_closed_order_beside_complete_ones_is_named():
    data = read(ITEMS, log(status=turns("complete", "closed", "processing", "canceled")))
    assert data.log.count("unknown states in 'status' count as bought: closed;")
    data = read(ITEMS, log(status=turns("completed", "closed", "canceled")))
    assert not data.log.count("unknown states")


def test_other_original_columns_are_no_numbers_of_orders():
    table = log(original_id=lambda n: f"o{n}" if n % 7 == 0 else "")
    assert not read(ITEMS, table).log.count("earlier order")
