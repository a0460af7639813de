"""How much a client may send before it has asked for anything, and how long it may take."""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["Wire"]


class Wire(HttpToolsProtocol):
    """A connection whose request heads are bounded: ``uvicorn.Config(http=Wire)``.

    The parser has no limits of its own, and no middleware is asked before a head is whole:
    a head without an end would fill the memory, and connections that say nothing would
    take all there are.

    Attributes
    ----------
    head_bytes
        Of a request line and its headers at the most.
    head_seconds
        Until a head must have come whole, from when the connection is made or the request
        begins.
    """

    head_bytes: ClassVar[int] = 64 << 10
    head_seconds: ClassVar[float] = 10.0

    _read = 0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, but not for ever."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._whole()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Wait for the rest of a head."""
        super().on_message_begin()
        if self._late is None:
            self._expect()

    def on_headers_complete(self) -> None:
        """Wait no longer."""
        self._whole()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read, and refuse a head that grows too large."""
        super().data_received(data)
        if self._late is None or self.transport.is_closing():
            return
        self._read += len(data)  # what follows a whole head in `data` is at most one read
        if self._read > self.head_bytes:
            self._whole()
            self.send_400_response("The head of the request is too large.")

    def _expect(self) -> None:
        self._read = 0
        self._late = self.loop.call_later(self.head_seconds, self._give_up)

    def _whole(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # A request before this one is still being answered; reading may be paused for it.
            self._late = self.loop.call_later(self.head_seconds, self._give_up)
            return
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()
