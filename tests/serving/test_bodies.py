"""Slow, large and broken bodies over a real socket."""

import asyncio
import socket
import time

import httpx
import pytest
from protected_app import PATIENCE, application, serving

from pennyweight.serving.http.body import BodyLimit
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.http.request_middleware import HandledRequest
from pennyweight.serving.security.guard import protected

LIMIT, SECONDS = 100_000, 0.6


HEARD: list[HandledRequest] = []


@pytest.fixture(scope="module")
def port():
    app = protected(application(), nbytes=LIMIT, seconds=SECONDS, observers=[HEARD.append])
    with serving(app) as port:
        yield port


def post(port: int, content, path: str = "/v1/events") -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{port}{path}", content=content, timeout=PATIENCE)


def chunks(n: int):
    for _ in range(n):
        yield b"x" * 10_000


def test_a_body_within_the_limit_is_read_whole(port):
    assert post(port, b"x" * LIMIT).text == str(LIMIT)
    assert post(port, chunks(10)).text == str(LIMIT)
    assert post(port, b"").text == "0"


@pytest.mark.parametrize("path", ["/v1/events", "/unread"])
def test_a_body_that_says_it_is_too_large_is_not_read(port, path):
    answer = post(port, b"x" * (LIMIT + 1), path)
    assert answer.status_code == 413 and "100,000 bytes" in answer.json()["detail"]
    assert answer.headers["connection"] == "close"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_body_that_does_not_say_is_counted(port):
    assert post(port, chunks(11)).status_code == 413


def raw(port: int, head: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(f"{head}\r\nHost: 127.0.0.1\r\n".encode())
    return connection


def answer_of(connection: socket.socket) -> bytes:
    """Read until the service closes the connection."""
    got = b""
    for _ in range(1_000):
        data = connection.recv(65_536)
        if not data:
            return got
        got += data
    raise AssertionError("the connection stays open")


def test_a_body_that_stops_is_not_waited_for(port):
    with raw(port, "POST /v1/events HTTP/1.1") as connection:
        connection.sendall(b"Content-Length: 10\r\n\r\nabc")
        answer = answer_of(connection)
    assert answer.startswith(b"HTTP/1.1 408 ") and b"within 0.6 s" in answer


def test_a_body_that_trickles_is_not_waited_for(port):
    with raw(port, "POST /v1/events HTTP/1.1") as connection:
        connection.sendall(b"Content-Length: 90000\r\n\r\n")
        for _ in range(1_000):  # each byte comes in time; all of them do not
            try:
                connection.sendall(b"x")
            except OSError:
                break
            time.sleep(0.02)
        else:
            raise AssertionError("the body is still waited for")
    assert post(port, b"abc").text == "3"  # the service goes on


def test_a_length_that_is_none_is_refused(port):
    for value in ("9" * 30, "9" * 5_000, "-1", "x"):
        with raw(port, "POST /v1/events HTTP/1.1") as connection:
            connection.sendall(f"Content-Length: {value}\r\n\r\n".encode())
            assert answer_of(connection)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413")


def first_message(receive, seconds: float = PATIENCE):
    """Return the first message that an application within `BodyLimit` receives."""
    got = []

    async def app(scope, bounded, send):
        got.append(await bounded())

    async def run():
        await BodyLimit(app, seconds=seconds)(
            {"type": "http", "method": "POST", "path": "/", "headers": []}, receive, None
        )

    asyncio.run(run())
    return got[0]


MESSAGE = {"type": "http.request", "body": b"abc", "more_body": False}


def test_a_body_that_is_there_sets_no_timer(monkeypatch):
    async def receive():
        return MESSAGE

    monkeypatch.setattr(asyncio, "timeout_at", None)
    assert first_message(receive) == MESSAGE


def test_a_body_may_come_in_many_steps():
    async def later():
        for _ in range(5):
            await asyncio.sleep(0.001)
        return MESSAGE

    assert first_message(later) == MESSAGE


def test_an_error_of_the_server_passes():
    async def broken():
        await asyncio.sleep(0.001)
        raise OSError("the connection is gone")

    with pytest.raises(OSError, match="gone"):
        first_message(broken)


def test_a_request_past_its_deadline_is_cancelled_and_may_still_answer():
    ended = []

    async def slow():
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            ended.append("slow")

    async def stubborn():
        try:
            await asyncio.sleep(PATIENCE)
        except asyncio.CancelledError:
            await asyncio.sleep(0.001)
        return MESSAGE

    with pytest.raises(Refusal, match="408"):
        first_message(slow, 0.01)
    assert ended == ["slow"]
    assert first_message(stubborn, 0.01) == MESSAGE


def test_an_end_of_the_task_passes_through():
    ended = []

    async def slow():
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            ended.append("slow")

    async def run():
        async def app(scope, bounded, send):
            await bounded()

        task = asyncio.create_task(
            BodyLimit(app)(
                {"type": "http", "method": "POST", "path": "/", "headers": []}, slow, None
            )
        )
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert ended == ["slow"]


def test_a_client_that_hangs_up_is_no_fault_of_the_service(port, caplog):
    HEARD.clear()
    with raw(port, "POST /v1/events HTTP/1.1") as connection:
        connection.sendall(b"Content-Length: 10\r\n\r\nabc")
    for _ in range(1_000):
        if HEARD:
            break
        time.sleep(0.01)
    assert [request.status for request in HEARD] == [400]
    assert not caplog.records


def test_only_the_body_is_hurried_not_the_answer(port):
    answer = httpx.get(f"http://127.0.0.1:{port}/slow", timeout=PATIENCE)
    assert answer.text == "one two"  # takes longer than a body may


def test_many_slow_bodies_do_not_stop_others(port):
    slow = [raw(port, "POST /v1/events HTTP/1.1") for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(b"Content-Length: 10\r\n\r\na")
        assert post(port, b"abc").text == "3"
        assert all(answer_of(c).startswith(b"HTTP/1.1 408 ") for c in slow)
    finally:
        for connection in slow:
            connection.close()
