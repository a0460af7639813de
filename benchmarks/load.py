"""An HTTP client for measuring: requests are sent when they are due, whatever came back by then.

Latency counts from the moment a request was due, so that a server that stalls is charged for
all who would have come meanwhile (Tene, "How NOT to measure latency").
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

__all__ = ["Load", "closed_loop", "get", "open_loop", "post"]

SHORTEST = 0.001  # seconds that a timer of the loop can wait


@dataclass
class Load:
    """The answers to some requests.

    Attributes
    ----------
    seconds
        Of each answer, from when it was due.
    by_status
        The same by the status of the answer; 0 stands for a lost connection.
    took
        Seconds from the first request to the last answer.
    """

    seconds: list[float] = field(default_factory=list)
    by_status: dict[int, list[float]] = field(default_factory=dict)
    took: float = 0.0

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers had each status."""
        return {status: len(seconds) for status, seconds in self.by_status.items()}

    @property
    def rate(self) -> float:
        """Answers a second that were 2xx."""
        return self.good / self.took

    @property
    def good(self) -> int:
        """Answers that were 2xx."""
        return sum(n for status, n in self.statuses.items() if 200 <= status < 300)

    def quantile(self, q: float, status: int | None = None) -> float:
        """Return milliseconds, of all answers or those of a status."""
        seconds = self.seconds if status is None else self.by_status.get(status, [])
        return float(np.quantile(seconds, q) * 1e3) if seconds else 0.0

    def within(self, seconds: float) -> int:
        """Return how many answers were 2xx and there in time."""
        return sum(
            answer_seconds <= seconds
            for status, times in self.by_status.items()
            if 200 <= status < 300
            for answer_seconds in times
        )

    def note(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.by_status.setdefault(status, []).append(seconds)
        self.seconds.append(seconds)


def get(path: str, headers: str = "") -> bytes:
    """Return a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()


def post(path: str, body: bytes, headers: str = "") -> bytes:
    """Return a POST request of JSON."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self, on_answer: Callable[["_Connection"], None], load: Load) -> None:
        self._on_answer, self._load = on_answer, load
        self._due = 0.0
        self._data = b""
        self._waits = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # that of uvloop is none by its type

    def send(self, request: bytes, due: float) -> None:
        self._due, self._data, self._waits = due, b"", True
        assert self.transport is not None
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, separator, body = self._data.partition(b"\r\n\r\n")
        if not separator:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r", 1)[0])
        if len(body) >= length:
            self._load.note(int(head[9:12]), time.perf_counter() - self._due)
            self._data, self._waits = b"", False
            self._on_answer(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waits:
            self._load.note(0, time.perf_counter() - self._due)
            self._on_answer(self)


async def _connect(
    port: int, n: int, on_answer: Callable[[_Connection], None], load: Load
) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Connection(on_answer, load), "127.0.0.1", port)
        for _ in range(n)
    ]
    return [protocol for _, protocol in made]


async def open_loop(
    port: int,
    requests: Iterator[bytes],
    *,
    rate: float,
    seconds: float,
    connections: int | None = None,
    times: Sequence[float] | None = None,
) -> Load:
    """Send requests at a rate, each when it is due and a connection is free.

    They are due at even times, or at the given `times` in seconds from the start, which have this
    rate on average.
    """
    if connections is None:  # more would wait so long that they are closed
        connections = round(min(64, max(4, 4 * rate)))
    load, overdue = Load(), deque[tuple[bytes, float]]()
    idle = deque[_Connection]()  # in turns, or the server would close those that wait
    n = int(rate * seconds) if times is None else len(times)
    finished = asyncio.Event()

    def on_answer(connection: _Connection) -> None:
        if overdue:
            connection.send(*overdue.popleft())
        else:
            idle.append(connection)
        if len(load.seconds) == n:
            finished.set()

    made = await _connect(port, connections, on_answer, load)
    idle.extend(made)
    start = time.perf_counter() + 0.05
    for i in range(n):
        due = start + (i / rate if times is None else times[i])
        while (wait := due - time.perf_counter()) > 0:
            # A timer of less than a millisecond ends at once: a loop that takes the server's core.
            await asyncio.sleep(max(wait, SHORTEST))
        if idle:
            idle.popleft().send(next(requests), due)
        else:
            overdue.append((next(requests), due))
    await asyncio.wait_for(finished.wait(), 60)
    load.took = time.perf_counter() - start
    _close(made)
    return load


async def closed_loop(
    port: int, requests: Iterator[bytes], *, seconds: float, connections: int = 16
) -> Load:
    """Send on each connection the next request as soon as the last one was answered."""
    load = Load()
    start = time.perf_counter()
    under_way = connections
    finished = asyncio.Event()

    def on_answer(connection: _Connection) -> None:
        nonlocal under_way
        now = time.perf_counter()
        if now - start < seconds:
            connection.send(next(requests), now)
            return
        under_way -= 1
        if not under_way:
            finished.set()

    made = await _connect(port, connections, on_answer, load)
    start = time.perf_counter()
    for connection in made:
        connection.send(next(requests), time.perf_counter())
    await asyncio.wait_for(finished.wait(), seconds + 60)
    load.took = time.perf_counter() - start
    _close(made)
    return load


def _close(connections: list[_Connection]) -> None:
    for connection in connections:
        if connection.transport is not None:
            connection.transport.close()
