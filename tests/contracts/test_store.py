"""What every store promises, over every store."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pennyweight.serving.stores.protocol import (
    IMPRESSION,
    AttributedEvent,
    Audit,
    ErasureCounts,
    Event,
    ListExposure,
    Recommendation,
    Store,
    StoredItem,
)
from pennyweight.serving.stores.sqlite import SQLiteStore

STORES: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda folder: SQLiteStore(folder / "store.sqlite"),
}


@pytest.fixture(params=STORES)
def make(request, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    opened: list[Store] = []

    def open_store() -> Store:
        opened.append(STORES[request.param](tmp_path))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(make) -> Store:
    return make()


def event(number: int, user: str = "ann", **more) -> Event:
    values = {"item": f"i{number}", "kind": "view", "time": 1000.0 + number} | more
    return Event(f"e{number}", user, **values)


def recommendation(number: int, user: str | None = "ann", **more) -> Recommendation:
    values = {"time": float(number), "bundle_version": "m1", "scenario": None, "source": "history"}
    items = (("a", 1.5), ("b", 0.25))
    return Recommendation(f"r{number}", user, **(values | {"items": items} | more))


def test_a_new_store_is_empty(store):
    assert store.counts() == {"events": 0, "items": 0, "recommendations": 0}
    assert store.history("ann", 10) == store.events_of("ann") == store.users(10) == []
    assert store.item("a") is None
    assert store.recommendation("r") is None
    assert store.setting("x") is None
    assert store.audits(5) == store.items() == store.check() == []
    assert store.exposures(0.0, 9) == store.attributed(0.0, 9) == []
    assert store.list_counts(0.0, 1e12) == {}


def test_a_history_is_the_newest_events_oldest_first(store):
    assert store.add_events([event(3), event(1), event(2), event(9, "bob")]) == 4
    assert [e.item for e in store.history("ann", 2)] == ["i2", "i3"]
    assert store.history("ann", 99) == [event(1), event(2), event(3)]
    assert store.users(10) == ["ann", "bob"]
    assert store.users(10, after="ann") == ["bob"]
    assert store.users(1) == ["ann"]


def test_events_of_one_moment_stay_in_the_order_in_which_they_came(store):
    store.add_events([event(n, time=5.0) for n in (4, 2, 7)])
    assert [e.event_id for e in store.history("ann", 9)] == ["e4", "e2", "e7"]


def test_an_event_is_kept_once(store):
    assert store.add_events([event(1), event(2)]) == 2
    assert store.add_events([event(2, item="other"), event(3)]) == 1
    assert store.history("ann", 9) == [event(1), event(2), event(3)]
    assert store.add_events([]) == 0


def test_impressions_do_not_count_in_histories(store):
    impressions = [event(1, kind=IMPRESSION, position=p, item=f"s{p}") for p in range(3)]
    assert store.add_events([*impressions, event(2)]) == 4
    assert store.history("ann", 9) == [event(2)]
    assert len(store.events_of("ann")) == 4
    assert store.add_events([event(5, "zoe", kind=IMPRESSION)]) == 1
    assert store.users(9) == ["ann"]


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_events_of_a_user_come_in_pages(store, n):
    impressions = [event(1, kind=IMPRESSION, position=p, item=f"s{p}") for p in range(3)]
    history = [event(9), event(2, time=5.0), event(3, time=5.0), event(4, time=-3.0)]
    store.add_events([*impressions, *history, event(8, "bob"), event(5, kind=IMPRESSION)])
    whole = store.events_of("ann")
    ids = [("e4", 0), ("e2", 0), ("e3", 0), ("e9", 0), *(("e1", p) for p in range(3)), ("e5", 0)]
    assert [(e.event_id, e.position) for e in whole] == ids
    pages, last = [], None
    while page := store.events_of("ann", n, last):
        assert len(page) == n or len(pages) + len(page) == len(whole)
        pages, last = pages + page, page[-1]
    assert pages == whole
    assert store.user_counts("ann") == (8, 0)
    assert store.user_counts("nobody") == (0, 0)


@pytest.mark.parametrize("n", [1, 2, 20])
def test_lists_of_a_user_come_in_pages(store, n):
    store.add_recommendations(
        [recommendation(k, "ann", time=t) for k, t in enumerate([7.0, 5.0, 7.0])]
    )
    store.add_recommendations([recommendation(5, "bob"), recommendation(6, None)])
    whole = store.recommendations_of("ann")
    assert [one.recommendation_id for one in whole] == ["r1", "r0", "r2"]
    pages, last = [], None
    while page := store.recommendations_of("ann", n, last):
        pages, last = pages + page, page[-1]
    assert pages == whole
    assert store.user_counts("ann") == (0, 3)


def test_items_are_put_and_replaced(store):
    new = StoredItem("a", {"title": "x", "tags": ["é", "\"'"]}, True, 7.5, 1.0)
    assert store.put_items([new, StoredItem("b", None, False, None, 2.0)]) == 2
    assert store.item("a") == replace(new, seq=1)
    changed = replace(new, available=False, document={"title": "y"}, changed=3.0)
    assert store.put_items([changed]) == 3
    assert [i.item_id for i in store.items()] == ["b", "a"]
    assert store.items(after=2) == [replace(changed, seq=3)]
    store.put_items([replace(changed, removed=True)])
    assert store.item("a").removed


def test_the_marks_of_explored_items_are_kept(store):
    explored = recommendation(4, "cat", explored=frozenset("b"))
    both = recommendation(5, "cat", drafted_by=("m1", "m2"), explored=frozenset("a"))
    store.add_recommendations([explored, both])
    assert store.recommendations_of("cat") == [explored, both]


def test_recommendations_are_kept_and_forgotten(store):
    store.add_recommendations(
        [recommendation(1), recommendation(2, None, scenario="home"), recommendation(3, "bob")]
    )
    assert store.recommendation("r1") == recommendation(1)
    assert store.recommendation("r2") == recommendation(2, None, scenario="home")
    assert store.recommendations_of("bob") == [recommendation(3, "bob")]
    assert store.forget_recommendations(before=2.5) == 2
    assert store.recommendation("r1") is None
    assert store.counts()["recommendations"] == 1


def test_who_got_lists_of_which_bundle(store):
    store.add_recommendations(
        [
            recommendation(1, "ann"),
            recommendation(2, "bob"),
            recommendation(3, "bob", bundle_version="m2"),
            recommendation(4, None, bundle_version="m2"),
            recommendation(5, "cy", bundle_version="m2"),
            recommendation(6, "cy", bundle_version="m2"),
        ]
    )
    ann, bob, cy = ListExposure("ann", 1, "m1", "m1"), ListExposure("bob", 2, "m1", "m2"), ("cy", 2)
    assert store.exposures(0.0, 9) == [ann, bob, ListExposure(*cy, "m2", "m2")]
    assert store.exposures(0.0, 1) == [ann]
    assert store.exposures(0.0, 9, after="bob") == [ListExposure(*cy, "m2", "m2")]
    assert store.exposures(3.0, 1) == [ListExposure("bob", 1, "m2", "m2")]
    assert store.exposures(6.0, 9) == [ListExposure("cy", 1, "m2", "m2")]
    assert store.list_counts(0.0, 9.0) == {"m1": 2, "m2": 4}
    assert store.list_counts(2.0, 4.0) == {"m1": 1, "m2": 1}


def test_events_that_name_a_list(store):
    lists = [
        recommendation(1),
        recommendation(2, "bob"),
        recommendation(3, None, bundle_version="m2"),
    ]
    store.add_recommendations(lists)
    store.add_events(
        [
            event(1, recommendation_id="r1"),
            event(2, kind="buy", weight=2.5, recommendation_id="r1"),
            event(3, "bob", recommendation_id="r2"),
            event(4, "zoe", recommendation_id="r3"),
            event(5, recommendation_id="never given"),
            event(6),
        ]
    )
    attributed = store.attributed(0.0, 9)
    assert attributed == [
        AttributedEvent("r1", 1, "ann", "view", 1.0, 1001.0, "m1", "ann", 1.0),
        AttributedEvent("r1", 2, "ann", "buy", 2.5, 1002.0, "m1", "ann", 1.0),
        AttributedEvent("r2", 3, "bob", "view", 1.0, 1003.0, "m1", "bob", 2.0),
        AttributedEvent("r3", 4, "zoe", "view", 1.0, 1004.0, "m2", None, 3.0),
    ]
    for n in (1, 2, 3):
        rest, after = [], ("", 0)
        while page := store.attributed(0.0, n, after):
            rest, after = rest + page, (page[-1].recommendation_id, page[-1].seq)
        assert rest == attributed
    assert store.attributed(2.0, 9) == attributed[2:]


def test_notes_and_audits(store):
    store.save_setting("variants", [{"version": "x", "share": 1.0}])
    store.save_setting("variants", {"é": None})
    assert store.setting("variants") == {"é": None}
    for n in range(3):
        store.add_audit(Audit(float(n), "ops", "publish", f"m{n}"))
    assert [a.detail for a in store.audits(2)] == ["m2", "m1"]


def test_a_transaction_is_whole_or_not_at_all(store, make):
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.add_events([event(1)])
        store.save_setting("x", 1)
        _ = 1 / 0
    assert store.counts()["events"] == 0
    with store.transaction():
        store.add_events([event(1)])
        with pytest.raises(ZeroDivisionError), store.transaction():
            store.add_events([event(2)])
            _ = 1 / 0
        store.add_events([event(3)])
    assert [e.event_id for e in store.history("ann", 9)] == ["e1", "e3"]
    assert store.setting("x") is None


def test_a_reader_sees_committed_rows_only(store):
    reader = store.reader()
    with store.transaction():
        store.add_events([event(1)])
        assert reader.history("ann", 9) == []
    assert reader.history("ann", 9) == [event(1)]
    reader.close()


def test_rows_are_there_after_reopening(make):
    first = make()
    first.add_events([event(1)])
    first.put_items([StoredItem("a", {"t": 1}, True, None, 1.0)])
    first.save_setting("x", [1])
    second = make()
    assert second.history("ann", 9) == [event(1)]
    assert second.item("a").document == {"t": 1}
    assert second.setting("x") == [1]
    assert second.check() == []


def test_an_erased_user_is_in_no_byte(store, make, tmp_path):
    reader = make()
    user, item = "Zz-erase-me-4711", "an item of a length that makes rows wide"
    for n in range(300):
        store.add_events([event(n, user if n % 3 else "other", item=item)])
        store.add_recommendations([recommendation(n, user if n % 2 else None)])
    assert any(user.encode() in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert reader.history(user, 5)
    assert store.erase(user) == ErasureCounts(events=200, recommendations=150)
    assert store.erase(user) == ErasureCounts(0, 0)
    assert store.history(user, 5) == reader.history(user, 5) == []
    remaining = [
        p.name for p in tmp_path.rglob("*") if p.is_file() and user.encode() in p.read_bytes()
    ]
    assert remaining == []
    assert len(store.history("other", 999)) == 100
    assert store.check() == []


def test_an_erased_user_does_not_come_back_until_readmitted(store, make):
    other = make()
    store.add_events([event(1), event(2, "bob")])
    store.erase("ann")
    assert store.add_events([event(1), event(3), event(4, "bob")]) == 1
    store.add_recommendations(
        [recommendation(1), recommendation(2, "bob"), recommendation(3, None)]
    )
    assert store.events_of("ann") == store.recommendations_of("ann") == []
    assert store.counts() == {"events": 2, "items": 0, "recommendations": 2}
    assert store.erased(["ann", "bob", ""]) == other.erased(["ann"]) == {"ann"}
    assert store.readmit("ann") and not store.readmit("ann") and not store.readmit("never seen")
    assert store.add_events([event(1)]) == 1
    assert store.erased(["ann"]) == set()


def test_somebody_unknown_can_be_erased_in_advance(store):
    store.erase("ann")
    assert store.add_events([event(1)]) == 0


def test_erased_users_are_found_among_many(store):
    users = [f"u{n}" for n in range(3_000)]
    assert store.erased(users) == set()
    for user in ("u7", "u2999", "someone else"):
        store.erase(user)
    assert store.erased(users) == {"u7", "u2999"}


def test_tombstones_outlast_the_process_and_hold_no_id(make, tmp_path):
    first = make()
    user = "Zz-erase-me-4711"
    first.erase(user)
    assert make().erased([user]) == {user}
    plain = hashlib.blake2b(user.encode(), digest_size=16).digest()
    for path in tmp_path.iterdir():
        assert user.encode() not in path.read_bytes() and plain not in path.read_bytes()


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
EVENTS = st.lists(
    st.builds(
        Event,
        event_id=st.sampled_from(["a", "b", "c", "d"]),
        user=st.sampled_from(["ann", "b ob", "ü/?%"]),
        item=TEXT,
        kind=st.sampled_from(["view", "buy", IMPRESSION]),
        time=st.floats(-1e12, 1e12),
        weight=st.floats(-100, 100),
        recommendation_id=st.none() | TEXT,
        position=st.integers(0, 2),
    ),
    max_size=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENTS, max_size=4))
def test_any_events_come_back_as_they_went_in(make, batches):
    store = make()
    for user in ("ann", "b ob", "ü/?%"):
        store.erase(user)
        assert store.readmit(user)
    expected: dict[tuple[str, int], Event] = {}
    for batch in batches:
        new = 0
        for added in batch:
            if (added.event_id, added.position) not in expected:
                expected[added.event_id, added.position] = added
                new += 1
        assert store.add_events(batch) == new
    for user in ("ann", "b ob", "ü/?%"):
        # Sorted is stable, as the order of arrival counts among equal times.
        mine = [e for e in expected.values() if e.user == user]
        history = sorted((e for e in mine if e.kind != IMPRESSION), key=lambda e: e.time)
        impressions = [e for e in mine if e.kind == IMPRESSION]
        assert store.events_of(user) == history + impressions
        assert store.history(user, 3) == history[-3:]


def test_events_are_read_in_pieces_in_the_order_of_arrival(store):
    store.add_events([event(3), event(1), event(2, "bob", kind=IMPRESSION)])
    first = store.events_after(0, 2)
    assert first == [event(3), event(1)]
    assert store.events_after(first[-1].seq, 9) == [event(2, "bob", kind=IMPRESSION)]
    store.erase("ann")
    assert [e.event_id for e in store.events_after(0, 9)] == ["e2"]


def test_a_copy_is_of_one_moment_while_others_write(store, tmp_path):
    store.add_events([event(number, user=f"u{number % 7}") for number in range(20_000)])
    store.save_setting("x", [1])
    stop, written = threading.Event(), []

    def write() -> None:
        other = store.reader()
        number = 20_000
        while not stop.is_set():
            # Two at once: a copy with an odd number of events would be torn.
            written.append(other.add_events([event(number), event(number + 1)]))
            number += 2
        other.close()

    writer = threading.Thread(target=write)
    writer.start()
    store.copy_to(tmp_path / "copy.sqlite", lambda done, total: None)
    stop.set()
    writer.join()
    assert len(written) > 1
    copy = SQLiteStore(tmp_path / "copy.sqlite")
    assert copy.check() == []
    assert copy.setting("x") == [1]
    events = copy.events_after(0, 10**6)
    assert 20_000 <= len(events) < store.counts()["events"] and len(events) % 2 == 0
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert events[:100] == store.events_after(0, 100)
    assert copy.covered("events", store.position("events")) == 0  # not come to yet
    copy.close()
