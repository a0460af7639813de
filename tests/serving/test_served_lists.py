"""Lists over HTTP."""

import polars as pl
import pytest

from pennyweight import Recommender


def same(result: dict, expected: pl.DataFrame) -> bool:
    """Return whether a list over HTTP is one of Python: items, scores, reasons and source."""
    rows = [(item["item_id"], item["score"], item.get("reason")) for item in result["items"]]
    reasons = expected["reason"] if "reason" in expected.columns else [None] * expected.height
    lists = zip(expected["item_id"], expected["score"], reasons, strict=True)
    return rows == list(lists) and {result["source"]} == set(expected["source"])


@pytest.mark.filterwarnings("ignore::pennyweight.errors.UnknownUserWarning")
def test_a_list_over_http_is_that_of_python(live, bundles):
    local = Recommender.load(bundles[0])
    for user in ("u0", "u7", "nobody"):
        assert same(live.get(f"/v1/recommend/{user}", k=5), local.recommend(user=user, k=5))
        options = {"k": 20, "filter": "price < 25", "diversity": 0.4, "explain": True}
        expected = local.recommend(user=user, **options)
        assert same(live.get(f"/v1/recommend/{user}", **options), expected)
        assert same(live.post(f"/v1/recommend/{user}", options), expected)
        searched = live.post("/v1/search", {"query": "dark tea", "user_id": user, "explain": True})
        expected = local.recommend(text="dark tea", user=user, exclude_seen=False, explain=True)
        assert same(searched, expected)
    items = ["i3", "i8", "i1"]
    session = live.post("/v1/recommend", {"items": items, "exclude_seen": False, "explain": True})
    assert same(session, local.recommend(history=items, exclude_seen=False, explain=True))
    ranked = live.post("/v1/rank", {"candidates": items, "user_id": "u3", "explain": True})
    expected = local.recommend(user="u3", items=items, exclude_seen=False, explain=True)
    assert same(ranked, expected)
    similar = live.get("/v1/similar/i4", k=7, filter="price > 2", explain=True)
    assert same(similar, local.similar("i4", 7, filter="price > 2", explain=True))
    result = live.get("/v1/recommend/u0")
    assert result["bundle_version"] == live.engine.traffic.split.primary.version
    assert result["took_ms"] > 0


def test_lists_that_wait_together_are_answered_as_alone(live):
    import concurrent.futures

    alone = {f"u{i}": live.ids(f"/v1/recommend/u{i}") for i in range(20)}
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        together = dict(
            zip(alone, pool.map(lambda u: live.ids(f"/v1/recommend/{u}"), alone), strict=True)
        )
    assert together == alone


def test_filters_and_unavailable_items(live):
    assert "i29" not in live.ids("/v1/recommend/nobody", k=100)  # its column says so
    items = live.ids("/v1/recommend/u0", k=50, filter="price < 10")
    assert items
    assert all(int(item[1:]) < 10 for item in items)


def test_boosts_that_cost_too_much_together_are_refused(live):
    words = " or ".join(f'title contains "w{n}"' for n in range(50))
    live.post("/v1/recommend/u0", {"boost": [{"filter": words, "weight": 1}]})
    boost = {"boost": [{"filter": words, "weight": 1}] * 20}
    for path, body in (
        ("/v1/recommend", boost | {"items": ["i1"]}),
        ("/v1/recommend/u0", boost),
        ("/v1/search", boost | {"query": "tea"}),
    ):
        refused = live.http.post(path, json=body)
        assert refused.status_code == 422 and refused.json()["type"] == "/docs#data"
        assert "7,800 steps" in refused.json()["detail"]


def test_boosts_and_diversity(live):
    plain = live.ids("/v1/recommend/u0", k=5)
    body = {"k": 5, "boost": [{"filter": "price > 20", "weight": 100}]}
    boosted = live.post("/v1/recommend/u0", body)["items"]
    assert all(int(item["item_id"][1:]) > 20 for item in boosted)
    assert live.ids("/v1/recommend/u0", k=5, diversity=1) != plain


def test_seen_items_are_left_out_unless_wanted(live, bundles):
    notebook = Recommender.load(bundles[0])
    code = notebook.interactions.users.code("u3")
    history = {
        notebook.catalog.ids[i] for i in notebook.interactions.histories.block(code, code + 1).item
    }
    assert not history & set(live.ids("/v1/recommend/u3", k=100))
    assert history & set(live.ids("/v1/recommend/u3", k=100, exclude_seen=False))


def test_a_session_is_answered_and_forgotten(live):
    body = {"items": ["i1", "i6", "never heard of"], "k": 5, "explain": True}
    result = live.post("/v1/recommend", body)
    assert result["source"] == "history"
    assert result["unknown"] == ["never heard of"]
    assert all(item["reason"] for item in result["items"])
    same = live.post("/v1/recommend", {"events": [{"item_id": "i1"}, {"item_id": "i6"}], "k": 5})
    assert [i["item_id"] for i in same["items"]] == [i["item_id"] for i in result["items"]]
    text = live.post("/v1/recommend", {"text": "dark cocoa", "k": 3})
    assert text["source"] == "text"
    assert live.get("/v1/users")["users"] == []


def test_searching_and_ranking(live):
    result = live.post("/v1/search", {"query": "cocoa blend dark", "k": 3})
    titles = [live.get(f"/v1/items/{i['item_id']}")["attributes"]["title"] for i in result["items"]]
    assert all("cocoa" in title for title in titles)
    own = live.post("/v1/search", {"query": "cocoa blend dark", "k": 3, "user_id": "u0"})
    assert own["source"] == "history and text"
    ranked = live.post("/v1/rank", {"candidates": ["i5", "i2", "x", "i5"], "user_id": "u0"})
    assert sorted(i["item_id"] for i in ranked["items"]) == ["i2", "i5"]
    assert ranked["unknown"] == ["x"]


def test_similar_items(live):
    result = live.get("/v1/similar/i0", k=3, explain=True)
    assert len(result["items"]) == 3
    assert all("reason" in item for item in result["items"])
    assert "i0" not in [item["item_id"] for item in result["items"]]


def test_a_list_is_explained_by_its_id(live):
    recommendation = live.get("/v1/recommend/u0", k=4, scenario="home")
    for is_written in (False, True):  # perhaps before it is written, and after
        if is_written:
            live.stored_list(recommendation["recommendation_id"])
        explanation = live.get(f"/v1/explain/{recommendation['recommendation_id']}")
        assert explanation["scenario"] == "home"
        assert [i["item_id"] for i in explanation["items"]] == [
            i["item_id"] for i in recommendation["items"]
        ]
        assert all(item["text"] for item in explanation["items"])
    session = live.post("/v1/recommend", {"items": ["i1"]})
    assert "not kept" in live.get(f"/v1/explain/{session['recommendation_id']}")["note"]


def test_an_explanation_uses_the_history_of_its_list(live):
    recommendation = live.get("/v1/recommend/newcomer", k=3)
    live.post("/v1/events", {"user_id": "newcomer", "item_id": "i1"})
    explanation = live.get(f"/v1/explain/{recommendation['recommendation_id']}")
    assert {item["kind"] for item in explanation["items"]} == {"cold"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/v1/recommend/u0?m=3", None, 422, "m"),
        ("GET", "/v1/recommend/u0?k=0", None, 422, "query.k must be 1 or more"),
        ("GET", "/v1/recommend/u0?k=many", None, 422, "must be a whole number"),
        ("GET", "/v1/recommend/u0?filter=prize<3", None, 422, "did you mean"),
        ("GET", "/v1/recommend/u0?diversity=2", None, 422, "query.diversity must be 1 or less"),
        ("POST", "/v1/recommend/u0", {"k": "3"}, 422, "must be a whole number"),
        ("POST", "/v1/recommend", {"itemz": []}, 422, "body.itemz is unknown here"),
        ("POST", "/v1/recommend", {"items": ["i"], "events": [{"item_id": "i"}]}, 422, "one of"),
        ("POST", "/v1/recommend", {"items": ["i1"], "k": True}, 422, "must be a whole number"),
        ("POST", "/v1/search", {}, 422, "body.query is missing"),
        ("POST", "/v1/search", {"query": "a\u0000b"}, 422, "control characters"),
        ("POST", "/v1/search", {"query": " \u3000"}, 422, "body.query is blank; give words"),
        ("POST", "/v1/recommend", {"text": "\t "}, 422, "body.text"),
        ("POST", "/v1/rank", {"candidates": ["i1"], "text": " "}, 422, "body.text is blank"),
        ("POST", "/v1/rank", {"candidates": []}, 422, "body.candidates must not be empty"),
        ("GET", "/v1/similar/no-such", None, 404, "no-such"),
        ("GET", "/v1/explain/no-such", None, 404, "no-such"),
        ("GET", "/v1/nothing", None, 404, "Not Found"),
    ],
)
def test_errors_name_the_fault(shared_live, method, path, body, status, message):
    response = shared_live.http.request(method, path, json=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert message in response.text


@pytest.mark.parametrize("user", ["a/b", "a b", "ü", "%", "a?b=c", "a//b", "😀", "a+b"])
def test_any_id_will_do(live, user):
    from urllib.parse import quote

    path = quote(user, safe="")
    live.post("/v1/events", {"user_id": user, "item_id": "i1"})
    assert live.get(f"/v1/recommend/{path}", k=2)["source"] == "history"
    assert live.get(f"/v1/users/{path}")["user_id"] == user


@pytest.mark.parametrize("user", ["..", "u0"])
def test_ids_that_addresses_cannot_hold_are_given_in_a_body(live, user):
    live.post("/v1/events", {"user_id": user, "item_id": "i1"})
    assert live.post("/v1/recommend", {"user_id": user, "k": 2})["source"] == "history"
