"""Over a real socket: the bytes before a complete request."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from protected_app import PATIENCE, application, serving
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from pennyweight.serving.http.bounded_protocol import BoundedProtocol
from pennyweight.serving.security.guard import protected

LIMIT, SECONDS = 8_000, 0.6  # /slow takes longer
ASK = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Small(BoundedProtocol):
    head_bytes = LIMIT
    head_seconds = unread_seconds = SECONDS


@pytest.fixture(scope="module")
def port():
    with serving(protected(application()), http=Small) as port:
        yield port


@pytest.fixture
def connection(port):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        yield connection


def closes(connection: socket.socket) -> bytes:
    """Return what comes until the service closes the connection."""
    got = b""
    for _ in range(1_000):
        try:
            data = connection.recv(65_536)
        except ConnectionResetError:
            return got
        if not data:
            return got
        got += data
    raise AssertionError("the connection stays open")


def sends(connection: socket.socket, piece: Callable[[int], bytes], wait: float = 0.0) -> None:
    """Send pieces until the service closes the connection."""
    for i in range(2_000):
        try:
            connection.sendall(piece(i))
        except OSError:
            return
        time.sleep(wait)
    raise AssertionError("the service still reads")


def test_a_client_that_reads_nothing_is_not_waited_for():
    ended = threading.Event()

    async def pieces():
        try:
            while True:
                yield b"x" * 65_536
                await asyncio.sleep(0)
        finally:
            ended.set()

    async def answer(request):
        return StreamingResponse(pieces())

    with serving(Starlette(routes=[Route("/", answer)]), http=Small) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(ASK + b"\r\n")
            assert ended.wait(PATIENCE)


def test_a_slow_reader_gets_all():
    n = 40

    async def pieces():
        for _ in range(n):
            yield b"x" * 65_536

    async def answer(request):
        return StreamingResponse(pieces())

    with serving(Starlette(routes=[Route("/", answer)]), http=Small) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            got = 0
            while data := connection.recv(65_536):
                got += data.count(b"x")
                time.sleep(0.01)
    assert got == n * 65_536


def test_who_says_nothing_is_not_waited_for(connection):
    assert closes(connection) == b""


def test_a_head_that_trickles_is_not_waited_for(connection):
    connection.sendall(ASK)
    sends(connection, lambda i: b"a: b\r\n" if i % 2 else b"c: d\r\n", wait=0.02)


def test_a_second_head_that_stops_is_not_waited_for(connection):
    connection.sendall(ASK + b"\r\n")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    connection.sendall(ASK)
    assert b"HTTP/1.1" not in closes(connection)


@pytest.mark.parametrize("piece", [b"a: b\r\n" * 100, b"x" * 600])
def test_a_head_without_an_end_is_refused(connection, piece):
    connection.sendall(ASK + b"x: ")
    sends(connection, lambda i: piece)


@pytest.mark.parametrize("data", [b"\x16\x03\x01\r\n\r\n", b"GET\r\n\r\n"])
def test_bytes_that_are_no_request_get_a_problem_and_fill_no_log(connection, data, caplog):
    connection.sendall(data)
    head, _, body = closes(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"application/problem+json" in head
    assert json.loads(body)["status"] == 400
    assert caplog.records == []


def test_an_upgrade_is_passed_over_without_advice(connection, caplog):
    connection.sendall(ASK + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 ")
    assert caplog.records == []


def test_a_large_head_is_told_so(connection):
    connection.sendall(ASK + b"x: " + b"y" * LIMIT)
    answer = closes(connection)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"too large" in answer


def test_a_head_within_the_limit_is_answered_and_the_next_counts_anew(port):
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        for _ in range(5):
            assert http.get("/", headers={"x": "y" * (LIMIT - 1_000)}).status_code == 200


def test_heads_that_come_in_pieces_count_each_for_itself(connection):
    for _ in range(4):
        connection.sendall(ASK + b"x: " + b"y" * (LIMIT // 2))
        time.sleep(0.03)
        connection.sendall(b"\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_a_body_is_not_part_of_the_head(port):
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/events", content=b"x" * 10 * LIMIT)
    assert answer.text == str(10 * LIMIT)


def test_an_answer_may_take_longer_than_a_head(port):
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http:
        for _ in range(2):
            assert http.get("/slow").text == "one two"


def test_an_answer_is_not_cut_off_by_half_a_request_behind_it(connection):
    connection.sendall(ASK.replace(b"/", b"/slow", 1) + b"\r\n" + ASK)
    assert closes(connection).endswith(b"two\r\n0\r\n\r\n")


def test_requests_sent_at_once_are_answered_in_turn(connection):
    connection.sendall((ASK + b"\r\n") * 20)
    got = b""
    for _ in range(1_000):
        got += connection.recv(65_536)
        if got.count(b"HTTP/1.1 200 ") == 20:
            break
    assert got.count(b"HTTP/1.1 200 ") == 20


@pytest.mark.parametrize(
    ("target", "header", "status"),
    [
        ("http://evil.example/login", "127.0.0.1", 403),
        ("http://evil.example:80/login", "localhost", 403),
        ("http://127.0.0.1/login", "evil.example", 200),
        ("http://[::1]:8000/login", "evil.example", 200),
        ("http://localhost:8000/login?a=b", None, 200),
        ("/login", "evil.example", 403),
    ],
)
def test_the_host_of_an_absolute_target_stands_for_the_header(connection, target, header, status):
    host = "" if header is None else f"Host: {header}\r\n"
    request = f"GET {target} HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
    connection.sendall(request.encode())
    assert int(closes(connection).split()[1]) == status


def test_two_hosts_stay_two_beside_an_absolute_target(connection):
    hosts = "Host: localhost\r\nHost: localhost\r\n"
    request = f"GET http://localhost/login HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n"
    connection.sendall(request.encode())
    assert int(closes(connection).split()[1]) == 400
