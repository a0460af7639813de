"""A tiny application within its middleware, in this process or behind a socket."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from pennyweight.errors import UnknownIdError
from pennyweight.serving.http import problems
from pennyweight.serving.http.bounded_protocol import BoundedProtocol
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import SCOPES, Key, Scope, change, new_key

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PATIENCE = 30.0  # seconds, where something should happen at once


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def make_key(path: Path, name: str, *scopes: Scope) -> tuple[str, Key]:
    """Add a key to a file."""
    secret, key = new_key(name, scopes, now=NOW)
    change(path, lambda keys: keys.with_key(key), make=True)
    return secret, key


class Shop:
    """Keys of each scope and the ring they are on."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.path = folder / "keys.json"
        self.secrets = {s: make_key(self.path, s, s)[0] for s in SCOPES}
        self.ring = KeyRing(self.path, clock=self.clock)


async def show(request: Request) -> Response:
    key = request.scope["state"].get("key")
    return JSONResponse({"key": key and key.name, "id": request.state.request_id})


async def length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def unread(request: Request) -> Response:
    return PlainTextResponse("the body was not looked at")


async def unknown(request: Request) -> Response:
    raise UnknownIdError("no item 'x' in the catalog; did you mean 'y'?")


async def broken(request: Request) -> Response:
    raise RuntimeError("the password is swordfish")


async def cached(request: Request) -> Response:
    return PlainTextResponse("icon", headers={"Cache-Control": "max-age=60"})


async def slow(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        await asyncio.sleep(0.8)
        yield b"two"

    return StreamingResponse(parts(), media_type="text/plain")


ROUTES = {
    "/": show,
    "/dashboard": show,
    "/health/ready": show,
    "/login": show,
    "/static/icon": cached,
    "/v1/recommend": show,
    "/v1/recommend/{user_id}": show,
    "/v1/events": length,
    "/v1/users/{user_id}": show,
    "/v1/bundles": show,
    "/unknown": unknown,
    "/broken": broken,
    "/slow": slow,
    "/unread": unread,
}


def application() -> Starlette:
    """Return the bare service."""
    routes = [
        Route(path, answer, methods=["GET", "POST", "DELETE"]) for path, answer in ROUTES.items()
    ]
    app = Starlette(routes=routes)
    problems.answer_errors(app)
    return app


def ask(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    host: str = "127.0.0.1",
    client: str = "127.0.0.1",
    scheme: str = "http",
    **headers: str,
) -> httpx.Response:
    """Ask once in this process; ``x_api_key`` is the header ``x-api-key``."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://{host}") as http:
            sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
            return await http.request(method, path, headers=sent_headers)

    return asyncio.run(send())


def bearer(secret: str) -> dict[str, str]:
    """Return the header that brings a key."""
    return {"authorization": f"Bearer {secret}"}


@contextmanager
def serving(app: ASGIApp, http: type[BoundedProtocol] = BoundedProtocol) -> Iterator[int]:
    """Serve on a free port of the loopback; yield the port."""
    config = uvicorn.Config(
        app,
        port=0,
        http=http,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        end = time.monotonic() + PATIENCE
        while not server.started and time.monotonic() < end:
            time.sleep(0.01)
        assert server.started
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()
