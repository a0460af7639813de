"""Connections on which too many requests are refused before anything is made of them."""

import asyncio
import json
import re
from http import HTTPStatus
from typing import ClassVar, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pennyweight.errors import BusyError
from pennyweight.serving.http.admission import Admission
from pennyweight.serving.http.bounded_protocol import BoundedProtocol
from pennyweight.serving.http.problems import KINDS, MEDIA_TYPE
from pennyweight.serving.security.scopes import is_health

__all__ = ["DRAINED", "AdmissionProtocol", "admission_protocol"]

SURPLUS_SECONDS = 1.0  # for the head of a request on a connection too many; others wait for it
# A head that can be read in one way only; others are for the parser.
HEAD = re.compile(rb"(?:GET|POST) (/[!-~]*) HTTP/1\.1\r\n((?:[\w-]+: ?[!-~][ -~]*\r\n)*)\r\n")
LENGTH = re.compile(rb"^content-length: ?(\d{1,9})\r$", re.MULTILINE)
SPECIAL = (b"connection:", b"transfer-encoding:", b"expect:", b"upgrade:")  # decide the next steps
DRAINED = 256 << 10  # bytes of a refused request's body that are read, to keep its connection


class AdmissionProtocol(BoundedProtocol):
    """A connection of a service that takes on no more than it can answer in time.

    A refusal here costs a tenth of the application's cheapest response: no task, no middleware,
    no body.

    Attributes
    ----------
    admission
        Says which requests are taken on; of one service, see `admission_protocol`.
    prefix
        Of the proxy in front, which paths may have or lack.
    refusal
        The response to a refused request.
    """

    admission: ClassVar[Admission]
    prefix: ClassVar[bytes] = b""
    refusal: ClassVar["_Refusal"]

    _between = True  # requests: the parser waits for the first byte of the next
    _refused_at = float("-inf")
    _counted = False  # among the requests under way
    _refused = False  # the rest of the request is read, and dropped
    _surplus = False  # one connection too many
    _ended = False  # closed by a refusal; what else has come is dropped
    _disconnected = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or tell of health alone where there are too many."""
        super().connection_made(transport)
        self.admission.watch(self.loop)
        excess = len(self.connections) - self.admission.connections
        if excess > 0:
            self._surplus = True
            self._end_head()
            self._head_timer = self.loop.call_later(SURPLUS_SECONDS, self._give_up)
            self._close_idle()
            if excess > self.admission.connections // 8:
                self._refuse(close=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that no client waits for the response."""
        self._disconnected = True
        self._uncount(answered=False)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Let the application ask whether the client is still there."""
        super().on_message_begin()
        self._between = False
        self.scope["state"]["is_disconnected"] = self._is_disconnected

    def on_headers_complete(self) -> None:
        """Let the application answer, or refuse what could not be answered in time."""
        admission = self.admission
        if admission.under_way >= admission.bound or self._surplus:
            # A request that comes while a response is due waits for its turn in the connection.
            is_waiting = self.cycle is not None and not self.cycle.response_complete
            if self._ended or (not is_waiting and self._is_refused()):
                self._end_head()
                self._refuse(close=self._must_close())
                return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, or drop it where the request was refused."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Count a request, now that it is for the service to answer it."""
        self._between = True
        if self._refused:
            self._refused = False
            self._end_rest()
            HttpToolsProtocol.on_response_complete(self)  # there is no answer of the application
            return
        super().on_message_complete()
        if not self._counted and not self.cycle.response_complete:
            if self.admission.counts(self.scope["method"], self._path(self.url)):
                self._counted = True
                self.admission.begin()

    def on_response_complete(self) -> None:
        """Count an answer."""
        if self._counted and not self.pipeline:
            self._uncount(answered=True)
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        """Read, and wait for the rest of a refused request, but not for ever."""
        admission = self.admission
        if admission.under_way >= admission.bound and self._refuse_unparsed(data):
            return
        super().data_received(data)
        if self._refused and self._rest is None and not self._ended:
            self._rest = self.loop.call_later(self.rest_seconds, self.transport.close)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection without requests for long, refused ones included."""
        idle = self.loop.time() - self._refused_at
        if idle < self.timeout_keep_alive:
            self._keep_alive(self.timeout_keep_alive - idle)
        else:
            super().timeout_keep_alive_handler()

    def _keep_alive(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def _refuse_unparsed(self, data: bytes) -> bool:
        """Refuse a plain request that came in one piece; parsing would double the cost."""
        answered = self.cycle is None or self.cycle.response_complete
        if not self._between or not answered or self._surplus or self._ended:
            return False
        if self._rest is not None or self.flow.write_paused or self.transport.is_closing():
            return False
        head = HEAD.match(data)
        if head is None or not self.admission.refuses(self._path(head[1])):
            return False
        fields = head[2].lower().replace(b"connection: keep-alive\r\n", b"")
        if any(name in fields for name in SPECIAL):
            return False
        length = 0
        if b"content-length" in fields:
            lengths = LENGTH.findall(fields)
            if len(lengths) != 1 or fields.count(b"content-length") != 1:
                return False
            length = int(lengths[0])
        if len(data) != head.end() + length:
            return False
        self._end_head()
        self.admission.refused += 1
        self._refused_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._keep_alive(self.timeout_keep_alive)
        self.transport.write(self.refusal.response)
        return True

    def _is_disconnected(self) -> bool:
        return self._disconnected or self.transport.is_closing()

    def _uncount(self, *, answered: bool) -> None:
        if self._counted:
            self._counted = False
            self.admission.end(answered=answered)

    def _is_refused(self) -> bool:
        path = self._path(self.url)
        if self._surplus:
            return not is_health(path.partition(b"?")[0].decode("latin-1"))
        return self.admission.refuses(path)

    def _path(self, url: bytes) -> bytes:
        """Return the path that is routed by, with its query."""
        prefix = self.prefix
        return url[len(prefix) :] if prefix and url.startswith(prefix + b"/") else url

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
        head = self.refusal.closing if close else self.refusal.keeping
        is_head = self.scope is not None and self.parser.get_method() == b"HEAD"
        self.transport.write(head if is_head else head + self.refusal.body)
        if close:
            self._ended = True
            self._end_head()
            if self.flow.write_paused:  # a client that reads nothing would keep it open
                self.transport.abort()
            else:
                self.transport.close()

    def _close_idle(self) -> None:
        """Close connections on which nothing comes: there are none left for those who ask."""
        if not self.admission.may_close_idle():
            return
        lately = self.loop.time() + self.head_seconds - SURPLUS_SECONDS
        for other in list(self.connections):
            if not isinstance(other, AdmissionProtocol) or other._surplus:
                continue
            if other.timeout_keep_alive_task is not None or other.waits_since_before(lately):
                other.transport.close()


class _Refusal(NamedTuple):
    """A refusal, made once, since it must cost nothing: heads, the body, and both."""

    keeping: bytes
    closing: bytes
    body: bytes
    response: bytes


def admission_protocol(admission: Admission, root_path: str = "") -> type[AdmissionProtocol]:
    """Return the protocol of a service with an admission.

    Parameters
    ----------
    root_path
        The prefix of a proxy in front, if any.
    """
    named = {
        "admission": admission,
        "prefix": root_path.encode(),
        "refusal": _busy(root_path),
    }
    return type("AdmissionProtocol", (AdmissionProtocol,), named)


def _busy(root_path: str) -> _Refusal:
    kind = KINDS[BusyError]
    body = json.dumps(
        {
            "type": f"{root_path}/docs#{kind.anchor}",
            "title": kind.title,
            "status": kind.status,
            "detail": "the service is overloaded; try again",
        }
    ).encode()

    def head(connection: str) -> bytes:
        return (
            f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            f"retry-after: {kind.retry_after}\r\ncache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n"
            f"connection: {connection}\r\n\r\n"
        ).encode()

    keeping = head("keep-alive")
    return _Refusal(keeping, head("close"), body, keeping + body)
