"""Events that are no liking, sent to the service."""

import time

import polars as pl
from live import service
from test_gorse import feedback

import pennyweight
import small_shop


def send(live, user: str, item: str, kind: str, **more: object) -> dict:
    return live.post("/v1/events", {"user_id": user, "item_id": item, "event_type": kind} | more)


def reasons(live, user: str) -> str:
    result = live.get(f"/v1/recommend/{user}", k=50, explain=True)
    return " ".join(item["reason"] for item in result["items"])


def listed(live, user: str, **more: object) -> list[str]:
    return live.ids(f"/v1/recommend/{user}", k=50, **more)


def test_a_dislike_takes_back_a_like(live):
    send(live, "ann", "i3", "like")
    send(live, "ann", "i8", "like")
    title = live.get("/v1/items/i3")["attributes"]["title"]
    assert title in reasons(live, "ann")
    send(live, "ann", "i3", "dislike")
    assert title not in reasons(live, "ann")
    assert live.get("/v1/recommend/ann")["source"] == "history"
    assert {"i3", "i8"}.isdisjoint(listed(live, "ann"))
    assert "i3" not in listed(live, "ann") and "i3" in listed(live, "ann", exclude_seen=False)
    send(live, "ann", "i3", "purchase")
    assert title in reasons(live, "ann")


def test_negative_events_alone_are_no_history(live):
    popular = listed(live, "nobody")
    send(live, "bob", popular[0], "thumbs_down")
    result = live.get("/v1/recommend/bob", k=50)
    assert result["source"] == "negative events"
    assert [item["item_id"] for item in result["items"]] == popular[1:]
    assert live.get("/v1/recommend/nobody")["source"] == "popularity"


def test_neutral_events_say_nothing(live):
    send(live, "eve", "i3", "search")
    live.post(
        "/v1/events", {"user_id": "eve", "items": ["i1", "i2"], "event_type": "view_item_list"}
    )
    assert live.get("/v1/recommend/eve")["source"] == "popularity"
    assert len(live.get("/v1/users/eve")["events"]) == 3


def test_types_in_doubt_are_refused_and_unknown_ones_named(live):
    bad = live.http.post(
        "/v1/events", json={"user_id": "u", "item_id": "i1", "event_type": "unmatched"}
    )
    assert bad.status_code == 422 and "unmatched" in bad.text
    assert live.http.post("/api/feedback", json=[feedback("u", "i1", "unmatched")]).is_error
    assert send(live, "u", "i1", "frobbed")["unknown_event_types"] == ["frobbed"]
    assert send(live, "u", "i1", "view")["unknown_event_types"] == []


def test_outcomes_of_lists_separate_success_from_the_rest(live):
    list_id = live.get("/v1/recommend/u0")["recommendation_id"]
    for kind in ("click", "dislike", "impression"):
        send(live, "u0", "i3", kind, recommendation_id=list_id)
    meanings, end = {}, time.monotonic() + 60
    while len(meanings) < 3 and time.monotonic() < end:  # lists are written a moment later
        outcomes = live.get("/v1/feedback")["outcomes"]
        meanings = {
            outcome["event_type"]: outcome["meaning"]
            for outcome in outcomes
            if outcome["event_type"]
        }
    assert meanings == {"click": "positive", "dislike": "negative", "impression": "neutral"}
    page = live.http.get("/dashboard/experiments").text
    assert "dislike (negative)" in page and "impression (neutral)" in page


def test_types_of_gorse(live):
    live.post("/api/feedback", [feedback("gus", "i3", "star", Timestamp=1.7e9)])
    live.post("/api/feedback", [feedback("gus", "i3", "dislike", Timestamp=1.7e9 + 1)])
    assert live.get("/v1/recommend/gus")["source"] == "negative events"
    assert "i3" not in live.get("/api/recommend/gus", n=50)
    session = [
        feedback("x", "i1", Timestamp=1.7e9),
        feedback("x", "i2", "dislike", Timestamp=1.7e9),
    ]
    items = [item["Id"] for item in live.post("/api/session/recommend?n=50", session)]
    assert {"i1", "i2"}.isdisjoint(items)


def test_sessions(live):
    events = [
        {"item_id": "i1"},
        {"item_id": "i2", "event_type": "dislike"},
        {"item_id": "i3"},
        {"item_id": "i3", "weight": -1},
        {"item_id": "i4", "event_type": "impression"},
    ]
    result = live.post("/v1/recommend", {"events": events, "k": 50})
    plain = live.post("/v1/recommend", {"items": ["i1"], "k": 50})
    expected = [item["item_id"] for item in plain["items"]]
    assert [item["item_id"] for item in result["items"]] == [
        item for item in expected if item not in ("i2", "i3")
    ]


def test_event_meanings_of_the_fit_count_live(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))
    log = small_shop.events()
    log = log.with_columns(rating=(pl.int_range(pl.len()) % 3 + 3).cast(float), type=log["split"])
    data = pennyweight.read(
        small_shop.items(),
        log.drop("split"),
        event_types={"train": 1, "valid": 1, "test": 1, "gaze": "negative"},
    )
    fitted = pennyweight.fit(data, encoder="tfidf", scorers=["popularity", "content"])
    bundle = fitted.save(tmp_path / "bundle")
    with service(bundle.path, tmp_path / "live") as live:
        send(live, "ann", "i3", "gaze")
        assert live.get("/v1/recommend/ann")["source"] == "negative events"
        send(live, "bob", "i3", "rating", weight=2)
        assert live.get("/v1/recommend/bob")["source"] == "negative events"
        send(live, "bob", "i4", "rating", weight=3)
        send(live, "bob", "i5", "view")
        assert live.get("/v1/recommend/bob")["source"] == "history"
        assert {"i3", "i4", "i5"}.isdisjoint(listed(live, "bob"))


def test_a_weight_of_zero_is_no_history(live):
    event = {"user_id": "z", "item_id": "i0", "weight": 0}
    assert live.post("/v1/events", event)["accepted"] == 1
    assert live.get("/v1/recommend/z")["source"] == "popularity"
    session = {"events": [{"item_id": "i0", "weight": 0}]}
    assert live.post("/v1/recommend", session)["source"] == "popularity"
    live.post("/v1/events", event | {"weight": 1})
    assert live.get("/v1/recommend/z")["source"] == "history"
