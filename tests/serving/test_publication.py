"""Since when items are new, as told live, in the columns of an export."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from live import service

import pennyweight
from pennyweight.serving.export import export
from pennyweight.serving.live.publication import published_times, with_published

TIMES = [1_700_000_000.0, 1_600_000_000.0, 1_650_000_000.0]


def test_a_told_time_is_exported_and_kept(bundles, tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))
    items, events = tmp_path / "items.jsonl", tmp_path / "events.jsonl"
    with service(bundles[0], tmp_path / "live") as live:
        published = live.engine.clock() - 10
        body = {"attributes": {"title": "saffron tea"}, "published": published}
        assert live.http.put("/v1/items/new", json=body).status_code == 200
        assert live.http.patch("/v1/items/i3", json={"published": 1.7e9}).status_code == 200
        assert live.http.patch("/v1/items/i4", json={"available": True}).status_code == 200
        for number in range(2):
            export(live.folder, items, events)
            path = tmp_path / f"next{number}"
            pennyweight.fit(items, events, encoder="tfidf", scorers=["popularity"]).save(path)
            live.post("/v1/bundles", {"path": str(path)})
            assert live.get("/v1/items/new")["published"] == pytest.approx(published, abs=1e-5)
            assert live.get("/v1/items/i3")["published"] == 1.7e9
            assert live.get("/v1/items/i4")["published"] is None
            assert live.ids("/v1/recommend/nobody", k=1, freshness=100) == ["new"]
            assert live.http.patch("/v1/items/i5", json={"published": 1.6e9}).status_code == 200


@pytest.mark.parametrize(
    "columns",
    [
        {"price": [1.0, 2.0, 3.0]},
        {"published": ["2020-09-13", "2020-09-13", None]},
        {"published": ["2020-09-13T12:26:40Z"] * 3},
        {"published": [1_600_000_000, 1_600_000_000, None]},
        {"published": [1_600_000_000_000] * 3},
        {"published": [20200913, 20200913, 20200914]},
        {"published": [date(2020, 9, 13)] * 3},
        {"published": [datetime(2020, 9, 13, tzinfo=UTC)] * 3},
        {"published": [True, False, True], "date": ["2020-09-13"] * 3},
        {"published": ["13.09.2020", "14.09.2020", "13.09.2020"]},
    ],
)
def test_columns_of_any_form_take_them(columns):
    before = pl.DataFrame(columns)
    old = published_times(before, 3)
    times = np.array([TIMES[0], np.nan, TIMES[2] + 0.5])
    after = with_published(before, times)
    expected = np.where(np.isnan(times), old, times)
    np.testing.assert_allclose(published_times(after, 3), expected, atol=0.6)
    read_back = pl.read_ndjson(after.write_ndjson().encode())  # as `fit` reads it
    np.testing.assert_allclose(published_times(read_back, 3), expected, atol=0.6)
    assert with_published(before, np.full(3, np.nan)) is before
