"""The connection of a client: it sends calls, and repeats those that may be repeated."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import Self, TypeVar

import httpx
from pydantic import BaseModel

from pennyweight.client.calls import Call, failure_of, is_retried, read, refusal_of
from pennyweight.client.errors import ClientError
from pennyweight.client.retries import Retries

__all__ = ["AsyncConnection"]

PATIENT = Retries()
T = TypeVar("T", bound=BaseModel)


class AsyncConnection:
    """Connections to one service, reused between calls.

    Parameters
    ----------
    url
        The address of the service, with the path of a proxy if it has one.
    key
        A key of the service, from ``pennyweight keys create``.
    timeout
        Seconds to wait for a response; calls that change bundles or erase users wait longer.
    retries
        How long a call goes on after failures.
    transport
        Of httpx, for proxies, certificates and tests.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout: float = 10.0,
        retries: Retries = PATIENT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url, self.timeout, self.retries = url.rstrip("/"), timeout, retries
        self._key, self._transport = key, transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        headers = {} if self._key is None else {"Authorization": f"Bearer {self._key}"}
        return httpx.AsyncClient(headers=headers, timeout=self.timeout, transport=self._transport)

    def _request(self, call: Call) -> httpx.Request:
        content = call.body
        if content is not None and not isinstance(content, bytes):
            content = json.dumps(content).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        return self._http.build_request(
            call.method,
            self.url + call.path,
            params=call.params or None,
            content=content,
            headers=headers,
            timeout=max(self.timeout, call.timeout or 0.0),
        )

    async def _send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        """Return the response to a call; one to be streamed must be closed."""
        start, failures = time.monotonic(), 0
        while True:
            error: ClientError
            retry_after = None
            try:
                response = await self._http.send(self._request(call), stream=stream)
                if response.is_success or response.status_code in call.expected:
                    return response
                if stream:
                    await response.aread()
                    await response.aclose()
                error = refusal = refusal_of(response)
                may_retry, retry_after = is_retried(call, response), refusal.retry_after
            except httpx.TransportError as failure:
                error, may_retry = failure_of(call, self.url, failure), is_retried(call, failure)
            failures += 1
            wait = self.retries.wait(failures, time.monotonic() - start, retry_after)
            if not may_retry or wait is None:
                raise error
            await asyncio.sleep(wait)

    async def _read(self, model: type[T], call: Call) -> T:
        return read(model, await self._send(call))

    async def _lines(self, call: Call) -> AsyncIterator[str]:
        """Yield the lines of a response while they come; `UnreachableError` if it ends early."""
        response = await self._send(call, stream=True)
        try:
            async for line in response.aiter_lines():
                yield line
        except httpx.TransportError as failure:
            raise failure_of(call, self.url, failure) from None
        finally:
            with suppress(httpx.TransportError):
                await response.aclose()
