"""Events and items over HTTP, and how soon they count."""

import time

import pytest
from live import service


def view(user: str, item: str, **more: object) -> dict:
    return {"user_id": user, "item_id": item} | more


def test_an_event_is_in_the_next_list(live):
    assert live.get("/v1/recommend/new")["source"] == "popularity"
    for number, item in enumerate(["i0", "i5", "i10"]):
        counts = live.post("/v1/events", view("new", item))
        assert (counts["accepted"], counts["duplicates"]) == (1, 0)
        result = live.get("/v1/recommend/new", k=30)
        assert result["source"] == "history"
        items = {i["item_id"] for i in result["items"]}
        assert not {"i0", "i5", "i10"}.intersection(["i0", "i5", "i10"][: number + 1]) & items


def test_an_event_of_a_known_user_comes_after_those_of_the_bundle(live):
    before = live.ids("/v1/recommend/u0", k=30)
    live.post("/v1/events", view("u0", before[0]))
    after = live.ids("/v1/recommend/u0", k=30)
    assert before[0] not in after
    assert len(after) == len(before) - 1


def test_events_are_kept_once(live):
    event = view(
        "u", "i1", event_id="e1", timestamp=1_700_000_000, event_type="purchase", weight=2.5
    )
    assert live.post("/v1/events", event)["accepted"] == 1
    assert live.post("/v1/events", event)["duplicates"] == 1
    batch = {"events": [event, view("u", "i2", event_id="e2")]}
    counts = live.post("/v1/events", batch)
    assert (counts["accepted"], counts["duplicates"], counts["event_ids"]) == (1, 1, ["e1", "e2"])
    events = live.get("/v1/users/u")["events"]
    assert [(e["event_id"], e["event_type"], e["weight"]) for e in events] == [
        ("e1", "purchase", 2.5),
        ("e2", "view", 1.0),
    ]


def test_impressions_do_not_count_in_histories(live):
    recommendation = live.get("/v1/recommend/w", k=3)
    body = {
        "user_id": "w",
        "event_type": "impression",
        "items": [i["item_id"] for i in recommendation["items"]],
        "recommendation_id": recommendation["recommendation_id"],
    }
    assert live.post("/v1/events", body)["accepted"] == 3
    assert live.get("/v1/recommend/w")["source"] == "popularity"


def test_outcomes_of_lists(live):
    recommendation = live.get("/v1/recommend/w", k=3)
    click = view(
        "w",
        recommendation["items"][0]["item_id"],
        event_type="click",
        recommendation_id=recommendation["recommendation_id"],
    )
    live.post("/v1/events", click)
    live.stored_list(recommendation["recommendation_id"])
    (outcome,) = live.get("/v1/feedback")["outcomes"]
    assert (outcome["event_type"], outcome["lists"], outcome["events"]) == ("click", 1, 1)
    assert outcome["bundle_version"] == recommendation["bundle_version"]


def test_items_nobody_knows_yet_are_kept_and_count_once_they_are_there(live):
    counts = live.post("/v1/events", view("early", "i99"))
    assert counts["unknown_items"] == ["i99"]
    assert live.get("/v1/recommend/early")["source"] == "popularity"
    live.http.put("/v1/items/i99", json={"attributes": {"title": "cocoa blend dark no99"}})
    assert live.get("/v1/recommend/early")["source"] == "history"


def test_a_new_item_is_found_recommended_and_filtered(live):
    body = {"attributes": {"title": "cocoa blend dark", "price": 99.5}}
    response = live.http.put("/v1/items/a%2Fnew", json=body)
    assert response.json() == {"item_id": "a/new", "recommendable": True}
    items = live.post("/v1/search", {"query": "cocoa blend dark", "k": 5})["items"]
    assert "a/new" in [i["item_id"] for i in items]
    assert live.ids("/v1/recommend/u0", k=5, filter="price > 99") == ["a/new"]
    assert live.get("/v1/items/a%2Fnew")["attributes"] == body["attributes"]
    assert "a/new" not in live.ids("/v1/similar/a%2Fnew", k=3)
    assert live.metric("pennyweight_item_recommendable_seconds_count") == 1


def test_sold_out_items_vanish_and_come_back(live):
    best = live.ids("/v1/recommend/u0", k=1)[0]
    live.http.patch(f"/v1/items/{best}", json={"available": False})
    assert best not in live.ids("/v1/recommend/u0", k=100)
    assert live.get(f"/v1/items/{best}")["available"] is False
    assert live.http.patch(f"/v1/items/{best}", json={"available": True}).json()["recommendable"]
    assert live.ids("/v1/recommend/u0", k=1) == [best]


def test_a_changed_item_keeps_its_other_fields(live):
    live.http.patch("/v1/items/i3", json={"attributes": {"price": 1000}})
    item = live.get("/v1/items/i3")
    assert item["attributes"]["price"] == 1000
    assert item["attributes"]["title"] == "mate blend dark no3"
    assert live.ids("/v1/recommend/nobody", k=5, filter="price == 1000") == ["i3"]
    live.http.patch("/v1/items/i3", json={"attributes": {"price": None}})
    assert "price" not in live.get("/v1/items/i3")["attributes"]


def test_attributes_decide_availability_where_the_body_does_not(live):
    attributes = {"title": "cocoa blend dark no78", "available": False}
    live.http.put("/v1/items/n2", json={"attributes": attributes})
    assert live.get("/v1/items/n2")["available"] is False
    live.http.patch("/v1/items/n2", json={"attributes": {"price": 3}})
    assert live.get("/v1/items/n2")["available"] is False
    live.http.patch("/v1/items/n2", json={"attributes": {"available": True}})
    assert live.get("/v1/items/n2")["available"] is True
    live.http.put("/v1/items/n2", json={"attributes": attributes, "available": True})
    assert live.get("/v1/items/n2")["available"] is True


def test_whole_numbers_are_ids(live):
    assert live.post("/v1/events", {"user_id": 12, "item_id": "i1"})["accepted"] == 1
    assert live.post("/v1/events", {"user_id": 12.0, "item_id": 7})["unknown_items"] == ["7"]
    assert live.get("/v1/users")["users"] == ["12"]
    assert "i1" not in live.ids("/v1/recommend/12", k=100)


def test_a_deleted_item_is_gone_and_can_be_made_again(live):
    assert live.http.delete("/v1/items/i4").status_code == 200
    assert "i4" not in live.ids("/v1/recommend/nobody", k=100)
    assert live.http.get("/v1/items/i4").status_code == 404
    assert live.http.delete("/v1/items/i4").status_code == 404
    assert live.http.patch("/v1/items/i4", json={"available": True}).status_code == 404
    live.http.put("/v1/items/i4", json={"attributes": {"title": "tea again"}})
    assert live.get("/v1/items/i4")["attributes"] == {"title": "tea again"}
    assert "i4" in live.ids("/v1/recommend/nobody", k=100)


def test_items_in_a_batch_are_whole_or_not_at_all(live):
    good = [{"item_id": f"n{i}", "attributes": {"title": f"tea mild no{i}"}} for i in range(200)]
    counts = live.post("/v1/items", {"items": good})
    assert counts == {"accepted": 200, "recommendable": 200}
    bad = [*good[:1], {"item_id": "z", "attributes": {"titel": "x"}}]
    response = live.http.post("/v1/items", json={"items": [{**bad[0], "item_id": "y"}, bad[1]]})
    assert response.status_code == 422
    assert "'z': no column 'titel'" in response.json()["detail"]
    assert live.http.get("/v1/items/y").status_code == 404


def test_freshness_lets_an_item_of_minutes_win(live):
    now = time.time()
    old = {"attributes": {"title": "juice blend"}, "published": now - 10 * 86_400}
    live.http.put("/v1/items/old", json=old)
    live.http.put("/v1/items/fresh", json=old | {"published": now - 60})
    assert live.ids("/v1/recommend/nobody", k=1) != ["fresh"]
    assert live.ids("/v1/recommend/nobody", k=1, freshness=100, half_life=3600) == ["fresh"]
    last = live.ids("/v1/recommend/nobody", k=100, freshness=-100, half_life=3600)
    assert last[-1] == "fresh"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"item_id": "i1"}, "user_id"),
        ({"user_id": "u"}, "give item_id"),
        ({"user_id": "u", "item_id": "i1", "items": ["i2"]}, "give item_id"),
        ({"user_id": "u", "items": ["i1"], "event_type": "click"}, "impression"),
        ({"user_id": "", "item_id": "i1"}, "body.user_id must not be empty"),
        ({"user_id": True, "item_id": "i1"}, "body.user_id must be text or a whole number"),
        ({"user_id": 1.5, "item_id": "i1"}, "body.user_id must be text or a whole number"),
        ({"user_id": "u", "item_id": "i1", "kind": "x"}, "body.kind is unknown here"),
        ({"user_id": "u", "item_id": "i1", "weight": "x"}, "body.weight must be a number"),
        ({"events": [{"user_id": "u", "item_id": []}]}, "body.events.0.item_id must be text"),
        ({"user_id": "u", "item_id": "i1", "timestamp": "yesterday"}, "ISO 8601"),
        ({"user_id": "u", "item_id": "i1", "timestamp": 17}, "epoch seconds"),
        ({"user_id": "u", "item_id": "i1", "timestamp": 9e10}, "future"),
        ({"user_id": "u", "item_id": "i1", "timestamp": True}, "timestamp"),
        ({"events": []}, "body.events must not be empty"),
        ({"events": [{"user_id": "u"}]}, "body.events.0 give item_id"),
        ([], "body must be an object"),
    ],
)
def test_bad_events(shared_live, body, message):
    response = shared_live.http.post("/v1/events", json=body)
    assert response.status_code == 422
    assert message in response.text
    assert shared_live.get("/v1/users")["users"] == []


@pytest.mark.parametrize(
    "data", [b"{", b'{"user_id": NaN}', b"\xff\xfe", b'{"user_id": "\\ud800"}']
)
def test_broken_json(shared_live, data):
    headers = {"content-type": "application/json"}
    response = shared_live.http.post("/v1/events", content=data, headers=headers)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["field"].startswith("body")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"attributes": {"titel": "x"}}, "did you mean"),
        ({"attributes": {"price": "x"}}, "a number"),
        ({"attributes": {"title": ["x"]}}, "text"),
        ({"available": "no"}, "body.available must be true or false"),
        ({"published": "soon"}, "ISO 8601"),
        ({"color": "red"}, "body.color is unknown here"),
    ],
)
def test_bad_items(shared_live, body, message):
    for method in ("PUT", "PATCH"):
        response = shared_live.http.request(method, "/v1/items/i1", json=body)
        assert response.status_code == 422
        assert message in response.text
    assert shared_live.get("/v1/items/i1")["attributes"]["title"] == "coffee blend dark no1"


def test_a_restart_goes_on_with_all_that_was_acknowledged(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as first:
        first.post("/v1/events", view("new", "i0", event_id="e"))
        first.http.put("/v1/items/n1", json={"attributes": {"title": "cocoa blend dark no77"}})
        first.http.patch("/v1/items/i7", json={"available": False})
        first.http.delete("/v1/items/i8")
        listed = first.ids("/v1/recommend/new", k=30)
    with service(None, tmp_path / "live") as second:
        assert second.ids("/v1/recommend/new", k=30) == listed
        assert "n1" in second.ids("/v1/recommend/nobody", k=100)
        assert {"i7", "i8"}.isdisjoint(second.ids("/v1/recommend/nobody", k=100))
        assert second.post("/v1/events", view("new", "i0", event_id="e"))["duplicates"] == 1
