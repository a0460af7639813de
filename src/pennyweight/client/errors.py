"""The exceptions of the client.

ClientError(PennyweightError)
UnreachableError(ConnectionError)   no response: no connection, or it broke or timed out
ServiceError                        the service refuses; has its problem details
InvalidRequestError(ValueError)   400, 413, 415, 422: the request must change
AccessError(PermissionError)      401, 403: the key is missing or lacks a scope
NotFoundError(LookupError)        404: an unknown id, or no experiment runs
ConflictError                     409: a bundle cannot be used, or an experiment runs
OverloadedError                   429, 503: the same request may succeed later
"""

from collections.abc import Mapping
from typing import Any

from pennyweight.errors import PennyweightError
from pennyweight.responses import Problem

__all__ = [
    "AccessError",
    "ClientError",
    "ConflictError",
    "InvalidRequestError",
    "NotFoundError",
    "OverloadedError",
    "ServiceError",
    "UnreachableError",
    "error_of",
]


class ClientError(PennyweightError):
    """A call of the client failed."""


class UnreachableError(ClientError, ConnectionError):
    """No response came: the request may or may not have been carried out."""


class ServiceError(ClientError):
    """The service refuses a request.

    Attributes
    ----------
    status
        The HTTP status.
    problem
        The problem details (RFC 9457): `detail`, `errors` by field, `request_id`.
    retry_after
        Seconds after which the service asks to try again, if it does.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        self.problem, self.status, self.retry_after = problem, problem.status, retry_after
        request_id = f" (request {problem.request_id})" if problem.request_id else ""
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}{request_id}")


class InvalidRequestError(ServiceError, ValueError):
    """The request must change; `problem.errors` names the fields."""


class AccessError(ServiceError, PermissionError):
    """The key is missing or unknown, or lacks the scope of the request."""


class NotFoundError(ServiceError, LookupError):
    """The service does not know an id."""


class ConflictError(ServiceError):
    """A bundle cannot be used."""


class OverloadedError(ServiceError):
    """The service cannot carry out the request now, and did nothing."""


_KINDS: Mapping[int, type[ServiceError]] = {
    **dict.fromkeys((400, 413, 415, 422), InvalidRequestError),
    **dict.fromkeys((401, 403), AccessError),
    404: NotFoundError,
    409: ConflictError,
    **dict.fromkeys((429, 503), OverloadedError),
}


def error_of(status: int, body: Any, retry_after: float | None) -> ServiceError:  # noqa: ANN401
    """Return the error for a response; a body that is no problem gives a general one."""
    fields = body if isinstance(body, dict) else {}
    problem = Problem(
        type=str(fields.get("type", "about:blank")),
        title=str(fields.get("title", "Error")),
        status=status,
        detail=str(fields.get("detail", "the response has no problem details")),
        request_id=fields.get("request_id"),
        errors=fields.get("errors", []),
    )
    return _KINDS.get(status, ServiceError)(problem, retry_after)
