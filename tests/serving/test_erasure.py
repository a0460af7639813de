"""An erased user does not come back: not from work under way, retries, or bundles of old logs."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from live import Service, service
from test_users import holding

import pennyweight
import small_shop
from pennyweight.serving.export import export
from pennyweight.serving.live import micro_batching, users
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.erased_users import ERASING
from pennyweight.serving.live.exports import exporting
from pennyweight.serving.stores.sqlite import SQLiteStore

USER = "Erika Mustermann 0815"
WAIT = 20.0


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> tuple[Path, Path]:
    """Two bundles of logs that both name the user."""
    folder = tmp_path_factory.mktemp("named")
    name = pl.when(pl.col("user_id") == "u5").then(pl.lit(USER)).otherwise("user_id")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        for seed, place in enumerate("ab"):
            events = small_shop.events(seed=seed).with_columns(name.alias("user_id"))
            made = pennyweight.fit(small_shop.items(), events, encoder="tfidf")
            made.save(folder / place)
    return folder / "a", folder / "b"


@pytest.fixture
def live(named, tmp_path) -> Service:
    with service(named[0], tmp_path / "live") as running:
        yield running


@pytest.fixture
def pool() -> ThreadPoolExecutor:
    with ThreadPoolExecutor() as pool:
        yield pool


def tell(live: Service, user: str, event_id: str) -> dict:
    return live.post("/v1/events", {"user_id": user, "item_id": "i1", "event_id": event_id})


def erase(live: Service) -> dict:
    return live.http.delete(f"/v1/users/{USER}").raise_for_status().json()


def actions(live: Service) -> list[str]:
    return [entry["action"] for entry in live.get("/v1/audit")["entries"]]


def until(true: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


def test_events_that_are_sent_again_are_dropped_and_counted(live):
    tell(live, USER, "e1")
    erase(live)
    batch = {
        "events": [
            {"user_id": USER, "item_id": "i1", "event_id": "e1"},
            {"user_id": USER, "item_id": "i2", "event_id": "e2"},
            {"user_id": "u6", "item_id": "i2", "event_id": "e3"},
        ]
    }
    counts = live.post("/v1/events", batch)
    assert (counts["accepted"], counts["duplicates"], counts["erased"]) == (1, 0, 2)
    again = live.post("/v1/events", batch)
    assert (again["accepted"], again["duplicates"], again["erased"]) == (0, 1, 2)
    feedback = [{"FeedbackType": "view", "UserId": USER, "ItemId": "i1"}]
    assert live.post("/api/feedback", feedback) == {"RowAffected": 0}
    assert live.metric('pennyweight_events_total{result="erased"}') == 5
    live.get(f"/v1/recommend/{USER}")
    data = live.get(f"/v1/users/{USER}")
    assert data["erased"] and data["events"] == data["recommendations"] == []
    assert holding(live.folder, USER) == []


def test_consent_anew_lets_a_user_come_back(live):
    assert not live.post(f"/v1/consents/{USER}", {})["erased_before"]
    erase(live)
    assert tell(live, USER, "e1")["erased"] == 1
    assert live.post(f"/v1/consents/{USER}", {})["erased_before"]
    assert tell(live, USER, "e1")["accepted"] == 1
    assert live.get(f"/v1/recommend/{USER}")["source"] == "history"
    data = live.get(f"/v1/users/{USER}")
    assert not data["erased"] and [e["event_id"] for e in data["events"]] == ["e1"]
    assert actions(live)[:2] == ["readmit user", "erase user"]
    erase(live)
    assert holding(live.folder, USER) == []


def test_a_tombstone_outlasts_a_restart(named, tmp_path):
    with service(named[0], tmp_path / "live") as live:
        erase(live)
    with service(None, tmp_path / "live") as live:
        assert tell(live, USER, "e1")["erased"] == 1
    assert holding(tmp_path / "live", USER) == []


def test_a_bundle_of_an_old_log_is_published_without_the_user(live, named):
    erase(live)
    source = {path.name: path.read_bytes() for path in named[1].rglob("*") if path.is_file()}
    live.post("/v1/bundles", {"path": str(named[1])})
    assert holding(live.folder, USER) == []
    assert live.get(f"/v1/recommend/{USER}")["source"] == "popularity"
    assert actions(live)[:3] == ["publish", "add bundle", "erase from bundle"]
    entry = live.get("/v1/audit")["entries"][2]
    assert "1 users" in entry["detail"] and USER not in entry["detail"]
    assert source == {p.name: p.read_bytes() for p in named[1].rglob("*") if p.is_file()}
    live.post("/v1/bundles/rollback", {})
    assert live.get(f"/v1/recommend/{USER}")["source"] == "popularity"


def test_a_bundle_that_is_published_at_that_moment(live, named, pool, monkeypatch):
    copied, go = threading.Event(), threading.Event()
    add = BundleStore.add

    def slow(self, *args):
        model = add(self, *args)
        copied.set()
        assert go.wait(WAIT)
        return model

    monkeypatch.setattr(BundleStore, "add", slow)
    published = pool.submit(live.engine.publishing.add, named[1], actor="test")
    assert copied.wait(WAIT)
    erased = pool.submit(erase, live)
    until(lambda: live.engine.store.read_now(lambda store: store.erased([USER])) == {USER})
    assert not erased.done()
    go.set()
    published.result(WAIT)
    erased.result(WAIT)
    assert holding(live.folder, USER) == []


def test_an_erasure_that_was_cut_short_is_finished_at_the_next_start(named, tmp_path):
    folder = tmp_path / "live"
    with service(named[0], folder) as live:
        tell(live, USER, "e1")
        job = users._erase
        live.engine.store.writer.submit(lambda store: job(store, USER), alone=True).result(WAIT)
        assert holding(folder, USER)  # killed here: the bundle still has the user
    with service(None, folder) as live:
        assert holding(folder, USER) == []
        assert live.get(f"/v1/recommend/{USER}")["source"] == "popularity"
        assert not live.engine.store.read_now(lambda store: store.setting(ERASING))
        erase(live)
        assert not live.engine.store.read_now(lambda store: store.setting(ERASING))


def test_a_list_that_is_being_scored_is_waited_for_and_not_kept(live, pool, monkeypatch):
    tell(live, USER, "e1")
    scoring, go = threading.Event(), threading.Event()
    rank_lists = micro_batching.rank_lists

    def slow(*args):
        scoring.set()
        assert go.wait(WAIT)
        return rank_lists(*args)

    monkeypatch.setattr(micro_batching, "rank_lists", slow)
    pending = pool.submit(live.get, f"/v1/recommend/{USER}")
    assert scoring.wait(WAIT)
    erased: Future[dict] = pool.submit(erase, live)
    bundle = live.engine.publishing.stored_bundles()[0].version
    until(lambda: not _knows(live.engine, bundle))
    assert not erased.done()
    go.set()
    recommendation = pending.result(WAIT)
    erased.result(WAIT)
    assert len(live.engine.histories) == 0
    assert live.http.get(f"/v1/explain/{recommendation['recommendation_id']}").status_code == 404
    assert live.get(f"/v1/recommend/{USER}")["source"] == "popularity"
    live.engine.lists.log.close()
    assert holding(live.folder, USER) == []


def _knows(engine: Engine, version: str) -> bool:
    log = engine.traffic.split.bundles[version].recommender.interactions
    return log is not None and USER in log.users


def test_events_that_wait_to_be_written_are_deleted_or_dropped(live, pool):
    go = threading.Event()
    live.engine.store.writer.submit(lambda store: go.wait(WAIT), alone=True)
    before = [pool.submit(tell, live, USER, f"e{n}") for n in range(3)]
    until(lambda: live.engine.store.writer.waiting == 3)
    erased = pool.submit(erase, live)
    until(lambda: live.engine.store.writer.waiting == 4)
    after = pool.submit(tell, live, USER, "late")
    until(lambda: live.engine.store.writer.waiting == 5)
    go.set()
    assert [write.result(WAIT)["accepted"] for write in before] == [1, 1, 1]
    assert erased.result(WAIT)["events"] == 3
    assert after.result(WAIT)["erased"] == 1
    assert holding(live.folder, USER) == []


def test_an_export_that_runs_is_waited_for(live, pool):
    inside, go = threading.Event(), threading.Event()

    def export(store):
        inside.set()
        assert go.wait(WAIT)

    running = pool.submit(live.engine.store.read_now, export)
    assert inside.wait(WAIT)
    erased = pool.submit(erase, live)
    threading.Event().wait(0.3)
    assert not erased.done()
    go.set()
    running.result(WAIT)
    erased.result(WAIT)


def test_several_users_leave_a_bundle_at_once(named, tmp_path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    engine = Engine(store, BundleStore(tmp_path / "bundles"))
    try:
        engine.start(named[0])
        version = engine.publishing.stored_bundles()[0].version
        before = engine.publishing.bundles.interactions(version)
        erased = ["u0", USER, "u9", "nobody"]
        n = engine.publishing.forget_users(version, erased)
        remaining = engine.publishing.bundles.interactions(version)
        assert list(remaining.users) == [user for user in before.users if user not in erased]
        assert len(before) - len(remaining) == n
        for user in remaining.users[::3]:
            old, new = (int(log.users.codes([user])[0]) for log in (before, remaining))
            assert (before.item[before.user == old] == remaining.item[remaining.user == new]).all()
        assert engine.publishing.forget_users(version, erased) is None
    finally:
        engine.close()


def test_a_damaged_bundle_is_said_and_no_list_rests_on_the_user(live):
    tell(live, USER, "e1")
    assert live.get(f"/v1/recommend/{USER}")["source"] == "history"
    version = live.engine.publishing.stored_bundles()[0].version
    (live.folder / "bundles" / version / "users.arrow").unlink()
    assert live.http.delete(f"/v1/users/{USER}").status_code == 409
    assert len(live.engine.histories) == 0
    assert live.get(f"/v1/recommend/{USER}")["source"] == "popularity"
    assert live.get("/v1/recommend/u6")["source"] == "history"
    assert tell(live, USER, "e2")["erased"] == 1
    assert live.engine.users.erasing == 1


def test_an_export_of_another_process_is_waited_for(live, pool, tmp_path):
    inside, go = threading.Event(), threading.Event()

    def export() -> None:
        with exporting(live.folder):
            inside.set()
            assert go.wait(WAIT)

    running = pool.submit(export)
    assert inside.wait(WAIT)
    erased = pool.submit(erase, live)
    until(lambda: live.engine.users.erasing == 1)
    threading.Event().wait(0.3)
    assert not erased.done()
    go.set()
    running.result(WAIT)
    erased.result(WAIT)


def test_an_export_holds_no_erased_user(live, tmp_path):
    tell(live, USER, "e1")
    job = users._erase
    live.engine.store.writer.submit(lambda store: job(store, USER), alone=True).result(WAIT)
    assert holding(live.folder, USER)  # the bundle was not reached yet
    export(live.folder, tmp_path / "items.jsonl", tmp_path / "events.jsonl")
    assert holding(tmp_path, USER) == [f for f in holding(tmp_path, USER) if f.startswith("live")]
    assert "u6" in (tmp_path / "events.jsonl").read_text()
