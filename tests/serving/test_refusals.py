"""Refusals over a real socket: made before anything is read, and health is told all the same."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from unittest.mock import MagicMock

import httpx
import pytest
import uvicorn
from protected_app import PATIENCE, serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.server import ServerState

from pennyweight.serving.http.admission import Admission
from pennyweight.serving.http.admission_protocol import DRAINED, admission_protocol
from pennyweight.serving.security.guard import protected

LISTS = b"/v1/recommend/u1"


class Shop:
    """A service whose lists wait at a gate."""

    def __init__(self) -> None:
        self.admission = Admission(1, connections=8)
        self.gate = threading.Event()
        self.asked: list[str] = []
        self.gone = threading.Event()
        self.port = 0
        self.connections: list[socket.socket] = []

    def app(self):
        async def lists(request: Request) -> Response:
            self.asked.append(request.url.path)
            for _ in range(1_000):
                if self.gate.is_set():
                    break
                if request.scope["state"]["is_disconnected"]():
                    self.gone.set()
                    break
                await asyncio.sleep(0.01)
            return PlainTextResponse("a list")

        async def other(request: Request) -> Response:
            return PlainTextResponse(str(len(await request.body())))

        methods = ["GET", "POST", "HEAD"]
        routes = [
            Route("/v1/recommend/{user}", lists, methods=methods),
            *(
                Route(path, other, methods=methods)
                for path in ("/", "/health/live", "/v1/events", "/v1/items")
            ),
        ]
        return protected(Starlette(routes=routes))

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        self.connections.append(connection)
        return connection

    def fill(self) -> socket.socket:
        """Return a connection whose request is under way: as many as there may be."""
        connection = self.connect()
        connection.sendall(request("GET", LISTS))
        wait_for(lambda: self.admission.under_way == 1)
        return connection


def wait_for(true) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def request(method: str, path: bytes, body: bytes = b"", *headers: bytes) -> bytes:
    head = [method.encode() + b" " + path + b" HTTP/1.1", b"Host: localhost", *headers]
    if body:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, b"", body])


def answer(connection: socket.socket) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Read one answer: its status, headers and body."""
    got = b""
    while b"\r\n\r\n" not in got:
        data = connection.recv(65_536)
        assert data, got
        got += data
    head, _, body = got.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines)
    while len(body) < int(headers[b"content-length"]):
        data = connection.recv(65_536)
        assert data, body
        body += data
    return first.split()[1], headers, body


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    with serving(shop.app(), http=admission_protocol(shop.admission)) as shop.port:
        yield shop
        shop.gate.set()
        for connection in shop.connections:
            connection.close()


def test_one_too_many_is_told_to_come_again_as_problems_are_told(shop):
    shop.fill()
    with httpx.Client(base_url=f"http://127.0.0.1:{shop.port}") as http:
        for _ in range(3):  # over one connection
            refused = http.post("/v1/recommend/u2", json={"k": 3})
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["x-content-type-options"] == "nosniff"
            assert refused.json()["type"] == "/docs#busy"
            assert "try again" in refused.json()["detail"]
        assert http.get("/health/live").status_code == 200
        assert http.get("/").status_code == 200
        assert http.post("/v1/events", json={}).status_code == 503
        assert shop.asked == ["/v1/recommend/u1"]
        assert shop.admission.refused == 4
        shop.gate.set()
        wait_for(lambda: shop.admission.under_way == 0)
        assert http.get("/v1/recommend/u2").text == "a list"


def test_the_answer_to_who_was_let_in_counts_until_it_has_left(shop):
    first = shop.fill()
    shop.gate.set()
    assert answer(first)[2] == b"a list"
    wait_for(lambda: shop.admission.under_way == 0)


def test_a_client_that_goes_is_known_to_be_gone_and_makes_room(shop):
    shop.fill().close()
    assert shop.gone.wait(PATIENCE)
    wait_for(lambda: shop.admission.under_way == 0)


def test_requests_sent_at_once_on_one_connection_take_turns(shop):
    connection = shop.connect()
    connection.sendall(3 * request("GET", LISTS))
    wait_for(lambda: shop.admission.under_way == 1)
    shop.gate.set()
    got = b""
    while got.count(b"HTTP/1.1 200 ") < 3:
        data = connection.recv(65_536)
        assert data
        got += data
    wait_for(lambda: shop.admission.under_way == 0)


def test_a_body_that_does_not_come_takes_no_place(shop):
    held = [shop.connect() for _ in range(4)]
    for connection in held:
        connection.sendall(request("POST", b"/v1/events", b"x" * 99)[:-1])
    time.sleep(0.05)
    assert shop.admission.under_way == 0
    shop.gate.set()
    got = httpx.get(f"http://127.0.0.1:{shop.port}/v1/recommend/u1")
    assert got.text == "a list"
    for connection in held:
        connection.sendall(b"x")
        assert answer(connection)[2] == b"99"


def test_the_rest_of_a_refused_body_is_dropped_and_the_connection_goes_on(shop):
    shop.fill()
    connection = shop.connect()
    sent = request("POST", b"/v1/events", b"GET / HTTP/1.1\r\n\r\n" * 100)
    connection.sendall(sent[:500])
    status, headers, _ = answer(connection)
    assert status == b"503" and headers[b"connection"] == b"keep-alive"
    connection.sendall(sent[500:] + request("GET", b"/health/live"))
    assert answer(connection)[::2] == (b"200", b"0")
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(1)


@pytest.mark.parametrize(
    "sent",
    [
        request("POST", b"/v1/events", b"x" * (DRAINED + 1))[:900],
        request("POST", b"/v1/events", b"", b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
        request("POST", b"/v1/events", b"x" * 10, b"Expect: 100-continue")[:-10],
        request("GET", LISTS, b"", b"Connection: close"),
        request("GET", LISTS).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["large", "without a length", "asked for", "last", "old"],
)
def test_a_connection_that_cannot_go_on_is_closed(shop, sent):
    shop.fill()
    connection = shop.connect()
    connection.sendall(sent)
    got = b""
    while data := connection.recv(65_536):
        got += data
    assert got.startswith(b"HTTP/1.1 503 ") and b"connection: close" in got
    assert got.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "headers",
    [
        [b"Content-Length: 3", b"Content-Length: 4"],
        [b"Content-Length: 4", b"Transfer-Encoding: chunked"],
        [b"Content-Length: +4"],
        [b"Content-Length: 4", b"X: a\x00b"],
        [b"Content-Length : 4"],
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_left_to_the_parser(shop, headers):
    shop.fill()
    connection = shop.connect()
    connection.sendall(request("POST", LISTS, b"", *headers) + b"abcd")
    got = b""
    while data := connection.recv(65_536):
        got += data
    assert got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 503 ")) and b"connection: close" in got
    assert got.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_refusals_are_the_same_however_requests_come(shop, parts):
    shop.fill()
    connection = shop.connect()
    sent = [
        request("POST", b"/v1/events", b'{"a": 1}', b"Connection: Keep-Alive"),
        request("GET", LISTS + b"?k=3"),
        request("POST", LISTS, b"\r\n\r\nGET /health/live HTTP/1.1\r\n\r\n"),
        request("GET", b"/health/live"),
        request("GET", LISTS),
    ]
    answers = []
    for data in sent:
        step = -(-len(data) // parts)
        for start in range(0, len(data), step):
            connection.sendall(data[start : start + step])
            time.sleep(0.002)
        answers.append(answer(connection))
    refused = [answers[n] for n in (0, 1, 2, 4)]
    assert all(refusal == refused[0] for refusal in refused) and refused[0][0] == b"503"
    assert answers[3][0] == b"200" and shop.admission.refused == 4
    connection.sendall(b"".join(sent[:3]))  # all at once
    got = b""
    while got.count(refused[0][2]) < 3:
        data = connection.recv(65_536)
        assert data, got
        got += data
    assert got.count(b"HTTP/1.1 503") == 3


def test_a_connection_whose_requests_are_all_refused_is_not_idle(shop):
    async def used(seconds_ago: float) -> bool:
        wire = admission_protocol(shop.admission)
        config = uvicorn.Config(shop.app(), http=wire, log_config=None, ws="none")
        config.load()
        protocol = wire(config=config, server_state=ServerState(), app_state={})
        transport = MagicMock()
        transport.is_closing.return_value = False
        protocol.connection_made(transport)
        protocol.data_received(request("GET", LISTS))
        assert transport.write.call_count == 1
        protocol._refused_at -= seconds_ago
        protocol.timeout_keep_alive_handler()
        closed = transport.close.called
        protocol.connection_lost(None)
        return not closed

    shop.admission.begin()
    assert asyncio.run(used(1.0)) and not asyncio.run(used(60.0))


def test_head_is_refused_without_a_body(shop):
    shop.fill()
    connection = shop.connect()
    connection.sendall(request("HEAD", LISTS) + request("GET", b"/health/live"))
    got = b""
    while b"200 OK" not in got:
        data = connection.recv(65_536)
        assert data, got
        got += data
    assert got.startswith(b"HTTP/1.1 503 ") and b"busy" not in got


def test_connections_beyond_a_number_hear_of_health_alone(shop):
    connections = [shop.connect() for _ in range(8)]
    for connection in connections:
        connection.sendall(request("POST", b"/v1/events", b"xy")[:-1])  # not idle
    surplus = shop.connect()
    surplus.sendall(request("GET", b"/health/live"))
    assert answer(surplus)[0] == b"200"
    surplus.sendall(request("GET", b"/"))
    status, headers, _ = answer(surplus)
    assert status == b"503" and headers[b"connection"] == b"close"
    assert surplus.recv(1) == b""
    for connection in connections:
        connection.sendall(b"y")
        assert answer(connection)[2] == b"2"


def test_idle_connections_make_way_when_there_are_none_left(shop):
    idle = [shop.connect() for _ in range(8)]
    for connection in idle:
        connection.sendall(request("GET", b"/"))
        assert answer(connection)[0] == b"200"
    shop.connect()
    for connection in idle:
        assert connection.recv(1) == b""
    fresh = shop.connect()
    fresh.sendall(request("GET", b"/"))
    assert answer(fresh)[0] == b"200"


def test_a_client_that_reads_no_refusals_does_not_fill_the_memory(shop):
    shop.fill()
    connection = shop.connect()
    data = 1_000 * request("GET", LISTS)
    with pytest.raises(OSError, match=r"reset|pipe"):
        for _ in range(2_000):
            connection.sendall(data)
