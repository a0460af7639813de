"""Proxies in front: whom the service believes, and below which path it is found."""

import asyncio
import ipaddress
import socket

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live import TIMEOUT, service
from protected_app import Shop, application, ask, make_key
from test_dashboard import BROWSER, PAGES, looked_at

from html_page import Page
from pennyweight.errors import PlanError
from pennyweight.serving.http.app import AccessPolicy
from pennyweight.serving.http.proxies import (
    CHARS,
    OWN_PATHS,
    Proxies,
    behind_proxies,
    read_networks,
    read_root_path,
)
from pennyweight.serving.security.guard import protected
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.rate import Rate

ROOT = "/shop/books"
TRUSTED = read_networks("10.0.0.0/8, 127.0.0.1,fd00::/8")


def seen_by_app(client: str, *headers: tuple[str, str], trusted=TRUSTED) -> tuple[str, str]:
    """Return the client and the scheme that an application sees."""
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)

    scope = {
        "type": "http",
        "path": "/",
        "scheme": "http",
        "client": (client, 1),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    asyncio.run(behind_proxies(app, Proxies(trusted))(scope, None, None))
    return scopes[0]["client"][0], scopes[0]["scheme"]


FOR, PROTO, STANDARD = "x-forwarded-for", "x-forwarded-proto", "forwarded"


@pytest.mark.parametrize(
    ("headers", "client", "scheme"),
    [
        ([(FOR, "1.2.3.4")], "1.2.3.4", "http"),
        ([(FOR, "1.2.3.4"), (PROTO, "https")], "1.2.3.4", "https"),
        ([(PROTO, "HTTPS")], "10.0.0.1", "https"),
        ([(PROTO, "wss")], "10.0.0.1", "http"),
        # Addresses that the client made up come first.
        ([(FOR, "6.6.6.6, 1.2.3.4")], "1.2.3.4", "http"),
        ([(FOR, "6.6.6.6"), (FOR, "1.2.3.4")], "1.2.3.4", "http"),
        ([(FOR, "6.6.6.6, 1.2.3.4, 10.9.9.9"), (PROTO, "https, http")], "1.2.3.4", "https"),
        ([(FOR, "6.6.6.6, 1.2.3.4"), (PROTO, "https, http")], "1.2.3.4", "http"),
        ([(FOR, "10.0.0.7, 10.0.0.8")], "10.0.0.7", "http"),
        ([(FOR, "1.2.3.4, unknown, 10.0.0.8")], "10.0.0.8", "http"),
        ([(FOR, "<script>")], "10.0.0.1", "http"),
        ([(FOR, ",,")], "10.0.0.1", "http"),
        ([(FOR, "1.2.3.4:80")], "1.2.3.4", "http"),
        ([(FOR, "2001:db8::1")], "2001:db8::1", "http"),
        ([(FOR, "[2001:db8::1]:80")], "2001:db8::1", "http"),
        ([(FOR, "::ffff:1.2.3.4")], "1.2.3.4", "http"),
        ([(STANDARD, "for=1.2.3.4;proto=https")], "1.2.3.4", "https"),
        ([(STANDARD, 'For="[2001:db8::1]:80"; Proto=https')], "2001:db8::1", "https"),
        ([(STANDARD, "for=6.6.6.6, for=1.2.3.4;by=x")], "1.2.3.4", "http"),
        ([(STANDARD, 'for="6.6.6.6, for=1.2.3.4')], "1.2.3.4", "http"),
        ([(STANDARD, 'for="x, for="[2001:db8::1]"')], "2001:db8::1", "http"),
        ([(STANDARD, 'for="a\\'), (STANDARD, 'for="[2001:db8::1]"')], "2001:db8::1", "http"),
        ([(STANDARD, "for=_hidden")], "10.0.0.1", "http"),
        ([(STANDARD, ";;==,")], "10.0.0.1", "http"),
        # A proxy sets one kind; the other may be the client's own.
        ([(FOR, "1.2.3.4"), (STANDARD, "for=6.6.6.6;proto=https")], "10.0.0.1", "http"),
        ([(FOR, "6.6.6.6"), (PROTO, "https"), (STANDARD, "for=1.2.3.4")], "10.0.0.1", "http"),
        (
            [(FOR, "1.2.3.4"), (PROTO, "https"), (STANDARD, "for=1.2.3.4;proto=https")],
            "1.2.3.4",
            "https",
        ),
        ([(FOR, "1.2.3.4"), (STANDARD, "for=1.2.3.4;proto=https")], "1.2.3.4", "http"),
        ([(FOR, "10.0.0.2, " * 40 + "10.0.0.3")], "10.0.0.2", "http"),
        ([("x-real-ip", "6.6.6.6"), ("x-forwarded-host", "evil.example")], "10.0.0.1", "http"),
    ],
)
def test_a_trusted_proxy_says_who_asks(headers, client, scheme):
    assert seen_by_app("10.0.0.1", *headers) == (client, scheme)
    for stranger in ("8.8.8.8", "::1", "", "unix:"):
        assert seen_by_app(stranger, *headers) == (stranger, "http")
    assert seen_by_app("10.0.0.1", *headers, trusted=()) == ("10.0.0.1", "http")


def test_a_proxy_may_be_known_by_either_form_of_its_address():
    assert seen_by_app("::ffff:10.0.0.1", (FOR, "1.2.3.4"))[0] == "1.2.3.4"
    assert seen_by_app("fd00::7", (FOR, "1.2.3.4"))[0] == "1.2.3.4"


def test_a_proxy_on_a_socket_without_addresses_is_not_trusted():
    async def app(scope, receive, send):
        assert scope["client"] is None

    scope = {
        "type": "http",
        "client": None,
        "scheme": "http",
        "headers": [(b"x-forwarded-for", b"1.2.3.4")],
    }
    asyncio.run(behind_proxies(app, Proxies(TRUSTED))(scope, None, None))


LATIN = st.text(st.characters(max_codepoint=255), max_size=60)


@given(st.lists(st.tuples(st.sampled_from([FOR, PROTO, STANDARD]), LATIN), max_size=4))
def test_whatever_a_client_says_one_address_remains(headers):
    client, scheme = seen_by_app("10.0.0.1", *headers)
    assert ipaddress.ip_address(client) and scheme in ("http", "https")


@given(st.sampled_from([FOR, STANDARD]), LATIN)
def test_a_client_header_does_not_outweigh_that_of_its_proxy(kind, made_up):
    added = "1.2.3.4" if kind == FOR else 'for="1.2.3.4"'
    assert seen_by_app("10.0.0.1", (kind, f"{made_up}, {added}"))[0] == "1.2.3.4"


@pytest.mark.parametrize("piece", ["10.0.0.2,", "for=10.0.0.2,", 'for="', "for=\\", " ", ";", "=,"])
def test_little_is_read_of_much(piece):
    text = piece * 20_000
    for kind in (FOR, STANDARD):
        assert seen_by_app("10.0.0.1", (kind, text + "," + "x" * CHARS)) == ("10.0.0.1", "http")


@pytest.mark.parametrize("text", ["*", "10.0.0.1/8", "proxy.internal", "10.0.0.0/33", "1.2.3"])
def test_other_texts_are_no_networks(text):
    with pytest.raises(PlanError, match=r"--trusted-proxies.*10\.0\.0\.0/8"):
        read_networks(f"127.0.0.1,{text}")


@pytest.mark.parametrize(
    "text", ["shop", "/a b", "//a", "/a//b", "/a/../b", "/a?b", '/a"', "/ä", "/" + "a" * 200]
)
def test_other_texts_are_no_prefixes(text):
    with pytest.raises(PlanError, match="--root-path"):
        read_root_path(text)


def test_a_prefix_is_none_of_the_paths_of_the_service(live):
    paths = {path.split("/")[1] for path in live.get("/openapi.json")["paths"]}
    pages = {path.split("?")[0].split("/")[1] for path in PAGES} - {""}
    assert paths | pages | {"static", "login", "logout", "openapi.json", "playground"} == OWN_PATHS
    for name in OWN_PATHS:
        with pytest.raises(PlanError, match="path of the service itself"):
            read_root_path(f"/{name}/x")
    assert read_root_path("/shop/") == "/shop" and read_root_path("/") == ""


def test_rates_are_of_clients_where_the_proxy_is_trusted(tmp_path):
    shop = Shop(tmp_path)
    for trusted, answers in ((TRUSTED, [401, 401, 429]), ((), [401, 429, 429])):
        rate = Rate(1.0, 1, clock=lambda: 0.0)
        app = behind_proxies(protected(application(), keys=shop.ring, rate=rate), Proxies(trusted))
        statuses = [
            ask(app, "GET", "/v1/recommend", x_forwarded_for=client).status_code
            for client in ("1.1.1.1", "2.2.2.2", "1.1.1.1")
        ]
        assert statuses == answers


def test_a_cookie_is_for_https_where_a_trusted_proxy_says_so(bundles, tmp_path):
    path = tmp_path / "keys.json"
    secret, _ = make_key(path, "admin", "admin")
    access = AccessPolicy(keys=KeyRing(path), timeout=TIMEOUT)
    forwarded = {**BROWSER, "x-forwarded-proto": "https"}
    for trusted, root, name, where in (
        ((), "", "pennyweight=", "/"),
        (TRUSTED, "", "__Host-pennyweight=", "/"),
        (TRUSTED, ROOT, "__Secure-pennyweight=", ROOT),
    ):
        folder = tmp_path / f"live{len(trusted)}{len(root)}"
        with service(bundles[0], folder, access=access, proxies=Proxies(trusted, root)) as live:
            response = live.http.post("/login", data={"key": secret}, headers=forwarded)
            cookie = response.headers["set-cookie"]
            assert cookie.startswith(name) and f"Path={where};" in cookie
            assert ("Secure" in cookie.split(";")[-1]) is bool(trusted)
            assert response.headers["location"] == f"{root}/"
            token = {"cookie": cookie.split(";")[0]}
            assert live.http.get("/", headers=forwarded | token).status_code == 200
            out = live.http.post("/logout", headers=forwarded | token)
            assert out.headers["location"] == f"{root}/login" and f"Path={where};" in str(
                out.headers
            )


@pytest.fixture
def below(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live", proxies=Proxies(root_path=ROOT)) as live:
        yield live


@pytest.mark.parametrize("stripped", [True, False], ids=["the proxy strips", "it does not"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_below_a_prefix_lead_below_it(below, path, stripped):
    response = below.http.get(path if stripped else ROOT + path)
    assert response.status_code == 200
    for _, attrs in Page(looked_at(response)).tags:
        for name in ("href", "src", "action", "formaction"):
            target = attrs.get(name, "")
            assert not target.startswith("/") or target.startswith(f"{ROOT}/"), target
    current = [a["href"] for a in Page(response.text).of("a") if "aria-current" in a]
    assert current == [ROOT + path.split("?")[0].replace("/erase", "")]
    for tag in Page(response.text).of("link") + Page(response.text).of("script"):
        target = tag.get("href") or tag["src"]
        assert below.http.get(target).status_code == 200
        assert below.http.get(target.removeprefix(ROOT)).status_code == 200


def test_text_that_looks_like_a_link_is_left_as_it_is(below):
    name = ' href="/x" <a href="/y">'
    below.post("/v1/events", {"user_id": name, "item_id": "i1"})
    text = below.http.get("/dashboard/users").text
    assert " href=&#34;/x&#34; &lt;a href=&#34;/y&#34;&gt;" in text


def test_the_api_below_a_prefix(below):
    for root in ("", ROOT):
        api = below.get(f"{root}/openapi.json")
        assert api["servers"] == [{"url": ROOT}]
        assert below.ids(f"{root}/v1/recommend/u1", k=3)
        assert below.http.get(f"{root}/health/ready").status_code == 200
        wrong = below.http.post(f"{root}/v1/rank", json={})
        assert wrong.json()["type"] == f"{ROOT}/docs#invalid-request"
        assert below.http.delete(f"{root}/v1/rank").headers["allow"] == "POST"
        assert "pennyweight_request_seconds" in below.http.get(f"{root}/metrics").text
    assert below.http.get(ROOT).status_code == 200
    assert below.http.get(f"{ROOT}y").status_code == 404
    assert below.http.get(f"{ROOT}{ROOT}/").status_code == 404
    assert below.ids("/v1/similar/i1", k=1) and below.metric("pennyweight_recommendations_total")


def test_forms_below_a_prefix_lead_back_below_it(below):
    response = below.http.post("/dashboard/users/erase", data={"id": "u1"}, headers=BROWSER)
    assert response.headers["location"].startswith(f"{ROOT}/dashboard/users?events=")
    failed = below.http.post("/dashboard/bundles/rollback", headers=BROWSER)
    assert f'href="{ROOT}/"' in looked_at(failed)


@pytest.mark.parametrize("root", ["", ROOT])
def test_scopes_hold_below_a_prefix(bundles, tmp_path, root):
    path = tmp_path / "keys.json"
    secrets = {s: make_key(path, s, s)[0] for s in ("read", "admin")}
    access, proxies = AccessPolicy(keys=KeyRing(path), timeout=TIMEOUT), Proxies(root_path=ROOT)
    with service(bundles[0], tmp_path / "live", access=access, proxies=proxies) as live:
        response = live.http.get(f"{root}/dashboard/bundles", headers={"accept": "text/html"})
        assert response.headers["location"] == f"{ROOT}/login"
        read, admin = ({"x-api-key": secrets[s]} for s in ("read", "admin"))
        assert live.http.get(f"{root}/v1/users/u1", headers=read).status_code == 403
        assert live.http.get(f"{root}/v1/users/u1", headers=admin).status_code == 200
        assert live.http.get(f"{root}/v1/recommend/u1", headers=read).status_code == 200
        for trick in (
            f"{ROOT}/health/live/../../v1/users/u1",
            f"/health/..{ROOT}/v1/users/u1",
            f"{ROOT}/static{ROOT}/v1/users/u1",
            f"{ROOT}//v1/users/u1",
        ):
            assert raw(live.port, f"GET {trick} HTTP/1.1", "Host: x")[0] in (401, 404)


def raw(port: int, *lines: str) -> tuple[int, str]:
    """Send a request as it is; return the status and the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        text = "\r\n".join([*lines, "Connection: close", "", ""])
        sock.sendall(text.encode())
        answer = b""
        while part := sock.recv(65_536):
            answer += part
    return int(answer.split()[1]), answer.decode("latin-1")


@pytest.mark.parametrize("root", ["", ROOT])
@pytest.mark.parametrize("path_form", ["stripped", "whole"])
def test_no_redirect_names_a_host(bundles, tmp_path, root, path_form):
    path = tmp_path / "keys.json"
    secret, _ = make_key(path, "admin", "admin")
    access, proxies = AccessPolicy(keys=KeyRing(path), timeout=TIMEOUT), Proxies(TRUSTED, root)
    prefix = root if path_form == "whole" else ""
    evil = "Host: evil.example", "X-Forwarded-Host: evil.example", "X-Forwarded-For: 6.6.6.6"
    with service(bundles[0], tmp_path / "live", access=access, proxies=proxies) as live:
        for line, status, target in (
            ("GET /dashboard/bundles/", 307, "/dashboard/bundles"),
            ("GET /dashboard/bundles//?a=b%20c&d", 307, "/dashboard/bundles?a=b%20c&d"),
            ("POST /v1/events/", 307, "/v1/events"),
            ("GET /docs/", 307, "/docs"),
            ("GET /", 303, "/login"),
        ):
            method, path = line.split()
            key = "Accept: text/html" if status == 303 else f"X-API-Key: {secret}"
            code, text = raw(live.port, f"{method} {prefix}{path} HTTP/1.1", key, *evil)
            assert (code, f"location: {root}{target}\r\n" in text.lower()) == (status, True), text
            assert "evil" not in text
        for path in ("//evil.example/", "/evil.example//", "/v1/nothing/", "/%5Cevil.example/"):
            line = f"GET {prefix}{path} HTTP/1.1"
            code, text = raw(live.port, line, f"X-API-Key: {secret}", *evil)
            assert code == 404 and "location" not in text.lower()


@pytest.mark.parametrize("host", ["[::1", "a b", "x:y:z", "\\", "", "[", "%"])
def test_a_host_that_cannot_be_read_is_no_fault(bundles, tmp_path, host):
    path = tmp_path / "keys.json"
    secret, _ = make_key(path, "admin", "admin")
    with service(
        bundles[0], tmp_path / "live", access=AccessPolicy(keys=KeyRing(path), timeout=TIMEOUT)
    ) as live:
        for line in ("GET /nope/", "DELETE /v1/rank", "GET /v1/similar/i1/", "GET /docs"):
            status, text = raw(
                live.port, f"{line} HTTP/1.1", f"Host: {host}", f"X-API-Key: {secret}"
            )
            assert status < 500, text


def test_by_default_nobody_is_believed(bundles, tmp_path):
    with service(
        bundles[0], tmp_path / "live", access=AccessPolicy(rate=Rate(1.0, 2), timeout=TIMEOUT)
    ) as live:
        statuses = [
            httpx.get(
                f"http://127.0.0.1:{live.port}/v1/version",
                headers={"x-forwarded-for": f"1.2.3.{n}"},
            ).status_code
            for n in range(6)
        ]
    assert 429 in statuses
