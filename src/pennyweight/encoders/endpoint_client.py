"""Requests to an OpenAI-compatible server: bounded in time and size, retried, never redirected."""

import ipaddress
import json
import logging
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from pennyweight.errors import EndpointError, PlanError

__all__ = ["EndpointClient", "check_key_variable", "is_endpoint", "parse_endpoint"]

_log = logging.getLogger(__name__)

MAX_BYTES = 64 << 20  # of an answer
MAX_WAIT = 120.0  # seconds; a server that asks for more gets an error instead of a wait
MAX_BACKOFF = 30.0
AGAIN = (408, 425, 429, 500, 502, 503, 504, 529)
KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*_(API_KEY|API_TOKEN|ENDPOINT_KEY)")
DEFAULT_VARIABLE, OPENAI_VARIABLE = "PENNYWEIGHT_ENDPOINT_KEY", "OPENAI_API_KEY"
OPENAI = "api.openai.com"
BROKEN = (OSError, HTTPException, ValueError)  # a connection, an answer, its JSON
UNREACHED = (ConnectionRefusedError, socket.gaierror)  # no server there, or no such host
ADDRESS = "check the address (it often ends in /v1)"
LATER = "run the command again later, finished work is kept"
UNREACHED_ATTEMPTS = 2  # of a server that has not answered yet: it is likely not there


def is_endpoint(name: str) -> bool:
    """Return whether the name of an encoder or model is the address of a server."""
    return name.lower().startswith(("http://", "https://"))


def parse_endpoint(address: str) -> SplitResult:
    """Return the parts of the address of a server, such as ``https://host/v1``.

    Raises
    ------
    PlanError
        The address has no host, or a user, a query or a fragment, which could hold a key.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise PlanError(f"{address!r} is no address of a server: {error}") from None
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise PlanError(f"{address!r} is no address of a server, such as https://host/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise PlanError(
            f"the address of {host} has a user, a query or a fragment; give it as "
            "https://host/v1, and the key in an environment variable (encoder.key_variable)"
        )
    return parts


def check_key_variable(name: str) -> str:
    """Return the name of an environment variable that may hold a key, or raise `PlanError`."""
    if not KEY_VARIABLE.fullmatch(name):
        raise PlanError(
            f"key_variable {name!r}: the name of an environment variable that ends in _API_KEY, "
            "_API_TOKEN or _ENDPOINT_KEY; never the key itself"
        )
    return name


@dataclass(frozen=True)
class _Failure:
    """A request without an answer that can be used.

    Attributes
    ----------
    text, remedy
        For the message.
    wait
        Seconds to wait at least before the next try; None where another one has no use.
    is_unreached
        Whether no server was there.
    """

    text: str
    remedy: str = ADDRESS
    wait: float | None = None
    is_unreached: bool = False

    def said(self, attempts: int) -> str:
        """Return the message after some tries."""
        tries = f" ({attempts} tries)" if attempts > 1 else ""
        return "; ".join(filter(None, (f"{self.text}{tries}", self.remedy)))


class EndpointClient:
    """Sends JSON to one server.

    The key is read from the environment at each request; it is in no attribute, message or log.

    Parameters
    ----------
    address
        Such as ``https://host/v1``. Unencrypted ``http`` is for this machine and private networks.
    key_variable
        The environment variable with the key; by default ``PENNYWEIGHT_ENDPOINT_KEY``, and
        ``OPENAI_API_KEY`` for api.openai.com. Servers that need no key get none.
    timeout
        Seconds for a request, from the connection to the last byte of the answer.
    attempts
        Tries of a request that fails for a reason that may pass; no more than two while no server
        has answered and the connection is refused.
    backoff
        Seconds before the second try; doubled before each further one.
    """

    def __init__(
        self,
        address: str,
        *,
        key_variable: str | None = None,
        timeout: float = 60.0,
        attempts: int = 6,
        backoff: float = 0.5,
    ) -> None:
        self.parts = parse_endpoint(address)
        self.host = self.parts.hostname or ""
        openai = OPENAI_VARIABLE if self.host == OPENAI else DEFAULT_VARIABLE
        self.key_variable = check_key_variable(key_variable or openai)
        self.timeout, self.attempts, self.backoff = timeout, attempts, backoff
        self._idle: list[HTTPConnection] = []
        self._has_answered = False

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request, tried again where that may help.

        Raises
        ------
        EndpointError
            The server refuses, redirects, or does not answer with JSON after all tries.
        """
        for attempt in range(1, self.attempts + 1):
            result = self._try(path, body)
            if isinstance(result, dict):
                return result
            limit = self.attempts
            if result.is_unreached and not self._has_answered:
                limit = min(limit, UNREACHED_ATTEMPTS)
            if result.wait is None or attempt >= limit:
                raise EndpointError(f"{self.host}: {result.said(attempt)}")
            wait = max(result.wait, min(MAX_BACKOFF, self.backoff * 2 ** (attempt - 1)))
            if wait > MAX_WAIT:
                raise EndpointError(
                    f"{self.host}: {result.text}; it asks to wait {wait:.0f} s: run the command "
                    "again later, finished work is kept"
                )
            _log.info("%s: %s; again in %.1f s", self.host, result.text, wait)
            time.sleep(wait)
        raise EndpointError(f"{self.host}: no try was allowed; set attempts to 1 or more")

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()

    def __del__(self) -> None:
        if "_idle" in self.__dict__:  # else the address was refused
            self.close()

    def _try(self, path: str, body: Mapping[str, Any]) -> "dict[str, Any] | _Failure":
        """Send a request once; return the answer, or the failure."""
        try:
            status, headers, content = self._exchange(path, json.dumps(body).encode())
        except EndpointError as error:
            return _Failure(str(error), "")
        except ssl.SSLCertVerificationError as error:
            return _Failure(
                f"its certificate is not valid ({error.verify_message})",
                "use the host name of the certificate, or name the file of its authority in the "
                "environment variable SSL_CERT_FILE",
            )
        except UNREACHED as error:
            reason = f"no answer ({error.strerror or error})"
            remedy = "start the server, or correct host and port of the address"
            return _Failure(reason, remedy, wait=0.0, is_unreached=True)
        except BROKEN as error:
            reason = f"no answer ({self._scrubbed(str(error) or type(error).__name__)})"
            remedy = (
                "check the server and its load; encoder.request_timeout in the plan gives an "
                "encoder more time"
            )
            return _Failure(reason, remedy, wait=0.0)
        self._has_answered = True
        if 300 <= status < 400:
            return _Failure(
                f"redirects to {headers.get('location', 'another address')!r}, which is not "
                "followed",
                "give the address that answers",
            )
        if status != 200:
            return self._refusal(status, headers, content)
        return self._parsed(content)

    def _parsed(self, content: bytes) -> "dict[str, Any] | _Failure":
        try:
            answer = json.loads(content)
        except RecursionError:
            return _Failure(f"answers with JSON that is nested too deeply: {self._start(content)}")
        except ValueError:
            if content[:1] in (b"{", b"["):
                return _Failure("answers with a JSON text that is cut off", LATER, wait=0.0)
            return _Failure(f"answers with no JSON: {self._start(content)}")
        if not isinstance(answer, dict):
            return _Failure(f"answers with no JSON object: {self._start(content)}")
        return answer

    def _exchange(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send one request, on an idle connection or a new one, within the time limit."""
        try:
            connection, reused = self._idle.pop(), True
        except IndexError:  # none, or another thread was faster
            connection, reused = self._connection(), False
        ended = threading.Event()
        timer = threading.Timer(self.timeout, _cut, (connection, ended))
        timer.daemon = True
        timer.start()
        try:
            status, headers, content = self._send(connection, path, body)
        except BROKEN as error:
            connection.close()
            if ended.is_set() or isinstance(error, TimeoutError):  # whichever limit comes first
                raise TimeoutError(f"not complete within {self.timeout:g} s") from error
            if reused:  # the server may have closed it meanwhile
                return self._exchange(path, body)
            raise
        finally:
            timer.cancel()
        if headers.get("connection", "").lower() == "close":
            connection.close()
        else:
            self._idle.append(connection)
        return status, headers, content

    def _send(
        self, connection: HTTPConnection, path: str, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if connection.sock is None:
            connection.connect()
            self._check_peer(connection)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        key = os.environ.get(self.key_variable, "").strip()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        connection.request("POST", f"{self.parts.path.rstrip('/')}{path}", body, headers)
        response = connection.getresponse()
        content = _content(response)
        return response.status, {n.lower(): value for n, value in response.getheaders()}, content

    def _connection(self) -> HTTPConnection:
        """Return a connection that is not open yet; https goes through the proxy of the system."""
        port = self.parts.port
        if self.parts.scheme.lower() == "http":
            return HTTPConnection(self.host, port, timeout=self.timeout)
        context = ssl.create_default_context()
        proxy = None if proxy_bypass(self.host) else getproxies().get("https")
        if proxy is None:
            return HTTPSConnection(self.host, port, timeout=self.timeout, context=context)
        through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        connection = HTTPSConnection(
            through.hostname or "", through.port, timeout=self.timeout, context=context
        )
        connection.set_tunnel(self.host, port or 443)
        return connection

    def _check_peer(self, connection: HTTPConnection) -> None:
        """Refuse to send texts and the key unencrypted through the internet."""
        if isinstance(connection, HTTPSConnection):
            return
        peer = ipaddress.ip_address(connection.sock.getpeername()[0].partition("%")[0])
        if peer.is_loopback:
            return
        if not peer.is_private:
            raise EndpointError(
                f"{peer} is no address of this machine or a private network; use https, for "
                "http sends texts and the key unencrypted"
            )
        _log.warning("%s: http sends texts and the key unencrypted through the network", self.host)

    def _refusal(self, status: int, headers: Mapping[str, str], content: bytes) -> "_Failure":
        wait = _waiting(status, headers)
        remedy = LATER if wait is not None else f"{ADDRESS}, the model and the length of the texts"
        if status in (401, 403):
            is_set = bool(os.environ.get(self.key_variable))
            remedy = f"the key in the environment variable {self.key_variable} " + (
                "is refused: set one that is valid" if is_set else "is not set: set it"
            )
        if status == 404:
            remedy = f"{ADDRESS} and the name of the model"
        return _Failure(f"status {status}: {self._start(content)}", remedy, wait=wait)

    def _start(self, content: bytes) -> str:
        """Return the first characters of an answer, for a message."""
        text = " ".join(content[:2000].decode("utf-8", "replace").split())
        text = "".join(c if c.isprintable() else "?" for c in self._scrubbed(text))
        return repr(text[:200]) if text else "an empty text"

    def _scrubbed(self, text: str) -> str:
        """Return a text of the server without the key, which some repeat."""
        key = os.environ.get(self.key_variable, "").strip()
        return text.replace(key, "***") if key else text


def _cut(connection: HTTPConnection, ended: threading.Event) -> None:
    """End a request that takes too long; its thread gets an error."""
    ended.set()
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _content(response: HTTPResponse) -> bytes:
    content = response.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise EndpointError(f"the answer is longer than {MAX_BYTES >> 20} MB; {ADDRESS}")
    if response.length:
        raise HTTPException(f"the answer is cut off, {response.length:,} bytes are missing")
    return content


def _waiting(status: int, headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; None where trying again has no use."""
    if status not in AGAIN:
        return None
    text = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
