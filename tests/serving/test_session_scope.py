"""A key of the scope `session` gets lists from histories it sends, and nothing of any user."""

import pytest
from live import TIMEOUT, service
from protected_app import bearer, make_key

from pennyweight.serving.http.app import AccessPolicy
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import SCOPES

OPENED = {
    ("post", "/v1/recommend"),
    ("post", "/v1/search"),
    ("post", "/v1/rank"),
    ("get", "/v1/popular"),
    ("get", "/v1/latest"),
    ("get", "/v1/similar/{item_id}"),
    ("get", "/v1/version"),
    ("post", "/api/session/recommend"),
    ("get", "/api/item-to-item/{name}/{item_id}"),
}
HEALTH = {"/health/live", "/health/ready", "/api/health/live", "/api/health/ready"}
NAMED = [  # lists that rest on the history of whom a body names
    ("/v1/recommend", {"user_id": "u5"}),
    ("/v1/recommend", {"user_id": "u5", "exclude_seen": True, "k": 1000}),
    ("/v1/recommend", {"user_id": 5}),
    ("/v1/recommend", {"user_id": "nobody", "text": "boots"}),
    ("/v1/search", {"query": "boots", "user_id": "u5", "exclude_seen": True}),
    ("/v1/rank", {"candidates": ["i1", "i2"], "user_id": "u5"}),
]
SENT = [
    ("/v1/recommend", {"items": ["i1"], "user_id": None}),
    ("/v1/recommend", {"events": [{"item_id": "i1"}], "session": "u5"}),
    ("/v1/recommend", {"text": "boots"}),
    ("/v1/recommend", {}),
    ("/v1/search", {"query": "boots"}),
    ("/v1/rank", {"candidates": ["i1", "i2"], "items": ["i3"]}),
]


@pytest.fixture(scope="module")
def guarded(bundles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("session-scope")
    keys = folder / "keys.json"
    secrets = {scope: make_key(keys, scope, scope)[0] for scope in SCOPES}
    with service(
        bundles[0], folder / "live", access=AccessPolicy(keys=KeyRing(keys), timeout=TIMEOUT)
    ) as live:
        live.secrets = secrets
        yield live


def status(live, scope, method, path, body=None) -> int:
    response = live.http.request(method, path, json=body, headers=bearer(live.secrets[scope]))
    return response.status_code


def routes(live) -> list[tuple[str, str]]:
    document = live.http.get("/openapi.json", headers=bearer(live.secrets["admin"])).json()
    return [(method, path) for path, methods in document["paths"].items() for method in methods]


def test_it_opens_these_routes_and_no_other(guarded):
    all_routes = routes(guarded)
    assert OPENED <= set(all_routes)
    for method, path in all_routes:
        if path in HEALTH:
            continue
        for url in {path.replace("{", "").replace("}", ""), path.replace("{user_id}", "u5")}:
            refused = status(guarded, "session", method, url, {}) == 403
            assert refused == ((method, path) not in OPENED), (method, url)


@pytest.mark.parametrize(("path", "body"), NAMED)
def test_a_body_may_not_name_a_user(guarded, path, body):
    response = guarded.http.post(path, json=body, headers=bearer(guarded.secrets["session"]))
    assert response.status_code == 403
    assert "'read' to name a user_id" in response.json()["detail"]
    assert 'scope="read"' in response.headers["www-authenticate"]
    assert status(guarded, "events", "POST", path, body) == 403
    assert [status(guarded, scope, "POST", path, body) for scope in ("read", "admin")] == [200, 200]


@pytest.mark.parametrize(("path", "body"), SENT)
def test_a_history_may_be_sent(guarded, path, body):
    for scope in ("session", "read", "admin"):
        assert status(guarded, scope, "POST", path, body) == 200, scope
    assert status(guarded, "events", "POST", path, body) == 403


def test_a_list_of_a_user_cannot_be_looked_up(guarded):
    read, session = (bearer(guarded.secrets[s]) for s in ("read", "session"))
    list_id = guarded.http.get("/v1/recommend/u5", headers=read).json()["recommendation_id"]
    assert guarded.http.get(f"/v1/explain/{list_id}", headers=read).status_code == 200
    assert guarded.http.get(f"/v1/explain/{list_id}", headers=session).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/v1/recommend/u5",
        "/v1/recommend/",
        "/v1/recommend//u5",
        "/v1/recommend%2Fu5",
        "//v1/recommend/u5",
        "/v1/recommend/../recommend/u5",
        "/api/recommend/u5",
        "/v1/users/u5",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_no_spelling_of_a_path_leads_to_a_user(guarded, method, path):
    assert status(guarded, "session", method, path, {} if method == "POST" else None) == 403


def test_without_keys_bodies_may_name_users(live):
    assert live.post("/v1/recommend", {"user_id": "u5"})["source"] == "history"
