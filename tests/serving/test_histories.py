"""Histories from the events of the bundle and of the store."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from live import shop

from pennyweight.serving.live.histories import ENTRY_BYTES, HistoryCache, joined_history
from pennyweight.serving.live.served_bundle import CoveredPositions, ServedBundle
from pennyweight.serving.stores.protocol import Event
from pennyweight.serving.stores.sqlite import SQLiteStore


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> ServedBundle:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return ServedBundle.of("one", shop())


@pytest.fixture
def store(tmp_path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    yield store
    store.close()


def event(number: int, item: str, user: str = "new", **more) -> Event:
    return Event(f"e{number}", user, item, "view", 1.8e9 + number, **more)


def test_live_events_come_after_those_of_the_bundle(bundle):
    log = bundle.recommender.interactions
    own = log.histories.block(0, 1)
    joined, unknown = joined_history(log, bundle, log.users[0], [event(1, "i3"), event(2, "i4")])
    ids = bundle.catalog.ids
    assert joined.history.item.tolist() == [*own.item.tolist(), ids.code("i3"), ids.code("i4")]
    assert not unknown


def test_an_event_in_both_counts_once_and_in_its_place(bundle):
    log = bundle.recommender.interactions
    own = log.histories.block(0, 1)
    ids = bundle.catalog.ids
    same = Event("x", log.users[0], ids[int(own.item[0])], "view", float(own.time[0]))
    between = Event("y", log.users[0], "i29", "view", float(own.time[0]) + 1)
    joined, _ = joined_history(log, bundle, log.users[0], [same, between])
    assert len(joined.history.item) == len(own.item) + 1
    assert joined.history.item[1] == ids.code("i29")
    assert (np.diff(joined.history.time) >= 0).all()


@pytest.mark.parametrize("ahead", [-0.4, 0.0, 0.3, 0.9])
def test_an_event_that_the_log_has_in_whole_seconds_counts_once(bundle, ahead):
    log = bundle.recommender.interactions
    own, ids = log.histories.block(0, 1), bundle.catalog.ids
    same = Event("x", log.users[0], ids[int(own.item[0])], "view", float(own.time[0]) + ahead)
    other = replace(same, event_id="y", time=float(own.time[0]) + 7)
    joined, _ = joined_history(log, bundle, log.users[0], [same, other])
    assert len(joined.history.item) == len(own.item) + 1


def test_the_position_of_an_exported_log_decides_which_events_it_has(bundle):
    log = bundle.recommender.interactions
    own, ids = log.histories.block(0, 1), bundle.catalog.ids
    exported = replace(bundle, covered=CoveredPositions(events=5))
    first, another = ids[int(own.item[0])], "i29"
    assert another not in [ids[item] for item in own.item.tolist()]

    def count(seq: int, item: str, time: float) -> int:
        live = [Event("x", log.users[0], item, "view", time, seq=seq)]
        joined, _ = joined_history(log, exported, log.users[0], live)
        return len(joined.history.item) - len(own.item)

    later = float(own.time[-1]) + 1e6
    assert count(5, first, later) == 0  # the log has it, at whatever time cleaning gave it
    assert count(6, first, later) == 1
    assert count(6, first, float(own.time[0]) + 0.3) == 1
    assert count(5, another, later) == 1  # cleaning left it out, so it is not lost


def test_items_nobody_knows_are_left_out_and_told(bundle):
    joined, unknown = joined_history(None, bundle, "new", [event(1, "?"), event(2, "i1")])
    assert joined.history.item.tolist() == [bundle.catalog.ids.code("i1")]
    assert unknown


def test_weights_are_kept(bundle):
    joined, _ = joined_history(None, bundle, "new", [event(1, "i1", weight=2.5)])
    assert joined.history.weight.tolist() == [2.5]


def test_negative_events_take_back(bundle):
    log, ids = bundle.recommender.interactions, bundle.catalog.ids
    own = log.histories.block(0, 1)
    first = ids[int(own.item[0])]
    events = [
        event(1, "i29"),
        event(2, "i28"),
        replace(event(3, "i29"), kind="dislike"),
        replace(event(4, first), kind="returned"),
        replace(event(5, "i27"), kind="search"),
        replace(event(6, "i26"), kind="unmatched"),
        event(7, "i25", weight=-2.0),
        replace(event(8, "i25"), kind="like"),
    ]
    joined, _ = joined_history(log, bundle, log.users[0], events)
    rest = [item for item in own.item.tolist() if ids[item] != first]
    assert joined.history.item.tolist() == [*rest, ids.code("i28"), ids.code("i25")]
    assert {ids[item] for item in joined.turned_down.tolist()} == {"i29", first}


def test_a_removal_from_the_cart_leaves_purchases(bundle):
    ids = bundle.catalog.ids
    events = [
        replace(event(n, item), kind=kind)
        for n, (item, kind) in enumerate(
            [
                ("i1", "add_to_cart"),
                ("i1", "purchase"),
                ("i1", "add_to_cart"),
                ("i2", "add_to_cart"),
                ("i1", "remove_from_cart"),
                ("i2", "remove_from_cart"),
                ("i3", "purchase"),
                ("i3", "unlike"),
                ("i3", "refund"),
            ]
        )
    ]
    joined, _ = joined_history(None, bundle, "new", events)
    assert [ids[item] for item in joined.history.item.tolist()] == ["i1"]
    assert sorted(ids[item] for item in joined.turned_down.tolist()) == ["i2", "i3"]
    log = bundle.recommender.interactions
    bought = replace(log, kinds=("purchase",))
    first = ids[int(log.item[0])]
    joined, _ = joined_history(
        bought, bundle, log.users[0], [replace(event(1, first), kind="remove_from_cart")]
    )
    assert len(joined.turned_down) == 0
    assert joined.history.item.tolist() == log.histories.block(0, 1).item.tolist()


def test_neutral_events_do_not_push_out_others(store):
    store.add_events([event(0, "i1")])
    store.add_events([replace(event(n, "i2"), kind="page_load") for n in range(1, 30)])
    history = store.history("new", 5, lambda kind: kind == "page_load")
    assert [event.item for event in history] == ["i1"]
    assert len(store.history("new", 5)) == 5


def test_a_forgotten_history_is_read_again(bundle, store):
    cache = HistoryCache()
    assert len(cache.of("new", bundle, store).history.item) == 0
    store.add_events([event(1, "i1")])
    assert len(cache.of("new", bundle, store).history.item) == 0  # kept: nobody said that it is old
    cache.forget(["new"])
    assert len(cache.of("new", bundle, store).history.item) == 1
    assert (cache.hits, cache.misses) == (1, 2)


def test_a_history_read_before_a_new_event_is_not_cached(bundle, store):
    cache = HistoryCache()
    reading, event_added = threading.Event(), threading.Event()

    class Slow:
        def history(self, user: str, newest: int, ignored: object) -> list[Event]:
            history = store.history(user, newest, ignored)
            reading.set()
            event_added.wait(60)
            return history

    thread = threading.Thread(target=lambda: cache.of("new", bundle, Slow()))
    thread.start()
    assert reading.wait(60)
    store.add_events([event(1, "i1")])
    cache.forget(["new"])
    event_added.set()
    thread.join(10)
    assert len(cache.of("new", bundle, store).history.item) == 1


def test_memory_is_bounded_and_the_least_used_goes_first(bundle, store):
    cache = HistoryCache(nbytes=5 * ENTRY_BYTES)
    for number in range(50):
        cache.of(f"user {number}", bundle, store)
        cache.of("user 0", bundle, store)
    assert len(cache) == 5
    assert cache.nbytes <= 5 * ENTRY_BYTES
    before = cache.misses
    cache.of("user 0", bundle, store)
    assert cache.misses == before


def test_histories_of_bundles_that_are_gone_are_dropped(bundle, store):
    cache = HistoryCache()
    cache.of("new", bundle, store)
    cache.keep_versions(["another"])
    assert len(cache) == 0
    assert cache.nbytes == 0
