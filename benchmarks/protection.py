"""The cost per request of the protection of the service.

    python benchmarks/protection.py [--requests N] [--rounds N]

The processor time, user and system, that a real server uses for a request, bare and with
its middleware (ids, headers, keys, scopes, rates, bodies, metrics, the last hour, a line of log
to a file): 40 bytes are posted with a key over eight connections that stay open.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from pennyweight.serving.http.bounded_protocol import BoundedProtocol
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.rolling_metrics import RollingMetrics
from pennyweight.serving.logs import RequestLog
from pennyweight.serving.security.guard import protected
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import change, new_key
from pennyweight.serving.security.rate import Rate

CONNECTIONS, WARM, PATIENCE = 8, 200, 10.0
BODY = b'{"history": ["a", "b"], "k": 10}'.ljust(40)
HEAD = (
    "POST /v1/recommend HTTP/1.1\r\nHost: shop.example:8000\r\nAccept: */*\r\n"
    "Accept-Encoding: gzip\r\nUser-Agent: shop\r\nContent-Type: application/json\r\n"
)


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def serve(port: int, keys: Path | None) -> None:
    """Serve until the process is ended."""
    app: ASGIApp = bare
    if keys is not None:
        observers = (Metrics().answered, RollingMetrics().answered, RequestLog(sys.stderr).answered)
        app = protected(bare, keys=KeyRing(keys), rate=Rate(1e6, 1_000_000), observers=observers)
    uvicorn.run(
        app,
        port=port,
        http=BoundedProtocol,
        loop="uvloop",
        lifespan="off",
        log_config=None,
        access_log=False,
    )


def measure(folder: Path, requests: int, *, with_middleware: bool) -> float:
    """Return the microseconds of processor time that a request takes."""
    path = folder / "keys.json"
    path.unlink(missing_ok=True)
    secret, key = new_key("shop", ["read"], now=datetime.now(UTC))
    change(path, lambda keys: keys.with_key(key), make=True)
    head = f"{HEAD}Authorization: Bearer {secret}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        __file__,
        "--serve",
        str(port),
        *([str(path)] if with_middleware else []),
    ]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stderr=log)
    try:
        connections = [connect(port) for _ in range(CONNECTIONS)]
        ask(connections, head.encode() + BODY, WARM)
        before = processor_time(server.pid)
        ask(connections, head.encode() + BODY, requests // CONNECTIONS)
        return (processor_time(server.pid) - before) / requests * 1e6
    finally:
        server.terminate()
        server.wait()


def connect(port: int) -> socket.socket:
    """Return a connection once the server is up."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def ask(connections: list[socket.socket], request: bytes, times: int) -> None:
    """Send a request on all connections at once, so often."""
    for _ in range(times):
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            got = connection.recv(65_536)
            while not got.endswith(b"{}"):
                got += connection.recv(65_536)
            if not got.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(got.decode())


def processor_time(pid: int) -> float:
    """Return the seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=32_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(int(options.serve[0]), Path(options.serve[1]) if options.serve[1:] else None)
        return
    with tempfile.TemporaryDirectory() as folder:
        microseconds: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(options.rounds):
            for with_middleware, row in microseconds.items():
                row.append(measure(Path(folder), options.requests, with_middleware=with_middleware))
    for with_middleware, row in microseconds.items():
        name = "with middleware" if with_middleware else "bare"
        print(f"{name:<16} {median(row):5.1f} µs a request ({min(row):.1f} to {max(row):.1f})")
    print(f"{'middleware':<16} {median(microseconds[True]) - median(microseconds[False]):5.1f} µs")


if __name__ == "__main__":
    main()
