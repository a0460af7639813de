"""Exports of shops, players and sites, in which some rows are no liking."""

import pytest
from test_rating_scales import ITEMS, N, log

from pennyweight.data.dataset import read
from pennyweight.errors import DataError


def cycle(*values):
    return [values[at % len(values)] for at in range(N)]


@pytest.mark.parametrize(
    ("name", "fine", "against"),
    [
        ("Order Status", "wc-completed", "wc-refunded"),  # WooCommerce
        ("status", "complete", "fraud"),  # Magento
        ("order_status", "Shipped", "Incomplete"),  # BigCommerce
        ("state", "sale", "cancel"),  # Odoo
        ("booking_status", "confirmed", "no_show"),
        ("status", "applied", "withdrawn"),
        ("Captured", "true", "false"),  # Stripe
        ("paid", 1, 0),
        ("disputed", "false", "true"),
        ("success", "true", "false"),
        ("attended", "yes", "no"),
        ("voted_up", "true", "false"),  # Steam
        ("Likes", "True", "False"),  # Jellyfin
        ("Played", "True", "False"),
        ("watched_status", 1, 0),  # Tautulli
        ("completionstate", 2, 0),  # Moodle
        ("thumb_type", "THUMBS_UP", "THUMBS_DOWN"),  # Pandora
        ("action", "scrobble", "ban"),  # Last.fm
        ("event", "Product Viewed", "Order Refunded"),  # Segment
        ("event_name", "add_to_cart", "refund"),  # Google Analytics
        ("decision", "yes", "no"),
        ("reaction", ":thumbsup:", ":thumbsdown:"),
        ("smiley", ":-)", ":("),
        ("feedback", "useful", "not useful"),
        ("preference", "prefer", "avoid"),
        ("Sales Document Type", "Standard Order", "Returns"),  # SAP
        ("Supplemental Video Type", "", "TRAILER"),  # Netflix
    ],
)
def test_rows_that_are_no_liking(name, fine, against):
    data = read(ITEMS, log(**{name: cycle(fine, fine, against)}))
    assert len(data.interactions) == 2 * N / 3


@pytest.mark.parametrize(
    ("name", "standing", "returned"),
    [
        ("refund_status", "none", "full"),
        ("refund_status", "", "approved"),
        ("return_state", None, "completed"),
        ("return_status", "NO_RETURN", "RETURN_COMPLETE"),  # Shopify
        ("return_status", "requested", "received"),
        ("return_id", None, "77123"),
        ("refund_id", "", "R-12"),
        ("rma_number", None, "RMA9"),
        ("credit_note_no", "", "CN-12"),
        ("订单状态", "已完成", "已取消"),
        ("注文状況", "発送済み", "キャンセル"),
        ("주문상태", "배송완료", "취소완료"),
        ("Статус заказа", "Выполнен", "Отменён"),
        ("Sipariş Durumu", "Teslim Edildi", "İptal Edildi"),
        ("Status zamówienia", "Zrealizowane", "Anulowane"),
    ],
)
def test_states_and_numbers_of_returns(name, standing, returned):
    data = read(ITEMS, log(**{name: cycle(standing, standing, returned)}))
    assert len(data.interactions) == 2 * N / 3 and len(data.interactions.negative.user) == N / 3


def test_what_spotify_says_of_skips():
    columns = {
        "ms_played": cycle(200_000, 800, 180_000, 90_000),
        "reason_end": cycle("trackdone"),
        "skipped": cycle(False, False, False, True),
        "shuffle": cycle(True, False, False),
    }
    assert len(read(ITEMS, log(**columns)).interactions) == N / 2


@pytest.mark.parametrize(
    ("name", "codes", "rarest"),
    [
        ("Thumbs Value", (2, 3, 2, 3, 1), "1"),
        ("VoteTypeId", (2, 2, 5, 5, 3), "3"),
        ("sale_type", ("S", "S", "S", "S", "T"), "T"),
    ],
)
def test_codes_of_votes_are_asked_about(name, codes, rarest):
    table = log(**{name: cycle(*codes)})
    with pytest.raises(DataError, match=f"--event-types {rarest}=negative"):
        read(ITEMS, table)
    answer = {"columns": {"type": name}, "event_types": {rarest: "negative"}}
    assert len(read(ITEMS, table, **answer).interactions) == 4 * N / 5
    assert len(read(ITEMS, table, columns={"type": None}).interactions) == N


@pytest.mark.parametrize(
    ("name", "fine", "against"),
    [
        ("action", "vue", "masquer"),
        ("action", "ver", "ocultar"),
        ("action", "ansehen", "ausblenden"),
        ("action", "vista", "nascondi"),
        ("aktion", "gesehen", "ausgeblendet"),
        ("accion", "compra", "eliminado del carrito"),
        ("действие", "просмотр", "скрыть"),
        ("行为", "点击", "举报"),
        ("result", "success", "failure"),
        ("outcome", "won", "lost"),
    ],
)
def test_words_that_put_an_item_away_are_asked_about(name, fine, against):
    with pytest.raises(DataError, match=f"{against}.*--(type-column|event-types)"):
        read(ITEMS, log(**{name: cycle(fine, "xyzzy", against)}))


@pytest.mark.parametrize("name", ["would_buy_again", "recommend_to_friend", "Weiterempfehlung"])
def test_answers_about_buying_again_are_opinions(name):
    data = read(ITEMS, log(**{name: cycle("yes", "yes", "no")}))
    assert (len(data.interactions), len(data.interactions.negative.user)) == (2 * N / 3, N / 3)


def test_directions_of_swipes_are_asked_about():
    with pytest.raises(DataError, match="--type-column direction --event-types left=negative"):
        read(ITEMS, log(direction=cycle("right", "right", "left")))


def test_orders_that_are_not_valid_are_asked_about():
    table = log(id_order=list(range(N)), valid=cycle(1, 1, 0))
    with pytest.raises(DataError, match="--type-column valid --event-types 0=ignore"):
        read(ITEMS, table)
    answer = {"columns": {"type": "valid"}, "event_types": {"0": "ignore", "1": 1}}
    assert len(read(ITEMS, table, **answer).interactions) == 2 * N / 3
