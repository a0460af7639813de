"""Unknown names are refused with the name that was probably meant."""

import pytest

from pennyweight.serving.http.hints import nearest_name

EVENT = {"user_id": "u", "item_id": "i1"}


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "nearest"),
    [
        ("GET", "/v1/recommend/u0?n=3", None, "query.n", "k"),
        ("GET", "/v1/similar/i1?limit=3", None, "query.limit", "k"),
        ("GET", "/v1/users?n=3", None, "query.n", "limit"),
        ("GET", "/v1/audit?n=3", None, "query.n", "limit"),
        ("GET", "/v1/feedback?windows=60", None, "query.windows", "window"),
        ("POST", "/v1/recommend/u0", {"n": 3}, "body.n", "k"),
        ("POST", "/v1/recommend", {"items": ["i1"], "top_k": 3}, "body.top_k", "k"),
        (
            "POST",
            "/v1/recommend",
            {"events": [{"item_id": "i1", "type": "view"}]},
            "body.events.0.type",
            "event_type",
        ),
        ("POST", "/v1/search", {"q": "tea"}, "body.q", "query"),
        ("POST", "/v1/rank", {"candidates": ["i1"], "user": "u0"}, "body.user", "user_id"),
        ("POST", "/v1/events", EVENT | {"type": "view"}, "body.type", "event_type"),
        (
            "POST",
            "/v1/events",
            {"events": [EVENT | {"type": "view"}]},
            "body.events.0.type",
            "event_type",
        ),
        ("POST", "/v1/events", EVENT | {"timestmp": 1}, "body.timestmp", "timestamp"),
        ("PUT", "/v1/items/i1", {"availabel": True}, "body.availabel", "available"),
        ("PUT", "/v1/bundles/traffic-split", {"arms": []}, "body.arms", "variants"),
        (
            "PUT",
            "/v1/bundles/traffic-split",
            {"variants": [{"model_version": "x"}]},
            "body.variants.0.model_version",
            "bundle_version",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    shared_live, method, path, body, field, nearest
):
    response = shared_live.http.request(method, path, json=body)
    assert response.status_code == 422
    errors = {error["field"]: error["message"] for error in response.json()["errors"]}
    assert errors[field] == f"is unknown here; did you mean '{nearest}'?"


def test_other_errors_are_told_beside_an_unknown_name(shared_live):
    body = {"n": 3, "k": 0, "boost": [{"filter": "price > 1"}]}
    response = shared_live.http.post("/v1/recommend/u0", json=body)
    assert [(error["field"], error["message"]) for error in response.json()["errors"]] == [
        ("body.k", "must be 1 or more"),
        ("body.boost.0.weight", "is missing"),
        ("body.n", "is unknown here; did you mean 'k'?"),
    ]


@pytest.mark.parametrize(
    ("path", "limits"),
    [
        ("/v1/feedback?window=nan", "above 0 and at most 2,592,000"),
        ("/v1/recommend/u0?diversity=nan", "at least 0 and at most 1"),
        ("/v1/recommend/u0?freshness=-inf", "at least -1,000 and at most 1,000"),
    ],
)
def test_a_number_that_is_none_is_refused_with_its_range(shared_live, path, limits):
    response = shared_live.http.get(path)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == "query." + path.partition("?")[2].partition("=")[0]
    assert error["message"] == f"must be a finite number, {limits}"


def test_a_number_out_of_range_names_its_column_and_the_range(live):
    response = live.http.put("/v1/items/i1", json={"attributes": {"price": 1e30}})
    assert response.status_code == 422
    assert "'price' is a number between -9.2e18 and 9.2e18, not 1e+30" in response.json()["detail"]


def test_nothing_is_suggested_where_nothing_is_near(live):
    response = live.http.post("/v1/recommend/u0", json={"zzz": 1, "x" * 70: 1})
    messages = [error["message"] for error in response.json()["errors"]]
    assert messages == ["is unknown here"] * 2
    assert nearest_name("itemID", ["item_id", "items"]) == "item_id"
