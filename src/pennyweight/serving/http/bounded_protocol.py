"""Bounds on the bytes and the time of a request head, before any application sees it."""

import asyncio
import json
import logging
from typing import ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pennyweight.serving.http.uploads import UPLOAD, UPLOAD_BYTES

__all__ = ["BoundedProtocol"]

# Uvicorn warns of each malformed request and each upgrade: a client could fill the log, with advice
# that is not for this service.
_UNHEARD = logging.Logger("clients", logging.CRITICAL)


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose request heads are bounded: ``uvicorn.Config(http=BoundedProtocol)``.

    The parser itself has no limits, and no middleware runs before a head is complete:
    a head without an end would fill the memory, and connections that say nothing would
    take all there are.

    Attributes
    ----------
    head_bytes
        Maximum size of a request line with its headers.
    head_seconds
        Time to receive a complete head, from the start of the connection or of the request.
    body_bytes
        Of a body with its chunk sizes and trailers, which no application sees.
    trailers
        Headers that may follow a body.
    rest_bytes, rest_seconds
        Of an unread body, after the answer: up to these bounds the rest is skipped, so that the
        connection can serve the next request; beyond, it is closed.
    unread_seconds
        For which a client may take nothing of an answer that is larger than the buffers.
    pipelined
        Requests that may wait on one connection for those before them.
    """

    head_bytes: ClassVar[int] = 64 << 10
    head_seconds: ClassVar[float] = 10.0
    body_bytes: ClassVar[int] = 6 << 20
    trailers: ClassVar[int] = 100
    rest_bytes: ClassVar[int] = 4 << 20
    rest_seconds: ClassVar[float] = 10.0
    unread_seconds: ClassVar[float] = 60.0
    pipelined: ClassVar[int] = 64

    _body_limit = body_bytes
    _read = 0
    _headers = 0
    _head_timer: asyncio.TimerHandle | None = None
    _rest: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, but not for ever."""
        super().connection_made(transport)
        self.logger = _UNHEARD
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._end_head()
        self._end_rest()
        self._end_unread()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer a request that no application sees with a problem document."""
        kind = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": msg}
        body = json.dumps(kind).encode()
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)
        )
        self.transport.close()

    def on_message_begin(self) -> None:
        """Wait for the rest of a head."""
        if len(self.pipeline) >= self.pipelined:
            raise ValueError("too many requests at once")  # the parser stops, the answer is 400
        super().on_message_begin()
        if self._head_timer is None:
            self._expect()

    def on_headers_complete(self) -> None:
        """Wait no longer."""
        self._end_head()
        self._read, self._headers = 0, len(self.headers)
        is_upload = self.url.partition(b"?")[0].endswith(UPLOAD.encode())
        self._body_limit = UPLOAD_BYTES + self.body_bytes if is_upload else self.body_bytes
        if not self.url.startswith(b"/"):
            self._take_host()
        super().on_headers_complete()

    def _take_host(self) -> None:
        """Let the host of a target such as ``http://name/path`` stand for the header (RFC 9112)."""
        target = httptools.parse_url(self.url)
        if target.host is None:
            return
        host = b"[%b]" % target.host if b":" in target.host else target.host
        if target.port:
            host = b"%b:%d" % (host, target.port)
        others = [(name, value) for name, value in self.headers if name != b"host"]
        n_hosts = max(1, len(self.headers) - len(others))  # several are refused later, as ever
        self.headers[:] = [(b"host", host)] * n_hosts + others

    def data_received(self, data: bytes) -> None:
        """Read, and refuse a head or a body that grows too large."""
        super().data_received(data)
        if self._head_timer is None and (self.cycle is None or not self.cycle.more_body):
            return  # one read brought all of it, as it mostly does
        if self.transport.is_closing():
            return
        self._read += len(data)  # after a complete head, the rest of `data` is at most one read
        if self._head_timer is None:
            limit = self._body_limit if self._rest is None else self.rest_bytes
            if self._read > limit or len(self.headers) > self._headers + self.trailers:
                self.transport.close()
        elif self._read > self.head_bytes:
            self._end_head()
            self.send_400_response("The head of the request is too large.")

    def on_response_complete(self) -> None:
        """Skip the rest of a body, within bounds."""
        unread = self.cycle.response_complete and self.cycle.more_body
        super().on_response_complete()
        if not unread or self.transport.is_closing():
            return
        if self.expect_100_continue:  # whether a body follows now, only the client knows
            self.transport.close()
            return
        self._read = 0
        self._rest = self.loop.call_later(self.rest_seconds, self.transport.close)

    def on_message_complete(self) -> None:
        """Wait for no more of a body."""
        self._end_rest()
        super().on_message_complete()
        self.cycle.more_body = False  # also where the answer came first

    def pause_writing(self) -> None:
        """Wait for a client that does not read, but not for ever."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        self._end_unread()
        super().resume_writing()

    def _end_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def waits_since_before(self, end: float) -> bool:
        """Return whether a head is waited for, until some time of the loop or before."""
        return self._head_timer is not None and self._head_timer.when() < end

    def _expect(self) -> None:
        self._read = 0
        self._head_timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _end_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # A request before this one is still being answered; reading may be paused for it.
            self._head_timer = self.loop.call_later(self.head_seconds, self._give_up)
            return
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()
