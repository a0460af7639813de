"""Access control: keys, scopes and rates, and the middleware of the service in its order."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from pennyweight.serving.http.body import BODY_BYTES, BODY_SECONDS, BodyLimit
from pennyweight.serving.http.deadline import TIMEOUT
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.http.proxies import location, path_below
from pennyweight.serving.http.request_middleware import HandledRequest, RequestMiddleware
from pennyweight.serving.http.request_target import check_target
from pennyweight.serving.security.hosts import Headers, check_host, check_site
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import Key
from pennyweight.serving.security.rate import Rate
from pennyweight.serving.security.scopes import (
    CHALLENGE,
    is_health,
    missing_scope,
    needed_scope,
)
from pennyweight.serving.security.sessions import Sessions, session_token

__all__ = ["Guard", "protected"]

ONCE = frozenset((b"host", b"authorization"))
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True)
class Guard:
    """ASGI middleware that lets in who may ask, and raises `Refusal` for the rest.

    The key that a request came with is left in ``scope["state"]["key"]``. Paths under
    ``/health`` are open to everyone.

    Attributes
    ----------
    app
        The application that answers.
    keys
        The keys, or None: then every client on this machine's loopback may do everything.
    sessions
        Sessions of the dashboard, if it has any.
    rate
        How often one key may ask, or one address without a key.
    """

    app: ASGIApp
    keys: KeyRing | None = None
    sessions: Sessions | None = None
    rate: Rate | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or raise `Refusal`."""
        if scope["type"] == "http":
            self._admit(scope)
            check_target(scope)
        elif scope["type"] != "lifespan":  # there are no web sockets to protect
            await send({"type": "websocket.close", "code": 1008})
            return
        await self.app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        method, path = scope["method"], path_below(scope)
        if is_health(path):
            return
        headers = _single(scope["headers"])
        if self.keys is None:
            check_host(headers.get(b"host"))
        if method not in SAFE:
            check_site(headers)
        needed = needed_scope(method, path)
        if self.keys is None or needed is None:
            self._count(scope, None)
            return
        key, by_session = self._key(scope, headers)
        if key is None:
            self._count(scope, None)
            raise self._stranger(scope, headers)
        self._count(scope, key)
        scope.setdefault("state", {})["key"] = key
        if (
            by_session
            and method not in SAFE
            and not headers.keys() & {b"sec-fetch-site", b"origin"}
        ):
            raise Refusal(403, "the browser does not send the origin of the request; use a key")
        if not key.may(needed):
            raise missing_scope(key, needed)

    def _key(self, scope: Scope, headers: Headers) -> tuple[Key | None, bool]:
        """Return the key of a request, and whether a session stands for it."""
        if self.keys is None:
            return None, False
        secret = _secret(headers)
        if secret is not None:  # a wrong key is not made good by a session
            return self.keys.find(secret), False
        cookies = headers.get(b"cookie")
        if self.sessions is None or cookies is None:
            return None, False
        secure, root = scope["scheme"] == "https", scope.get("root_path", "")
        token = session_token(cookies.decode("latin-1"), secure=secure, root=root)
        return (None if token is None else self.sessions.find(token)), True

    def _count(self, scope: Scope, key: Key | None) -> None:
        """Count a request of a key or, without one, of an address; refuse one too many."""
        if self.rate is None:
            return
        host, *_ = scope.get("client") or ("unknown",)
        if seconds := self.rate.take(f"key {key.name}" if key is not None else str(host)):
            raise Refusal(
                429,
                f"more than {self.rate.rate:g} requests per second; retry in {seconds} s",
                {"Retry-After": str(seconds)},
            )

    def _stranger(self, scope: Scope, headers: Headers) -> Refusal:
        """Return the refusal of a request without a key: a person is led to the login."""
        if _secret(headers) is not None:
            wrong = f'{CHALLENGE}, error="invalid_token"'
            return Refusal(401, "unknown key", {"WWW-Authenticate": wrong})
        if self.sessions is not None and b"text/html" in headers.get(b"accept", b""):
            if scope["method"] == "GET":
                return Refusal(303, "log in", {"Location": location(scope, "/login")})
        return Refusal(
            401,
            "a key is needed: Authorization: Bearer KEY, or X-API-Key: KEY",
            {"WWW-Authenticate": CHALLENGE},
        )


def protected(
    app: ASGIApp,
    *,
    keys: KeyRing | None = None,
    sessions: Sessions | None = None,
    rate: Rate | None = None,
    nbytes: int = BODY_BYTES,
    seconds: float = BODY_SECONDS,
    observers: Sequence[Callable[[HandledRequest], None]] = (),
    make_id: Callable[[], str] | None = None,
    clock: Callable[[], float] = time.monotonic,
    timeout: float = TIMEOUT,
) -> RequestMiddleware:
    """Return an application within its middleware, in the required order.

    `RequestMiddleware` (ids, headers, errors, observers), then `Guard` (hosts, sites, keys, rates),
    then `BodyLimit` (size, time); the parameters are theirs.
    """
    guarded = Guard(BodyLimit(app, nbytes=nbytes, seconds=seconds), keys, sessions, rate)
    return RequestMiddleware(
        guarded, observers=observers, make_id=make_id, clock=clock, timeout=timeout
    )


def _secret(headers: Headers) -> str | None:
    """Return the key that a request brings, if any."""
    secret: bytes | None
    scheme, _, secret = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer":  # Basic, say, is for a proxy in front
        secret = headers.get(b"x-api-key")
    return None if secret is None else secret.strip().decode("latin-1")


def _single(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return headers by name; refuse two that decide who asks, of which a proxy may read either."""
    by_name: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in ONCE and name in by_name:
            raise Refusal(400, f"the header {name.decode()} is repeated; send it once")
        by_name[name] = value
    return by_name
