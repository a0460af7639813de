"""Each call of PyGorse, the client of Gorse in Python, against the service."""

import asyncio
import inspect

import polars as pl
import pytest
from gorse import AsyncGorse, Gorse, GorseException
from live import service

import pennyweight
import small_shop

CALLS = {name for name, _ in inspect.getmembers(Gorse, callable) if not name.startswith("_")}


@pytest.fixture
def client(live):
    return Gorse(f"http://127.0.0.1:{live.port}", "no-key")


def row(user: str, item: str, kind: str = "star", time: str = "2026-02-24T10:00:00Z") -> dict:
    return {"FeedbackType": kind, "UserId": user, "ItemId": item, "Timestamp": time}


def test_every_call_is_tested_here():
    source = inspect.getsource(inspect.getmodule(test_every_call_is_tested_here))
    assert {name for name in CALLS if f".{name}(" not in source} == set()
    assert len(CALLS) >= 19


def test_feedback(live, client):
    sent = client.insert_feedback("star", "gus", "i1", "2026-02-24T10:00:00Z", 2.0)
    assert sent == {"RowAffected": 1}
    rows = [row("gus", "i2"), row("gus", "i3", "like"), row("ann", "i1")]
    assert client.insert_feedbacks(rows) == {"RowAffected": 3}
    assert client.insert_feedbacks(rows) == {"RowAffected": 0}
    listed = client.list_feedbacks("star", "gus")
    assert {event["ItemId"] for event in listed} == {"i1", "i2"}
    assert listed[0]["Timestamp"] == "2026-02-24T10:00:00Z"
    pages, cursor = [], ""
    while True:
        page, cursor = client.get_feedbacks(3, cursor)
        pages += page
        if not cursor:
            break
    assert [(event["UserId"], event["ItemId"]) for event in pages] == [
        ("gus", "i1"),
        ("gus", "i2"),
        ("gus", "i3"),
        ("ann", "i1"),
    ]
    with pytest.raises(GorseException) as refused:
        client.delete_feedback("gus", "i1")
    assert refused.value.status_code == 422
    assert "erase the user" in refused.value.message
    assert len(client.list_feedbacks("star", "gus")) == 2


def test_lists(live, client):
    own = live.ids("/v1/recommend/u0", k=5)
    scored = client.get_recommend("u0", n=5)
    assert [item.id for item in scored] == own
    assert [item.id for item in client.get_recommend("u0", n=3, offset=2)] == own[2:]
    session = client.session_recommend([row("x", "i1")], n=4)
    assert len(session) == 4
    near = client.get_neighbors("i1", n=3)
    assert [item["Id"] for item in near] == live.ids("/v1/similar/i1", k=3)
    assert client.get_neighbors("i1", n=2, offset=1) == near[1:]
    with pytest.raises(GorseException) as refused:
        client.get_recommend("u0", write_back_type="read")
    assert "write-back-type" in refused.value.message


def test_items(live, client):
    item = {"ItemId": "g1", "Comment": "cocoa blend", "Labels": {"price": 3.5}}
    assert client.insert_item(item | {"Timestamp": "2026-01-01T00:00:00Z"}) == {"RowAffected": 1}
    assert client.get_item("g1") == {
        "ItemId": "g1",
        "IsHidden": False,
        "Categories": None,
        "Timestamp": "2026-01-01T00:00:00Z",
        "Labels": {"title": "cocoa blend", "price": 3.5},
        "Comment": "cocoa blend",
    }
    assert client.update_item("g1", is_hidden=True) == {"RowAffected": 1}
    assert client.update_item("g1", comment="cocoa dark", labels={"price": 4.0})
    changed = client.get_item("g1")
    assert (changed["IsHidden"], changed["Comment"]) == (True, "cocoa dark")
    assert changed["Labels"]["price"] == 4.0
    pages, cursor = [], ""
    while True:
        page, cursor = client.get_items(12, cursor)
        pages += page
        if not cursor:
            break
    assert [each["ItemId"] for each in pages] == [f"i{i}" for i in range(30)] + ["g1"]
    assert pages[-1] == changed
    found = client.search_items("dark tea", n=3)
    own = live.post("/v1/search", {"query": "dark tea", "k": 3})["items"]
    assert [each["ItemId"] for each in found] == [each["item_id"] for each in own]
    assert client.delete_item("g1") == {"RowAffected": 1}
    assert client.get_items(1_000)[0][-1]["ItemId"] == "i29"
    with pytest.raises(GorseException):
        client.get_item("g1")


def test_users(client):
    assert client.insert_user({"UserId": "bo", "Labels": {}}) == {"RowAffected": 0}
    assert client.insert_users([{"UserId": "cy"}]) == {"RowAffected": 0}
    client.insert_feedbacks([row("bo", "i1"), row("cy", "i2")])
    assert client.get_user("bo")["UserId"] == "bo"
    assert client.get_user("u0")["UserId"] == "u0"  # of the bundle
    with pytest.raises(GorseException):
        client.get_user("nobody")
    users, cursor = client.get_users(1)
    assert ([user["UserId"] for user in users], cursor) == (["bo"], "bo")
    assert client.get_users(5, cursor) == ([{"UserId": "cy", "Labels": None, "Comment": ""}], "")
    assert client.delete_user("bo") == {"RowAffected": 1}


def test_a_category_after_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))
    items = small_shop.items()
    kinds = ["a/b" if i % 3 else "tea" for i in range(items.height)]
    items = items.with_columns(category=pl.Series(kinds))
    shop = pennyweight.fit(items, small_shop.events(), encoder="tfidf", scorers=["popularity"])
    shop.save(tmp_path / "shop")
    with service(tmp_path / "shop", tmp_path / "live") as running:
        client = Gorse(f"http://127.0.0.1:{running.port}", "")
        teas = [int(item.id[1:]) for item in client.get_recommend("u0", "tea", n=5)]
        assert teas and all(number % 3 == 0 for number in teas)
        others = [int(item.id[1:]) for item in client.get_recommend("u0", "a%2Fb", n=5)]
        assert others and all(number % 3 for number in others)
        assert running.http.get("/api/recommend/u0/tea/x").status_code == 404
        assert running.http.get("/api/item/i1%2Fneighbors").status_code == 404


def test_the_client_for_asyncio(live):
    async def calls() -> list[str]:
        client = AsyncGorse(f"http://127.0.0.1:{live.port}", "")
        await client.insert_feedback("star", "gus", "i1", "2026-02-24T10:00:00Z")
        assert [each["ItemId"] for each in await client.list_feedbacks("star", "gus")] == ["i1"]
        return [item.id for item in await client.get_recommend("gus", n=3)]

    assert asyncio.run(calls()) == live.ids("/v1/recommend/gus", k=3)
