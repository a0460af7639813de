"""A client of Gorse, moved to another address."""

import pytest


def feedback(user: str, item: str, kind: str = "star", **more: object) -> dict:
    return {"FeedbackType": kind, "UserId": user, "ItemId": item} | more


def test_recommendations_in_both_versions(live):
    own = live.ids("/v1/recommend/u0", k=5)
    assert live.get("/api/recommend/u0", n=5) == own
    assert live.get("/api/recommend/u0", n=3, offset=2) == own[2:]
    scored = live.http.get("/api/recommend/u0?n=5", headers={"X-API-Version": "2"}).json()
    assert [item["Id"] for item in scored] == own
    assert scored[0]["Score"] >= scored[1]["Score"]


def test_feedback_is_kept_once_and_counts_at_once(live):
    rows = [feedback("gus", "i0", Timestamp="2026-02-24T10:00:00Z"), feedback("gus", "i5")]
    assert live.post("/api/feedback", rows) == {"RowAffected": 2}
    assert live.http.put("/api/feedback", json=rows[:1]).json() == {"RowAffected": 0}
    assert live.get("/v1/recommend/gus")["source"] == "history"
    assert {"i0", "i5"}.isdisjoint(live.get("/api/recommend/gus", n=50))


def test_users_and_items_with_colons_are_kept_apart(live):
    same = {"Timestamp": "2026-02-24T10:00:00Z"}
    assert live.post("/api/feedback", [feedback("shop", "eu:i1", **same)])["RowAffected"] == 1
    assert live.post("/api/feedback", [feedback("shop:eu", "i1", **same)])["RowAffected"] == 1
    assert len(live.get("/v1/users/shop:eu")["events"]) == 1


def test_times_are_those_of_other_routes(live):
    for time in ("2999-01-01T00:00:00Z", "1969-01-01T00:00:00Z"):
        rows = [feedback("fay", "i1", Timestamp=time)]
        assert live.http.post("/api/feedback", json=rows).status_code == 422
    for time in ("0001-01-01T00:00:00Z", None):  # a client that has no time
        assert live.post("/api/feedback", [feedback("fay", "i1", Timestamp=time)])["RowAffected"]
    assert all(event["timestamp"] > 1e9 for event in live.get("/v1/users/fay")["events"])


def test_items_that_were_only_read_are_left_out(live):
    live.post("/api/feedback", [feedback("rea", "i3", "read")])
    result = live.get("/v1/recommend/rea", k=50)
    assert "i3" not in [item["item_id"] for item in result["items"]]


def test_sessions_and_neighbors(live):
    items = live.post("/api/session/recommend?n=4", [feedback("x", "i1", Timestamp=1.7e9)])
    assert len(items) == 4
    assert live.get("/v1/users")["users"] == []
    near = live.get("/api/item-to-item/neighbors/i1", n=3)
    assert [item["Id"] for item in near] == live.ids("/v1/similar/i1", k=3)


def test_items(live):
    item = {
        "ItemId": "g1",
        "Comment": "cocoa blend dark",
        "Labels": {"price": 3.5},
        "Timestamp": "2026-01-01T00:00:00Z",
        "IsHidden": False,
    }
    assert live.post("/api/item", item) == {"RowAffected": 1}
    assert live.get("/v1/items/g1")["attributes"] == {"title": "cocoa blend dark", "price": 3.5}
    assert live.get("/api/item/g1")["Comment"] == "cocoa blend dark"
    live.post("/api/items", [item | {"IsHidden": True}])
    assert live.get("/v1/items/g1")["available"] is False
    assert live.http.delete("/api/item/g1").json() == {"RowAffected": 1}
    assert live.http.get("/api/item/g1").status_code == 404
    bad = live.http.post("/api/item", json=item | {"Labels": {"color": "red"}})
    assert bad.status_code == 422
    assert "no column 'color'" in bad.text


def test_users_come_from_their_events(live):
    assert live.post("/api/user", {"UserId": "bo", "Labels": {}}) == {"RowAffected": 0}
    live.post("/api/feedback", [feedback("bo", "i1")])
    assert live.http.delete("/api/user/bo").json() == {"RowAffected": 1}
    assert live.get("/v1/users/bo")["events"] == []


def test_health(live):
    assert live.get("/api/health/live") == live.get("/api/health/ready") == {"Ready": True}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/api/recommend/u0?n=0", "query.n must be 1 or more"),
        ("/api/recommend/u0?category=x", "no column"),
    ],
)
def test_errors_name_the_fault(live, path, message):
    response = live.http.get(path)
    assert response.status_code == 422
    assert message in response.text
