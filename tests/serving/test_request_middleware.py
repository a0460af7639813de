import asyncio
import logging

import pytest
from fastapi import APIRouter, FastAPI
from protected_app import Clock, application, ask
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router

from pennyweight.serving.http.request_middleware import (
    UNROUTED,
    HandledRequest,
    RequestMiddleware,
    request_id,
)


def watched(**options) -> RequestMiddleware:
    return RequestMiddleware(application(), make_id=lambda: "made", **options)


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "x" * 64])
def test_a_plain_id_is_kept_and_comes_back(name):
    answer = ask(watched(), "GET", "/", x_request_id=name)
    assert answer.headers["x-request-id"] == answer.json()["id"] == name


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, 'a"b', "a{b", "a/b"])
def test_another_id_is_replaced(name):
    answer = ask(watched(), "GET", "/", x_request_id=name)
    assert answer.headers["x-request-id"] == answer.json()["id"] == "made"


def test_ids_that_are_made_differ():
    app = RequestMiddleware(application())
    assert len({ask(app, "GET", "/").json()["id"] for _ in range(10)}) == 10
    assert request_id({"type": "http"}) == ""


@pytest.mark.parametrize("path", ["/", "/nowhere", "/unknown", "/broken"])
def test_every_answer_is_safe(path):
    headers = ask(watched(), "GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy


def test_a_route_may_let_its_answer_be_kept():
    assert ask(watched(), "GET", "/static/icon").headers.get_list("cache-control") == ["max-age=60"]


def test_a_fault_is_logged_once_and_told_as_500(caplog):
    answer = ask(watched(), "GET", "/broken")
    assert answer.status_code == 500 and answer.json()["request_id"] == "made"
    assert "swordfish" not in answer.text
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert "swordfish" in str(record.exc_info[1]) and record.fields == {"request_id": "made"}


def test_a_fault_outside_the_application_is_told_too():
    async def app(scope, receive, send):
        raise RuntimeError("the password is swordfish")

    answer = ask(RequestMiddleware(app), "GET", "/")
    assert answer.status_code == 500 and "swordfish" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_observers_hear_of_every_request_by_its_route():
    heard: list[HandledRequest] = []
    clock = Clock()
    app = watched(observers=[heard.append], clock=clock)
    for path in ("/v1/users/jane", "/nowhere/jane", "/unknown", "/broken"):
        ask(app, "GET", path)
    ask(app, "PUT", "/v1/users/jane")
    assert [(request.method, request.route, request.status) for request in heard] == [
        ("GET", "/v1/users/{user_id}", 200),
        ("GET", UNROUTED, 404),
        ("GET", "/unknown", 404),
        ("GET", "/broken", 500),
        ("PUT", "/v1/users/{user_id}", 405),
    ]
    assert all(request.request_id == "made" and request.key is None for request in heard)
    assert all(request.seconds == 0 for request in heard)


def test_a_request_lasts_until_its_answer_is_sent():
    heard: list[HandledRequest] = []
    clock = Clock()

    async def app(scope, receive, send):
        clock.now += 1
        await PlainTextResponse("")(scope, receive, send)
        assert watch.in_flight == 1
        clock.now += 2

    watch = RequestMiddleware(app, observers=[heard.append], clock=clock)
    ask(watch, "GET", "/")
    assert heard[0].seconds == 3 and watch.in_flight == 0


def test_in_flight_comes_down_after_a_fault():
    watch = watched()
    ask(watch, "GET", "/broken")
    assert watch.in_flight == 0


def test_templates_of_every_kind_of_route():
    async def ok(request=None):
        return PlainTextResponse("")

    inner, outer, app = APIRouter(), APIRouter(), FastAPI()
    inner.add_api_route("/items/{item_id}", ok)
    inner.routes.append(Route("/plain/{name}", ok))
    outer.include_router(inner, prefix="/inner")
    app.include_router(outer, prefix="/v1")
    app.add_api_route("/direct/{name}", ok)
    app.routes.append(Mount("/static", Router([Route("/{name}", ok)])))
    heard: list[HandledRequest] = []
    watch = RequestMiddleware(app, observers=[heard.append])
    for path in ("/v1/inner/items/jane", "/v1/inner/plain/jane", "/direct/jane", "/static/jane"):
        assert ask(watch, "GET", path).status_code == 200
    assert [request.route for request in heard][:3] == [
        "/v1/inner/items/{item_id}",
        "/v1/inner/plain/{name}",
        "/direct/{name}",
    ]
    assert "jane" not in heard[3].route


def test_other_scopes_pass():
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)

    asyncio.run(RequestMiddleware(app)({"type": "lifespan"}, None, None))
    assert scopes == [{"type": "lifespan"}]
