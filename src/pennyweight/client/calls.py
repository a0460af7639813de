"""A call of a route: its request, whether it may be repeated, and how its response is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from pennyweight.client.errors import ClientError, ServiceError, UnreachableError, error_of
from pennyweight.errors import DataError

__all__ = ["LONG", "Call", "failure_of", "is_retried", "path_of", "read", "refusal_of"]

LONG = 600.0  # seconds: bundles are copied and loaded, erasures rewrite files
PROBLEM = "application/problem+json"
# Nothing was sent yet, so any call may be tried again.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
GATEWAY = (502, 504)  # of a proxy, which may have passed the request on

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes
    ----------
    method, path
        The method, and the path with its ids encoded.
    params
        Of the query string.
    body
        JSON, or the bytes of it.
    is_safe
        Whether it may reach the service twice: it only reads, or the second has no effect.
    expected
        Statuses beside 2xx that are no errors.
    timeout
        Seconds, if more than that of the client.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | bytes | None = None
    is_safe: bool = True
    expected: tuple[int, ...] = ()
    timeout: float | None = None


def path_of(prefix: str, name: str | int) -> str:
    """Return the path of an id; `DataError` for one that no path can hold."""
    text = str(name)
    if text in ("", ".", ".."):
        raise DataError(f"the id {text!r} cannot be in a path; choose another id")
    return f"{prefix}/{quote(text, safe='')}"


def read(model: type[T], response: httpx.Response) -> T:
    """Return a response as its model; `ClientError` where it is none of the service."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise ClientError(
            f"{response.url}: not the response of a Pennyweight service ({error.errors()[0]['msg']}"
            "); check the address, and that service and client have the same version"
        ) from None


def refusal_of(response: httpx.Response) -> ServiceError:
    """Return the error of a response that is no success; its body is read already."""
    try:
        body = response.json()
    except ValueError:
        body = None
    return error_of(response.status_code, body, _retry_after(response))


def failure_of(call: Call, url: str, error: httpx.TransportError) -> UnreachableError:
    """Return the error of a call without a response."""
    reason = str(error) or type(error).__name__
    return UnreachableError(f"{call.method} {url}{call.path}: no response ({reason}); try again")


def is_retried(call: Call, cause: httpx.TransportError | httpx.Response) -> bool:
    """Return whether a failed call may be tried again without a second effect."""
    if isinstance(cause, httpx.TransportError):
        return call.is_safe or isinstance(cause, UNSENT)
    if cause.status_code in (429, 503):
        # The service did nothing; a proxy may have passed the request on.
        return call.is_safe or cause.headers.get("content-type", "").startswith(PROBLEM)
    return call.is_safe and cause.status_code in GATEWAY


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        date = response.headers.get("date", "")
        return max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(date)).total_seconds())
    except (ValueError, TypeError):
        return None
