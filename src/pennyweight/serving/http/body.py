"""Bounds on the bytes and the time of a request body."""

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.http.uploads import UPLOAD_BYTES, UPLOAD_SECONDS, is_upload

__all__ = ["BODY_BYTES", "BODY_SECONDS", "TOTAL_BYTES", "BodyLimit"]

BODY_BYTES = 4 << 20
BODY_SECONDS = 10.0
TOTAL_BYTES = 8 * BODY_BYTES
SMALL = 64 << 10  # bytes that every request may bring
# The unread rest of a body would be parsed as the next request, or never end.
CLOSE = {"Connection": "close"}
BUSY = CLOSE | {"Retry-After": "1"}


class BodyLimit:
    """ASGI middleware that bounds the body of a request.

    An upload has wider bounds, and does not count among the bodies in memory.

    Parameters
    ----------
    app
        The application.
    nbytes
        Maximum size of a body.
    seconds
        Time to receive a complete body, from the first time the application asks for it.
    total
        Bytes of all bodies in memory at the same time; beyond, a large one is refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        nbytes: int = BODY_BYTES,
        seconds: float = BODY_SECONDS,
        total: int = TOTAL_BYTES,
    ) -> None:
        self._app = app
        self._nbytes = nbytes
        self._seconds = seconds
        self._total = total
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or raise `Refusal` with 413, 408 or 503."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upload = is_upload(scope)
        nbytes, seconds = (
            (UPLOAD_BYTES, UPLOAD_SECONDS) if upload else (self._nbytes, self._seconds)
        )
        for name, value in scope["headers"]:
            if name == b"content-length" and not _fits(value, nbytes):
                raise _too_large(nbytes)
        read, complete, deadline = 0, False, 0.0

        async def bounded() -> Message:
            nonlocal read, complete, deadline
            if complete:  # this waits for the end of the connection
                return await receive()
            if not deadline:
                deadline = asyncio.get_running_loop().time() + seconds
            try:
                message = await _Soon(receive(), deadline)
            except TimeoutError:
                raise _too_slow(seconds) from None
            n = len(message.get("body", b""))
            read += n
            self._held += 0 if upload else n
            if read > nbytes:
                raise _too_large(nbytes)
            if not upload and read > SMALL and self._held > self._total:
                raise Refusal(503, "too many large bodies at once; retry later", BUSY)
            complete = not message.get("more_body", False)
            return message

        try:
            await self._app(scope, bounded, send)
        finally:
            self._held -= 0 if upload else read


def _fits(length: bytes, nbytes: int) -> bool:
    return length.isdigit() and len(length) < 20 and int(length) <= nbytes


def _too_large(nbytes: int) -> Refusal:
    return Refusal(413, f"the body is larger than {nbytes:,} bytes; send less", CLOSE)


def _too_slow(seconds: float) -> Refusal:
    detail = f"the body was not received within {seconds:g} s; send less at a time"
    return Refusal(408, detail, CLOSE)


class _Soon:
    """Awaits a message until a deadline; sets no timer where it is there already.

    A small body comes with the head of its request, and a timer for each would cost more
    than all the rest of this file.
    """

    def __init__(self, coming: Awaitable[Message], deadline: float) -> None:
        self._coming = coming.__await__()
        self._deadline = deadline

    def __await__(self) -> Generator[Any, Any, Message]:
        try:
            waits_for = next(self._coming)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        return (yield from self._in_time(waits_for).__await__())

    async def _in_time(self, waits_for: Any) -> Message:  # noqa: ANN401 - the loop knows
        async with asyncio.timeout_at(self._deadline):
            return await _Rest(self._coming, waits_for)


class _Rest:
    """Awaits the rest of an awaitable that has begun to wait."""

    def __init__(self, coming: Generator[Any, Any, Message], waits_for: Any) -> None:  # noqa: ANN401
        self._coming = coming
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Message]:
        try:
            yield self._waits_for
        except BaseException as error:  # the deadline, or the end of the task: pass it on
            try:
                waits_for = self._coming.throw(error)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            return (yield from _Rest(self._coming, waits_for).__await__())
        return (yield from self._coming)
