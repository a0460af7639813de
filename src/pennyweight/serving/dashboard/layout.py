"""The frame of every page, and the page that tells what went wrong."""

import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from pennyweight.errors import PennyweightError, StoreError
from pennyweight.html.markup import shown
from pennyweight.serving.dashboard.static import static_url
from pennyweight.serving.http.problems import answer
from pennyweight.serving.http.proxies import location, path_below

__all__ = ["html", "page", "page_router", "sentence"]

PAGES = (
    ("/", "Overview"),
    ("/dashboard/users", "Users"),
    ("/dashboard/items", "Items"),
    ("/dashboard/search", "Search"),
    ("/dashboard/bundles", "Bundles"),
    ("/dashboard/quality", "Quality"),
    ("/dashboard/audit", "Audit"),
    ("/docs", "API"),
)
CURRENT = ' aria-current="page"'
# Text is escaped, so a quote after these names is one of a tag that the pages wrote.
PATHS = re.compile(rb'(\s(?:href|src|action|formaction)=")(?=/)')


def page(
    request: Request,
    title: str,
    parts: Iterable[str],
    *,
    done: str = "",
    failed: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a page of the dashboard.

    Parameters
    ----------
    title
        Its heading, text or `Html`.
    parts
        HTML below it.
    done, failed
        What came of what was asked, told at the top.
    """
    here = "/" + "/".join(path_below(request.scope).split("/")[1:3])
    told = f'<p class="told done" role="status">{escape(done)}</p>' if done else ""
    told += f'<p class="told failed" role="alert">{escape(failed)}</p>' if failed else ""
    body = (
        f'<a class="skip" href="#main">Skip to the content</a><header class="bar">{_bar(here)}'
        f'{_leave(request)}</header><main id="main" tabindex="-1">{told}'
        f"<h1>{shown(title)}</h1>{''.join(parts)}</main>"
        f"<footer>Pennyweight {escape(_version())}. Times are in UTC.</footer>"
    )
    scripts = {"/": ("overview.js",), "/docs": ("swagger-ui-bundle.js", "docs.js")}.get(here, ())
    return HTMLResponse(html(title, body, scripts=scripts), status, headers)


def html(title: str, body: str, *, scripts: Sequence[str] = ()) -> str:
    """Return a whole page around its body."""
    docs = ("swagger-ui.css", "docs.css") if scripts and scripts[-1] == "docs.js" else ()
    styles = "".join(
        f'<link rel="stylesheet" href="{static_url(name)}">'
        for name in ("page.css", *docs, "dashboard.css")
    )
    run = "".join(f'<script defer src="{static_url(name)}"></script>' for name in scripts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        # With no referrer at all a browser would not say that a form is of this site.
        '<meta name="referrer" content="same-origin">'
        f"<title>{escape(title)} · Pennyweight</title>{styles}"
        f'<link rel="icon" type="image/svg+xml" href="{static_url("icon.svg")}">{run}'
        f"</head><body>{body}</body></html>\n"
    )


def _bar(here: str) -> str:
    rows = "".join(
        f'<li><a href="{path}"{CURRENT if path == here else ""}>{name}</a></li>'
        for path, name in PAGES
    )
    return (
        f'<p class="brand"><img src="{static_url("icon.svg")}" alt="" width="24" height="24">'
        f' Pennyweight</p><nav aria-label="Pages"><ul>{rows}</ul></nav>'
    )


def _leave(request: Request) -> str:
    if getattr(request.state, "key", None) is None:
        return ""
    return '<form method="post" action="/logout"><button class="plain">Log out</button></form>'


@cache
def _version() -> str:
    return version("pennyweight")


class _PageRoute(APIRoute):
    """A route that tells people of errors in a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                found = await handle(request)
            except (PennyweightError, RequestValidationError, HTTPException) as error:
                found = _failed(request, error)
            if request.scope.get("root_path"):
                _place(found, request)
            return found

        return told


def _place(response: Response, request: Request) -> None:
    """Put the prefix of a proxy before each path of a page, and before where it leads to."""
    root = location(request.scope, "").encode()
    if isinstance(response, HTMLResponse):
        response.body = PATHS.sub(rb"\1" + root, bytes(response.body))
        response.headers["content-length"] = str(len(response.body))
    target = response.headers.get("location", "")
    if target.startswith("/"):
        response.headers["location"] = location(request.scope, target)


def _failed(request: Request, error: Exception) -> Response:
    plain = answer(error)
    if plain.status_code == 500 or isinstance(error, StoreError):
        raise error  # what the application does with these counts more than a page
    what = "not as expected" if isinstance(error, RequestValidationError) else sentence(error)
    headers = {k: v for k, v in plain.headers.items() if k == "retry-after"}
    back = '<p><a href="/">Overview</a></p>'
    return page(
        request, "This did not work", [back], failed=what, status=plain.status_code, headers=headers
    )


def sentence(error: Exception) -> str:
    """Return what an error says, as it is told to people."""
    text = str(error.detail) if isinstance(error, HTTPException) else str(error)
    return f"{text[:1].upper()}{text[1:1_000]}"


def page_router() -> APIRouter:
    """Return a router whose routes are pages: not part of the API, errors told to people."""
    return APIRouter(include_in_schema=False, route_class=_PageRoute)
