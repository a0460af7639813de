"""Connections on which too many requests are refused before anything is made of them."""

import asyncio
import json
from http import HTTPStatus
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pennyweight.errors import BusyError
from pennyweight.serve.admission import Admission
from pennyweight.serve.problems import KINDS, MEDIA_TYPE
from pennyweight.serve.scopes import is_health
from pennyweight.serve.wire import Wire

__all__ = ["DRAINED", "AdmittingWire", "admitting"]

DRAINED = 256 << 10  # bytes of a refused request's body that are read, to keep its connection


class AdmittingWire(Wire):
    """A connection of a service that takes on no more than it can answer in time.

    What is refused here costs a tenth of the cheapest answer of the application: no task, no
    middleware, no body.

    Attributes
    ----------
    admission
        Says which requests are taken on; of one service, see `admitting`.
    """

    admission: ClassVar[Admission]

    _counted = False  # among the requests under way
    _refused = False  # the rest of the request is read, and dropped
    _surplus = False  # one connection too many
    _ended = False  # closed by a refusal; what else has come is dropped
    _gone = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or tell of health alone where there are too many."""
        super().connection_made(transport)
        self.admission.watch(self.loop)
        excess = len(self.connections) - self.admission.connections
        if excess > 0:
            self._surplus = True
            self._close_idle()
            if excess > self.admission.connections // 8:
                self._refuse(close=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who works on an answer that nobody waits for it."""
        self._gone = True
        self._uncount(answered=False)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Let the application ask whether the client is still there."""
        super().on_message_begin()
        self.scope["state"]["client_gone"] = self._is_gone

    def on_headers_complete(self) -> None:
        """Let the application answer, or refuse what could not be answered in time."""
        admission = self.admission
        if admission.under_way >= admission.bound or self._surplus:
            # What is sent while an answer is due waits for its turn within the connection.
            waits = self.cycle is not None and not self.cycle.response_complete
            if self._ended or (not waits and self._is_refused()):
                self._whole()
                self._refuse(close=self._must_close())
                return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, or drop it where the request was refused."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Count a request, now that it is for the service to answer it."""
        if self._refused:
            self._refused = False
            self._end_rest()
            HttpToolsProtocol.on_response_complete(self)  # there is no answer of the application
            return
        super().on_message_complete()
        if not self._counted and not self.cycle.response_complete:
            if self.admission.counts(self.url):
                self._counted = True
                self.admission.begin()

    def on_response_complete(self) -> None:
        """Count an answer."""
        if self._counted and not self.pipeline:
            self._uncount(answered=True)
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        """Read, and wait for the rest of a refused request, but not for ever."""
        super().data_received(data)
        if self._refused and self._rest is None and not self._ended:
            self._rest = self.loop.call_later(self.rest_seconds, self.transport.close)

    def _is_gone(self) -> bool:
        return self._gone or self.transport.is_closing()

    def _uncount(self, *, answered: bool) -> None:
        if self._counted:
            self._counted = False
            self.admission.end(answered=answered)

    def _is_refused(self) -> bool:
        path = self.url
        if self.root_path and path.startswith(self.root_path.encode()):
            path = path[len(self.root_path) :]
        if self._surplus:
            return not is_health(path.partition(b"?")[0].decode("latin-1"))
        return self.admission.refuses(path)

    def _must_close(self) -> bool:
        """Return whether a refused request's connection cannot be used for another."""
        if self._surplus or self.flow.write_paused or not self.parser.should_keep_alive():
            return True
        for name, value in self.headers:
            if name in (b"transfer-encoding", b"expect", b"upgrade"):
                return True
            if name == b"content-length":
                return not value.isdigit() or len(value) > 9 or int(value) > DRAINED
        return False

    def _refuse(self, *, close: bool) -> None:
        self._refused = True
        if self._ended:
            return
        self.admission.refused += 1
        head = CLOSING if close else KEEPING
        is_head = self.scope is not None and self.parser.get_method() == b"HEAD"
        self.transport.write(head if is_head else head + BODY)
        if close:
            self._ended = True
            self._whole()
            if self.flow.write_paused:  # a client that reads nothing would keep it open
                self.transport.abort()
            else:
                self.transport.close()

    def _close_idle(self) -> None:
        """Close connections on which nothing is asked: there are none left for those who ask."""
        if self.admission.may_close_idle():
            for other in list(self.connections):
                if isinstance(other, Wire) and other.timeout_keep_alive_task is not None:
                    other.transport.close()


def admitting(admission: Admission) -> type[AdmittingWire]:
    """Return the protocol of a service that takes on what an admission lets in."""
    return type("AdmittingWire", (AdmittingWire,), {"admission": admission})


def _busy(*, close: bool) -> tuple[bytes, bytes]:
    """Return head and body of a refusal; made once, since it must cost nothing."""
    kind = KINDS[BusyError]
    body = json.dumps(
        {
            "type": f"/docs#{kind.anchor}",
            "title": kind.title,
            "status": kind.status,
            "detail": "more requests wait than can be answered in time; come again",
        }
    ).encode()
    head = (
        f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}\r\n"
        f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        f"retry-after: {kind.retry_after}\r\ncache-control: no-store\r\n"
        "x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n"
        f"connection: {'close' if close else 'keep-alive'}\r\n\r\n"
    )
    return head.encode(), body


KEEPING, BODY = _busy(close=False)
CLOSING, _ = _busy(close=True)
