"""The outer wall of the service: every request gets an id, every answer is safe and counted."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pennyweight.serving.http.deadline import DEADLINE, TIMEOUT, Deadline
from pennyweight.serving.http.problems import answer

__all__ = ["UNROUTED", "HandledRequest", "RequestMiddleware", "numbered", "request_id", "route_of"]

UNROUTED = "unrouted"  # no route answered: it was refused before, or there is none
PLAIN = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_log = logging.getLogger(__name__)

# Scripts, styles and pictures of this host alone, nothing inline, no framing.
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
# Defaults that a route may override.
USUAL = (
    (b"content-security-policy", POLICY.encode()),
    (b"cache-control", b"no-store"),
)


class HandledRequest(NamedTuple):
    """The facts about a request after its response.

    Attributes
    ----------
    request_id
        Its id.
    method, route
        The method, and the template of the route: never the path, which may name a person.
    status
        HTTP status of the answer.
    seconds
        From the first byte of the request being read to the last of the answer being sent.
    key
        Name of the key it came with, if any.
    """

    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    key: str | None


class RequestMiddleware:
    """ASGI middleware around all others.

    It gives the request an id and a deadline, the answer its security headers, an exception
    without a handler a plain 500, and calls the observers for each response.

    Parameters
    ----------
    app
        The application that answers.
    observers
        Called with each `HandledRequest`, in the thread of the event loop.
    make_id
        Returns an id for a request that brings none; `numbered` by default.
    clock
        Seconds that only go forward.
    timeout
        Seconds from the arrival of a request to its deadline.

    Attributes
    ----------
    in_flight
        Requests that are being answered now.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        observers: Sequence[Callable[[HandledRequest], None]] = (),
        make_id: Callable[[], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        timeout: float = TIMEOUT,
    ) -> None:
        self.in_flight = 0
        self._timeout = timeout
        self._app = app
        self._observers = tuple(observers)
        self._make_id = make_id or numbered(secrets.token_hex(5))
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and call the observers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock()
        state = scope.setdefault("state", {})
        name = state["request_id"] = self._id(scope)
        DEADLINE.set(Deadline(began + self._timeout, state.get("is_disconnected", _stays)))
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _safe(list(message.get("headers", ())), name)
            await send(message)

        self.in_flight += 1
        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            response = answer(error, name, scope.get("root_path", ""))
            if response.status_code == 500:
                _log.error("request failed", exc_info=error, extra={"fields": {"request_id": name}})
            if status == 0:
                await response(scope, receive, sent)
        finally:
            self.in_flight -= 1
            key = state.get("key")
            handled = HandledRequest(
                name,
                scope["method"],
                route_of(scope),
                status or 500,  # nothing was sent
                self._clock() - began,
                None if key is None else key.name,
            )
            for observer in self._observers:
                observer(handled)

    def _id(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and PLAIN.fullmatch(value):
                return str(value, "ascii")
        return self._make_id()


def numbered(prefix: str) -> Callable[[], str]:
    """Return a function that returns ``prefix-1`` and so on: random bits cost a system call."""
    numbers = count(1)
    return lambda: f"{prefix}-{next(numbers)}"


def request_id(scope: Scope) -> str:
    """Return the id that `RequestMiddleware` gave a request."""
    return str(scope.get("state", {}).get("request_id", ""))


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered, such as ``/v1/items/{item_id}``."""
    # The route of a router that was included with a prefix does not know the prefix.
    included = scope.get("fastapi", {}).get("effective_route_context")
    for route in (getattr(included, "starlette_route", None), included, scope.get("route")):
        path = getattr(route, "path_format", None)
        if path:
            return str(path)
    return UNROUTED


def _stays() -> bool:
    return False


def _safe(headers: Sequence[tuple[bytes, bytes]], name: str) -> list[tuple[bytes, bytes]]:
    set_already = {header for header, _ in headers}
    return [
        *headers,
        (b"x-request-id", name.encode()),
        *ALWAYS,
        *(pair for pair in USUAL if pair[0] not in set_already),
    ]
