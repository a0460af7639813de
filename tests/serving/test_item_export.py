"""The stream of items: whole, each once, with live changes."""

import json

from live import Service


def lines(live: Service, **params: object) -> list[dict]:
    response = live.http.get("/v1/items:export", params=params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


def test_items_come_as_they_are_now(live):
    new = [{"item_id": f"n{i}", "attributes": {"title": f"new {i}"}} for i in range(700)]
    assert live.post("/v1/items", {"items": new})["accepted"] == 700
    live.http.patch("/v1/items/i3", json={"attributes": {"price": 99.5}, "available": False})
    live.http.delete("/v1/items/i5")
    assert live.engine.items.ingestion.wait(20)
    items = {item["item_id"]: item for item in lines(live)}
    assert list(items) == [f"i{i}" for i in range(30) if i != 5] + [f"n{i}" for i in range(700)]
    assert all(item == live.get(f"/v1/items/{name}") for name, item in list(items.items())[:35])
    assert items["i3"]["attributes"]["price"] == 99.5 and not items["i3"]["available"]


def test_the_stream_goes_on_after_an_item(live):
    assert [item["item_id"] for item in lines(live, after="i27")] == ["i28", "i29"]
    assert lines(live, after="i29") == []
    assert live.http.get("/v1/items:export", params={"after": "none"}).status_code == 404
