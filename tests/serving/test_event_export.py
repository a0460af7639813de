"""Exports of what came live: whole, each event once, and in a form that `fit` reads back."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from live import Service, json_of, service, shop

import pennyweight
import small_shop
from pennyweight.bundle.provenance import exported_position
from pennyweight.data.fingerprint import fingerprint
from pennyweight.errors import DataError
from pennyweight.serving.export import export

SCORERS = ["popularity", "content", "neighbors"]


def lines(live: Service, **params: object) -> list[dict]:
    response = live.http.get("/v1/events:export", params=params)
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def send(live: Service, rows: pl.DataFrame) -> None:
    events = [
        {"event_id": f"e{n}", "user_id": user, "item_id": item, "timestamp": time}
        for n, (user, item, time) in enumerate(
            rows.select("user_id", "item_id", "timestamp").rows()
        )
    ]
    for start in range(0, len(events), 1_000):
        live.post("/v1/events", {"events": events[start : start + 1_000]})


def test_the_stream_has_each_event_once_and_goes_on_where_it_ended(live):
    rows = small_shop.events(users=200, shortest=8)  # more than one piece
    send(live, rows)
    response = live.http.get("/v1/events:export")
    position = json.loads(response.headers["pennyweight-position"])
    events = [json.loads(line) for line in response.text.splitlines()]
    assert len(events) == position["seq"] == rows.height > 1_000
    assert [event["event_id"] for event in events] == [f"e{n}" for n in range(rows.height)]
    assert [event["seq"] for event in events] == list(range(1, rows.height + 1))
    assert events[0].keys() >= {"user_id", "item_id", "event_type", "timestamp", "weight"}
    assert lines(live, after=position["seq"]) == []
    live.post("/v1/events", {"user_id": "ann", "item_id": "i1", "event_id": "late"})
    assert [event["event_id"] for event in lines(live, after=position["seq"])] == ["late"]


def test_the_stream_begins_at_a_time(live):
    send(live, small_shop.events())
    times = small_shop.events()["timestamp"].sort()
    for since in (times[-5], datetime.fromtimestamp(times[-5], UTC).isoformat()):
        assert len(lines(live, since=since)) == 5
    refused = live.http.get("/v1/events:export", params={"since": "yesterday"})
    assert refused.status_code == 422 and "ISO 8601" in refused.text


def test_erased_users_are_in_no_stream(live):
    send(live, small_shop.events())
    json_of(live.http.delete("/v1/users/u3"))
    users = {event["user_id"] for event in lines(live)}
    assert "u3" not in users and "u4" in users


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_fit_of_the_export_equals_a_fit_of_the_original(tmp_path, suffix):
    original = small_shop.events().sort("timestamp", maintain_order=True).drop("split")
    half = original.height // 2
    items = small_shop.items()
    first = pennyweight.fit(items, original[:half], encoder="tfidf", scorers=SCORERS)
    first.save(tmp_path / "first")
    with service(tmp_path / "first", tmp_path / "live") as live:
        send(live, original[half:])
        files = [tmp_path / f"{name}.{suffix}" for name in ("items", "events")]
        summary = export(tmp_path / "live", *files)  # while the service runs
    assert summary.events == original.height and summary.position.seq == original.height - half
    again = pennyweight.fit(*files, encoder="tfidf", scorers=SCORERS)
    direct = pennyweight.fit(items, original, encoder="tfidf", scorers=SCORERS)
    assert again.origin.events == summary.position
    assert fingerprint(again.catalog, again.interactions) == fingerprint(
        direct.catalog, direct.interactions
    )
    user = original["user_id"][0]
    assert again.recommend(user=user).to_dicts() == direct.recommend(user=user).to_dicts()
    assert again.report.scorers == direct.report.scorers


def test_an_export_of_some_events_stands_for_no_position(tmp_path):
    shop().save(tmp_path / "shop")
    with service(tmp_path / "shop", tmp_path / "live") as live:
        live.post("/v1/events", {"user_id": "ann", "item_id": "i1"})
    items, events = tmp_path / "items.jsonl", tmp_path / "events.jsonl"
    export(tmp_path / "live", items, events)
    assert exported_position(events).seq == 1
    summary = export(tmp_path / "live", items, events, since=1.8e9)
    assert summary.events == 0 and exported_position(events) is None
    assert exported_position(items) is not None


def test_items_and_events_take_a_file_each(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live"):
        pass
    with pytest.raises(DataError, match="give each a file"):
        export(tmp_path / "live", tmp_path / "same.jsonl", tmp_path / "." / "same.jsonl")
    assert not (tmp_path / "same.jsonl").exists()
