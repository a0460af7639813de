"""A change of some columns of an item: all others are those of the bundle, of each one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from live import service

import pennyweight
import small_shop
from pennyweight.serving.export import export
from pennyweight.serving.stores.protocol import StoredItem


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def other(tmp_path):
    """The shop with other columns: when an item came out, and whether it is in stock."""
    items = small_shop.items()
    n = range(items.height)
    items = items.with_columns(
        pl.Series("price", [float(i) for i in n]),
        pl.Series("released", [f"2024-01-{1 + i % 28:02}" for i in n]),
        pl.Series("in_stock", [i not in (7, 29) for i in n]),
    )
    scorers = ["popularity", "content"]
    path = tmp_path / "other"
    pennyweight.fit(items, small_shop.events(), encoder="tfidf", scorers=scorers).save(path)
    return path


def change(live, item: str, **body: object) -> None:
    answer = live.http.patch(f"/v1/items/{item}", json=body)
    assert answer.status_code == 200, answer.text
    assert live.engine.items.ingestion.wait(20)


def serve(live, version: str) -> None:
    body = {"variants": [{"bundle_version": version, "share": 1}]}
    assert live.http.put("/v1/bundles/traffic-split", json=body).status_code == 200


def listed(live, filter: str) -> list[str]:
    return live.ids("/v1/recommend/nobody", k=100, filter=filter)


def test_the_rest_comes_from_a_later_bundle(bundles, other, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        for item in ("i1", "i7"):
            change(live, item, attributes={"price": 1.5})
        first = live.get("/v1/bundles")["bundles"][0]["bundle_version"]
        live.post("/v1/bundles", {"path": str(other)})
        assert live.get("/v1/items/i1")["attributes"] | {"title": ""} == {
            "title": "",
            "price": 1.5,
            "released": "2024-01-02",
            "in_stock": True,
        }
        assert "i1" in listed(live, "in_stock == true and price == 1.5")
        assert live.get("/v1/items/i7")["available"] is False  # that was never told
        assert "i7" not in listed(live, "price == 1.5")
        for item in ("i1", "i3"):
            change(live, item, attributes={"price": 2.0})
        change(live, "i3", attributes={"released": None})
        serve(live, first)
        assert live.get("/v1/items/i1")["attributes"]["available"] is True
        assert set(listed(live, "price == 2.0")) >= {"i1", "i3"}
    with service(None, tmp_path / "live") as live:
        assert set(listed(live, "price == 2.0")) >= {"i1", "i3"}
        assert live.get("/v1/items/i7")["attributes"]["price"] == 1.5
        serve(live, live.get("/v1/bundles")["bundles"][1]["bundle_version"])
        assert "released" not in live.get("/v1/items/i3")["attributes"]
        assert live.get("/v1/items/i1")["attributes"]["released"] == "2024-01-02"


def test_an_item_told_whole_can_be_changed_in_a_bundle_of_other_columns(bundles, other, tmp_path):
    body = {"attributes": {"title": "saffron tea", "price": 3.0, "available": True}}
    with service(bundles[0], tmp_path / "live") as live:
        for item in ("new", "i2"):
            assert live.http.put(f"/v1/items/{item}", json=body).status_code == 200
        live.post("/v1/bundles", {"path": str(other)})
        for item in ("new", "i2"):
            change(live, item, attributes={"price": 4.0})
            change(live, item, available=True)
            attributes = live.get(f"/v1/items/{item}")["attributes"]
            assert attributes == {"title": "saffron tea", "price": 4.0}
        serve(live, live.get("/v1/bundles")["bundles"][0]["bundle_version"])
        for item in ("new", "i2"):
            attributes = live.get(f"/v1/items/{item}")["attributes"]
            assert attributes == {"title": "saffron tea", "price": 4.0, "available": True}


def test_a_bundle_that_has_some_changes_takes_those_after_alone(bundles, tmp_path):
    items, events = tmp_path / "items.jsonl", tmp_path / "events.jsonl"
    with service(bundles[0], tmp_path / "live") as live:
        live.http.put("/v1/items/new", json={"attributes": {"title": "saffron tea"}})
        change(live, "i1", attributes={"price": 1.5})
        export(live.folder, items, events)
        path = tmp_path / "later"
        pennyweight.fit(items, events, encoder="tfidf", scorers=["popularity"]).save(path)
        live.post("/v1/bundles", {"path": str(path)})
        change(live, "new", attributes={"price": 7.0})
        change(live, "i1", available=False)
        attributes = live.get("/v1/items/new")["attributes"]
        assert (attributes["title"], attributes["price"]) == ("saffron tea", 7.0)
        assert live.get("/v1/items/i1")["attributes"]["price"] == 1.5
        assert live.post("/v1/bundles/rollback", {})["bundles"]  # to one that lacks the new item
        assert live.get("/v1/items/new")["attributes"]["title"] == "saffron tea"
        assert "new" in listed(live, "price == 7.0")
        assert live.get("/v1/items/i1")["attributes"]["price"] == 1.5
        assert not live.get("/v1/items/i1")["available"]


def test_an_export_has_the_columns_of_the_bundle_that_nobody_told(bundles, other, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        change(live, "i1", attributes={"price": 1.5})
        live.post("/v1/bundles", {"path": str(other)})
        export(live.folder, tmp_path / "items.jsonl", tmp_path / "events.jsonl")
    row = pl.read_ndjson(tmp_path / "items.jsonl").filter(pl.col("item_id") == "i1")
    assert row.select("price", "released", "in_stock").row(0) == (1.5, "2024-01-02", True)


def test_changes_of_one_item_at_once_are_all_kept(live):
    names = ("title", "price")
    before = live.get("/v1/items/i1")
    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            title, price, closed = (
                pool.submit(live.http.patch, "/v1/items/i1", json=body)
                for body in (
                    {"attributes": {"title": "new name"}},
                    {"attributes": {"price": 77.0}},
                    {"available": False},
                )
            )
            assert {change.result().status_code for change in (title, price, closed)} == {200}
        item = live.get("/v1/items/i1")
        assert [item["attributes"][name] for name in names] == ["new name", 77.0]
        assert item["available"] is False
        live.http.patch(
            "/v1/items/i1", json={"available": True, "attributes": before["attributes"]}
        )


def test_a_change_builds_on_one_that_came_meanwhile(live):
    """Another change comes between the reading of an item and the writing of it."""
    engine = live.engine
    stored: list[StoredItem] = []

    async def race() -> None:
        put = await engine.store.read(lambda store: store.item("i2"))
        first = StoredItem("i2", {"title": "first"}, True, None, engine.clock())
        stored.extend(await engine.items.put([first]))
        second = StoredItem("i2", {"title": "late"}, True, None, engine.clock())
        assert await engine.items.change(second, put) is None
        assert await engine.items.change(second, stored[0]) is not None

    asyncio.run(race())
    assert live.get("/v1/items/i2")["attributes"]["title"] == "late"
