"""Lists that are for no user, and the columns that lists have on request."""

import pytest


def test_popular_items_are_those_of_a_user_without_history(live):
    result = live.get("/v1/popular", k=8, filter="price < 20", scenario="front page")
    expected = live.get("/v1/recommend/nobody", k=8, filter="price < 20")
    assert result["items"] == expected["items"] and len(result["items"]) == 8
    assert result["source"] == "popularity"
    assert live.metric("pennyweight_cold_answers_total") == 1  # the list of nobody alone
    kept = live.get(f"/v1/explain/{result['recommendation_id']}")
    assert kept["scenario"] == "front page"


def test_latest_items_are_in_the_order_of_publication(live):
    for name, time in (("n1", 1.70e9), ("n2", 1.72e9), ("n3", 1.71e9)):
        body = {"attributes": {"title": f"new {name} tea", "price": 3.0}, "published": time}
        assert live.http.put(f"/v1/items/{name}", json=body).json()["recommendable"]
    result = live.get("/v1/latest", k=5, explain=True, fields="title")
    assert [(item["item_id"], item["score"]) for item in result["items"]] == [
        ("n2", 1.72e9),
        ("n3", 1.71e9),
        ("n1", 1.70e9),
    ]
    assert result["source"] == "latest"
    assert result["items"][0]["reason"] == "published 2024-07-03 09:46:40"
    assert result["items"][0]["attributes"] == {"title": "new n2 tea"}
    live.http.patch("/v1/items/n2", json={"available": False})
    assert live.ids("/v1/latest", k=1) == ["n3"]
    assert live.ids("/v1/latest", filter="price > 3") == []
    reasons = live.get(f"/v1/explain/{result['recommendation_id']}")["items"]
    assert [reason["text"] for reason in reasons] == [item["reason"] for item in result["items"]]


@pytest.mark.parametrize("path", ["/v1/recommend/u1", "/v1/popular", "/v1/similar/i1"])
def test_fields_of_a_query_string(shared_live, path):
    plain = shared_live.get(path, k=4)
    result = shared_live.get(path, k=4, fields="title, price")
    for item, other in zip(result["items"], plain["items"], strict=True):
        attributes = item.pop("attributes")
        assert item == other
        stored = shared_live.get(f"/v1/items/{item['item_id']}")["attributes"]
        assert attributes == {"title": stored["title"], "price": stored["price"]}
    response = shared_live.http.get(path, params={"fields": "prize"})
    assert response.status_code == 422
    assert "no column 'prize'; did you mean 'price'?" in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/recommend/u1", {}),
        ("/v1/recommend", {"items": ["i1"]}),
        ("/v1/search", {"query": "tea"}),
        ("/v1/rank", {"candidates": ["i3", "i4"]}),
    ],
)
def test_fields_of_a_body(shared_live, path, body):
    items = shared_live.post(path, body | {"fields": ["price"]})["items"]
    assert items
    assert all(item["attributes"] == {"price": float(item["item_id"][1:])} for item in items)
    refused = shared_live.http.post(path, json=body | {"fields": ["price"] * 101})
    assert refused.status_code == 422


def test_a_wrong_field_does_not_spoil_lists_that_wait_beside_it(live):
    import concurrent.futures

    wanted = ["title", "prize"] * 10
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        statuses = list(
            pool.map(
                lambda name: live.http.get("/v1/popular", params={"fields": name}).status_code,
                wanted,
            )
        )
    assert statuses == [200, 422] * 10
