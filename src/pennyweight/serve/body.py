"""How much a client may send, and how long it may take."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pennyweight.serve.problems import Refusal

__all__ = ["BODY_BYTES", "BODY_SECONDS", "Body"]

BODY_BYTES = 4 << 20
BODY_SECONDS = 10.0
# What is left of a body would be read as the next request, or never end.
CLOSE = {"Connection": "close"}


class Body:
    """ASGI middleware that bounds the body of a request.

    Parameters
    ----------
    app
        What answers.
    nbytes
        Bytes of a body at the most.
    seconds
        Until it must have come whole, from when the application first asks for it.
    """

    def __init__(
        self, app: ASGIApp, *, nbytes: int = BODY_BYTES, seconds: float = BODY_SECONDS
    ) -> None:
        self._app = app
        self._nbytes = nbytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or raise `Refusal` with 413 or 408."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        for name, value in scope["headers"]:
            if name == b"content-length" and not self._fits(value):
                raise self._too_large()
        read, whole, deadline = 0, False, 0.0

        async def bounded() -> Message:
            nonlocal read, whole, deadline
            if whole:  # what is waited for now is the end of the connection
                return await receive()
            deadline = deadline or asyncio.get_running_loop().time() + self._seconds
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow() from None
            read += len(message.get("body", b""))
            if read > self._nbytes:
                raise self._too_large()
            whole = not message.get("more_body", False)
            return message

        await self._app(scope, bounded, send)

    def _fits(self, length: bytes) -> bool:
        return length.isdigit() and len(length) < 20 and int(length) <= self._nbytes

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the body is larger than {self._nbytes:,} bytes; send less", CLOSE)

    def _too_slow(self) -> Refusal:
        told = f"the body did not come within {self._seconds:g} s; send less at a time"
        return Refusal(408, told, CLOSE)
