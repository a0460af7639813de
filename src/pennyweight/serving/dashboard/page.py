"""The frame of every page, its formats, and the page that reports an error."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment
from starlette.exceptions import HTTPException

from pennyweight.errors import PennyweightError, StoreError
from pennyweight.formatting import count, duration
from pennyweight.html.environment import environment
from pennyweight.reports.page import PACKAGE as REPORTS
from pennyweight.serving.dashboard.static import static_url
from pennyweight.serving.http.problems import answer
from pennyweight.serving.http.proxies import location, path_below

__all__ = [
    "DAY",
    "FLOOR",
    "PACKAGE",
    "age",
    "clip",
    "compile_templates",
    "day_name",
    "mask_count",
    "milliseconds",
    "page",
    "page_router",
    "percent",
    "sentence",
    "utc",
]

DAY = 86_400.0
WORD = 24  # characters of a word that stays on one line
FLOOR = 5  # smaller counts might reveal the behavior of one person
FIRST, LAST = -62_135_596_800, 253_402_300_800  # years 1 to 9999


def utc(seconds: float | None) -> datetime | None:
    """Return a time in UTC; None where it is unknown or no calendar has it."""
    if seconds is None or not FIRST <= seconds < LAST:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def day_name(day: int) -> str:
    """Return the date of a day that is counted from 1970-01-01."""
    at = utc(day * DAY)
    return "-" if at is None else str(at.date())


def age(seconds: float) -> str:
    """Return the time since an event."""
    days = int(seconds // DAY)
    return f"{count(days, 'day')} ago" if days > 1 else f"{duration(max(0.0, seconds))} ago"


def milliseconds(seconds: float | None) -> str:
    """Return a short duration."""
    if seconds is None:
        return "-"
    ms = 1_000 * seconds
    return f"{ms:,.0f} ms" if ms >= 100 else f"{ms:.2g} ms"


def mask_count(n: int) -> str:
    """Return a number of events, hidden if it is small enough to reveal a person."""
    return f"fewer than {FLOOR}" if n < FLOOR else f"{n:,}"


def percent(share: float) -> str:
    """Return a share of users in percent."""
    return f"{100 * share:.4g} %"


def clip(text: str, length: int = 120) -> str:
    """Return a text for a page: not longer than that, on one line, without control characters."""
    shown = text[: length + 1].translate(_CONTROLS)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def has_long_word(text: str) -> bool:
    """Whether a line may have to break within a word."""
    return any(len(word) > WORD for word in text.split())


# Control characters, and those that turn the direction of the text around them.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), *range(0x202A, 0x202F)), "\ufffd")
_CONTROLS |= dict.fromkeys(range(0x2066, 0x206A), "\ufffd") | dict.fromkeys(map(ord, "\t\n\r"), " ")

PACKAGE = "pennyweight.serving.dashboard"
PAGES = (
    ("/", "Overview"),
    ("/dashboard/users", "Users"),
    ("/dashboard/items", "Items"),
    ("/dashboard/events", "Events"),
    ("/dashboard/search", "Search"),
    ("/dashboard/preview", "Preview"),
    ("/dashboard/bundles", "Bundles"),
    ("/dashboard/experiments", "Experiments"),
    ("/dashboard/feedback", "Feedback"),
    ("/dashboard/quality", "Quality"),
    ("/dashboard/configuration", "Configuration"),
    ("/dashboard/import", "Import"),
    ("/dashboard/status", "Status"),
    ("/dashboard/audit", "Audit"),
    ("/docs", "API"),
)
FORMATS = {
    format_.__name__: format_ for format_ in (age, clip, has_long_word, milliseconds, percent, utc)
}


def page(
    request: Request,
    template: str,
    context: Mapping[str, object] | None = None,
    *,
    success: str = "",
    failed: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a page of the dashboard.

    Parameters
    ----------
    template
        Its file in the folder ``templates``.
    context
        The names that the template uses, in addition to those of the frame.
    success, failed
        The result of an action, shown at the top.
    """
    frame = {
        "pages": (*PAGES, *request.app.state.more_pages),
        "here": "/" + "/".join(path_below(request.scope).split("/")[1:3]),
        "logged_in": getattr(request.state, "key", None) is not None,
        "version": _version(),
        "url": _addresses(request),
        "static_url": static_url,
        "success": success,
        "failed": failed,
        **FORMATS,
    }
    text = _templates().get_template(f"dashboard/{template}").render({**frame, **(context or {})})
    return HTMLResponse(text, status, headers)


def compile_templates() -> None:
    """Compile all templates, so that no request waits for it."""
    for name in _templates().list_templates(extensions=["html"]):
        _templates().get_template(name)


def _templates() -> Environment:
    return environment(reports=REPORTS, dashboard=PACKAGE)


def _addresses(request: Request) -> Callable[..., str]:
    """Return the function that templates make addresses with, below the prefix of a proxy."""

    def url(path: str, **query: object) -> str:
        address = location(request.scope, path)
        return f"{address}?{urlencode(query)}" if query else address

    return url


@cache
def _version() -> str:
    return version("pennyweight")


class _PageRoute(APIRoute):
    """A route that reports errors in a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                response = await handle(request)
            except (PennyweightError, RequestValidationError, HTTPException) as error:
                response = _failed(request, error)
            target = response.headers.get("location", "")
            if target.startswith("/"):
                response.headers["location"] = location(request.scope, target)
            return response

        return answered


def _failed(request: Request, error: Exception) -> Response:
    plain = answer(error)
    if plain.status_code == 500 or isinstance(error, StoreError):
        raise error  # the application stops or logs, which matters more than a page
    invalid = isinstance(error, RequestValidationError)
    headers = {k: v for k, v in plain.headers.items() if k == "retry-after"}
    return page(
        request,
        "error.html",
        failed="Invalid request parameters" if invalid else sentence(error),
        status=plain.status_code,
        headers=headers,
    )


def sentence(error: Exception) -> str:
    """Return the message of an error with a capital first letter."""
    text = str(error.detail) if isinstance(error, HTTPException) else str(error)
    return f"{text[:1].upper()}{text[1:1_000]}"


def page_router() -> APIRouter:
    """Return a router whose routes are pages: not part of the API, errors shown to people."""
    return APIRouter(include_in_schema=False, route_class=_PageRoute)
