import asyncio

import pytest
from protected_app import Clock, Shop, application, ask, bearer, make_key

from pennyweight.errors import PlanError
from pennyweight.serving.security.guard import Guard, protected
from pennyweight.serving.security.hosts import check_binding
from pennyweight.serving.security.keys import change
from pennyweight.serving.security.rate import Rate
from pennyweight.serving.security.sessions import Sessions


@pytest.fixture
def shop(tmp_path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def open_app():
    return protected(application())


@pytest.fixture
def app(shop):
    return protected(application(), keys=shop.ring)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]", "[::1]:9"])
def test_without_keys_this_machine_is_answered(open_app, host):
    assert ask(open_app, "GET", "/v1/bundles", host=host).status_code == 200
    assert ask(open_app, "DELETE", "/v1/bundles", host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8000",
        "0.0.0.0",
        "127.0.0.2",
    ],
)
def test_without_keys_other_names_are_refused(open_app, host):
    for path in ("/v1/bundles", "/", "/login", "/static/icon", "/nowhere"):
        answer = ask(open_app, "GET", path, host=host)
        assert answer.status_code == 403 and "localhost" in answer.json()["detail"]
    assert ask(open_app, "GET", "/health/ready", host=host).status_code == 200


@pytest.mark.parametrize("name", [b"host", b"authorization"])
def test_who_asks_is_said_once(open_app, app, name):
    for guarded in (open_app, app):
        sent = []

        async def send(message, sent=sent):
            sent.append(message)

        headers = [(b"host", b"localhost"), (name, b"localhost"), (name, b"localhost")]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": None}
        asyncio.run(guarded(scope, None, send))
        assert sent[0]["status"] == 400


def test_without_keys_a_request_without_a_host_is_refused(open_app):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": None}
    asyncio.run(open_app(scope, None, send))
    assert sent[0]["status"] == 403


CROSS = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "cross-site", "origin": "http://127.0.0.1"},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:3000"},
    {"origin": "http://127.0.0.1.evil.example"},
    {"origin": "127.0.0.1"},
    {"origin": ""},
]
SAME = [
    {},
    {"sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "none"},
    {"sec_fetch_site": "same-origin", "origin": "https://shop.example"},  # a proxy changed Host
    {"origin": "http://127.0.0.1"},
    {"origin": "HTTP://127.0.0.1"},
]


@pytest.mark.parametrize("headers", CROSS)
def test_pages_of_other_sites_change_nothing(open_app, app, shop, headers):
    for method in ("POST", "DELETE", "PUT"):
        answer = ask(open_app, method, "/v1/recommend", **headers)
        assert answer.status_code == 403 and "cross-site" in answer.json()["detail"]
    assert ask(open_app, "POST", "/login", **headers).status_code == 403
    assert ask(open_app, "GET", "/v1/recommend", **headers).status_code == 200
    sent_headers = headers | bearer(shop.secrets["read"])
    assert ask(app, "POST", "/v1/recommend", **sent_headers).status_code == 403


@pytest.mark.parametrize("headers", SAME)
def test_its_own_pages_and_programs_may(open_app, headers):
    assert ask(open_app, "POST", "/v1/recommend", **headers).status_code == 200


@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/bundles", "/", "/nowhere", "/metrics"])
def test_without_a_key_one_is_asked_for(app, path):
    answer = ask(app, "GET", path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="pennyweight"'
    assert answer.json()["status"] == 401 and "X-API-Key" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/health/ready", "/login", "/static/icon"])
def test_open_paths_need_no_key(app, path):
    assert ask(app, "GET", path).status_code == 200


def test_a_key_comes_in_either_header(app, shop):
    secret = shop.secrets["read"]
    for headers in (
        bearer(secret),
        {"authorization": f"bearer  {secret} "},
        {"x_api_key": secret},
        {"authorization": "Basic abc", "x_api_key": secret},
    ):
        assert ask(app, "GET", "/v1/recommend", **headers).json()["key"] == "read"


@pytest.mark.parametrize("secret", ["", "x", "pw_", "pw_" + "A" * 43, "\xff" * 46, "x" * 100_000])
def test_a_wrong_key_is_refused(app, shop, secret):
    for headers in (bearer(secret), {"x_api_key": secret}):
        headers = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = ask(app, "GET", "/v1/recommend", **headers)
        assert answer.status_code == 401 and "invalid_token" in answer.headers["www-authenticate"]


def test_scopes_open_the_paths_they_name(app, shop):
    scopes = {
        "/v1/recommend": "session",
        "/v1/recommend/u1": "read",
        "/v1/events": "events",
        "/v1/bundles": "admin",
    }
    for path, needed in scopes.items():
        for scope, secret in shop.secrets.items():
            answer = ask(app, "POST", path, **bearer(secret))
            if scope in (needed, "admin") or (scope, needed) == ("read", "session"):
                assert answer.status_code == 200
            else:
                assert answer.status_code == 403
                assert f'scope="{needed}"' in answer.headers["www-authenticate"]
                assert repr(scope) in answer.json()["detail"]


def test_a_key_that_is_revoked_opens_nothing_a_second_later(app, shop):
    key = bearer(shop.secrets["read"])
    assert ask(app, "GET", "/v1/recommend", **key).status_code == 200
    change(shop.path, lambda keys: keys.without("read"))
    shop.clock.now += 1
    assert ask(app, "GET", "/v1/recommend", **key).status_code == 401


def test_the_prefix_of_a_proxy_is_not_part_of_the_path(shop):
    sent = []

    async def inner(scope, receive, send):
        sent.append(scope["state"]["key"].name)

    guard = Guard(inner, keys=shop.ring)
    headers = [(b"x-api-key", shop.secrets["read"].encode())]
    scope = {
        "type": "http",
        "method": "GET",
        "root_path": "/shop",
        "headers": headers,
        "path": "/shop/v1/recommend",
        "scheme": "http",
        "client": ("1.2.3.4", 1),
    }
    asyncio.run(guard(scope, None, None))
    assert sent == ["read"]


def test_web_sockets_are_closed(app):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app({"type": "websocket", "path": "/"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_key_may_ask_so_often(shop):
    clock = Clock()
    app = protected(application(), keys=shop.ring, rate=Rate(0.5, 2, clock=clock))
    key = bearer(shop.secrets["read"])
    statuses = [ask(app, "GET", "/v1/recommend", **key).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = ask(app, "GET", "/v1/recommend", client="10.0.0.9", **key)
    assert refused.status_code == 429 and refused.headers["retry-after"] == "2"
    assert ask(app, "GET", "/v1/bundles", **bearer(shop.secrets["admin"])).status_code == 200
    assert ask(app, "GET", "/health/ready").status_code == 200
    clock.now += 2
    assert ask(app, "GET", "/v1/recommend", **key).status_code == 200


@pytest.mark.parametrize("path", ["/login", "/static/icon"])
def test_without_a_key_an_address_may_ask_so_often(shop, path):
    for keys in (None, shop.ring):
        app = protected(application(), keys=keys, rate=Rate(1, 2, clock=Clock()))
        statuses = [ask(app, "GET", path, client="10.0.0.1").status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert ask(app, "GET", path, client="10.0.0.2").status_code == 200


def test_guessing_is_limited_by_address_and_does_not_lock_keys_out(shop):
    app = protected(application(), keys=shop.ring, rate=Rate(1, 3, clock=Clock()))
    guesses = [ask(app, "GET", "/v1/recommend", **bearer("guess")).status_code for _ in range(5)]
    assert guesses == [401, 401, 401, 429, 429]
    key = bearer(shop.secrets["read"])
    assert ask(app, "GET", "/v1/recommend", **key).status_code == 200


class Dashboard:
    """A service with a session."""

    def __init__(self, shop: Shop) -> None:
        self.sessions = Sessions(shop.ring, clock=shop.clock)
        self.app = protected(application(), keys=shop.ring, sessions=self.sessions)
        self.key = shop.ring.find(shop.secrets["admin"])
        self.token = self.sessions.open(self.key)


def test_a_session_stands_for_its_key(shop):
    dash = Dashboard(shop)
    cookie = f"a=b; pennyweight={dash.token}"
    assert ask(dash.app, "GET", "/", cookie=cookie).json()["key"] == "admin"
    same = {"cookie": cookie, "sec_fetch_site": "same-origin"}
    assert ask(dash.app, "POST", "/v1/bundles", **same).status_code == 200
    origin = {"cookie": cookie, "origin": "http://127.0.0.1"}
    assert ask(dash.app, "POST", "/v1/bundles", **origin).status_code == 200


def test_a_session_changes_nothing_where_the_site_is_not_said(shop):
    dash = Dashboard(shop)
    cookie = f"pennyweight={dash.token}"
    assert ask(dash.app, "POST", "/v1/bundles", cookie=cookie).status_code == 403
    for headers in CROSS:
        assert ask(dash.app, "POST", "/v1/bundles", cookie=cookie, **headers).status_code == 403


def test_by_https_only_the_safe_cookie_counts(shop):
    dash = Dashboard(shop)
    for name, scheme, status in (
        ("pennyweight", "https", 401),
        ("__Host-pennyweight", "https", 200),
        ("__Host-pennyweight", "http", 401),
    ):
        answer = ask(dash.app, "GET", "/", scheme=scheme, cookie=f"{name}={dash.token}")
        assert answer.status_code == status


def test_a_wrong_key_is_not_made_good_by_a_session(shop):
    dash = Dashboard(shop)
    sent_headers = {"cookie": f"pennyweight={dash.token}"} | bearer("wrong")
    assert ask(dash.app, "GET", "/", **sent_headers).status_code == 401


def test_a_session_ends_with_its_key(shop):
    dash = Dashboard(shop)
    cookie = f"pennyweight={dash.token}"
    change(shop.path, lambda keys: keys.without("admin"))
    make_key(shop.path, "admin", "admin")
    shop.clock.now += 2
    assert ask(dash.app, "GET", "/", cookie=cookie).status_code == 401


def test_a_person_without_a_session_is_led_to_the_login(shop):
    dash = Dashboard(shop)
    page = ask(dash.app, "GET", "/dashboard", accept="text/html,*/*")
    assert page.status_code == 303 and page.headers["location"] == "/login"
    assert ask(dash.app, "POST", "/v1/bundles", accept="text/html").status_code == 401
    assert ask(dash.app, "GET", "/", accept="text/html", **bearer("x")).status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"])
def test_a_service_without_keys_is_for_this_machine(host):
    check_binding(host, has_keys=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "shop.example", "localhost.x"])
def test_a_service_without_keys_is_not_opened_to_the_network(host):
    with pytest.raises(PlanError, match="pennyweight keys create"):
        check_binding(host, has_keys=False)
    check_binding(host, has_keys=True)
