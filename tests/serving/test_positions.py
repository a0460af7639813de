"""Live changes hold over later bundles, unless one was provably fitted after them."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from live import service

import pennyweight
from pennyweight import Recommender
from pennyweight.bundle import Origin, Position
from pennyweight.serving.export import export
from pennyweight.serving.stores.protocol import Event, StoredItem
from pennyweight.serving.stores.sqlite import SQLiteStore

SCORERS = ["popularity", "content"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))


def again(bundle, path, *, created=None, origin=None):
    """Save a bundle anew, of another moment or another origin."""
    recommender = Recommender.load(bundle)
    recommender.origin = origin or Origin()
    recommender.save(path, created=created or datetime.now(UTC))
    return path


def listed(live) -> list[str]:
    return live.ids("/v1/recommend/nobody", k=100)


def changed(live) -> None:
    """Sell an item out, delete another, change the text of a third, make a fourth."""
    assert live.http.patch("/v1/items/i1", json={"available": False}).status_code == 200
    assert live.http.delete("/v1/items/i2").status_code == 200
    text = {"attributes": {"title": "saffron"}}
    assert live.http.patch("/v1/items/i3", json=text).status_code == 200
    assert live.http.put("/v1/items/new", json=text).json()["recommendable"]


def holds(live) -> None:
    assert {"i1", "i2"}.isdisjoint(listed(live))
    assert "new" in listed(live)
    assert live.get("/v1/items/i3")["attributes"]["title"] == "saffron"
    assert live.get("/v1/items/i1")["available"] is False
    assert live.http.get("/v1/items/i2").status_code == 404


@pytest.mark.parametrize("days", [-400, -1, 0, 1, 400])
def test_a_bundle_of_any_moment_loses_no_change(bundles, tmp_path, days):
    made = datetime.now(UTC) + timedelta(days=days)
    later = again(bundles[1], tmp_path / "later", created=made)
    with service(bundles[0], tmp_path / "live") as live:
        changed(live)
        for path in (later, bundles[1]):
            live.post("/v1/bundles", {"path": str(path)})
            holds(live)
        live.post("/v1/bundles/rollback", {})
    with service(None, tmp_path / "live") as live:
        holds(live)
        assert live.http.patch("/v1/items/i1", json={"available": True}).status_code == 200
        assert "i1" in listed(live)
        notes = [note for m in live.get("/v1/bundles")["bundles"] for note in m["notes"]]
        assert any("in the future" in note for note in notes) == (days > 0)


def test_a_bundle_that_was_exported_after_a_change_knows_better(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        changed(live)
        store = SQLiteStore(tmp_path / "live" / "store.sqlite")
        position = store.position("items")
        store.close()
        assert live.http.patch("/v1/items/i4", json={"available": False}).status_code == 200
        better = again(bundles[1], tmp_path / "later", origin=Origin(items=position))
        live.post("/v1/bundles", {"path": str(better)})
        assert {"i1", "i2"} <= set(listed(live))  # its data says so, and has seen the change
        assert "new" in listed(live)  # but an item that it does not have is not lost
        assert "i4" not in listed(live)
        assert live.get("/v1/items/i3")["attributes"]["title"] != "saffron"


@pytest.mark.parametrize("kind", ["another store", "ahead"])
def test_a_position_that_proves_nothing_hides_no_change(bundles, tmp_path, kind):
    with service(bundles[0], tmp_path / "live") as live:
        changed(live)
        store = SQLiteStore(tmp_path / "live" / "store.sqlite")
        branch = store.position("items").branch if kind == "ahead" else "0" * 24
        store.close()
        origin = Origin(items=Position(branch, 1_000))
        path = again(bundles[1], tmp_path / "later", origin=origin)
        result = live.post("/v1/bundles", {"path": str(path)})
        holds(live)
        assert any("another store" in note for note in result["bundles"][-1]["notes"])
        for number in range(4):  # nor later, once the store has come to that number
            live.http.patch("/v1/items/i5", json={"available": number % 2 == 0})
    with service(None, tmp_path / "live") as live:
        holds(live)
        assert "i5" not in listed(live)


def test_a_backup_that_was_restored_begins_a_branch_of_its_own(tmp_path):
    def item(name: str) -> StoredItem:
        return StoredItem(name, {}, True, None, 1.0)

    first = SQLiteStore(tmp_path / "a.sqlite")
    first.begin_branch()
    first.put_items([item("a"), item("b")])
    before = first.position("items")
    first.close()
    shutil.copy(tmp_path / "a.sqlite", tmp_path / "b.sqlite")
    first = SQLiteStore(tmp_path / "a.sqlite")
    first.put_items([item("c"), item("d")])
    after = first.position("items")
    assert (first.covered("items", before), first.covered("items", after)) == (2, 4)
    restored = SQLiteStore(tmp_path / "b.sqlite")
    restored.begin_branch()
    restored.put_items([item("x"), item("y"), item("z")])
    assert restored.covered("items", before) == 2
    assert restored.covered("items", after) == 0
    assert first.covered("items", restored.position("items")) == 0
    assert first.covered("items", None) == 0
    first.close()
    restored.close()


def test_numbers_of_erased_events_are_not_given_again(tmp_path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    store.add_events([Event("1", "ann", "i", "view", 1.0), Event("2", "bob", "i", "view", 1.0)])
    position = store.position("events")
    store.erase("bob")
    assert store.position("events") == position
    store.add_events([Event("3", "cid", "i", "view", 1.0)])
    (last,) = store.events_of("cid")
    assert last.seq > store.covered("events", position) == position.seq
    store.close()


def test_clocks_that_go_back_are_noticed_and_lose_nothing(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        now = live.engine.clock()
        for ahead in (10_000.0, -10_000.0, 0.0):
            live.engine.clock = lambda ahead=ahead: now + ahead
            live.http.patch("/v1/items/i1", json={"available": ahead > 0})
        assert any("went back" in note for note in live.get("/v1/bundles")["notes"])
        live.post("/v1/bundles", {"path": str(bundles[1])})
        assert "i1" not in listed(live)
        assert "went back" in live.http.get("/dashboard/bundles").text
        for item, ahead in (("i2", 5_000.0), ("i3", 0.0)):
            live.engine.clock = lambda ahead=ahead: now + ahead
            live.http.patch(f"/v1/items/{item}", json={"available": False})
    with service(None, tmp_path / "live") as live:
        assert any("went back" in note for note in live.get("/v1/bundles")["notes"])
        assert {"i1", "i2", "i3"}.isdisjoint(listed(live))


def test_exported_data_is_fitted_with_its_position(bundles, tmp_path):
    items, events = tmp_path / "items.jsonl", tmp_path / "events.jsonl"
    with service(bundles[0], tmp_path / "live") as live:
        changed(live)
        for number in range(3):
            body = {"user_id": "u0", "item_id": f"i{number}", "timestamp": 1.76e9 + number + 0.25}
            live.post("/v1/events", body)
        live.post("/v1/events", {"user_id": "u1", "item_id": "i1", "event_type": "dislike"})
        exported = export(tmp_path / "live", items, events)
        assert live.http.patch("/v1/items/i4", json={"available": False}).status_code == 200
        before = live.get("/v1/users/u0")["events"]
        history = live.engine.histories.of(
            "u0", live.engine.traffic.split.primary, live.engine.store.reader
        ).history
        fitted = pennyweight.fit(items, events, encoder="tfidf", scorers=SCORERS)
        fitted.save(tmp_path / "next")
        assert fitted.origin.items.seq == 4 and fitted.origin.events.seq == 4
        live.post("/v1/bundles", {"path": str(tmp_path / "next")})
        (model,) = (
            m for m in live.engine.publishing.stored_bundles() if m.source == str(tmp_path / "next")
        )
        assert (model.covered.items, model.covered.events) == (4, 4)
        holds(live)
        assert "i4" not in listed(live)
        same = live.engine.histories.of(
            "u0", live.engine.traffic.split.primary, live.engine.store.reader
        ).history
        assert len(same.item) == len(history.item) - 1  # that on the deleted item
        assert len(before) > len(same.item)
    assert exported.items == 31 - 1 and not exported.skipped
    assert (items.stat().st_mode & 0o777, events.stat().st_mode & 0o777) == (0o600, 0o600)


def test_a_file_that_was_changed_after_its_export_proves_nothing(bundles, tmp_path):
    items, events = tmp_path / "items.jsonl", tmp_path / "events.jsonl"
    with service(bundles[0], tmp_path / "live"):
        export(tmp_path / "live", items, events)
    with items.open("a") as file:
        file.write(json.dumps({"item_id": "more", "title": "tea"}) + "\n")
    fitted = pennyweight.fit(items, events, encoder="tfidf", scorers=SCORERS)
    assert fitted.origin.items is None
    assert fitted.origin.events is not None
    plan = pennyweight.Plan().override({"data.columns": {"available": ""}})
    export(tmp_path / "live", items, events)
    fitted = pennyweight.fit(items, events, encoder="tfidf", scorers=SCORERS, plan=plan)
    assert fitted.origin.items is None  # it does not say which items are sold out


def test_the_origin_is_kept_in_the_manifest_and_by_an_erasure(bundles, tmp_path):
    from pennyweight.bundle import open_bundle
    from pennyweight.recommender.storage import forget_users

    origin = Origin(Position("a" * 24, 3), None, 1.7e9)
    path = again(bundles[0], tmp_path / "b", origin=origin)
    assert Recommender.load(path).origin == origin
    assert forget_users(open_bundle(path), ["u5"])
    assert Recommender.load(path).origin == origin
    assert replace(origin, newest_event=None) != origin
    assert "fitted_from" not in json.loads(
        (again(bundles[0], tmp_path / "c") / "manifest.json").read_bytes()
    )


def test_live_availability_overrides_columns(bundles, tmp_path):
    items, events = tmp_path / "items.jsonl", tmp_path / "events.jsonl"
    with service(bundles[0], tmp_path / "live") as live:
        assert live.http.patch("/v1/items/i29", json={"available": True}).status_code == 200
        assert live.http.patch("/v1/items/i7", json={"available": False}).status_code == 200
        export(tmp_path / "live", items, events)
    exported = pl.read_ndjson(items)
    open_ = dict(zip(exported["item_id"], exported["available"], strict=True))
    assert open_["i29"] and not open_["i7"] and open_["i6"]
