"""Requests that say something twice, or name nobody."""

import json
from urllib.parse import unquote

import pytest

JSON = {"content-type": "application/json"}


def test_a_repeated_parameter_is_refused(shared_live):
    for path in ("/v1/recommend/u0", "/v1/similar/i1"):
        two = shared_live.http.get(f"{path}?filter=price<5&filter=price<9")
        assert two.status_code == 422
        assert "query.filter is repeated 2 times; send it once; join filters with and" in two.text
        assert shared_live.http.get(f"{path}?k=3&k=3").status_code == 422
    assert shared_live.http.get("/api/recommend/u0?n=3&n=1").status_code == 422
    assert shared_live.http.get("/v1/users?limit=3&limit=1").status_code == 422
    assert len(shared_live.ids("/v1/recommend/u0", k=3)) == 3


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/recommend/u0", '{"k": 3, "k": 1}'),
        ("POST", "/v1/events", '{"user_id": "u", "item_id": "i1", "user_id": "v"}'),
        ("PUT", "/v1/items/i1", '{"attributes": {"price": 1, "price": 2}}'),
    ],
)
def test_a_repeated_field_is_refused(shared_live, method, path, body):
    response = shared_live.http.request(method, path, content=body, headers=JSON)
    assert response.status_code == 422
    assert "twice in one object" in response.json()["detail"]


@pytest.mark.parametrize("user", ["undefined", "null", "NaN", "nan", "None", " ", "N/A", "\\N"])
def test_an_id_that_names_nobody_is_refused(shared_live, user):
    def refused(path: str, body: object, method: str = "POST") -> None:
        response = shared_live.http.request(method, path, json=body)
        assert response.status_code == 422, response.text
        assert "stands for a missing id" in response.json()["detail"]

    refused("/v1/events", {"user_id": user, "item_id": "i1"})
    refused("/v1/events", {"user_id": "u1", "item_id": user})
    refused("/v1/events", {"user_id": "u1", "event_type": "impression", "items": ["i1", user]})
    good = {"user_id": "u1", "item_id": "i1"}
    refused("/v1/events", {"events": [good, good | {"user_id": user}]})
    refused("/v1/items", {"items": [{"item_id": user}]})
    refused("/api/feedback", [{"FeedbackType": "like", "UserId": user, "ItemId": "i1"}])
    refused("/api/item", {"ItemId": user, "Comment": "a tea"})
    assert shared_live.get("/v1/users")["users"] == []


def test_an_item_that_names_nothing_is_refused_in_a_path(live):
    response = live.http.put("/v1/items/null", json={"attributes": {"title": "a tea"}})
    assert response.status_code == 422 and "'null' stands for a missing id" in response.text
    assert live.http.get("/v1/items/null").status_code == 404


def test_words_that_are_names_stay_users(live):
    for user in ("Null", "Nan", "guest", "undefined1"):
        assert live.post("/v1/events", {"user_id": f"{user}x", "item_id": "i1"})["accepted"] == 1


def test_a_request_without_a_user_gets_popular_items(live):
    result = live.get("/v1/recommend/undefined", k=3)
    assert result["source"] == "popularity" and len(result["items"]) == 3


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/recommend/u0/"),
        ("GET", "/v1/recommend/u0/horror"),
        ("GET", "/v1/similar/i1/"),
        ("GET", "/v1/items/i1/"),
        ("GET", "/api/item-to-item/near/i1/x"),
        ("DELETE", "/api/user/u0/feedback"),
        ("DELETE", "/v1/users/u0/events"),
    ],
)
def test_a_path_that_goes_on_after_an_id_is_another_one(shared_live, method, path):
    response = shared_live.http.request(method, path)
    assert response.status_code == 404
    assert "the path goes on after the id; write %2F" in response.json()["detail"]


def test_an_id_may_hold_a_slash_that_is_written_so(live):
    for name in ("a%2F", "a%2Fb", "%2Fa%2F%2Fb"):
        live.http.put(f"/v1/items/{name}", json={"attributes": {"title": "a tea"}})
        assert live.get(f"/v1/items/{name}")["item_id"] == unquote(name)


@pytest.mark.parametrize("query", ["k=1_0", "diversity=1_0e-1", "freshness=1_0"])
def test_a_number_is_written_without_underscores(shared_live, query):
    response = shared_live.http.get(f"/v1/recommend/u0?{query}")
    assert (
        response.status_code == 422
        and "must be a number" in response.json()["errors"][0]["message"]
    )


@pytest.mark.parametrize("number", ["9007199254740993.0", "1e300", "-9007199254740992.0"])
def test_an_id_that_a_float_would_round_is_refused(live, number):
    body = f'{{"user_id": {number}, "item_id": "i1"}}'.encode()
    head = {"content-type": "application/json"}
    response = live.http.post("/v1/events", content=body, headers=head)
    assert response.status_code == 422 and "send text" in str(response.json()["errors"])
    assert live.post("/v1/events", {"user_id": 9007199254740993, "item_id": "i1"})["accepted"] == 1


@pytest.mark.parametrize("time", [0, -1, "1969-01-01T00:00:00Z", "0001-01-01T00:00:00Z", 1e10])
def test_a_time_that_no_event_has_is_refused_in_every_form(shared_live, time):
    body = {"user_id": "u", "item_id": "i1", "timestamp": time}
    assert shared_live.http.post("/v1/events", json=body).status_code == 422


def test_json_under_another_name_is_refused_for_its_name(live):
    body = json.dumps({"user_id": "u", "item_id": "i1"})
    for head in ({"content-type": "application/x-www-form-urlencoded"}, {}):
        response = live.http.post("/v1/events", content=body.encode(), headers=head)
        assert response.status_code == 415
        assert "Content-Type: application/json" in response.json()["detail"]
    text = {"content-type": "application/json; charset=utf-8"}
    assert live.http.post("/v1/events", content=body.encode(), headers=text).status_code == 200


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"user_id": "Zoë", "item_id": "i1"}'.encode("latin-1"), "body is not UTF-8"),
        (b'{"user_id": "u", "item_id": "i1", "weight": NaN}', "NaN is not a JSON number"),
        (b"[" * 20_000, "nested too deeply"),
    ],
)
def test_faults_of_a_body_are_named(shared_live, content, message):
    response = shared_live.http.post("/v1/events", content=content, headers=JSON)
    assert response.status_code == 422
    assert message in response.json()["detail"]


@pytest.mark.parametrize("kind", ["unmatched", "0", "0.0"])
def test_a_type_in_doubt_is_refused_with_advice_for_a_client(live, kind):
    event = {"user_id": "u", "item_id": "i1", "event_type": kind}
    response = live.http.post("/v1/events", json=event)
    assert response.status_code == 422
    assert "send a name that says which, such as like, dislike" in response.json()["detail"]
    assert live.post("/v1/events", event | {"event_type": "dislike"})["accepted"] == 1


def test_null_is_as_good_as_nothing(live):
    event = {"user_id": "u", "item_id": "i1", "weight": None, "event_type": None, "timestamp": None}
    assert live.post("/v1/events", event)["accepted"] == 1
    (stored,) = live.get("/v1/users/u")["events"]
    assert (stored["weight"], stored["event_type"]) == (1.0, "view")
    session = {"events": [{"item_id": "i1", "weight": None, "event_type": None}]}
    assert live.post("/v1/recommend", session)["source"] == "history"


def test_messages_name_the_field_and_its_bound(live):
    long = live.http.post("/v1/events", json={"user_id": "u" * 600, "item_id": "i1"})
    assert "body.user_id must have 512 characters at most" in long.json()["detail"]
    content = b'{"attributes": {"price": 1e999}}'
    infinite = live.http.put("/v1/items/i1", content=content, headers=JSON)
    assert infinite.status_code == 422
    assert "body.attributes.price must be a finite number" in infinite.json()["detail"]


def test_no_field_of_an_item_is_lost(live):
    item = {"ItemId": "g1", "Comment": "a tea", "Categories": ["Drama"]}
    response = live.http.post("/api/item", json=item)
    assert response.status_code == 422 and "no column categories" in response.json()["detail"]
    both = {"ItemId": "g1", "Comment": "a tea", "Labels": {"title": "green tea"}}
    response = live.http.post("/api/item", json=both)
    assert response.status_code == 422 and "Labels and Comment both give the title" in response.text
    assert live.post("/api/item", {"ItemId": "g1", "Comment": "a tea"}) == {"RowAffected": 1}
