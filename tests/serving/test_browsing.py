"""Pages of events and users: the same rows as a sorted table, in bounded work."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.serving.stores import sqlite_browsing
from pennyweight.serving.stores.browsing import (
    EventFilter,
    EventPlace,
    ExplorationFeedback,
    RowCount,
)
from pennyweight.serving.stores.protocol import IMPRESSION, Event, Recommendation, Store
from pennyweight.serving.stores.sqlite import SQLiteStore

USERS, ITEMS, KINDS = ["ann", "bob", "bobby"], ["x", "y"], ["view", "buy", IMPRESSION]
rows = st.tuples(
    st.sampled_from(USERS), st.sampled_from(ITEMS), st.sampled_from(KINDS), st.integers(0, 6)
)
filters = st.builds(
    EventFilter,
    user=st.sampled_from([None, *USERS]),
    item=st.sampled_from([None, *ITEMS]),
    kind=st.sampled_from([None, *KINDS]),
    since=st.sampled_from([None, 2.0]),
    until=st.sampled_from([None, 5.0]),
)


@pytest.fixture(scope="module")
def make(tmp_path_factory) -> Callable[[list], Store]:
    """Makes a store of some events: user, item, type, time."""

    def store(events: list) -> SQLiteStore:
        made = SQLiteStore(tmp_path_factory.mktemp("store") / "s.sqlite")
        made.add_events(
            [Event(f"e{i}", u, x, k, float(t)) for i, (u, x, k, t) in enumerate(events)]
        )
        return made

    return store


@pytest.fixture
def short_scans(monkeypatch) -> int:
    monkeypatch.setattr(sqlite_browsing, "SCAN", 3)
    return 3


def meets(event: Event, filter: EventFilter) -> bool:
    since = float("-inf") if filter.since is None else filter.since
    until = float("inf") if filter.until is None else filter.until
    return (
        filter.user in (None, event.user)
        and filter.item in (None, event.item)
        and filter.kind in (None, event.kind)
        and since <= event.time < until
    )


def newest_first(store: Store) -> list[Event]:
    return sorted(store.all_events(), key=lambda e: (e.time, e.seq), reverse=True)


def pages(turn: Callable, rows_of: Callable) -> Iterator:
    """Yield the rows of all pages; each page reads a bounded number, so there may be many."""
    after = None
    for _ in range(200):
        page = turn(after)
        yield from rows_of(page)
        assert after is None or page.next is None or page.next < after
        after = page.next
        if after is None:
            return
    raise AssertionError("the pages do not end")


@given(events=st.lists(rows, max_size=25), filter=filters, n=st.integers(1, 4))
@pytest.mark.parametrize("scan", [3, 10_000])
def test_pages_have_each_event_once(make, scan, events, filter, n):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_browsing, "SCAN", scan)
        store = make(events)
        expected = [event for event in newest_first(store) if meets(event, filter)]
        turn = lambda after: store.browser.events(filter, n, after)  # noqa: E731
        assert list(pages(turn, lambda page: page.events)) == expected
        count = store.browser.count_events(filter, 8)
        assert count.n <= len(expected) and (count.n == len(expected) or not count.is_exact)
        if scan == 10_000:
            assert count == RowCount(min(8, len(expected)), len(expected) <= 8)
        active = {e.user: e.time for e in reversed(newest_first(store)) if e.kind != IMPRESSION}
        latest = list(pages(lambda a: store.browser.latest_users(n, a), lambda page: page.users))
        assert {u.user: u.newest for u in latest} == active and len(latest) == len(active)
        assert [u.newest for u in latest] == sorted(active.values(), reverse=True)
        store.close()


def test_a_page_stays_while_events_come(make):
    store = make([("ann", "x", "view", t) for t in range(6)])
    first = store.browser.events(EventFilter(), 2)
    before = store.browser.events(EventFilter(), 2, first.next)
    store.add_events([Event("new", "bob", "x", "view", 99.0)])
    assert store.browser.events(EventFilter(), 2, first.next) == before
    assert store.browser.events(EventFilter(), 1).events[0].event_id == "new"
    store.close()


def test_a_page_without_events_leads_on(make, short_scans):
    store = make([("ann", "x", "buy", 0)] + [("ann", "y", "view", t) for t in range(1, 10)])
    page = store.browser.events(EventFilter(user="ann", item="x"), 5)
    assert page.events == [] and page.next == EventPlace(7.0, 8)
    assert store.browser.count_events(EventFilter(user="ann", item="x"), 9) == RowCount(0, False)
    store.close()


@pytest.mark.parametrize(
    ("prefix", "after", "expected"),
    [
        ("", "", ["ann", "bob", "bobby", "\U0010ffff", "\U0010ffffz"]),
        ("bob", "", ["bob", "bobby"]),
        ("bob", "bob", ["bobby"]),
        ("bob", "ann", ["bob", "bobby"]),
        ("bob", "zoe", []),
        ("b%", "", []),
        ("\U0010ffff", "", ["\U0010ffff", "\U0010ffffz"]),
        ("\ud7ff", "", []),
        ("", "ann", ["bob", "bobby", "\U0010ffff", "\U0010ffffz"]),
    ],
)
def test_users_by_the_prefix_of_their_id(make, prefix, after, expected):
    users = ["bobby", "bob", "ann", "\U0010ffffz", "\U0010ffff"]
    store = make([(user, "x", "view", 1) for user in users] + [("imp", "x", IMPRESSION, 2)])
    assert [one.user for one in store.browser.users(9, prefix, after)] == expected
    assert [one.user for one in store.browser.users(1, prefix, after)] == expected[:1]
    store.close()


def test_the_activity_of_users(make, monkeypatch):
    of_ann = [("ann", "x", "view", 1), ("ann", "x", IMPRESSION, 9)]
    store = make([*of_ann, *[("bob", "y", "buy", 3)] * 4])
    ann, bob = store.browser.users(9)
    assert (ann.events, ann.newest) == (RowCount(1), 1.0)
    assert (bob.events, bob.newest) == (RowCount(4), 3.0)
    assert [u.user for u in store.browser.most_active_users(9, 100)] == ["bob", "ann"]
    (only,) = store.browser.most_active_users(9, 2)
    assert only.events == RowCount(2)  # of the two newest events
    monkeypatch.setattr(sqlite_browsing, "COUNTED", 3)
    assert store.browser.users(9)[1].events == RowCount(3, is_exact=False)
    assert store.browser.event_types(2) == ["buy", IMPRESSION]
    store.close()


def test_a_new_store_has_empty_pages(tmp_path: Path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    browser = store.browser
    assert browser.events(EventFilter(user="x"), 5) == browser.events(EventFilter(), 5)
    assert browser.events(EventFilter(), 5).next is None
    assert browser.users(5) == browser.event_types(5) == browser.most_active_users(5, 9) == []
    assert browser.latest_users(5).next is None
    store.close()


def test_no_page_sorts_or_reads_the_whole_table(make):
    store, plans = make([]), []

    def explain(sql: str, values: tuple) -> list:
        plans.extend(row[3] for row in store._read(f"EXPLAIN QUERY PLAN {sql}", values))
        return store._read(sql, values)

    browser = sqlite_browsing.SQLiteBrowser(explain)
    for user in (None, "ann"):
        for item in (None, "x"):
            for kind in (None, "view", IMPRESSION):
                for since in (None, 1.0):
                    browser.events(EventFilter(user, item, kind, since, 9.0), 5, EventPlace(8.0, 1))
    browser.users(5, "a")
    browser.latest_users(5)
    browser.event_types(5)
    tables = [plan for plan in plans if " events" in plan or "SCAN l" in plan]
    assert tables and all("USING" in plan and "INDEX" in plan for plan in tables)
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]
    store.close()


def test_exposures_of_items(make):
    store = make([])
    lists = {"r1": (100.0, "xy"), "r2": (200.0, "yz"), "r3": (300.0, "x")}
    store.add_recommendations(
        Recommendation(
            name, "ann", time, "a", None, "history", tuple((item, 1.0) for item in items)
        )
        for name, (time, items) in lists.items()
    )
    assert store.browser.item_exposures(0, 300, 9) == {"x": 1, "y": 2, "z": 1}
    assert store.browser.item_exposures(100.5, 1e9, 9) == {"x": 1, "y": 1, "z": 1}
    assert store.browser.item_exposures(0, 1e9, 2) == {"x": 1, "y": 1, "z": 1}
    assert store.browser.item_exposures(400, 1e9, 9) == {}


def test_outcomes_of_explored_items(make):
    store = make([])
    assert store.browser.exploration_feedback(["view"], 9) == ExplorationFeedback()
    lists = {"r1": ("abcd", "d"), "r2": ("abcde", "c"), "r3": ("abcd", "")}
    store.add_recommendations(
        Recommendation(
            *(name, "ann", 1.0, "a", None, "history", tuple((item, 1.0) for item in items)),
            explored=frozenset(explored),
        )
        for name, (items, explored) in lists.items()
    )
    named = [("r1", "d"), ("r1", "d"), ("r1", "a"), ("r2", "e"), ("r3", "d"), ("r2", "c")]
    store.add_events(
        [
            Event(f"x{at}", "ann", item, "view" if at < 5 else "buy", 2.0, recommendation_id=name)
            for at, (name, item) in enumerate(named)
        ]
    )
    # Lower halves with an explored item are "cd" and "cde".
    assert store.browser.exploration_feedback(["view"], 9) == ExplorationFeedback(2, 1, 3, 1)
    assert store.browser.exploration_feedback(["view", "buy"], 9).explored_acted == 2
    assert store.browser.exploration_feedback(["view"], 1) == ExplorationFeedback(1, 1, 1, 0)
