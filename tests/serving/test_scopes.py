import pytest

from pennyweight.serving.security.scopes import is_health, needed_scope

SESSION = [
    "/v1/recommend",
    "/v1/search",
    "/v1/rank",
    "/v1/version",
    "/v1/similar/a/b",
    "/api/item-to-item/neighbors/i1",
    "/api/session/recommend",
]
READ = [
    "/v1/recommend/",
    "/v1/recommend/u1",
    "/v1/recommend/batch",
    "/v1/recommend:batch",
    "/v1/explain",
    "/v1/explain/r1",
    "/docs",
    "/openapi.json",
    "/api/recommend/u1/books",
]
EVENTS = ["/v1/events", "/v1/events/batch", "/v1/events:batch", "/api/feedback"]
ITEMS = ["/v1/items", "/v1/items/i1", "/v1/items:import", "/api/item/i1", "/api/items"]
ADMIN = [
    "/",
    "",
    "/dashboard",
    "/dashboard/bundles",
    "/metrics",
    "/v1",
    "/v1/",
    "/v1/users",
    "/v1/users/u1",
    "/v1/bundles",
    "/v1/bundles/a/activate",
    "/v1/feedback",
    "/v1/status",
    "/v1/recommendations",
    "/v1/events-of-others",
    "/v1/itemsx",
    "/api",
    "/api/user/u1",
    "/api/users",
    "/api/dashboard",
    "/api/session",
    "/api/session/recommend/more",
    "/unheard-of",
    "//v1/recommend",
    "/V1/recommend",
    "/v1/search/",
    "/v1/search/u1",
    "/v1/search:users",
    "/v1/rank/u1",
    "/v1/version/all",
    "/static",
    "/loginx",
    "/login/x",
    "/health",
    "/health/ready/x",
    "/docsx",
    "v1/recommend",
]
OPEN = ["/login", "/logout", "/static/page.css", "/health/live", "/health/ready", "/api/health/x"]


@pytest.mark.parametrize("path", SESSION)
def test_lists_from_a_history_that_is_sent_need_session(path):
    assert [needed_scope(m, path) for m in ("GET", "HEAD", "POST")] == ["session"] * 3
    assert [needed_scope(m, path) for m in ("PUT", "DELETE", "OPTIONS", "X")] == ["admin"] * 4


@pytest.mark.parametrize("path", READ)
def test_asking_needs_read(path):
    assert [needed_scope(m, path) for m in ("GET", "HEAD", "POST")] == ["read"] * 3
    assert [needed_scope(m, path) for m in ("PUT", "DELETE", "OPTIONS", "X")] == ["admin"] * 4


@pytest.mark.parametrize("path", EVENTS)
def test_telling_of_events_needs_events_and_reading_them_admin(path):
    assert needed_scope("POST", path) == "events"
    assert needed_scope("GET", path) == needed_scope("DELETE", path) == "admin"
    assert needed_scope("PUT", path) == ("events" if path == "/api/feedback" else "admin")


@pytest.mark.parametrize("path", [path for path in ITEMS if path != "/api/items"])
def test_items_are_read_by_readers_and_changed_by_administrators(path):
    assert needed_scope("GET", path) == needed_scope("HEAD", path) == "read"
    assert {needed_scope(m, path) for m in ("POST", "PUT", "PATCH", "DELETE")} == {"admin"}


@pytest.mark.parametrize("path", ADMIN)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_paths_need_admin(path, method):
    assert needed_scope(method, path) == "admin"


@pytest.mark.parametrize("path", OPEN)
def test_open_paths(path):
    assert needed_scope("GET", path) is needed_scope("POST", path) is None
    assert is_health(path) == ("health" in path)
