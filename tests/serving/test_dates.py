"""Columns of dates stay columns of dates, whatever is put into them."""

import asyncio

import polars as pl
import pytest
from live import service

import pennyweight
import small_shop
from pennyweight.serving.stores.protocol import StoredItem

FILTER = "published_at >= '2023-05-01'"


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    items = small_shop.items()
    days = [None if i == 4 else f"2023-{1 + i % 9:02d}-05" for i in range(items.height)]
    issue = [f"2024-01-{1 + i:02d}" for i in range(items.height)]
    items = items.with_columns(pl.Series("published_at", days), pl.Series("name", issue))
    path = tmp_path_factory.mktemp("dated") / "bundle"
    pennyweight.fit(items, small_shop.events(), encoder="tfidf", scorers=["popularity"]).save(path)
    return path


@pytest.mark.parametrize("value", ["TBA", "2023", "2023-5-1", "15.01.2023", "soon", "-"])
def test_a_word_in_a_column_of_dates_is_refused(dated, tmp_path, value):
    with service(dated, tmp_path / "live") as live:
        before = live.ids("/v1/recommend/nobody", k=100, filter=FILTER)
        body = {"attributes": {"title": "cocoa blend", "published_at": value}}
        batch = {"items": [{"item_id": "n1", **body}]}
        for response in (
            live.http.put("/v1/items/n1", json=body),
            live.http.patch("/v1/items/i1", json={"attributes": {"published_at": value}}),
            live.http.post("/v1/items", json=batch),
        ):
            assert response.status_code == 422
            assert "'published_at' is a date such as" in response.json()["detail"]
        assert live.ids("/v1/recommend/nobody", k=100, filter=FILTER) == before


@pytest.mark.parametrize("value", ["2023-06-01", "2023-06-01T10:00:00Z", "2023-06"])
def test_a_date_is_taken_and_compared(dated, tmp_path, value):
    with service(dated, tmp_path / "live") as live:
        body = {"attributes": {"title": "cocoa", "published_at": value, "name": "Special"}}
        live.http.put("/v1/items/n1", json=body)
        live.http.put("/v1/items/n2", json={"attributes": {"published_at": "N/A"}})
        items = live.ids("/v1/recommend/nobody", k=100, filter=FILTER)
        assert "n1" in items and "n2" not in items and "i4" not in items
        assert len(items) == 1 + sum(i % 9 >= 4 for i in range(30) if i != 4)


def test_items_put_before_the_column_have_no_date(dated, tmp_path):
    with service(dated, tmp_path / "live") as live:
        before = live.ids("/v1/recommend/nobody", k=100, filter=FILTER)
        odd = {"title": "cocoa blend", "published_at": "TBA"}
        now = live.engine.clock()
        asyncio.run(live.engine.items.put([StoredItem("n1", odd, True, now, now)]))
    with service(None, tmp_path / "live") as live:
        assert live.ids("/v1/recommend/nobody", k=100, filter=FILTER) == before
        assert "n1" in live.ids("/v1/recommend/nobody", k=100)
