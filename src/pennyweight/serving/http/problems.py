"""Errors as `application/problem+json` of RFC 9457, from one table."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pennyweight.config.messages import plain_words
from pennyweight.errors import (
    BudgetError,
    BundleError,
    BusyError,
    DataError,
    PennyweightError,
    PlanError,
    StoreError,
    UnknownIdError,
)
from pennyweight.serving.http.proxies import path_below
from pennyweight.serving.live.experiments import ExperimentRunsError, NoExperimentError
from pennyweight.serving.stores.protocol import ReadOnlyError, UnfinishedErasureError

__all__ = [
    "KINDS",
    "MEDIA_TYPE",
    "WAY",
    "Kind",
    "Refusal",
    "answer",
    "answer_errors",
    "field_refusal",
    "invalid",
    "invalid_request",
]

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
WAY = "way:"  # begins the tag of one of several forms of a body, which is no part of a path
_WAYS = (WAY, "dict[", "list[", "function-")  # with those that pydantic gives itself
DETAIL, MESSAGE, ERRORS = 1_000, 200, 20  # characters, characters, and the most errors listed


class Kind(NamedTuple):
    """A problem with a name: its status, its title, and its anchor in /docs."""

    status: int
    title: str
    anchor: str
    retry_after: int | None = None  # seconds
    message: str | None = None  # instead of that of the error, which names files


INVALID = Kind(422, "The request is invalid", "invalid-request")
# Looked up along the classes of an exception. Other exceptions are faults of the service: 500.
KINDS: Mapping[type[Exception], Kind] = {
    UnknownIdError: Kind(404, "Unknown id", "unknown-id"),
    DataError: Kind(422, "Invalid data", "data"),
    PlanError: Kind(422, "Invalid setting", "setting"),
    NoExperimentError: Kind(404, "No experiment runs", "no-experiment"),
    ExperimentRunsError: Kind(409, "An experiment runs", "experiment-runs"),
    BudgetError: Kind(507, "Out of space", "budget"),
    BundleError: Kind(409, "The bundle cannot be used", "bundle"),
    BusyError: Kind(503, "The service is overloaded", "busy", 1),
    ReadOnlyError: Kind(503, "The store is read-only", "read-only", 60),
    UnfinishedErasureError: Kind(503, "The erasure is not finished", "unfinished-erasure", 60),
    StoreError: Kind(
        503, "The store cannot be written", "store", 5, "Nothing was stored; try again."
    ),
    RequestValidationError: INVALID,
    ClientDisconnect: Kind(400, "The client disconnected", "hung-up"),  # for logs and metrics
}


class Refusal(HTTPException):
    """A request that is refused.

    A Starlette HTTPException, so FastAPI lets it pass from within the reading of a body.

    Parameters
    ----------
    status
        The HTTP status.
    detail
        The reason, and the remedy.
    headers
        Headers of the answer, such as ``Retry-After``.
    errors
        The errors by field, as `invalid` makes them.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        errors: tuple[dict[str, str], ...] = (),
    ) -> None:
        super().__init__(status, detail, headers)
        self.errors = errors


def invalid(error: ValidationError) -> Refusal:
    """Return the refusal of a body that a route reads itself with pydantic."""
    return invalid_request(error.errors(include_url=False, include_input=False))


def invalid_request(rows: Sequence[Mapping[str, Any]]) -> Refusal:
    """Return the refusal of a request in which pydantic found errors."""
    detail, errors = _fields(rows)
    return Refusal(INVALID.status, detail, errors=errors)


def field_refusal(field: str, message: str) -> Refusal:
    """Return the refusal of a request for one of its fields."""
    errors = ({"field": field, "message": message},)
    return Refusal(INVALID.status, f"{field} {message}", errors=errors)


def answer(error: Exception, request_id: str = "", root_path: str = "") -> Response:
    """Return the response for an exception; for a fault of the service only the request id."""
    if isinstance(error, HTTPException) and isinstance(error.__cause__, PennyweightError):
        error = error.__cause__  # FastAPI turns exceptions from reading a body into a 400
    kind = next((KINDS[c] for c in type(error).__mro__ if c in KINDS), None)
    headers: Mapping[str, str] | None = None
    errors: tuple[dict[str, str], ...] = ()
    if isinstance(error, HTTPException):
        kind = INVALID if isinstance(error, Refusal) and error.errors else None
        status, detail, headers = error.status_code, str(error.detail), error.headers
        errors = error.errors if isinstance(error, Refusal) else ()
    elif kind is None:
        status, detail = 500, "Internal error; see the log of the service under the request id."
    elif isinstance(error, RequestValidationError):
        status, (detail, errors) = kind.status, _fields(error.errors())
    else:
        status, detail = kind.status, kind.message or str(error)
        if kind.retry_after is not None:
            headers = {"Retry-After": str(kind.retry_after)}
    if status in (204, 304):
        return Response(status_code=status, headers=headers)
    body: dict[str, Any] = {
        "type": f"{root_path}/docs#{kind.anchor}" if kind else "about:blank",
        "title": kind.title if kind else _phrase(status),
        "status": status,
        "detail": _cut(detail, DETAIL),
    }
    if errors:
        body["errors"] = list(errors)
    if request_id:
        body["request_id"] = request_id
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)


def answer_errors(
    app: Starlette,
    *,
    failed: Callable[[Exception], None] | None = None,
    methods: Callable[[str], str] | None = None,
) -> None:
    """Let an application answer all its errors by the table.

    Parameters
    ----------
    failed
        Called with each `StoreError`.
    methods
        Gives the methods that a path has, for ``Allow``.
    """

    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, StoreError):
            _log.error("the store failed: %s", error)
            if failed is not None:
                failed(error)
        scope = request.scope
        name = scope.get("state", {}).get("request_id", "")
        response = answer(error, name, scope.get("root_path", ""))
        if response.status_code == 405 and methods is not None:
            response.headers["Allow"] = methods(path_below(scope))
        return response

    for kind in (*KINDS, HTTPException, Exception):
        app.add_exception_handler(kind, handle)


def _fields(rows: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[dict[str, str], ...]]:
    """Return the errors in one sentence and by field, without values of the request."""
    errors = tuple(
        {"field": _cut(_path(row), MESSAGE), "message": _cut(plain_words(row), MESSAGE)}
        for row in rows[:ERRORS]
    )
    sentence = "; ".join(f"{row['field']} {row['message']}" for row in errors[:3])
    more = f"; and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    return sentence + more, errors


def _path(row: Mapping[str, Any]) -> str:
    """Return where a field is, without the names that pydantic gives the ways to read it."""
    if row["type"] == "json_invalid":
        return "body"
    parts = [str(part) for part in row["loc"]]
    if row["type"] == "finite_number" and parts[-1] == "float":
        parts.pop()  # one of the forms of JSON, which pydantic names
    return ".".join(part for part in parts if not part.startswith(_WAYS)) or "body"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
