"""Names of event types, and their effect on a log."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.cleaning.cancellation import resolve_negatives
from pennyweight.data.cleaning.event_types import EventTypes
from pennyweight.data.cleaning.feedback import NEGATIVE, NEUTRAL, TAKEN_BACK
from pennyweight.data.cleaning.vocabulary import is_purchase, is_removal, sense_of
from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame({"item_id": list("abcdef"), "title": [f"thing {c}" for c in "abcdef"]})
T0 = 1_600_000_000
NAMES = {
    "positive": """
        view click clicks pageview page_view detail like thumbs_up upvote favorite favourite save
        wishlist bookmark follow play listen watch complete read download share rate review rating
        add_to_cart addToCart cart atc addtocart purchase buy order transaction bought checkout pv
        fav carts orders view_item select_item begin_checkout add_to_wishlist star video_play
        search_click PURCHASED booked ViewContent addToFavorites detail-page-view interaction event
        Product.Viewed Order.Completed Product.Added Add.to.cart Product.Clicked
        swiped_right return_to_cart returned_to_page strongly.agree very_satisfied hotel_click
        superlike rewatch add_to_queue 👍 ❤️ very.good""",
    "negative": """
        dislike thumbs_down thumbsDown downvote hide block report not_interested notInterested
        return returned refund refunded cancel cancelled canceled chargeback remove_from_cart
        removed remove unlike unfavorite unsave unfollow unsubscribe delete reject uninstall bounce
        removeFromCart removefromcart REMOVE_FROM_WISHLIST item_returned order_canceled hidden
        not_recommended cart_removal -1 nope show_fewer refund_issued unenrolled remove_from_queue
        bad 👎 👎🏽 swiped_left SwipedLeft left_swipe thumbs_up_removed remove_thumbs_up
        favorite_off cart_emptied cart_clear empty_cart clear_wishlist strongly_disagree
        very.dissatisfied
        Product.Removed Order.Refunded Order.Cancelled Product.Removed.From.Wishlist""",
    "neutral": """
        impression impressions shown exposure display served rendered recommended search login
        logout page_load heartbeat pause notification_sent email_sent view_item_list view_promotion
        view_search_results item_impression not_clicked no_click non-click skip session_start
        unread cart_abandoned order_failed scroll snooze quit
        undislike unblock unmute unhide remove_dislike dislike_removed undo_block test_event
        bot_view crawler_click play_error thumbs_down_removed clear_search
        Product.List.Viewed Products.Searched Promotion.Viewed""",
    "doubtful": "unmatched return_visit star_1 rated_2 review_1_star "
    "return_to_sender refund_rejected report_viewed churn deselect",
    "unknown": "type_7 3 unlock discover unique discount dispatch achat sales_report "
    "playback_stopped frobnicate_view off item_off",
}  # a dot stands for a space


def log(*rows):
    columns = ("user_id", "item_id", "timestamp", "event_type")
    return pl.DataFrame(rows, columns, orient="row")


def pairs(data):
    got = data.interactions
    users = [got.users[user] for user in got.user.tolist()]
    return [(user, "abcdef"[item]) for user, item in zip(users, got.item.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("name", "sense"),
    [(name.replace(".", " "), sense) for sense, names in NAMES.items() for name in names.split()],
)
def test_usual_names(name, sense):
    if sense == "doubtful":
        with pytest.raises(DataError, match=f"--event-types {name}=negative"):
            EventTypes().meaning(name)
        return
    meaning = {"negative": "negative", "neutral": "ignore"}.get(sense, 1.0)
    assert EventTypes().meaning(name) == meaning
    assert EventTypes().is_unknown(name) == (sense == "unknown")


@given(st.text(max_size=80))
def test_any_name_has_a_sense(name):
    assert sense_of(name) in ("positive", "negative", "neutral", "unknown", "doubtful")


def test_likes_alone_are_learned_from():
    likes = [(f"u{i}", "abcdef"[i % 6], T0 + i, "like") for i in range(12)]
    dislikes = [(f"u{i}", "abcdef"[(i + 1) % 6], T0 + 100 + i, "dislike") for i in range(12)]
    impressions = [(f"u{i}", "abcdef"[(i + 2) % 6], T0 + 200 + i, "impression") for i in range(12)]
    both, alone = read(ITEMS, log(*likes, *dislikes, *impressions)), read(ITEMS, log(*likes))
    assert pairs(both) == pairs(alone)
    assert both.interactions.kinds == ("like",)
    counts = {e.reason: e.count for e in both.log.entries if e.action == "dropped"}
    assert counts == {NEGATIVE: 12, NEUTRAL: 12}
    assert both.log.rows_read["events"] == both.log.rows_kept["events"] + sum(counts.values())
    assert "event types: like 1; negative: dislike; ignored: impression" in str(both.log)
    against = both.interactions.negative
    assert against.user.tolist() == list(range(12)) and against.item.tolist()[:2] == [1, 2]


def test_a_negative_event_takes_back_earlier_events_on_the_same_item():
    data = read(
        ITEMS,
        log(
            ("u", "a", T0, "click"),
            ("u", "a", T0 + 5, "dislike"),
            ("u", "b", T0 + 1, "purchase"),
            ("u", "b", T0 + 2, "returned"),
            ("u", "b", T0 + 3, "buy"),
            ("u", "c", T0 + 4, "dislike"),
            ("u", "c", T0 + 6, "like"),
            ("u", "d", T0 + 7, "add_to_cart"),
            ("u", "d", T0 + 7, "remove_from_cart"),
            ("v", "a", T0 + 1, "click"),
        ),
    )
    assert pairs(data) == [("u", "b"), ("u", "c"), ("v", "a")]
    assert data.log.count(TAKEN_BACK) == 3
    against = data.interactions.negative
    assert ["abcdef"[i] for i in against.item.tolist()] == ["a", "d"]
    assert against.of(0).tolist() == [0, 3] and against.of(1).tolist() == []


def test_a_removal_from_the_cart_leaves_the_purchase():
    data = read(
        ITEMS,
        log(
            ("u", "a", T0, "cart"),
            ("u", "a", T0 + 1, "purchase"),
            ("u", "a", T0 + 2, "cart"),
            ("u", "a", T0 + 3, "remove_from_cart"),
            ("u", "b", T0 + 4, "cart"),
            ("u", "b", T0 + 5, "Product Removed"),
            ("u", "c", T0 + 6, "order"),
            ("u", "c", T0 + 7, "unlike"),
            ("u", "c", T0 + 8, "order_refunded"),
            ("u", "d", T0 + 9, "purchase"),
            ("u", "d", T0 + 10, "dislike"),
        ),
    )
    assert pairs(data) == [("u", "a")] and data.interactions.kinds == ("purchase",)
    assert data.interactions.negative.item.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "removal", "purchase"),
    [
        ("remove_from_cart", True, False),
        ("unlike", True, False),
        ("removed", True, False),
        ("Product Removed From Wishlist", True, False),
        ("unfollow", True, False),
        ("remove_from_queue", True, False),
        ("add_payment_info", False, False),
        ("dislike", False, False),
        ("refund", False, False),
        ("delete_order", False, False),
        ("purchase", False, True),
        ("Order Completed", False, True),
        ("order_refunded", False, False),
        ("view", False, False),
        ("not_interested", False, False),
        ("transaction", False, True),
    ],
)
def test_removals_and_purchases(name, removal, purchase):
    assert (is_removal(name), is_purchase(name)) == (removal, purchase)


def test_without_times_the_order_of_rows_counts():
    rows = pl.DataFrame(
        {
            "user_id": ["u", "u", "u", "u"],
            "item_id": ["a", "a", "b", "b"],
            "event_type": ["like", "unlike", "unlike", "like"],
        }
    )
    assert pairs(read(ITEMS, rows)) == [("u", "b")]


def test_somebody_with_only_negative_events_is_a_user():
    data = read(ITEMS, log(("u", "a", T0, "dislike"), ("v", "b", T0, "like")), strict=True)
    assert tuple(data.interactions.users) == ("u", "v")
    assert data.interactions.histories.length.tolist() == [0, 1]
    assert data.interactions.negative.of(0).tolist() == [0]


def test_the_core_is_one_of_positive_events():
    rows = [(u, i, T0 + at, "like") for at, (u, i) in enumerate(["ua", "ub", "va", "vb", "wa"])]
    rows += [("w", "b", T0 + 9, "dislike"), ("u", "c", T0 + 9, "dislike")]
    data = read(ITEMS, log(*rows), k_core=2)
    assert pairs(data) == [("u", "a"), ("u", "b"), ("v", "a"), ("v", "b")]
    assert tuple(data.interactions.users) == ("u", "v")
    assert data.interactions.negative.of(0).tolist() == [2]


def test_a_chosen_meaning_goes_before_the_usual_one():
    rows = log(
        ("u", "a", T0, "View"),
        ("u", "b", T0 + 1, "buy"),
        ("u", "c", T0 + 2, "dislike"),
        ("u", "d", T0 + 3, "foo"),
    )
    chosen = {"view": "ignore", "BUY": 3, "dislike": 0.5, "foo": "negative"}
    data = read(ITEMS, rows, event_types=chosen)
    assert pairs(data) == [("u", "b"), ("u", "c")]
    assert data.interactions.weight.tolist() == [3, 0.5]
    assert "event types: buy 3, dislike 0.5; negative: foo; ignored: View" in str(data.log)


def test_the_weight_column_is_multiplied():
    rows = log(("u", "a", T0, "view"), ("u", "b", T0 + 1, "buy")).with_columns(
        weight=pl.Series([2, 4])
    )
    data = read(ITEMS, rows, event_types={"buy": 3})
    assert data.interactions.weight.tolist() == [2, 12]


def test_unknown_names_are_named():
    data = read(ITEMS, log(("u", "a", T0, "type_7"), ("u", "b", T0 + 1, "view")))
    assert len(data.interactions) == 2
    (entry,) = [e for e in data.log.entries if "unknown event type" in e.reason]
    assert (entry.count, "'type_7'" in entry.reason) == (1, True)


@pytest.mark.parametrize(
    ("types", "chosen", "words"),
    [
        (["view", "unmatched"], None, "--event-types unmatched=negative"),
        (["0", "1"], None, "--event-types 0=ignore,1=1"),
        (["view", "buy"], {"buy": "bad"}, "a weight above 0, 'negative' or 'ignore'"),
        (["view", "buy"], {"buy": 0}, "a weight above 0"),
        (["view", "buy"], {"buy": float("nan")}, "a weight above 0"),
    ],
)
def test_doubt_is_an_error(types, chosen, words):
    rows = log(*(("u", "abcdef"[i], T0 + i, name) for i, name in enumerate(types)))
    with pytest.raises(DataError, match=words):
        read(ITEMS, rows, event_types=chosen)


def test_meanings_need_a_column_of_types():
    with pytest.raises(DataError, match="--type-column"):
        read(ITEMS, log(("u", "a", T0, "view")).drop("event_type"), event_types={"view": 2})


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 4), st.booleans()),
        max_size=30,
    )
)
def test_taken_back_is_as_by_hand(rows):
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    user, item = (np.array(column, np.int32) for column in columns[:2])
    time, negative = np.array(columns[2], float), np.array(columns[3], bool)
    taken, lasting = resolve_negatives(user, item, time, negative)
    ends = set()
    for at, (u, i, t, against) in enumerate(rows):
        same = [row for row in rows if row[:2] == (u, i)]
        later = any(row[3] and row[2] >= t for row in same)
        assert taken[at] == (not against and later)
        assert not lasting[at] or (against and not any(not r[3] and r[2] > t for r in same))
        if against and not any(not row[3] and row[2] > t for row in same):
            ends.add((u, i))
    assert {(u, i) for (u, i, _, _), last in zip(rows, lasting, strict=True) if last} == ends
    assert lasting.sum() == len(ends)


def test_where_all_events_are_negative_the_types_are_the_remedy():
    items = pl.DataFrame({"item_id": ["a", "b"], "title": ["red cup", "tin pot"]})
    log = pl.DataFrame({"user_id": ["u", "v"], "item_id": ["a", "b"], "event": ["dislike", "hide"]})
    with pytest.raises(DataError, match=r"no event is left.*--event-types TYPE=1") as caught:
        read(items, log)
    assert "--weight-column" not in str(caught.value)


def rows_of(kinds, **more):
    """Return 60 events of 12 users with types in turn, and more columns by the row."""
    table = log(
        *((f"u{n % 12}", "abcdef"[n // 12], T0 + n, kinds[n % len(kinds)]) for n in range(60))
    )
    return table.with_columns(
        pl.Series(name, [value(n) for n in range(60)]) for name, value in more.items()
    )


@pytest.mark.parametrize(
    ("name", "on", "off"),
    [
        *(("state", "on", "off"), ("status", "On", "Off")),
        *(("enabled", "true", "false"), ("is_checked", "1", "0"), ("toggle", "yes", "no")),
    ],
)
def test_a_favorite_that_is_switched_off_is_taken_back(name, on, off):
    table = rows_of(["favorite"], **{name: lambda n: on if n % 7 else off})
    data = read(ITEMS, table)
    assert len(data.interactions) == 60 - 9
    assert "negative: favorite off" in str(data.log)


def test_switches_of_other_deeds_and_of_users_change_nothing():
    views = rows_of(["view"], state=lambda n: "on" if n % 7 else "off")
    assert len(read(ITEMS, views).interactions) == 60
    of_users = rows_of(["favorite"], active=lambda n: "true" if n % 12 < 6 else "false")
    assert len(read(ITEMS, of_users).interactions) == 60


def test_answers_of_a_questionnaire_are_opinions():
    answers = [
        "Strongly agree",
        "Agree",
        "Neither agree nor disagree",
        "Disagree",
        "Strongly disagree",
    ]
    table = rows_of(answers).rename({"event_type": "answer"})
    data = read(ITEMS, table)
    assert len(data.interactions) == 24
    assert len(data.interactions.negative.item) == 24


def test_a_type_with_an_unknown_word_is_named():
    data = read(ITEMS, rows_of(["view", "frobnicate_view", "hotel_click", "playback_stopped"]))
    (entry,) = [e for e in data.log.entries if "unknown event type" in e.reason]
    assert "'frobnicate_view', 'playback_stopped'" in entry.reason and "hotel" not in entry.reason
    assert entry.count == 30


def test_days_of_the_week_are_no_answers():
    table = rows_of(["Sat", "Sun", "Mon"]).rename({"event_type": "day"})
    assert len(read(ITEMS, table).interactions) == 60
